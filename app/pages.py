"""What all pages for people share: colours for light and dark, and a policy without script."""

from base64 import b64encode
from hashlib import sha256

#: Text on the page has a contrast of at least 4.5:1 in both (WCAG 2.2, 1.4.3).
PALETTE = """
:root {
  color-scheme: light dark;
  --page: #fff; --text: #1c2126; --faint: #59636e; --line: #d4d9df; --link: #0a54c4; --row: #f3f5f8
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #15181c; --text: #e4e7eb; --faint: #a1a9b3; --line: #363c44; --link: #8ab8ff;
    --row: #1f242a
  }
}
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1.5rem 1rem 3rem;
  background: var(--page); color: var(--text) }
a { color: var(--link) }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px }
"""


def style_policy(style: str, *, forms: bool = False) -> str:
    """A Content-Security-Policy that allows one style sheet in the page and nothing else, but
    where it has forms that they are sent to this service."""
    target = "'self'" if forms else "'none'"
    digest = b64encode(sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none';"
        f" form-action {target}; frame-ancestors 'none'"
    )
