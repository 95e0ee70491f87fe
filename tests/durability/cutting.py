"""A connection that breaks: a proxy on loopback that cuts uploads after so many bytes."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

Address = tuple[str, int]


class Cutting:
    """Hands bytes on, both ways, and resets the next `cuts` connections on which a client sent
    more than `after` bytes.

    Attributes:
        address: Where it listens.
        cuts: How many are still to come.
    """

    def __init__(self, upstream: Address, after: int, cuts: int) -> None:
        self._upstream, self._after, self.cuts = upstream, after, cuts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: Address = self._listener.getsockname()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

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
                for pump in (self._up, self._down):
                    threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        sent = 0
        with contextlib.suppress(OSError):
            while data := client.recv(64 * 1024):
                server.sendall(data)
                sent += len(data)
                if sent > self._after and self.cuts:
                    self.cuts -= 1
                    for end in (server, client):
                        # A reset, as of a line that is gone, and not an end.
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                        end.shutdown(socket.SHUT_RD)
                        end.close()
                    return
            server.shutdown(socket.SHUT_WR)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(64 * 1024):
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)


@contextmanager
def cutting(upstream: Address, after: int, cuts: int) -> Iterator[Cutting]:
    """A proxy before `upstream`, for the time of the block."""
    proxy = Cutting(upstream, after, cuts)
    try:
        yield proxy
    finally:
        proxy.close()
