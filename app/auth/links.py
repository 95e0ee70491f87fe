"""What the pages behind a mail's links share: a form for a new password, with the token in it.

Opening such a page looks up nothing and changes nothing, so that what follows the links of a
mail to look for harm does none itself, and learns nothing. Only the form uses the token.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from falcon import HTTP_204, Request, Response

from app.api.reading import Fields
from app.auth import page
from app.auth.forms import is_form, read_sent
from app.auth.sign_in import SIGN_IN, standing_of
from app.auth.waiting import seconds, status_of
from auth.errors import InvalidField, LinkEnded, TryLater
from auth.organizations import Organizations
from auth.standing import Standing
from middleware.context import context_of
from middleware.problems import Problem
from storage.events import Actor

#: What a mail's token looks like (RFC 9562, section 4).
_TOKEN = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
NEW_PASSWORD = page.Input(
    "password",
    "New password",
    "password",
    "new-password",
    hint="At least 8 characters, and none that others would guess: four words that have nothing"
    " to do with each other, or what a password manager makes.",
)


@dataclass(frozen=True, slots=True)
class LinkForm:
    """The form of one kind of link.

    `again` is a sentence, in markup, that says how to get another link; `done` one that says
    what was done.
    """

    title: str
    action: str
    button: str
    inputs: tuple[page.Input, ...]
    again: str
    done: str

    def open(self, resp: Response, token: str) -> None:
        """Show the form of a link, by nothing but its token."""
        if _TOKEN.fullmatch(token) is None:
            detail = "This link is not whole: copy all of it from the mail."
            raise Problem(404, "Not Found", detail)
        self._show(resp, token, page.NO_ERRORS, 200)

    def answer(
        self, req: Request, resp: Response, use: Callable[[Fields], Callable[[], None]]
    ) -> None:
        """Use a link by what was sent, and say how it went: by a page to who sent a form.

        Args:
            req: its body holds a `token` besides what `use` reads.
            resp: gets the answer.
            use: reads all the fields, and returns what does it.
        """
        fields = read_sent(req)
        if not is_form(req):
            self._used(fields, use)
            resp.status = HTTP_204
            return
        token = fields.text("token") or ""
        try:
            self._used(fields, use)
        except LinkEnded as error:
            alert = f'<p class="error" role="alert">This link {error.what}.</p>'
            page.show(resp, self.title, f"{alert}\n<p>{self.again}</p>", 422)
        except InvalidField as error:
            self._show(resp, token, self._errors(error), 422)
        except TryLater as error:
            resp.set_header("Retry-After", seconds(error))
            self._show(resp, token, {"": str(error)}, status_of(error))
        else:
            body = f'<p role="status">{self.done}</p>\n<p><a href="{SIGN_IN}">Sign in</a></p>'
            page.show(resp, self.title, body)

    @staticmethod
    def _used(fields: Fields, use: Callable[[Fields], Callable[[], None]]) -> None:
        do = use(fields)
        fields.finish()
        do()

    def _errors(self, error: InvalidField) -> Mapping[str, str]:
        """An error as its input shows it, or as one about the whole."""
        for one in self.inputs:
            if one.name == error.field:
                return {one.name: f"{one.label}: it {error.reason}."}
        return {"": f"'{error.field}' {error.reason}."}

    def _show(self, resp: Response, token: str, errors: Mapping[str, str], status: int) -> None:
        form = page.form(self.action, self.button, self.inputs, errors, {"token": token})
        page.show(resp, self.title, form, status)


def at_the_door(
    req: Request, organizations: Organizations, credential: str
) -> tuple[Standing, Actor]:
    """The organization that a request is for, and who asks: nobody who is known yet."""
    context = context_of(req)
    actor = Actor(None, credential, context.id, context.address or None, req.user_agent)
    return standing_of(req, organizations), actor
