"""A line on loopback that is listened to: what clients ask a server for, and what it answers.

Bytes go through as they come, both ways, so that nothing between client and server is the
test's; what was asked is read from a copy of them. The server's own log has no paths.
"""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

Address = tuple[str, int]

# Anywhere: a request follows the body of the one before it on the same connection.
_REQUEST = re.compile(rb"(GET|HEAD|PUT|POST|DELETE) (/\S*) HTTP/1\.[01]\r\n")
_ANSWER = re.compile(rb"HTTP/1\.[01] ([2-5]\d\d) ")  # 100 is none


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and the status of its answer; None where none came."""

    method: str
    path: str
    status: int | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}: {self.status}"


@dataclass(slots=True)
class _Connection:
    up: bytearray = field(default_factory=bytearray)
    down: bytearray = field(default_factory=bytearray)

    def asked(self) -> Iterator[Asked]:
        statuses = iter(_ANSWER.findall(self.down))
        for method, path in _REQUEST.findall(self.up):
            status = next(statuses, None)
            yield Asked(method.decode(), path.decode(), None if status is None else int(status))


class Watched:
    """Hands bytes on to `upstream`, and keeps a copy.

    Attributes:
        address: Where it listens.
    """

    def __init__(self, upstream: Address) -> None:
        self._upstream = upstream
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: Address = self._listener.getsockname()
        self._connections: list[_Connection] = []
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def asked(self) -> list[Asked]:
        """All requests so far, by connections in the order in which they were made."""
        return [asked for connection in list(self._connections) for asked in connection.asked()]

    def close(self) -> None:
        # Shut down first: a thread that waits in accept would keep the address listening.
        for end in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._upstream)
                self._open += [client, server]
                heard = _Connection()
                self._connections.append(heard)
                for from_, to, copy in ((client, server, heard.up), (server, client, heard.down)):
                    threading.Thread(target=_pump, args=(from_, to, copy), daemon=True).start()


def _pump(from_: socket.socket, to: socket.socket, copy: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := from_.recv(64 * 1024):
            copy += data  # before it is handed on: who has an answer is in the copy
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def watching(upstream: Address) -> Iterator[Watched]:
    """A line to `upstream` that is listened to, for the time of the block."""
    line = Watched(upstream)
    try:
        yield line
    finally:
        line.close()
