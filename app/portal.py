"""`/`: a page that says what this is and how to begin, for whoever types the address."""

from falcon import Request, Response

from app.pages import PALETTE, style_policy
from middleware.declarations import Access

STYLE = (
    PALETTE
    + """
body { max-width: 44rem }
pre { overflow-x: auto; padding: .8rem; border: 1px solid var(--line); border-radius: .3rem }
"""
)
_PAGE = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Strongroom</title>
<style>{STYLE}</style>
</head>
<body>
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

    access = Access.PUBLIC

    def on_get(self, _req: Request, resp: Response) -> None:
        """The page. It holds nothing of the request: no link is built from a request's host."""
        resp.content_type = "text/html; charset=utf-8"
        resp.set_header("Content-Security-Policy", style_policy(STYLE))
        resp.text = _PAGE

    on_head = on_get
