"""How the pages of `/auth` look: one column, one thing to do, errors beside their field.

Without script. Every input has a label and says by `autocomplete` what it is, so that password
managers fill it in; an error is announced (`role=alert`) and tied to its input, the first of
which has the focus. What somebody typed is never sent back in a page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from types import MappingProxyType

from falcon import Request, Response

from app.auth.forms import is_form
from app.pages import PALETTE, style_policy

STYLE = (
    PALETTE
    + """
body { max-width: 32rem }
h1 { font-size: 1.5rem; line-height: 1.3 }
h2 { font-size: 1.125rem; margin: 2rem 0 .5rem }
form { margin: 1rem 0 }
label { display: block; margin: .9rem 0 .25rem; font-weight: 600 }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem .6rem;
  border: 1px solid var(--faint); border-radius: .3rem; background: var(--page);
  color: var(--text) }
input[aria-invalid] { border-width: 2px }
button { font: inherit; font-weight: 600; margin-top: 1rem; padding: .5rem 1.25rem;
  min-height: 2.75rem; border: 1px solid var(--link); border-radius: .3rem;
  background: var(--page); color: var(--link); cursor: pointer }
.hint { color: var(--faint); margin: .25rem 0 0; font-size: .875rem }
.error { margin: .25rem 0 0; font-weight: 600 }
.error::before { content: "\\26A0\\00A0" }
.secret { font: 1.0625rem/1.8 ui-monospace, monospace; overflow-wrap: anywhere;
  padding: .6rem .8rem; border: 1px solid var(--line); border-radius: .3rem;
  background: var(--row) }
ul.secret { list-style: none; margin: 0 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: start; vertical-align: middle; padding: .4rem .75rem .4rem 0;
  border-bottom: 1px solid var(--line); font-weight: inherit }
tbody th { overflow-wrap: anywhere }
td form { margin: 0 }
td button { margin: 0 }
.trail { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between;
  gap: .25rem 1.25rem; min-height: 2.75rem; margin-bottom: 1rem }
.trail form, .trail button { margin: 0 }
"""
)
POLICY = style_policy(STYLE, forms=True)
NO_ERRORS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a form; `kind` and what follows it as HTML has them."""

    name: str
    label: str
    kind: str = "text"
    autocomplete: str = "off"
    inputmode: str = ""
    autocapitalize: str = "none"
    hint: str = ""
    required: bool = True


# Not of the type `email`: with that a browser takes ASCII alone before the @, and sends a domain
# that is not in ASCII as another one.
EMAIL = Input("email", "E-mail address", "text", "username", "email")
PASSWORD = Input("password", "Password", "password", "current-password")
CODE = Input(
    "code",
    "Code",
    autocomplete="one-time-code",
    hint="The six digits that your authenticator shows, or a recovery code.",
)


def form(
    action: str,
    button: str,
    inputs: tuple[Input, ...] = (),
    errors: Mapping[str, str] = NO_ERRORS,
    hidden: Mapping[str, str] = NO_ERRORS,
    prefix: str = "",
    account: str = "",
) -> str:
    """A form that is sent to a path of this service.

    Args:
        action: the path.
        button: what the button says.
        inputs: in their order.
        errors: by the names of inputs; that of "" is about the whole.
        hidden: what is sent besides.
        prefix: of ids, where a page has several forms.
        account: the address of whose password it asks for, if that is known.
    """
    about = _alert(f"{prefix}error", errors[""]) if "" in errors else ""
    first = next((one for one in inputs if one.name in errors), None)
    rows = "\n".join(_row(one, errors.get(one.name), prefix, focus=one is first) for one in inputs)
    more = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in hidden.items()
    )
    if account:
        # For password managers, to know whose it is; without a name it is not sent.
        more += f'<input type="text" autocomplete="username" value="{escape(account)}" hidden>'
    return (
        f'<form method="post" action="{escape(action)}">\n{about}{rows}{more}\n'
        f'<button type="submit">{escape(button)}</button>\n</form>'
    )


def show(
    resp: Response, title: str, body: str, status: int = 200, *, signed_in: bool = False
) -> None:
    """Answer with a page; `body` is markup. Who is signed in finds on it where one signs out."""
    resp.status = str(status)
    resp.content_type = "text/html; charset=utf-8"
    resp.set_header("Content-Security-Policy", POLICY)
    resp.set_header("Cache-Control", "no-store")
    # With `no-referrer` a browser sends `Origin: null` along with a form, of this page too
    # (Fetch, "append a request Origin header"), and what it sent would be taken for foreign.
    resp.set_header("Referrer-Policy", "same-origin")
    sign_out = form("/auth/sign-out", "Sign out") if signed_in else ""
    resp.text = _PAGE.format(title=escape(title), style=STYLE, sign_out=sign_out, body=body)


def wants_page(req: Request) -> bool:
    """Whether a person looks at the answer: by a page's form, or a browser's `Accept`."""
    return is_form(req) or (req.method in ("GET", "HEAD") and is_browser(req))


def is_browser(req: Request) -> bool:
    """Whether a browser asks for a page, by the `Accept` that all of them send for one."""
    prefers = req.client_prefers(("text/html", "application/json"))
    return prefers == "text/html" and req.accept != "*/*"


def _row(one: Input, error: str | None, prefix: str, *, focus: bool) -> str:
    """An input with its label, and beneath it what is wrong with it and what helps."""
    here = f"{prefix}{one.name}"
    described = [f"{here}-error"] if error is not None else []
    described += [f"{here}-hint"] if one.hint else []
    attributes = [f'id="{here}" name="{one.name}" type="{one.kind}"']
    attributes.append(f'autocomplete="{one.autocomplete}"')
    attributes += [f'inputmode="{one.inputmode}"'] if one.inputmode else []
    attributes += ["required"] if one.required else []
    attributes += ['aria-invalid="true"'] if error is not None else []
    attributes += [f'aria-describedby="{" ".join(described)}"'] if described else []
    if one.kind == "text":
        attributes.append(f'autocapitalize="{one.autocapitalize}" spellcheck="false"')
    attributes += ["autofocus"] if focus else []
    below = "" if error is None else _alert(f"{here}-error", error)
    below += f'<p class="hint" id="{here}-hint">{escape(one.hint)}</p>' if one.hint else ""
    label = f'<label for="{here}">{escape(one.label)}</label>'
    return f"{label}\n<input {' '.join(attributes)}>\n{below}"


def _alert(id_: str, text: str) -> str:
    return f'<p class="error" id="{id_}" role="alert">{escape(text)}</p>\n'


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} · Strongroom</title>
<style>{style}</style>
</head>
<body>
<main>
<div class="trail"><a href="/">Strongroom</a>{sign_out}</div>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
