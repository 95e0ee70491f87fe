"""`/auth/invitation`: who was invited sets a password and, if he likes, his name."""

from collections.abc import Callable
from functools import partial

from falcon import Request, Response

from app.api.reading import Fields
from app.auth import page
from app.auth.links import NEW_PASSWORD, LinkForm, at_the_door
from auth.invitations import Invitations
from auth.organizations import Organizations
from middleware.declarations import PUBLIC, by_method
from storage.metadata.recent import Recent

_NAME = page.Input(
    "name",
    "Your name",
    autocomplete="name",
    autocapitalize="words",
    hint="Left empty, it stays as whoever invited you wrote it.",
    required=False,
)
_FORM = LinkForm(
    title="Accept the invitation",
    action="/auth/invitation/confirm",
    button="Accept",
    inputs=(_NAME, NEW_PASSWORD),
    again="Ask whoever invited you to do so again.",
    done="Your account is ready.",
)


class InvitationLink:
    """`GET /auth/invitation/TOKEN`: what the mail's link opens."""

    needs = by_method(GET=PUBLIC)

    def on_get(self, _req: Request, resp: Response, token: str) -> None:
        """Show the form for a name and a password."""
        _FORM.open(resp, token)


class InvitationConfirm:
    """`POST /auth/invitation/confirm`."""

    needs = by_method(POST=PUBLIC)

    def __init__(self, recent: Recent, invitations: Invitations) -> None:
        self._organizations = Organizations(recent)
        self._invitations = invitations

    def on_post(self, req: Request, resp: Response) -> None:
        """Set the first password by the token of a link."""

        def use(fields: Fields) -> Callable[[], None]:
            token, password = fields.required("token"), fields.required("password")
            name = fields.text("name") or None
            standing, actor = at_the_door(req, self._organizations, "invitation")
            return partial(self._invitations.accept, standing, token, password, name, actor)

        _FORM.answer(req, resp, use)
