"""TLS in the server itself: one context a process, and handshakes that nobody waits for.

A handshake is taken a step at a time, each when the loop sees bytes, so that a client which
never finishes one holds neither a thread nor the accepting of others.
"""

import os
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic

from app.server.connection import (
    HEAD_PIECE_BYTES,
    Buffer,
    Connection,
    ConnectionLost,
    FileShort,
    PlainHttp,
)
from app.server.limits import KIB, Limits
from app.server.pace import Pace

FILE_PIECE_BYTES = 256 * KIB

_IN_CLEAR = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 46\r\n"
    b"Connection: close\r\n\r\nThis port takes TLS alone: use https:// here.\n"
)


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """The context for `certificate` (a PEM chain) and `key`.

    Raises:
        OSError, ssl.SSLError: a file is missing, is no PEM, or the two do not match.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A client that could renegotiate could make us pay for handshakes without end.
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(certificate, key)
    return context


class TlsConnection(Connection):
    """A connection under TLS. Its socket never blocks; waits are Python's own, by a tick."""

    __slots__ = ("_shaken", "_tls")

    scheme = "https"

    def __init__(
        self,
        sock: socket.socket,
        peer: tuple[str, str],
        server: tuple[str, str],
        limits: Limits,
        context: ssl.SSLContext,
    ) -> None:
        self._shaken = False
        self._tls = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        super().__init__(self._tls, peer, server, limits)

    def prepare(self) -> None:
        """TLS sets the wait of each call by itself."""
        self._tls.settimeout(0)

    def ready(self) -> bool:
        """Take the handshake a step on; whether it is done. Raises ConnectionLost, PlainHttp."""
        if self._shaken:
            return True
        self.wants_write = False
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLWantWriteError:
            self.wants_write = True
            return False
        except OSError as error:  # ssl.SSLError is one
            if isinstance(error, ssl.SSLError) and error.reason == "HTTP_REQUEST":
                with suppress(OSError):  # Small enough for any socket's buffer, or nobody is left.
                    socket.socket.send(self._tls, _IN_CLEAR)
                raise PlainHttp from error
            raise ConnectionLost("no TLS was agreed on") from error
        self._shaken = True
        self.head_deadline = monotonic() + self.limits.head_seconds
        return True

    def buffered(self) -> bool:
        return bool(self.pending) or (self._shaken and self._tls.pending() > 0)

    def peek_now(self, size: int = HEAD_PIECE_BYTES) -> bytes | None:
        return self._peek(size, 0)

    def peek_soon(self, size: int = HEAD_PIECE_BYTES) -> bytes | None:
        return self._peek(size, self.limits.tick_seconds)

    def send_file(self, file: int, start: int, count: int, pace: Pace) -> None:
        piece = memoryview(bytearray(min(count, FILE_PIECE_BYTES)))
        while count:
            got = os.preadv(file, [piece[:count]], start)
            if not got:
                raise FileShort(f"the file ended {count} bytes early")
            self.send([piece[:got]], pace)
            start += got
            count -= got

    def discard(self, scratch: memoryview) -> bool:
        """As on a plain socket: what is thrown away needs no decrypting."""
        for _ in range(4):
            try:
                count = socket.socket.recv_into(
                    self._tls, scratch[: max(self.drain_left, 1)], 0, socket.MSG_DONTWAIT
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
        """Say the end in TLS (RFC 8446 section 6.1: close_notify), then in TCP."""
        self._tls.settimeout(0)
        # Sent, and the peer's has not come; or there is no session to end; or no peer.
        with suppress(OSError, ValueError):
            self._tls.unwrap()
        with suppress(OSError):
            socket.socket.shutdown(self._tls, socket.SHUT_WR)

    def interrupt(self) -> None:
        # Past TLS: another thread may be using the session.
        with suppress(OSError):
            socket.socket.shutdown(self._tls, socket.SHUT_RDWR)

    def _peek(self, size: int, seconds: float) -> bytes | None:
        self._tls.settimeout(seconds)
        try:
            return self._tls.recv(size)
        except (ssl.SSLWantReadError, TimeoutError):
            return None
        except OSError as error:
            raise ConnectionLost("the client is gone") from error

    def _receive_into(self, view: memoryview) -> int:
        self._tls.settimeout(self.limits.tick_seconds)
        try:
            return self._tls.recv_into(view)
        except TimeoutError:
            return -1

    def _send_some(self, parts: Sequence[Buffer], _more: bool) -> int:
        # One record for a head and a small body; what follows a long first part waits.
        small = sum(map(len, parts)) <= HEAD_PIECE_BYTES
        data = b"".join(parts) if small and len(parts) > 1 else parts[0]
        self._tls.settimeout(self.limits.tick_seconds)
        try:
            return self._tls.send(data)
        except TimeoutError:
            return 0
