"""Small WSGI applications for the tests of the server; each shows one way to behave."""

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

import falcon

from middleware.body import BodyError, BodyTooSlow, open_body

Start = Callable[..., Any]


def hello(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    body = b"x" * 1024
    start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def digest(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Reads the body and says how long it was and what its digest is."""
    view = memoryview(bytearray(1 << 20))
    body = open_body(environ)
    state, count = hashlib.sha256(), 0
    try:
        while got := body.readinto(view):
            state.update(view[:got])
            count += got
    except BodyError as error:
        status = "408 Request Timeout" if isinstance(error, BodyTooSlow) else "400 Bad Request"
        return _text(start, type(error).__name__, status)
    return _text(start, f"{environ['PATH_INFO']} {count} {state.hexdigest()}")


def count(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    """Reads the body and only counts."""
    view = memoryview(bytearray(1 << 20))
    body = open_body(environ)
    total = 0
    while got := body.readinto(view):
        total += got
    return _text(start, str(total))


def _text(start: Start, text: str, status: str = "200 OK") -> list[bytes]:
    body = text.encode()
    start(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


class _One:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.data = b"x" * 1024
        resp.content_type = "application/octet-stream"


bare = falcon.App()
bare.add_route("/x", _One())
