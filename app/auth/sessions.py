"""`/auth/sessions`: where somebody is signed in, to be seen and ended; as a page, too."""

from html import escape
from typing import Any

from falcon import HTTP_204, HTTP_303, Request, Response

from app.api.answers import time_text
from app.auth import page
from app.auth.forms import read_form
from app.auth.sign_in import session_json
from app.visitors import authority_of, confirmed
from auth.principals import Authority
from auth.session_records import Session
from auth.sessions import Sessions
from middleware.declarations import SELF, by_method
from storage.metadata.recent import Recent

_PATH = "/auth/sessions"
_OTHERS = "others"


class SessionList:
    """`GET`, `POST` (of the page) and `DELETE /auth/sessions`."""

    needs = by_method(GET=SELF, POST=SELF, DELETE=SELF)

    def __init__(self, recent: Recent, sessions: Sessions) -> None:
        self._recent = recent
        self._sessions = sessions

    def on_get(self, req: Request, resp: Response) -> None:
        """List one's own sessions, the newest first."""
        principal = confirmed(req, self._recent)
        listed = self._sessions.list(authority_of(req, principal))
        resp.set_header("Vary", "Accept")
        if page.wants_page(req):
            page.show(resp, "Sessions", _body(listed, principal.session_id), signed_in=True)
        else:
            resp.media = {"sessions": [_json(one, principal.session_id) for one in listed]}

    def on_post(self, req: Request, resp: Response) -> None:
        """End what the button of the page names: one session, or all others."""
        by = self._authority(req)
        fields = read_form(req)
        ended = fields.required("end")
        fields.finish()
        if ended == _OTHERS:
            self._sessions.end_others(by)
        else:
            self._sessions.end(by, ended)
        resp.status = HTTP_303
        resp.set_header("Location", _PATH)

    def on_delete(self, req: Request, resp: Response) -> None:
        """End all of one's sessions but the one that asks."""
        self._sessions.end_others(self._authority(req))
        resp.status = HTTP_204

    def _authority(self, req: Request) -> Authority:
        return authority_of(req, confirmed(req, self._recent))


class OneSession:
    """`DELETE /auth/sessions/ID`."""

    needs = by_method(DELETE=SELF)

    def __init__(self, recent: Recent, sessions: Sessions) -> None:
        self._recent = recent
        self._sessions = sessions

    def on_delete(self, req: Request, resp: Response, session: str) -> None:
        """End one of one's own sessions."""
        self._sessions.end(authority_of(req, confirmed(req, self._recent)), session)
        resp.status = HTTP_204


def _json(session: Session, current: str | None) -> dict[str, Any]:
    return session_json(session) | {"agent": session.agent, "current": session.id == current}


def _body(listed: tuple[Session, ...], current: str | None) -> str:
    rows = "\n".join(_row(one, current) for one in listed)
    others = page.form(_PATH, "End all others", hidden={"end": _OTHERS}) if len(listed) > 1 else ""
    return f"""<p>Where you are signed in. What you do not know, end; then change your password.</p>
<table>
<thead><tr><th scope="col">With</th><th scope="col">Until (UTC)</th><td></td></tr></thead>
<tbody>
{rows}
</tbody>
</table>
{others}"""


def _row(session: Session, current: str | None) -> str:
    until = time_text(session.expires) or ""
    with_ = escape(session.agent or "unknown")
    if session.id == current:
        with_ += " <strong>(this one)</strong>"
    return (
        f'<tr><th scope="row">{with_}</th><td><time datetime="{until}">'
        f"{until[:16].replace('T', ' ')}</time></td>"
        f"<td>{page.form(_PATH, 'End', hidden={'end': session.id})}</td></tr>"
    )
