"""The pages of a second factor: where it begins, its secret, its recovery codes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from html import escape

from falcon import Response

from app.auth.page import CODE, PASSWORD, form, show
from app.auth.waiting import seconds, status_of
from auth.errors import InvalidField, TryLater
from auth.second_factors import Begun, FactorState
from auth.totp import grouped

_TITLE = "Second factor"
_PATH = "/auth/second-factor"
# No recovery codes are there before it is given.
_FIRST_CODE = replace(CODE, hint="The six digits that your authenticator shows now.")


class Part(StrEnum):
    """The forms of these pages."""

    BEGIN = "begin"
    CONFIRM = "confirm"
    RENEW = "renew"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Told:
    """What the page tells of a second factor, whether the organization requires one, and the
    address of the user."""

    state: FactorState
    required: bool
    email: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """What is wrong with what a form sent: by its fields, "" where it is about the whole."""

    part: Part | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    retry_after: str | None = None

    @classmethod
    def of(cls, part: Part, error: InvalidField | TryLater) -> "Refused":
        """An error as its form shows it."""
        if isinstance(error, TryLater):
            return cls(part, {"": str(error)}, status_of(error), seconds(error))
        label = {CODE.name: "This code", PASSWORD.name: "This password"}.get(error.field)
        if label is None:
            return cls(part, {"": f"'{error.field}' {error.reason}."}, 422)
        return cls(part, {error.field: f"{label} {error.reason}."}, 422)

    def at(self, part: Part) -> Mapping[str, str]:
        """What its form shows."""
        return self.errors if part is self.part else {}


NOTHING = Refused()


def overview(resp: Response, told: Told, refused: Refused = NOTHING) -> None:
    """What there is, and the forms to change it."""
    _show(resp, _set_up(refused, told) if told.state.confirmed else _none(refused, told), refused)


def begun(resp: Response, begun: Begun) -> None:
    """The secret, this once, and the form for its first code."""
    _show(
        resp,
        f"""<p>Type this into your authenticator, or on the device that has it
<a href="{escape(begun.uri)}">open it there</a>:</p>
<p class="secret">{escape(grouped(begun.secret))}</p>
<p>It is shown this once, and waits ten minutes for the code that your authenticator then
shows.</p>
{_confirm_form(NOTHING)}""",
    )


def confirm_again(resp: Response, refused: Refused) -> None:
    """The form for the first code once more; the secret is not shown again."""
    _show(
        resp,
        f"""<p>Your authenticator has the secret: type the code that it shows now.</p>
{_confirm_form(refused)}
<p>Or <a href="{_PATH}">begin anew</a>.</p>""",
        refused,
    )


def recovery_codes(resp: Response, codes: tuple[str, ...]) -> None:
    """The recovery codes, this once."""
    rows = "\n".join(f"<li>{escape(code)}</li>" for code in codes)
    _show(
        resp,
        f"""<p>Your second factor is set up. Keep these recovery codes where you find them without
your authenticator: each of them lets you in once. They are shown this once, and older ones hold
no longer.</p>
<ul class="secret">
{rows}
</ul>
<p><a href="/">Done</a></p>""",
    )


def _show(resp: Response, body: str, refused: Refused = NOTHING) -> None:
    if refused.retry_after is not None:
        resp.set_header("Retry-After", refused.retry_after)
    show(resp, _TITLE, body, refused.status, signed_in=True)


def _none(refused: Refused, told: Told) -> str:
    why = "Your organization requires a second factor: until it is set up, you can do no more."
    if not told.required:
        why = "With a second factor, your password alone opens nothing any more."
    return f"""<p>{why} You need an app or device that shows codes (TOTP).</p>
{form(_PATH, "Set up", (PASSWORD,), refused.at(Part.BEGIN), account=told.email)}"""


def _set_up(refused: Refused, told: Told) -> str:
    left = told.state.recovery_codes
    both = (PASSWORD, CODE)
    new = form(
        _PATH,
        "Set up another",
        both,
        refused.at(Part.BEGIN),
        prefix="new-",
        account=told.email,
    )
    renew = form(
        f"{_PATH}/recovery-codes",
        "Make new recovery codes",
        (CODE,),
        refused.at(Part.RENEW),
        prefix="codes-",
    )
    remove = form(
        f"{_PATH}/remove",
        "Remove",
        both,
        refused.at(Part.REMOVE),
        prefix="remove-",
        account=told.email,
    )
    removal = f"<h2>Remove it</h2>\n{remove}"
    if told.required:
        removal = "<p>Your organization requires one, so it can be replaced, and not removed.</p>"
    return f"""<p>Your second factor is set up. Recovery codes left: {left}.</p>
<h2>New recovery codes</h2>
{renew}
<h2>Another device</h2>
{new}
{removal}"""


def _confirm_form(refused: Refused) -> str:
    return form(f"{_PATH}/confirm", "Confirm", (_FIRST_CODE,), refused.at(Part.CONFIRM))
