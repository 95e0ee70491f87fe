"""`/auth/reset`: a forgotten password, by a link that is mailed.

The answer is the same whether or not there is such an account; the mail alone tells.
"""

from collections.abc import Callable, Mapping
from functools import partial

from falcon import HTTP_202, Request, Response

from app.api.reading import Fields
from app.auth import page
from app.auth.forms import is_form, read_sent
from app.auth.links import NEW_PASSWORD, LinkForm, at_the_door
from app.auth.sign_in import RESET
from app.auth.waiting import seconds, status_of
from auth.errors import InvalidField, TryLater
from auth.organizations import Organizations
from auth.resets import Resets
from middleware.declarations import PUBLIC, by_method
from storage.metadata.recent import Recent

_TITLE = "Reset your password"
_CREDENTIAL = "reset"
_ASKED = (
    "If there is an account with this address that has a password, a mail with a link is on its"
    " way. The link is good for 2 hours, once. Where none comes, ask an administrator."
)
_FORM = LinkForm(
    title="Set a new password",
    action=f"{RESET}/confirm",
    button="Set the password",
    inputs=(NEW_PASSWORD,),
    again=f'<a href="{RESET}">Ask for a new link</a>.',
    done="Your password is set, and wherever you were signed in you are no more.",
)


class Reset:
    """`GET` and `POST /auth/reset`."""

    needs = by_method(GET=PUBLIC, POST=PUBLIC)

    def __init__(self, recent: Recent, resets: Resets) -> None:
        self._organizations = Organizations(recent)
        self._resets = resets

    def on_get(self, _req: Request, resp: Response) -> None:
        """Show the form that asks for the address."""
        _show_form(resp, page.NO_ERRORS, 200)

    def on_post(self, req: Request, resp: Response) -> None:
        """Mail a link, if there is anybody to mail one to; never say whether."""
        fields = read_sent(req)
        if not is_form(req):
            self._ask(req, fields)
            resp.status = HTTP_202
            resp.media = {"detail": _ASKED}
            return
        try:
            self._ask(req, fields)
        except InvalidField as error:
            _show_form(resp, {page.EMAIL.name: f"{page.EMAIL.label}: it {error.reason}."}, 422)
        except TryLater as error:
            resp.set_header("Retry-After", seconds(error))
            _show_form(resp, {"": str(error)}, status_of(error))
        else:
            page.show(resp, _TITLE, f'<p role="status">{_ASKED}</p>', 202)

    def _ask(self, req: Request, fields: Fields) -> None:
        email = fields.required("email")
        fields.finish()
        standing, actor = at_the_door(req, self._organizations, _CREDENTIAL)
        self._resets.ask(standing, email, actor)


class ResetLink:
    """`GET /auth/reset/TOKEN`: what the mail's link opens."""

    needs = by_method(GET=PUBLIC)

    def on_get(self, _req: Request, resp: Response, token: str) -> None:
        """Show the form for a new password."""
        _FORM.open(resp, token)


class ResetConfirm:
    """`POST /auth/reset/confirm`."""

    needs = by_method(POST=PUBLIC)

    def __init__(self, recent: Recent, resets: Resets) -> None:
        self._organizations = Organizations(recent)
        self._resets = resets

    def on_post(self, req: Request, resp: Response) -> None:
        """Set a new password by the token of a link."""

        def use(fields: Fields) -> Callable[[], None]:
            token, password = fields.required("token"), fields.required("password")
            standing, actor = at_the_door(req, self._organizations, _CREDENTIAL)
            return partial(self._resets.use, standing, token, password, actor)

        _FORM.answer(req, resp, use)


def _show_form(resp: Response, errors: Mapping[str, str], status: int) -> None:
    text = "<p>A link by which you set a new one goes to the address of your account.</p>"
    form = page.form(RESET, "Send the link", (page.EMAIL,), errors)
    page.show(resp, _TITLE, f"{text}\n{form}", status)
