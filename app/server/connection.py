"""One client's connection: every byte that goes in or out passes through here.

A plain socket stays in blocking mode, and the kernel's own timeouts (SO_RCVTIMEO,
SO_SNDTIMEO) end each wait after a tick: a call costs one system call, where Python's
`settimeout` polls before each. TLS differs only in what it overrides, in `tls`.
"""

import os
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import TypeAlias

from app.server.limits import MIB, Limits
from app.server.pace import Pace
from middleware.places import Turn

Buffer: TypeAlias = bytes | memoryview

#: A TLS record holds up to 16 KiB (RFC 8446 section 5.1); reads of no less leave none behind.
HEAD_PIECE_BYTES = 16 * 1024
SENDFILE_BYTES = 4 * MIB


class ConnectionLost(Exception):
    """The client is gone, or this side cut the connection."""


class PlainHttp(Exception):
    """The client of a TLS port began with a request and not with a handshake; it was told so.

    OpenSSL knows GET, HEAD, POST and PUT; others are reset.
    """


class FileShort(Exception):
    """A file has fewer bytes than were promised."""


class Connection:
    """A client's socket with what was read ahead from it.

    It is handed back and forth between the worker's loop and one thread at a time; nothing
    here locks.

    Attributes:
        pending: Bytes received and not yet part of any request.
        deadline: Until when (monotonic) the loop waits for the client; the loop's own.
        head_deadline: Until when the head being received must be complete, 0 for none.
        drain_left: How many more bytes of a refused body are thrown away.
        turn: What its request waits for, or waited, until it is answered.
    """

    __slots__ = (
        "deadline",
        "drain_left",
        "head_deadline",
        "limits",
        "peer",
        "pending",
        "server",
        "sock",
        "turn",
        "wants_write",
    )

    scheme = "http"

    def __init__(
        self,
        sock: socket.socket,
        peer: tuple[str, str],
        server: tuple[str, str],
        limits: Limits,
    ) -> None:
        self.sock = sock
        self.peer = peer
        self.server = server
        self.limits = limits
        self.pending = b""
        self.deadline = 0.0
        self.head_deadline = monotonic() + limits.head_seconds
        self.drain_left = limits.drain_bytes
        self.wants_write = False
        self.turn: Turn | None = None
        self.prepare()

    def prepare(self) -> None:
        """Set the waits of this socket to a tick."""
        whole = int(self.limits.tick_seconds)
        tick = struct.pack("ll", whole, int((self.limits.tick_seconds - whole) * 1_000_000))
        self.sock.setblocking(True)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, tick)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, tick)

    def ready(self) -> bool:
        """Do what can be done without waiting before requests can be read (a handshake)."""
        return True

    def buffered(self) -> bool:
        """Whether there may be bytes that no poll of the socket will tell of."""
        return bool(self.pending)

    def peek_now(self, size: int = HEAD_PIECE_BYTES) -> bytes | None:
        """What has arrived, up to `size` bytes, without waiting: None for nothing yet, b""
        at the client's end. Raises ConnectionLost."""
        try:
            return self.sock.recv(size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError as error:
            raise ConnectionLost("the client is gone") from error

    def peek_soon(self, size: int = HEAD_PIECE_BYTES) -> bytes | None:
        """As `peek_now`, waiting up to a tick."""
        try:
            return self.sock.recv(size)
        except BlockingIOError:
            return None
        except OSError as error:
            raise ConnectionLost("the client is gone") from error

    def receive(self, view: memoryview, pace: Pace) -> int:
        """Receive into the front of `view`; 0 only at the client's end.

        Raises:
            ConnectionLost: the client is gone.
            TooSlow: it did not keep `pace`.
        """
        while True:
            began = monotonic()
            try:
                count = self._receive_into(view)
            except OSError as error:
                raise ConnectionLost("the client is gone") from error
            pace.waited(monotonic() - began, max(count, 0))
            if count >= 0:
                return count

    def send(self, parts: Sequence[Buffer], pace: Pace, more: bool = False) -> None:
        """Send all of `parts`, in one system call where the socket's buffer takes them.

        `more` says that a file follows at once, so that both may share a packet.

        Raises:
            ConnectionLost: the client is gone.
            TooSlow: it did not keep `pace`.
        """
        left = sum(map(len, parts))
        while left:
            began = monotonic()
            try:
                sent = self._send_some(parts, more)
            except OSError as error:
                raise ConnectionLost("the client is gone") from error
            pace.waited(monotonic() - began, sent)
            left -= sent
            if left:
                parts = _behind(parts, sent)

    def send_file(self, file: int, start: int, count: int, pace: Pace) -> None:
        """Send `count` bytes of the file descriptor `file` from `start` on.

        The file's own position does not count and is not moved.

        Raises:
            ConnectionLost, TooSlow: as `send`.
            FileShort: the file ends before.
        """
        while count:
            began = monotonic()
            try:
                sent = os.sendfile(self.sock.fileno(), file, start, min(count, SENDFILE_BYTES))
            except BlockingIOError:
                pace.waited(monotonic() - began, 0)
                continue
            except OSError as error:
                raise ConnectionLost("the client is gone") from error
            if not sent:
                raise FileShort(f"the file ended {count} bytes early")
            pace.waited(monotonic() - began, sent)
            start += sent
            count -= sent

    def discard(self, scratch: memoryview) -> bool:
        """Throw away what has arrived, without waiting; whether more may come.

        False at the client's end, or once `drain_left` is used up.
        """
        for _ in range(4):
            try:
                count = self.sock.recv_into(
                    scratch[: max(self.drain_left, 1)], 0, socket.MSG_DONTWAIT
                )
            except BlockingIOError:
                return True
            except OSError:
                return False  # Reset: there is nobody left to be told.
            self.drain_left -= count
            if count == 0 or self.drain_left <= 0:
                return False
        return True

    def finish(self) -> None:
        """Close the sending half, after all that was sent (RFC 9112 section 9.6)."""
        with suppress(OSError):  # The client was faster.
            self.sock.shutdown(socket.SHUT_WR)

    def interrupt(self) -> None:
        """Wake the thread that waits on this connection: all it does from now on fails."""
        with suppress(OSError):  # It is gone by itself.
            self.sock.shutdown(socket.SHUT_RDWR)

    def leave_turn(self) -> None:
        """Its request waits no longer, or was answered: give back what came of that."""
        turn, self.turn = self.turn, None
        if turn is not None:
            turn.leave()

    def close(self) -> None:
        """Let go of the socket, and of what its request waits for."""
        self.leave_turn()
        self.sock.close()

    def cut(self) -> None:
        """Close with a reset, so that no client takes what it got for a whole answer."""
        with suppress(OSError):  # It may be gone by itself; closing is all that is left then.
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def _receive_into(self, view: memoryview) -> int:
        """One wait: the count, 0 at the end, -1 for nothing within a tick. Raises OSError."""
        try:
            return self.sock.recv_into(view)
        except BlockingIOError:
            return -1

    def _send_some(self, parts: Sequence[Buffer], _more: bool) -> int:
        """One wait: how many bytes went out, 0 for none within a tick. Raises OSError."""
        try:
            return self.sock.sendmsg(parts, (), socket.MSG_MORE if _more else 0)
        except BlockingIOError:
            return 0


def _behind(parts: Sequence[Buffer], count: int) -> list[Buffer]:
    """What of `parts` lies behind their first `count` bytes."""
    left: list[Buffer] = []
    for part in parts:
        if count >= len(part):
            count -= len(part)
        else:
            left.append(memoryview(part)[count:])
            count = 0
    return left
