"""`/auth/sign-in`, `/auth/session` and `/auth/sign-out`: in with a password and a code, and out.

Who has the wrong password learns nothing, not even that a code would be needed. A page's
refusals are 403: with 401 a browser would ask for a password by itself.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from falcon import HTTP_201, HTTP_204, HTTP_303, Request, Response

from app.api.answers import time_text
from app.api.reading import Fields
from app.auth import page
from app.auth.cookies import give_cookie, take_cookie
from app.auth.forms import is_form, read_sent
from app.auth.waiting import seconds, status_of
from app.visitors import authority_of, confirmed, guest
from auth.credentials import EmailPassword
from auth.errors import (
    CodeNeeded,
    InvalidField,
    Missing,
    NotAuthenticated,
    TryLater,
    WrongCode,
)
from auth.organizations import Organizations
from auth.session_records import Kind, Session
from auth.sessions import Asking, Opened, Sessions
from auth.standing import Standing
from middleware.context import context_of
from middleware.declarations import GUEST, PUBLIC, SELF, by_method
from storage.metadata.recent import Recent

SIGN_IN, SECOND_FACTOR, HOME = "/auth/sign-in", "/auth/second-factor", "/"
RESET = "/auth/reset"
_TITLE = "Sign in"
_CODE = page.Input(
    page.CODE.name,
    page.CODE.label,
    autocomplete=page.CODE.autocomplete,
    hint="Only if you set up a second factor: the six digits that your authenticator shows, or a"
    " recovery code.",
    required=False,
)
_WRONG = "The e-mail address or the password is wrong."
_NEEDED = "This account has a second factor: type its code too, and the password again."


class SignInPage:
    """`GET /auth/sign-in`: the form, for whoever comes."""

    needs = by_method(GET=GUEST)

    def on_get(self, _req: Request, resp: Response) -> None:
        """Show the form."""
        _show_form(resp, page.NO_ERRORS, 200)


class TheSession:
    """`POST` and `DELETE /auth/session`."""

    needs = by_method(POST=PUBLIC, DELETE=SELF)

    def __init__(self, recent: Recent, sessions: Sessions) -> None:
        self._recent = recent
        self._sessions = sessions
        self._organizations = Organizations(recent)

    def on_post(self, req: Request, resp: Response) -> None:
        """Sign in: JSON gets a token or a cookie, a page's form a cookie and the way on."""
        fields = read_sent(req)
        if is_form(req):
            self._from_page(req, resp, fields)
            return
        credentials, code = _read(fields)
        kind = _kind(fields.text("kind", Kind.BEARER.value))
        fields.finish()
        opened = self._open(req, credentials, code, kind)
        resp.status = HTTP_201
        resp.media = session_json(opened.session) | {"enrolling": opened.enrolling}
        if kind is Kind.COOKIE:
            give_cookie(resp, opened.secret.text)
        else:
            resp.media["token"] = opened.secret.text

    def on_delete(self, req: Request, resp: Response) -> None:
        """Sign out: end the session that asks."""
        by = authority_of(req, confirmed(req, self._recent))
        self._sessions.end_own(by)
        take_cookie(resp)
        resp.status = HTTP_204

    def _from_page(self, req: Request, resp: Response, fields: Fields) -> None:
        try:
            credentials, code = _read(fields)
            fields.finish()
            opened = self._open(req, credentials, code, Kind.COOKIE)
        except NotAuthenticated:
            _show_form(resp, {"": _WRONG}, 403)
        except CodeNeeded:
            _show_form(resp, {page.CODE.name: _NEEDED}, 403)
        except WrongCode as error:
            _show_form(resp, {page.CODE.name: f"This code {error.reason}."}, 403)
        except TryLater as error:
            resp.set_header("Retry-After", seconds(error))
            _show_form(resp, {"": str(error)}, status_of(error))
        else:
            give_cookie(resp, opened.secret.text)
            resp.status = HTTP_303
            resp.set_header("Location", SECOND_FACTOR if opened.enrolling else HOME)

    def _open(
        self, req: Request, credentials: EmailPassword, code: str | None, kind: Kind
    ) -> Opened:
        context = context_of(req)
        asking = Asking(context.id, context.network, context.address or None, req.user_agent)
        standing = standing_of(req, self._organizations)
        opened = self._sessions.open(standing, credentials, code, kind, asking)
        context.user, context.credential = opened.user_id, opened.session.id
        return opened


class SignOut:
    """`POST /auth/sign-out`: what the button of a page sends."""

    needs = by_method(POST=GUEST)

    def __init__(self, recent: Recent, sessions: Sessions) -> None:
        self._recent = recent
        self._sessions = sessions

    def on_post(self, req: Request, resp: Response) -> None:
        """End the session, if it was not over, and have the browser forget it."""
        principal = guest(req, self._recent)
        if principal is not None:
            with suppress(Missing):  # it was over by then
                self._sessions.end_own(authority_of(req, principal))
        take_cookie(resp)
        resp.status = HTTP_303
        resp.set_header("Location", HOME)


def standing_of(req: Request, organizations: Organizations) -> Standing:
    """The organization that a request is for, by its host; no read when warm."""
    place = context_of(req).place
    if place is None:
        raise LookupError("a route without a host asked for its organization")
    return organizations.resolve(place.organization)


def session_json(session: Session) -> dict[str, Any]:
    """A session as its user sees it, without its secret."""
    return {
        "id": session.id,
        "kind": session.kind.value,
        "second_factor": session.second_factor,
        "created": time_text(session.created),
        "expires": time_text(session.expires),
    }


def _read(fields: Fields) -> tuple[EmailPassword, str | None]:
    credentials = EmailPassword(fields.required("email"), fields.required("password"))
    return credentials, fields.text("code") or None


def _kind(text: str | None) -> Kind:
    try:
        return Kind(text or "")
    except ValueError as error:
        raise InvalidField("kind", f"must be one of {', '.join(Kind)}") from error


def _show_form(resp: Response, errors: Mapping[str, str], status: int) -> None:
    inputs = (page.EMAIL, page.PASSWORD, _CODE)
    form = page.form("/auth/session", _TITLE, inputs, errors)
    forgotten = f'<p><a href="{RESET}">Forgot your password?</a></p>'
    page.show(resp, _TITLE, f"{form}\n{forgotten}", status)
