"""`/`: a page that says what this is and how to begin, and who one is, for whoever comes."""

from html import escape

from falcon import Request, Response

from app.pages import PALETTE, style_policy
from app.visitors import guest
from auth.principals import Principal
from auth.records import read_user
from middleware.declarations import GUEST, by_method
from storage import keys
from storage.metadata.recent import Recent

STYLE = (
    PALETTE
    + """
body { max-width: 44rem }
code { overflow-wrap: anywhere }
pre { overflow-x: auto; padding: .8rem; border: 1px solid var(--line); border-radius: .3rem }
nav { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem 1.25rem;
  overflow-wrap: anywhere; border-bottom: 1px solid var(--line); padding-bottom: .5rem }
nav form { margin: 0 }
nav a { padding: .5rem 0 }
button { font: inherit; padding: .4rem 1rem; min-height: 2.75rem; border: 1px solid var(--link);
  border-radius: .3rem; background: var(--page); color: var(--link); cursor: pointer }
"""
)
_POLICY = style_policy(STYLE, forms=True)
_HEAD = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Strongroom</title>
<style>{STYLE}</style>
</head>
<body>
"""
_REST = """
<main>
<h1>Strongroom</h1>
<p>A repository for build artifacts. Files lie under <code>/repositories/REPOSITORY/PATH</code>:</p>
<pre>curl -u api-key:KEY -T FILE  THIS-ADDRESS/repositories/REPOSITORY/PATH
curl -u api-key:KEY -O       THIS-ADDRESS/repositories/REPOSITORY/PATH
curl -u api-key:KEY          THIS-ADDRESS/repositories/REPOSITORY/</pre>
<p>Repositories that were made public can be read without a key under
<code>/public/repositories/REPOSITORY/PATH</code>. People and keys are managed through
<code>/api</code>.</p>
</main>
</body>
</html>
"""


class Portal:
    """`GET /`."""

    needs = by_method(GET=GUEST)

    def __init__(self, recent: Recent) -> None:
        self._recent = recent

    def on_get(self, req: Request, resp: Response) -> None:
        """The page. No link is built from a request's host; who is signed in sees his address,
        and so nothing of it is kept."""
        principal = guest(req, self._recent)
        resp.content_type = "text/html; charset=utf-8"
        resp.set_header("Content-Security-Policy", _POLICY)
        resp.set_header("Cache-Control", "no-store")
        # What `no-referrer` would do to the form is told in `app/auth/page.py`.
        resp.set_header("Referrer-Policy", "same-origin")
        resp.text = f"{_HEAD}{_STRANGER if principal is None else self._known(principal)}{_REST}"

    on_head = on_get

    def _known(self, principal: Principal) -> str:
        """Who is signed in, and where he goes from here."""
        key = keys.user(principal.organization, principal.user_id)
        email = escape(read_user(self._recent.cached(key)[key]).called)
        todo = "Set up your second factor" if principal.enrolling else "Second factor"
        return f"""<header><nav aria-label="Account">
<span>Signed in as <bdi>{email}</bdi></span>
<a href="/auth/second-factor">{todo}</a>
<a href="/auth/sessions">Sessions</a>
<form method="post" action="/auth/sign-out"><button type="submit">Sign out</button></form>
</nav></header>"""


_STRANGER = (
    """<header><nav aria-label="Account"><a href="/auth/sign-in">Sign in</a></nav></header>"""
)
