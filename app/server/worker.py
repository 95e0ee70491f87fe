"""The gunicorn worker: one loop that waits for all clients, and threads that never wait for one.

A thread is given a connection when bytes have come, and holds it while a request is being
answered; a head that trickles, a handshake that hangs, a refused body that is thrown away and
an idle connection are all the loop's. What a thread does wait for, a body or an answer on its
way, keeps a least pace. Behind an answer a thread stays for a tick with its connection, while
enough others are free: the next request then takes no hand-over, most of what one costs.
"""

import errno
import gc
import os
import selectors
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any, cast

from gunicorn.workers.gthread import ThreadWorker

from app.server.balance import Balance
from app.server.connection import Connection
from app.server.conversation import Conversation, Verdict
from app.server.exchange import Exchange, Log
from app.server.limits import KIB, Limits
from app.server.parking import Parking, Stage
from app.server.room import making_way
from app.server.threads import Threads
from app.server.tls import TlsConnection, server_context
from middleware.access_log import AccessLog, ErrorStream
from middleware.places import Turn
from middleware.proxies import TrustedProxies

_SCRATCH_BYTES = 256 * KIB
_OUT_OF_FILES_SECONDS = 1.0
_UNHEEDED_TIMES = 10  # that nobody took whom we let wait: they hang, or have no time, so that
_UNHEEDED_SECONDS = 0.05  # we don't for this long
_OBJECTS_A_COLLECTION = 10_000


class StrongroomWorker(ThreadWorker):
    """One process; see the module.

    `limits`, `place`, `processor` and `status_listener` are set before the fork.
    """

    limits = Limits()
    place = Balance().take()
    processor: int | None = None
    status_listener: socket.socket | None = None
    _accepting: bool  # gunicorn's own

    def init_process(self) -> None:
        """Called in the new process; runs until its end."""
        self._scratch = memoryview(bytearray(_SCRATCH_BYTES))
        self._names: dict[int, tuple[str, str]] = {}
        self._active: set[Connection] = set()
        self._accept_again = 0.0
        self._let_others = False  # a client is waiting whom another process might take
        self._courteous_again = 0.0
        self._unheeded = 0
        self._crowded = False  # full, and a client is waiting at the door
        self._addresses = TrustedProxies()
        self._tls: ssl.SSLContext | None = None
        if self.cfg.certfile:
            self._tls = server_context(Path(self.cfg.certfile), Path(self.cfg.keyfile))
        super().init_process()

    def get_thread_pool(self) -> Threads:  # type: ignore[override]  # used here alone
        """Called by gunicorn."""
        self._threads = Threads(self.cfg.threads)
        return self._threads

    def load_wsgi(self) -> None:
        """Called by gunicorn: load the application, and make what answers requests with it."""
        super().load_wsgi()
        # What is loaded stays: no collection needs to look at it again. A request makes some
        # hundreds of objects, and nearly all of them are gone when it ends.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_OBJECTS_A_COLLECTION)
        exchange = Exchange(
            application=self.wsgi,
            log=cast(Log, self.log),
            observer=getattr(self.wsgi, "metrics", None),
            multiprocess=self.cfg.workers > 1,
            errors=ErrorStream(cast(AccessLog, self.log)),
        )
        self._conversation = Conversation(
            limits=self.limits,
            exchange=exchange,
            serving=self._serving,
            needed_elsewhere=self._needed_elsewhere,
            answered=self._answered,
        )

    # The loop.

    def run(self) -> None:
        """Serve until told to stop, and a grace period longer."""
        self._keep_to_processor()
        self._parking = Parking(self.poller, self._on_ready)
        wake = cast(int, self.method_queue.fileno())
        self.poller.register(wake, selectors.EVENT_READ, self.method_queue.run_callbacks)
        for listener in self.sockets:
            self._names[listener.fileno()] = _address(listener.getsockname())
        while self.alive:
            self.notify()
            self._make_room()
            waits = self._accepting or self._crowded
            self._turn(1.0 if waits else self._pause_left())
            if not self.is_parent_alive():
                break
        self.alive = False
        self._wind_down()

    def _keep_to_processor(self) -> None:
        """With the application loaded, and its pools made, whose threads need not."""
        if self.processor is None:
            return
        try:
            os.sched_setaffinity(0, {self.processor})
            self._threads.keep_to(self.processor)
        except OSError as error:  # it was taken from the service since
            self.log.warning("can't keep to processor %d: %s", self.processor, error)

    def _turn(self, longest: float) -> None:
        """Wait for what happens next, for `longest` seconds at most, and deal with it."""
        left = max(self._parking.soonest - monotonic(), 0.0)
        self.wait_for_and_dispatch_events(min(longest, left))
        for connection, stage in self._parking.expired(monotonic()):
            self._parking.take(connection)
            self._on_expired(connection, stage)

    def _make_room(self) -> None:
        """Accept while there is room; connections without a request make way for new ones."""
        if self._let_others and not self._pause_left():
            self.set_accept_enabled(True)
            self._turn(0)  # Whom nobody took is accepted now.
            self._let_others = False
        if self._crowded and self.nr_conns >= self.worker_connections:
            self._turn(0)  # Whoever has sent something by now is heard, and does not go.
            going = making_way(self._parking.all(), self._addresses, self.limits.share)
            for connection in going[: self.limits.spare]:
                self._parking.take(connection)
                connection.finish()
                self._forget(connection.close)
        self._crowded = self._crowded and self.nr_conns >= self.worker_connections
        paused = self._pause_left() > 0
        self.set_accept_enabled(not self._crowded and not paused)
        if self._crowded or (paused and not self._let_others):
            self.place.leave()
        else:
            self._hold_place()

    def _hold_place(self) -> None:
        """Say what there is to do. New connections count as requests, or all those of a moment
        would go to one process. Requests that stand by do not, or whoever guesses passwords at
        one process would send all others to the next."""
        begun = len(self._active) + self._parking.beginning - self._standing_by()
        self.place.hold(max(begun, 0), self.nr_conns)

    def _standing_by(self) -> int:
        """How many requests hold a thread, and want no processor that others could use."""
        return getattr(self.wsgi, "standing_by", 0)

    def _pause_left(self) -> float:
        return max(self._accept_again - monotonic(), 0.0)

    def _pause(self, seconds: float) -> None:
        self._accept_again = monotonic() + seconds
        self.set_accept_enabled(False)

    def accept(self, listener: Any) -> None:
        """Called when a listener has a client."""
        if not self._let_others and self._gives_way():
            return
        if self.nr_conns >= self.worker_connections:
            # Not here: who would make way may have been heard in the same turn.
            self._crowded = True
            self.set_accept_enabled(False)
            return
        try:
            sock, peer = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                self.log.error("can't accept for now: %s", error)
                self._pause(_OUT_OF_FILES_SECONDS)
            return  # Or the client is gone, or another process was faster.
        try:
            connection = self._connection(sock, _address(peer), self._names[listener.fileno()])
        except OSError:
            sock.close()  # Gone already, before any TLS.
            return
        self.nr_conns += 1
        self._unheeded = self._unheeded + 1 if self.place.another_has_less() else 0
        if self._unheeded > _UNHEEDED_TIMES:
            self._courteous_again, self._unheeded = monotonic() + _UNHEEDED_SECONDS, 0
        self._parking.park(connection, Stage.HEAD, connection.head_deadline)
        self._hold_place()

    def _gives_way(self) -> bool:
        """Whether to wait a little, for another process with less to do to take a client."""
        if monotonic() < self._courteous_again or not self.place.another_has_less():
            return False
        self._let_others = True
        self._pause(self.limits.courtesy_seconds)
        return True

    def _connection(
        self, sock: socket.socket, peer: tuple[str, str], server: tuple[str, str]
    ) -> Connection:
        if self._tls is None:
            return Connection(sock, peer, server, self.limits)
        return TlsConnection(sock, peer, server, self.limits, self._tls)

    def _on_ready(self, connection: Connection, stage: Stage) -> None:
        if stage is Stage.DRAIN or stage is Stage.CLOSING:
            if not connection.discard(self._scratch):
                self._parking.take(connection)
                self._on_expired(connection, stage)
            return
        self._parking.take(connection)
        self._hand_over(connection)

    def _on_expired(self, connection: Connection, stage: Stage) -> None:
        if stage is Stage.DRAIN:
            self._half_close(connection)
        elif stage is Stage.CLOSING:
            self._forget(connection.close)
        elif connection.pending:
            self._hand_over(connection)  # A thread says 408 or 503, or has the rest by now.
        else:
            self._half_close(connection)

    def _hand_over(self, connection: Connection) -> None:
        self._active.add(connection)
        self._threads.submit(self._handle, connection)

    def _take_back(self, connection: Connection, verdict: Verdict) -> None:
        """In the loop: what `verdict` says of a connection that a thread gave back."""
        self._active.discard(connection)
        match verdict:
            case Verdict.WAIT:
                self._parking.park(connection, Stage.HEAD, connection.head_deadline)
            case Verdict.IDLE if self.alive:
                idle = self.limits.idle_seconds
                self._parking.park(connection, Stage.IDLE, monotonic() + idle)
            case Verdict.TURN:
                self._await_turn(connection)
            case Verdict.AGAIN:
                self._hand_over(connection)
            case Verdict.DRAIN if connection.drain_left > 0:
                drain = self.limits.drain_seconds
                self._parking.park(connection, Stage.DRAIN, monotonic() + drain)
            case Verdict.CUT:
                self._forget(connection.cut)
            case _:
                self._half_close(connection)

    def _await_turn(self, connection: Connection) -> None:
        turn = cast(Turn, connection.turn)
        self._parking.park(connection, Stage.TURN, turn.deadline)
        turn.when_granted(lambda: self.method_queue.defer(self._on_turn, connection, turn))

    def _on_turn(self, connection: Connection, turn: Turn) -> None:
        # Not where its time was up, or it made way, or another of its requests waits by now.
        if connection.turn is turn and connection in self._parking:
            self._parking.take(connection)
            self._hand_over(connection)

    def _half_close(self, connection: Connection) -> None:
        """End our side, and wait a little for the client's end, so that it gets all we sent."""
        connection.finish()
        connection.wants_write = False
        connection.drain_left = self.limits.drain_bytes
        self._parking.park(connection, Stage.CLOSING, monotonic() + self.limits.close_seconds)

    def _forget(self, close: Callable[[], None]) -> None:
        """Close (or cut) a connection, and count one less."""
        self.nr_conns -= 1
        close()

    def _wind_down(self) -> None:
        """Accept no more, close what is idle, let what is in flight end, cut what does not."""
        self.set_accept_enabled(False)
        self.place.leave()
        for listener in self.sockets:
            listener.close()
        self._turn(0)  # Requests that are here already are still answered.
        for connection in self._parking.among(Stage.IDLE):
            self._parking.take(connection)
            self._half_close(connection)
        now = monotonic()
        self._parking.hasten(Stage.HEAD, now + self.limits.close_seconds)
        end = now + max(self.cfg.graceful_timeout - self.limits.cleanup_seconds, 0)
        self._turn_until(end, lambda: self.nr_conns == 0)
        if self._active:
            self.log.warning("%d transfers were cut at the end of the grace", len(self._active))
        for connection in self._active:
            connection.interrupt()
        # The master kills at the end of it all; the last half second is for ending by ourselves.
        self._turn_until(end + self.limits.cleanup_seconds - 0.5, lambda: not self._active)
        self._threads.shutdown()
        close = getattr(self.wsgi, "close", None)
        if close is not None:
            close()

    def _turn_until(self, end: float, done: Callable[[], bool]) -> None:
        while not done() and (left := end - monotonic()) > 0:
            self.notify()
            self._turn(min(left, 1.0))

    # The threads.

    def _handle(self, connection: Connection) -> None:
        try:
            verdict = self._conversation.hold(connection)
        except (Exception, SystemExit):  # the latter would end the thread
            self.log.exception("a connection failed")
            verdict = Verdict.CUT
        self.method_queue.defer(self._take_back, connection, verdict)

    def _serving(self) -> bool:
        return self.alive

    def _answered(self) -> None:
        """Count towards gunicorn's `max_requests`."""
        self.nr += 1
        if self.nr >= self.max_requests:
            self.alive = False

    def _needed_elsewhere(self) -> bool:
        """Whether a thread should rather not stay with its connection for a tick: few others are
        free. A job that nobody has begun is no sign of that, for a thread has yet to wake."""
        if not self.alive:
            return True
        standing_by = self._standing_by()
        others: int = self.cfg.threads - standing_by
        return len(self._active) - standing_by > others * 3 // 4


def _address(name: object) -> tuple[str, str]:
    """A socket's name as CGI has it; a Unix socket has neither address nor port."""
    if isinstance(name, tuple):
        return str(name[0]), str(name[1])
    return "", ""
