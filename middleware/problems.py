"""A refusal as an exception, and as the document that the client gets (RFC 9457).

Middleware raises `Problem`; one handler, in the application, answers it. `detail` says what
to do about it and never repeats what was sent: a refused header may hold a password.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType

PROBLEM_JSON = "application/problem+json"

_SPOKEN = 300

#: The title is then the meaning of the status (RFC 9457, section 4.2.1).
BLANK = "about:blank"


class Problem(Exception):
    """An answer other than what was asked for.

    Args:
        status: of HTTP, such as 404.
        title: what kind of trouble it is, in a few words.
        detail: what happened here, and what to do about it; a sentence or two.
        headers: of the answer, beside its type.
        type: a URI that names the kind of trouble, where clients have to tell it from others.
        field: the field or query parameter that cannot be taken, where it is one.
        offset: from where an upload goes on, where it is about one.
        second_factor: True where a sign-in wants a code, which clients have to ask for.
        scim_type: what SCIM calls this kind of trouble, where it has a name for it.
        media_type: for clients that take a problem document for something that it is not.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str,
        headers: Mapping[str, str] = MappingProxyType({}),
        type: str = BLANK,  # noqa: A002 - the member's name in the RFC
        field: str | None = None,
        offset: int | None = None,
        second_factor: bool = False,
        scim_type: str | None = None,
        media_type: str = PROBLEM_JSON,
    ) -> None:
        super().__init__(status, title, detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = dict(headers)
        self.type = type
        self.field = field
        self.offset = offset
        self.second_factor = second_factor
        self.scim_type = scim_type
        self.media_type = media_type

    def __str__(self) -> str:
        return f"{self.status} {self.title}: {self.detail}"


def invalid_field(field: str, reason: str) -> Problem:
    """422, with the field or query parameter named."""
    return Problem(422, "Unprocessable Content", f"'{field}' {reason}.", field=field)


def spoken(text: str) -> str:
    """A sentence as a status line may hold it: printable ASCII, of 300 characters at most."""
    shown = "".join(letter if " " <= letter <= "~" else "?" for letter in text)
    return shown if len(shown) <= _SPOKEN else f"{shown[: _SPOKEN - 3]}..."


def render(problem: Problem, request_id: str) -> bytes:
    """The problem as a document of type `PROBLEM_JSON`, with the id of its request."""
    document: dict[str, str | int] = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "request": request_id,
    }
    if problem.field is not None:
        document["field"] = problem.field  # an extension member (RFC 9457, section 3.2)
    if problem.offset is not None:
        document["offset"] = problem.offset
    if problem.second_factor:
        document["second_factor"] = True
    return (json.dumps(document) + "\n").encode()  # a line, for whoever reads it in a terminal
