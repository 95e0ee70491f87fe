"""A request's head: complete bytes in, a WSGI environment or a refusal out. No I/O.

gunicorn_h1c's parser in C checks every byte of it and refuses what proxies disagree about
(bare CR and LF, folded lines, both lengths, blanks before a colon); what it leaves to its
caller is decided here. Names with underscores are dropped, because in an environment they
could not be told from those with hyphens that a proxy set.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

import gunicorn_h1c  # type: ignore[import-untyped]

from app.server.limits import Limits
from middleware.hosts import MalformedHost, split_authority

END = b"\r\n\r\n"
_LONGEST_LENGTH = 19  # digits: the most that fit in 63 bits, an upload of 9 EB
_LONGEST_METHOD = 32  # it goes into the log; the longest that is registered has 17 letters


class Refused(Exception):
    """A request that is refused before the application sees it."""

    def __init__(self, status: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


BAD_REQUEST = "400 Bad Request"
TIMEOUT = "408 Request Timeout"
TOO_LONG_URI = "414 URI Too Long"
EXPECTATION_FAILED = "417 Expectation Failed"
TOO_LARGE_HEAD = "431 Request Header Fields Too Large"
NOT_IMPLEMENTED = "501 Not Implemented"


@dataclass(slots=True)
class Head:
    """A parsed head.

    Attributes:
        environ: What CGI says of it; the server's own `wsgi.*` names are not in it yet.
        length: The body's declared length, 0 without one, None where it is chunked.
        keep: Whether the client wants to go on with the connection.
        http10: Whether it speaks HTTP/1.0.
        expects_continue: Whether it waits for `100 Continue` before it sends the body.
    """

    environ: dict[str, Any]
    length: int | None
    keep: bool
    http10: bool
    expects_continue: bool


def check_size(data: bytes, limits: Limits) -> None:
    """Refuse a head that is too long already, though its end has not come."""
    if b"\r\n" not in data and len(data) > limits.request_line_bytes:
        raise Refused(TOO_LONG_URI, "The request line is too long.")
    if len(data) > limits.head_bytes:
        raise Refused(TOO_LARGE_HEAD, "The header fields are too large.")


def parse(
    data: bytes, server: tuple[str, str], client: tuple[str, str], scheme: str, limits: Limits
) -> Head:
    """Parse a complete head, its empty line included.

    Raises:
        Refused: it is malformed, ambiguous or too large.
    """
    if len(data) > limits.head_bytes:
        raise Refused(TOO_LARGE_HEAD, "The header fields are too large.")
    try:
        environ = gunicorn_h1c.parse_to_wsgi_environ(
            data,
            server=server,
            client=client,
            url_scheme=scheme,
            limit_request_line=limits.request_line_bytes,
            limit_request_fields=limits.fields,
            limit_request_field_size=limits.field_bytes,
            # Any token is a method (RFC 9110 section 9.1), small letters or not, and what
            # the application does not know is its own to refuse, with what it does know.
            permit_unconventional_http_method=True,
        )
    except gunicorn_h1c.LimitRequestLine as error:
        raise Refused(TOO_LONG_URI, "The request line is too long.") from error
    except gunicorn_h1c.LimitRequestHeaders as error:
        raise Refused(TOO_LARGE_HEAD, "The header fields are too large or too many.") from error
    except gunicorn_h1c.ParseError as error:
        raise Refused(BAD_REQUEST, "The request's head is malformed.") from error
    if environ.pop("_consumed") != len(data):
        raise Refused(BAD_REQUEST, "The request's head is malformed.")
    if len(environ["REQUEST_METHOD"]) > _LONGEST_METHOD:
        raise Refused(NOT_IMPLEMENTED, "No method has so long a name.")
    http10 = environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    if not http10 and "HTTP_HOST" not in environ:
        # RFC 9112 section 3.2.
        raise Refused(BAD_REQUEST, "The request names no host.")
    _target(data, environ)
    return Head(
        environ=environ,
        length=_length(environ),
        keep=_keep(environ, http10),
        http10=http10,
        expects_continue="HTTP_EXPECT" in environ and _expects_continue(environ, http10),
    )


def _target(data: bytes, environ: dict[str, Any]) -> None:
    """Set RAW_URI as it was sent, and PATH_INFO decoded once (RFC 9112 section 3.2)."""
    line = data[: data.index(b"\r\n", 2)].lstrip(b"\r\n")
    words = line.split(b" ")
    if len(words) != 3:
        # The parser takes several blanks between the words; section 3 has one.
        raise Refused(BAD_REQUEST, "The request line is malformed.")
    environ["RAW_URI"] = words[1].decode("latin-1")
    path: str = environ["PATH_INFO"]
    if not path.startswith("/"):
        path = _path_of_other_form(path, environ)
    if "#" in path or "#" in environ["QUERY_STRING"]:
        raise Refused(BAD_REQUEST, "A request's target has no fragment.")
    if "%" in path:
        path = unquote_to_bytes(path.encode("latin-1")).decode("latin-1")
    environ["PATH_INFO"] = path


def _path_of_other_form(target: str, environ: dict[str, Any]) -> str:
    if target == "*":  # OPTIONS alone; the parser sees to it
        return target
    if environ["REQUEST_METHOD"] == "CONNECT":
        raise Refused(NOT_IMPLEMENTED, "This server is no proxy: it knows no CONNECT.")
    scheme, mark, rest = target.partition("://")
    authority, slash, path = rest.partition("/")
    if not mark or scheme.lower() not in ("http", "https") or not authority or "@" in authority:
        raise Refused(BAD_REQUEST, "The request's target is malformed.")
    # RFC 9112 section 3.2.2 lets the target's authority win over the Host field. A front that
    # reads it the other way round would have judged another request, so they must not differ.
    try:
        same = split_authority(authority) == split_authority(environ.get("HTTP_HOST", authority))
    except MalformedHost as error:
        raise Refused(BAD_REQUEST, "The request's target or Host names no host.") from error
    if not same:
        raise Refused(BAD_REQUEST, "The request's target and Host name different hosts.")
    environ["HTTP_HOST"] = authority
    return slash + path or "/"


def _length(environ: dict[str, Any]) -> int | None:
    """The body's length, by RFC 9112 section 6.3. The parser has refused both lengths at
    once, repeated ones, lists and signs, and any coding under HTTP/1.0."""
    coding = environ.get("HTTP_TRANSFER_ENCODING")
    declared = environ.get("CONTENT_LENGTH")
    if coding is not None:
        if declared is not None or environ["SERVER_PROTOCOL"] == "HTTP/1.0":
            raise Refused(BAD_REQUEST, "The body's framing is ambiguous.")
        if coding.strip(" \t").lower() != "chunked":
            raise Refused(NOT_IMPLEMENTED, "Of transfer codings, chunked alone is known.")
        return None
    if declared is None:
        return 0
    if not (declared.isascii() and declared.isdigit()) or len(declared) > _LONGEST_LENGTH:
        raise Refused(BAD_REQUEST, "Content-Length is not a number.")
    return int(declared)


def _keep(environ: dict[str, Any], http10: bool) -> bool:
    """Whether the connection persists (RFC 9112 section 9.3)."""
    wish = environ.get("HTTP_CONNECTION")
    if wish is None:
        return not http10
    options = {option.strip(" \t") for option in wish.lower().split(",")}
    if "close" in options:
        return False
    return not http10 or "keep-alive" in options


def _expects_continue(environ: dict[str, Any], http10: bool) -> bool:
    """RFC 9110 section 10.1.1: 417 for what is not known, and nothing under HTTP/1.0."""
    if http10:
        return False
    if environ["HTTP_EXPECT"].lower() != "100-continue":
        raise Refused(EXPECTATION_FAILED, "Of expectations, 100-continue alone is known.")
    return True
