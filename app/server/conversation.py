"""A thread's turn with one connection: heads received and parsed, requests answered in order.

It never waits for a head for longer than a tick: what is not there goes back to the loop.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from time import monotonic

from app.server.connection import Connection, ConnectionLost, PlainHttp
from app.server.exchange import Cut, Exchange, Postponed
from app.server.head import END, TIMEOUT, Refused, check_size, parse
from app.server.limits import Limits
from app.server.pace import TooSlow


class Verdict(Enum):
    """What becomes of a connection when a thread gives it back."""

    WAIT = auto()  #: more of a head, or of a handshake, must come
    IDLE = auto()  #: an answer was sent, and nothing more has come
    TURN = auto()  #: a request is here, and waits for its turn
    AGAIN = auto()  #: a request is here, and few threads are free for others
    DRAIN = auto()  #: an answer was sent, and there is more of a body that nobody wants
    CLOSE = auto()  #: the last answer was sent
    CUT = auto()  #: an answer was not sent whole, or the client is gone


@dataclass(frozen=True, slots=True)
class Conversation:
    """How the threads of one process hold conversations.

    Attributes:
        serving: Whether there will be another request on any connection.
        needed_elsewhere: Whether a thread should rather not stay with its connection.
        answered: Called behind each request that was answered.
    """

    limits: Limits
    exchange: Exchange
    serving: Callable[[], bool]
    needed_elsewhere: Callable[[], bool]
    answered: Callable[[], None]

    def hold(self, connection: Connection) -> Verdict:
        """Answer the requests that `connection` has, while nobody else needs this thread."""
        try:
            return self._hold(connection) if connection.ready() else Verdict.WAIT
        except PlainHttp:
            return Verdict.CLOSE
        except (Cut, ConnectionLost, TooSlow):
            return Verdict.CUT

    def _hold(self, connection: Connection) -> Verdict:
        began = monotonic()
        receive = connection.peek_now
        try:
            while True:
                end = connection.pending.find(END)
                if end < 0:
                    piece = receive()
                    if piece is None:
                        return self._unfinished(connection)
                    if not piece:
                        return Verdict.CLOSE
                    self._received(connection, piece)
                    continue
                began = monotonic()
                verdict = self._answer(connection, end + len(END))
                if verdict is not None:
                    return verdict
                receive = connection.peek_soon
        except Refused as refused:
            self.exchange.refuse(connection, refused, began)
            return Verdict.CLOSE  # What still comes is thrown away behind our end as well.

    def _received(self, connection: Connection, piece: bytes) -> None:
        if not connection.head_deadline:
            connection.head_deadline = monotonic() + self.limits.head_seconds
        connection.pending += piece
        if END not in connection.pending:
            check_size(connection.pending, self.limits)

    def _unfinished(self, connection: Connection) -> Verdict:
        if not connection.head_deadline:
            return Verdict.IDLE
        if connection.pending and monotonic() >= connection.head_deadline:
            raise Refused(TIMEOUT, "The request's head did not come in time.")
        return Verdict.WAIT

    def _answer(self, connection: Connection, size: int) -> Verdict | None:
        """Answer the request whose head are the first `size` bytes; None to go on with the next."""
        data, connection.pending = connection.pending[:size], connection.pending[size:]
        connection.head_deadline = 0.0
        connection.drain_left = self.limits.drain_bytes
        head = parse(data, connection.server, connection.peer, connection.scheme, self.limits)
        try:
            answer = self.exchange.run(connection, head, self.serving)
        except Postponed as postponed:
            connection.pending = data + connection.pending
            connection.turn = postponed.turn
            return Verdict.TURN
        self.answered()
        if answer.close:
            if not answer.drain:
                return Verdict.CLOSE
            if answer.unread is not None:
                left = answer.unread - len(connection.pending)
                connection.drain_left = min(left, connection.drain_left)
            return Verdict.DRAIN
        if self.needed_elsewhere():
            return Verdict.AGAIN if connection.buffered() else Verdict.IDLE
        return None
