"""What is known of one request, from its first byte to the last byte of its answer.

It is made before the framework sees the request and lives in the WSGI environment, because
it outlives Falcon's request: an answer is sent after the responder returned, and what a
request holds (a place among the threads) is given back when it was sent or has failed.
Servers differ in how they say so, hence `finish()` may be called any number of times: by the
close of the WSGI iterable here, and by a worker that knows better.
"""

import logging
import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from falcon import Request

    from auth.claims import Claim
    from auth.principals import Principal
    from middleware.declarations import Need
    from middleware.hosts import Place
    from middleware.places import Turn

Environ: TypeAlias = dict[str, Any]
Application: TypeAlias = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

CONTEXT = "strongroom.context"

#: A server sets it to say that it calls `finish()` itself, so that its answers go unwrapped.
SERVER_FINISHES = "strongroom.server_finishes"

#: A server that can have a request wait without a thread sets it to None. Where the context then
#: has a `turn`, the answer is not for the client: the request is made again when the turn is
#: granted or its time is up, with the turn here, and left by the server when it was answered.
TURN = "strongroom.turn"

#: What Falcon uses for itself: it answers 400 before any middleware runs, without a context.
_FRAMEWORK_METHODS = frozenset({"WEBSOCKET"})
_NO_METHOD = "UNKNOWN"
_RAW_BYTE = re.compile(r"[^\x00-\x7f]")

# Drawn ahead, many by one call to the system; a fork must not continue its parent's.
_IDS_AHEAD = 64
_ID_DIGITS = 32
_ids: deque[str] = deque()
os.register_at_fork(after_in_child=_ids.clear)


def new_request_id() -> str:
    """128 random bits in hexadecimal, which no log or query needs to escape."""
    try:
        return _ids.pop()
    except IndexError:
        digits = token_hex(_IDS_AHEAD * _ID_DIGITS // 2)
        _ids.extend(
            digits[at : at + _ID_DIGITS] for at in range(_ID_DIGITS, len(digits), _ID_DIGITS)
        )
        return digits[:_ID_DIGITS]


@dataclass(slots=True, eq=False)
class RequestContext:
    """One request. Written by the middleware in order; read by routes, log and metrics."""

    id: str = field(default_factory=new_request_id)
    started: float = field(default_factory=time.monotonic)  # seconds, monotonic
    place: "Place | None" = None  # the checked host; None where it was not looked at
    organization: str | None = None  # its id; None until it was looked up
    need: "Need | None" = None  # what the route declares; None until routed
    authorization: str | None = field(default=None, repr=False)  # until it is read
    cookie: str | None = field(default=None, repr=False)  # that of a session, until it is read
    claim: "Claim | None" = field(default=None, repr=False)  # who it says it is
    holder: str | None = None  # whose user's share of the threads it counts against
    principal: "Principal | None" = field(default=None, repr=False)  # who it is: confirmed
    turn: "Turn | None" = field(default=None, repr=False)  # what it has to wait for, see TURN
    address: str = ""  # the client's, behind trusted proxies; "" where there is none
    network: str = ""  # what limits count: the address, of IPv6 its /64
    secure: bool = False  # no hop from the client to here was in clear
    route: str = "-"  # the template of the route
    bytes_in: int = 0
    bytes_out: int = 0
    status: int = 0
    user: str | None = None  # ids, for the log
    credential: str | None = None
    cache: dict[str, bool] = field(default_factory=dict)  # look-up → whether it was a hit
    _finished: bool = field(default=False, repr=False)
    _callbacks: list[Callable[[], None]] = field(default_factory=list, repr=False)

    def confirm(self, principal: "Principal") -> None:
        """Note who the claim turned out to be, for the route and for the log."""
        self.principal = principal
        self.user = principal.user_id
        self.credential = principal.credential

    def on_finish(self, callback: Callable[[], None]) -> None:
        """Call `callback` once, when the answer was sent or failed; at once if that has been.

        Callbacks run in the thread that finishes, the last one first.
        """
        if self._finished:
            callback()
        else:
            self._callbacks.append(callback)

    def finish(self) -> None:
        """Run what waits for the end of the request; harmless when repeated.

        A callback that fails is logged and keeps none of the others from running: what they
        give back would be lost for as long as the process lives.
        """
        self._finished = True
        while self._callbacks:
            callback = self._callbacks.pop()
            try:
                callback()
            except Exception:
                logging.getLogger(__name__).exception("request %s: finishing failed", self.id)


def context_of(request: "Request") -> RequestContext:
    """The context of a request that came in through `Entrance`; KeyError if it did not."""
    context: RequestContext = request.env[CONTEXT]
    return context


class Entrance:
    """The WSGI application around Falcon's: makes the context, and sees that it is finished."""

    def __init__(
        self, application: Application, new: Callable[[], RequestContext] = RequestContext
    ) -> None:
        self._application = application
        self._new = new

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        context = environ.get(CONTEXT)
        if context is None:
            context = environ[CONTEXT] = self._new()
        if environ["REQUEST_METHOD"] in _FRAMEWORK_METHODS:
            environ["REQUEST_METHOD"] = _NO_METHOD
        query = environ.get("QUERY_STRING", "")
        if not query.isascii():
            # curl sends UTF-8 as it is, and the framework would take each byte for a character.
            environ["QUERY_STRING"] = _RAW_BYTE.sub(_percent_encoded, query)
        try:
            body = self._application(environ, start_response)
        except BaseException:
            context.finish()
            raise
        if environ.get(SERVER_FINISHES):
            return body
        return _finishing(body, context, environ.get("wsgi.file_wrapper"))


def _percent_encoded(byte: re.Match[str]) -> str:
    """A byte of a query as it should have been sent (RFC 3986, section 2.1)."""
    return f"%{ord(byte[0]):02X}"


def _finishing(body: Iterable[bytes], context: RequestContext, wrapper: object) -> Iterable[bytes]:
    answer = _Answer(body, context)
    if isinstance(wrapper, type) and isinstance(body, wrapper):
        # Servers know a file to send by its type, so it stays what it is; only its close is ours.
        cast(Any, body).close = answer.close
        return body
    return answer


class _Answer:
    """The body of an answer, whose close (PEP 3333) ends the request."""

    __slots__ = ("_body", "_close", "_context")

    def __init__(self, body: Iterable[bytes], context: RequestContext) -> None:
        self._body = body
        self._context = context
        self._close: Callable[[], None] | None = getattr(body, "close", None)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        try:
            if self._close is not None:
                self._close()
        finally:
            self._context.finish()
