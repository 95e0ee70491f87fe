"""What a person gets where a program gets a problem document: the way to sign in, or a page."""

from html import escape

from falcon import HTTP_303, Request, Response

from app.auth.page import is_browser, show, wants_page
from app.auth.sign_in import SIGN_IN
from middleware.context import context_of
from middleware.problems import Problem

_PAGES = "/auth/"


def refused_by_page(req: Request, resp: Response, problem: Problem) -> bool:
    """Answer a problem by a page, where a page of `/auth` was asked for; else return False.

    In a browser, who is not signed in, or no more, is led to where he signs in: a 401 would have
    it ask for a password by itself.
    """
    if not (req.path.startswith(_PAGES) and wants_page(req)):
        return False
    if problem.status == 401:
        if not is_browser(req):
            return False
        resp.status = HTTP_303
        resp.set_header("Location", SIGN_IN)
        resp.set_header("Cache-Control", "no-store")
        resp.content_type = None
        return True
    resp.set_headers(problem.headers)
    back = f'<p><a href="{SIGN_IN}">Sign in</a>, or go back and try again.</p>'
    body = f'<p role="alert">{escape(problem.detail)}</p>\n{back}'
    # Of who is confirmed by then; a page that is everybody's says nothing of who comes.
    principal = context_of(req).principal
    signed_in = principal is not None and principal.session_id is not None
    show(resp, problem.title, body, problem.status, signed_in=signed_in)
    return True
