"""Small WSGI applications for the tests of the server; each shows one way to behave."""

import gc
import hashlib
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import falcon

from auth.claims import Claim
from middleware.admission import Admission
from middleware.body import BodyError, BodyTooSlow, open_body
from middleware.context import CONTEXT, Entrance, RequestContext, context_of
from middleware.declarations import PUBLIC, Declarations, by_method
from middleware.metrics import Metrics
from middleware.places import Limits, Places
from middleware.problems import Problem

Start = Callable[..., Any]
Environ = dict[str, Any]


def digest(environ: Environ, start: Start) -> Iterable[bytes]:
    """Reads the body, and says path, length and digest of it, or what was wrong with it."""
    view = memoryview(bytearray(100_000))
    state, count = hashlib.sha256(), 0
    try:
        body = open_body(environ)
        while got := body.readinto(view):
            state.update(view[:got])
            count += got
    except BodyError as error:
        status = "408 Request Timeout" if isinstance(error, BodyTooSlow) else "400 Bad Request"
        return text(start, type(error).__name__, status)
    return text(start, f"{environ['PATH_INFO']} {count} {state.hexdigest()}")


def count(environ: Environ, start: Start) -> Iterable[bytes]:
    """Reads the body and only counts."""
    view = memoryview(bytearray(1 << 20))
    body = open_body(environ)
    total = 0
    while got := body.readinto(view):
        total += got
    return text(start, str(total))


def process(environ: Environ, start: Start) -> Iterable[bytes]:
    """Says which process it is."""
    return text(start, str(os.getpid()))


def thread(environ: Environ, start: Start) -> Iterable[bytes]:
    """Says which thread of the system it runs in."""
    return text(start, str(threading.get_native_id()))


def collector(environ: Environ, start: Start) -> Iterable[bytes]:
    """Says how many objects the collector leaves out, and how many new ones it waits for."""
    return text(start, f"{gc.get_freeze_count()} {gc.get_threshold()[0]}")


def refuse(environ: Environ, start: Start) -> Iterable[bytes]:
    """Never reads a body."""
    return text(start, "no", "401 Unauthorized")


def answers(environ: Environ, start: Start) -> Iterable[bytes]:
    """One way to answer for each path."""
    return _ANSWERS[environ["PATH_INFO"]](environ, start)


def text(start: Start, words: str, status: str = "200 OK") -> list[bytes]:
    body = words.encode()
    start(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def _hello(environ: Environ, start: Start) -> Iterable[bytes]:
    return text(start, "hello")


def _environ(environ: Environ, start: Start) -> Iterable[bytes]:
    lines = [f"{name}={value}" for name, value in environ.items() if isinstance(value, str)]
    return text(start, "\n".join(lines))


def _file(environ: Environ, start: Start) -> Iterable[bytes]:
    """`?START-LENGTH` of the file that $SAMPLE_FILE names, from where the file stands."""
    first, _, length = environ["QUERY_STRING"].partition("-")
    file = Path(os.environ["SAMPLE_FILE"]).open("rb")  # noqa: SIM115 - the server closes it
    file.seek(int(first))
    start("200 OK", [("Content-Length", length)] if length else [])
    return environ["wsgi.file_wrapper"](file, 8192)


def _memory_file(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", [("Content-Length", "300000")])
    return environ["wsgi.file_wrapper"](io.BytesIO(b"m" * 300_000))


def _pieces(environ: Environ, start: Start) -> Iterator[bytes]:
    start("200 OK", [])
    yield b"one "
    yield b""
    yield b"two"


def _broken(environ: Environ, start: Start) -> Iterator[bytes]:
    start("200 OK", [("Content-Length", "10")] if environ["QUERY_STRING"] == "length" else [])
    yield b"five "
    raise RuntimeError("marked-secret-cause")


def _broken_before(environ: Environ, start: Start) -> Iterable[bytes]:
    raise RuntimeError("marked-secret-cause")


def _short(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", [("Content-Length", "10")])
    return [b"five "]


def _long(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", [("Content-Length", "4")])
    return [b"five "]


def _splitting(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", [("X-Name", "a\r\nSet-Cookie: b")])
    return [b""]


def _nothing(status: str) -> Callable[[Environ, Start], Iterable[bytes]]:
    def answer(environ: Environ, start: Start) -> Iterable[bytes]:
        start(status, [("Content-Length", "5"), ("ETag", '"x"')])
        return [b"body!"]

    return answer


class _BadEnd:
    """An iterable that is whole, and fails when it is closed."""

    def __iter__(self) -> Iterator[bytes]:
        yield b"hello"

    def close(self) -> None:
        raise RuntimeError("marked-secret-cause")


def _bad_end(environ: Environ, start: Start) -> Iterable[bytes]:
    start("200 OK", [("Content-Length", "5")])
    return _BadEnd()


def _exit(environ: Environ, start: Start) -> Iterable[bytes]:
    raise SystemExit(1)


def _large(environ: Environ, start: Start) -> Iterator[bytes]:
    start("200 OK", [("Content-Length", str(64 << 20))])
    for number in range(64):
        yield bytes([number]) * (1 << 20)


_ANSWERS: Mapping[str, Callable[[Environ, Start], Iterable[bytes]]] = {
    "/hello": _hello,
    "/environ": _environ,
    "/file": _file,
    "/memory-file": _memory_file,
    "/pieces": _pieces,
    "/broken": _broken,
    "/broken-before": _broken_before,
    "/short": _short,
    "/bad-end": _bad_end,
    "/exit": _exit,
    "/long": _long,
    "/splitting": _splitting,
    "/204": _nothing("204 No Content"),
    "/304": _nothing("304 Not Modified"),
    "/200": _nothing("200 OK"),
    "/large": _large,
}


class _Sleeping:
    """Answers `/PATH?SECONDS` after SECONDS, and counts."""

    def __init__(self) -> None:
        self.metrics = Metrics(Path(os.environ["SAMPLE_METRICS"]))

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        context = RequestContext(route=f"/{{name}}{environ['PATH_INFO'][:0]}", user="u1")
        environ[CONTEXT] = context
        time.sleep(float(environ["QUERY_STRING"] or 0))
        return text(start, str(os.getpid()))

    def checks(self) -> Mapping[str, str]:
        state = Path(os.environ["SAMPLE_METRICS"], "state")
        return {"blobs": "ok", "metadata": state.read_text() if state.exists() else "ok"}


class _StandingBy:
    """Has requests that never end, and want no processor."""

    standing_by = 0

    def __call__(self, _environ: Environ, _start: Start) -> Iterable[bytes]:
        self.standing_by += 1
        sys.stderr.write("stands by\n")
        while True:
            time.sleep(60)


class _Uploads:
    """Takes bodies, and lets an address have three of four threads at once."""

    needs = by_method(GET=PUBLIC, PUT=PUBLIC, POST=PUBLIC, DELETE=PUBLIC, PATCH=PUBLIC)

    def __init__(self) -> None:
        patience = float(os.environ.get("SAMPLE_PATIENCE", "60"))
        self.places = Places(Limits(threads=4), patience)

    def process_request(self, req: falcon.Request, _resp: falcon.Response) -> None:
        context = context_of(req)
        context.network = req.remote_addr
        context.claim = cast(Claim, self)  # anybody's

    def on_put(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.text = str(len(open_body(req.env).read()))

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.text = f"{self.places.busy} {self.places.waiting}"

    def served(self) -> Callable[[Environ, Start], Iterable[bytes]]:
        application = falcon.App(middleware=[self, Declarations(), Admission(self.places)])
        application.add_route("/x", self)
        application.add_error_handler(Problem, self._refuse)
        return Entrance(application)

    def _refuse(
        self, _req: falcon.Request, resp: falcon.Response, problem: Problem, _params: object
    ) -> None:
        resp.status = problem.status
        resp.set_headers(problem.headers)


def __getattr__(name: str) -> Any:
    """These are made where they are asked for: in a worker, after the fork."""
    if name == "uploads":
        return _Uploads().served()
    if name == "sleeping":
        return _Sleeping()
    if name == "standing_by":
        return _StandingBy()
    raise AttributeError(name)


class _One:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.data = b"x" * 1024
        resp.content_type = "application/octet-stream"


bare = falcon.App()
bare.add_route("/x", _One())
