"""Bodies in and out: `application/scim+json` (RFC 7644, section 3.1), bounded and strict."""

import json
from collections.abc import Mapping
from typing import Any

from falcon import Request, Response

from app.api.reading import InvalidBody, OtherType, parse_object
from app.scim.errors import InvalidSyntax, OverLimit
from auth.errors import InvalidField
from middleware.body import Body, open_body

SCIM_JSON = "application/scim+json"
#: What a request may carry, in bytes: 10,000 members with names and addresses of resources fit in.
BODY_BYTES = 2 * 1024 * 1024
#: Of a bulk request, within which resources lie.
DEPTH = 24

_TAKEN = frozenset({SCIM_JSON, "application/json"})
_PIECE = 64 * 1024


def read_body(req: Request, most_bytes: int = BODY_BYTES) -> dict[str, Any]:
    """The JSON object that a request carries.

    Raises:
        OtherType: it says that it is something else.
        OverLimit: more than `most_bytes`.
        InvalidSyntax: not JSON, not an object, a name given twice, or over 24 levels deep.
    """
    type_ = (req.content_type or SCIM_JSON).partition(";")[0].strip().lower()
    if type_ not in _TAKEN:
        raise OtherType(f"the Content-Type of a request to SCIM is {SCIM_JSON} or application/json")
    return parse_body(_bytes(open_body(req.env), most_bytes))


def parse_body(data: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises InvalidSyntax."""
    try:
        return parse_object(data, DEPTH)
    except InvalidBody as error:
        raise InvalidSyntax(str(error)) from error
    except InvalidField as error:
        raise InvalidSyntax(f"'{error.field}' {error.reason}") from error


def show(
    resp: Response,
    value: Mapping[str, Any],
    status: int = 200,
    version: str | None = None,
    location: str | None = None,
) -> None:
    """Answer with a JSON object, and its ETag and Location where it has them."""
    resp.status = str(status)
    resp.content_type = SCIM_JSON
    resp.data = (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
    if version is not None:
        resp.set_header("ETag", version)
    if location is not None:
        resp.set_header("Location", location)


def _bytes(body: Body, most_bytes: int) -> bytes:
    """A body, by pieces as it comes: memory is taken for what was sent, not for what may be."""
    if (body.length or 0) > most_bytes:
        raise _over(most_bytes)
    taken = bytearray()
    piece = memoryview(bytearray(min(body.length or _PIECE, _PIECE)))
    while piece:
        count = body.readinto(piece)
        taken += piece[:count]
        if len(taken) > most_bytes:
            raise _over(most_bytes)
        if count < len(piece):
            break
    return bytes(taken)


def _over(most_bytes: int) -> OverLimit:
    return OverLimit(f"a request like this takes at most {most_bytes} bytes")
