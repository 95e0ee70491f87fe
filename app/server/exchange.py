"""One request and its answer: the application called, whatever it does accounted for.

Here is the one place where a request ends, however it ends: the context gets its figures, the
log its line, the metrics their counts, and what the request held is given back.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Protocol, TypeAlias

from app.server.answer import Answer
from app.server.body import SocketBody, socket_body
from app.server.connection import Connection, ConnectionLost
from app.server.dates import Dates
from app.server.file_wrapper import FileWrapper
from app.server.head import Head, Refused
from app.server.pace import Pace, TooSlow
from middleware.context import CONTEXT, SERVER_FINISHES, TURN, RequestContext
from middleware.places import Turn

Wsgi: TypeAlias = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Log(Protocol):
    """What is told of each request; `middleware.access_log.AccessLog` is one."""

    def answered(self, method: str, context: RequestContext, seconds: float, whole: bool) -> None:
        """An answer was sent, `whole` or not; the context holds status and bytes."""

    def exception(self, message: str, *details: object) -> None:
        """The application failed; called where the exception is handled."""


class Observer(Protocol):
    """What counts requests; `middleware.metrics.Metrics` is one."""

    def request(
        self,
        route: str,
        method: str,
        status: int,
        seconds: float,
        bytes_in: int,
        bytes_out: int,
    ) -> None:
        """A request was answered."""

    def in_flight(self, delta: int) -> None:
        """Requests began to hold a thread (1), or ended (-1)."""


class Cut(Exception):
    """The connection must be reset: what was sent of an answer is not the whole of it."""


class Postponed(Exception):
    """The request waits for `turn`: nothing was answered, and nothing of its body read."""

    def __init__(self, turn: Turn) -> None:
        super().__init__()
        self.turn = turn


@dataclass(slots=True)
class Exchange:
    """How requests of one process are answered; used by all of its threads.

    Attributes:
        application: What PEP 3333 calls the application.
        base: The environment's names that no request changes.
    """

    application: Wsgi
    log: Log
    observer: Observer | None
    multiprocess: bool
    errors: Any
    dates: Dates = field(default_factory=Dates)
    base: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.base = {
            "SCRIPT_NAME": "",
            "SERVER_SOFTWARE": "strongroom",
            "wsgi.version": (1, 0),
            "wsgi.errors": self.errors,
            "wsgi.multithread": True,
            "wsgi.multiprocess": self.multiprocess,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.input_terminated": True,
            SERVER_FINISHES: True,
        }

    def run(self, connection: Connection, head: Head, serving: Callable[[], bool]) -> Answer:
        """Answer one request, and return its answer, all of it sent.

        `serving` says, when the answer begins, whether there will be another on `connection`.

        Raises:
            Cut: the connection must be reset.
            Postponed: the same is to be run again when `connection` has had that turn.
        """
        turn = connection.turn
        began = monotonic() if turn is None else turn.began
        body = socket_body(connection, head.length, head.expects_continue)
        environ = head.environ
        environ.update(self.base)
        environ["wsgi.input"] = body
        environ[TURN] = turn
        answer = Answer(connection, head, body, self.dates, serving)
        whole = False
        if self.observer is not None:
            self.observer.in_flight(1)
        try:
            self._answer(connection, environ, answer)
            whole = True
        except (ConnectionLost, TooSlow) as error:
            raise Cut("the client did not take the answer") from error
        finally:
            self._account(environ, answer, body, began, whole)
            connection.leave_turn()
        return answer

    def _answer(self, connection: Connection, environ: dict[str, Any], answer: Answer) -> None:
        try:
            result = self.application(environ, answer.start)
            try:
                waits_for = _context(environ).turn
                if waits_for is not None:
                    raise Postponed(waits_for)
                answer.send(result)
            finally:
                close = getattr(result, "close", None)
                if close is not None:
                    close()
        except (ConnectionLost, TooSlow, Postponed):
            raise
        except Exception as error:
            # Its text may name what is private: route and id lead from here to the log's line.
            request = _context(environ).id
            self.log.exception("request %s failed", request)
            if answer.done:
                answer.close = True  # It is whole; only its own closing failed.
                return
            if answer.begun:
                raise Cut("the application failed in the middle of its answer") from error
            answer.status, answer.close = "500 Internal Server Error", True
            detail = "The server failed. The request's id leads to the cause in its log."
            refuse(connection, Refused(answer.status, detail), request, environ["REQUEST_METHOD"])
            answer.drain = True

    def _account(
        self, environ: dict[str, Any], answer: Answer, body: SocketBody, began: float, whole: bool
    ) -> None:
        context = _context(environ)
        try:
            if context.turn is None:  # else this was not the end of it
                context.status = int(answer.status[:3] or 0)
                context.bytes_in = body.received
                context.bytes_out = answer.sent
                self.finished(environ["REQUEST_METHOD"], context, monotonic() - began, whole)
        finally:
            if self.observer is not None:
                self.observer.in_flight(-1)
            context.finish()

    def finished(
        self, method: str, context: RequestContext, seconds: float, whole: bool = True
    ) -> None:
        """Write the log's line and count the request."""
        self.log.answered(method, context, seconds, whole)
        if self.observer is not None:
            self.observer.request(
                context.route,
                method,
                context.status,
                seconds,
                context.bytes_in,
                context.bytes_out,
            )

    def refuse(self, connection: Connection, refused: Refused, began: float) -> None:
        """Answer what is no request. Raises ConnectionLost, TooSlow."""
        context = RequestContext(started=began, status=int(refused.status[:3]))
        self.finished("-", context, monotonic() - began)
        refuse(connection, refused, context.id)


def refuse(connection: Connection, refused: Refused, request: str, method: str = "-") -> None:
    """Send a problem (RFC 9457) as the last answer of `connection`; to HEAD without its body."""
    code, _, title = refused.status.partition(" ")
    problem = {
        "type": "about:blank",
        "title": title,
        "status": int(code),
        "detail": refused.detail,
        "request": request,
    }
    body = json.dumps(problem).encode()
    head = (
        f"HTTP/1.1 {refused.status}\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\nCache-Control: no-store\r\n"
        f"X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    parts = [head.encode("latin-1"), *([] if method == "HEAD" else [body])]
    connection.send(parts, Pace(connection.limits))


def _context(environ: dict[str, Any]) -> RequestContext:
    """The context that the middleware made, or one for an application that has none."""
    context: RequestContext = environ.get(CONTEXT) or RequestContext()
    environ[CONTEXT] = context
    return context
