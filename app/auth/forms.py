"""Reads what a page's form sends: bounded and strict, like the JSON of the API.

A browser that another page made send a form is refused before this (`middleware/browsers.py`).
"""

from urllib.parse import parse_qsl

from falcon import Request

from app.api.reading import (
    MOST_BYTES,
    BodyTooLarge,
    Fields,
    InvalidBody,
    OtherType,
    read_fields,
)
from auth.errors import InvalidField
from middleware.body import open_body

TYPE = "application/x-www-form-urlencoded"
_FIELDS_MOST = 20
_SHOWN_CHARACTERS = 100


class NotAForm(OtherType):
    """A body that says that it is something other than a page's form."""

    def __init__(self) -> None:
        InvalidBody.__init__(self, f"the Content-Type of a page's form is {TYPE}")


def is_form(req: Request) -> bool:
    """Whether a request says that it carries a page's form."""
    return (req.content_type or "").partition(";")[0].strip().lower() == TYPE


def read_sent(req: Request) -> Fields:
    """The fields of a form, or else of a JSON object.

    Raises:
        InvalidBody: neither; BodyTooLarge, OtherType.
        InvalidField: given twice.
    """
    return read_form(req) if is_form(req) else read_fields(req)


def read_form(req: Request) -> Fields:
    """The fields of a form (URL Standard, section 5.1), in UTF-8. Raises as `read_sent`."""
    if not is_form(req):
        raise NotAForm
    body = open_body(req.env)
    if (body.length or 0) > MOST_BYTES:
        raise BodyTooLarge
    memory = bytearray(MOST_BYTES + 1)
    count = body.readinto(memoryview(memory))
    if count > MOST_BYTES:
        raise BodyTooLarge
    return Fields(parse_form(bytes(memory[:count])))


def parse_form(data: bytes) -> dict[str, str]:
    """The fields of a form, none of them twice; an empty one is one. Raises as `read_sent`."""
    if not data:
        return {}
    pairs = _pairs(data)
    if pairs is None:
        raise InvalidBody("the body is not a form in UTF-8")
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidField(name[:_SHOWN_CHARACTERS], "is given twice")
        found[name] = value
    return found


def _pairs(data: bytes) -> list[tuple[str, str]] | None:
    # An error that is raised while the parser's own is handled would hold what was sent.
    try:
        return parse_qsl(
            data.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=_FIELDS_MOST,
        )
    except ValueError:
        return None
