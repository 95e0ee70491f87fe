"""Connections that wait for the next request to the same origin."""

import threading
from collections import defaultdict
from collections.abc import Callable

from app.outgoing.connection import Connection
from app.outgoing.urls import Origin

#: For each origin, and all together. Who gives one back beyond that closes it.
MOST_OF_AN_ORIGIN = 16
MOST = 64


class Pool:
    """Idle connections. Safe for any number of threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: defaultdict[Origin, list[Connection]] = defaultdict(list)
        self._count = 0
        self._closed = False

    def take(self, origin: Origin) -> Connection | None:
        """The connection to an origin that was used last and can be used again."""
        while (connection := self._pop(origin)) is not None:
            if connection.is_fit():
                return connection
            connection.close()
        return None

    def put(self, connection: Connection) -> None:
        """Keep a connection whose last answer was read to its end."""
        connection.idle_since = self._clock()
        connection.deadline = float("inf")
        with self._lock:
            idle = self._idle[connection.origin]
            if not self._closed and len(idle) < MOST_OF_AN_ORIGIN and self._count < MOST:
                idle.append(connection)
                self._count += 1
                return
            if not idle:
                del self._idle[connection.origin]
        connection.close()

    def close(self) -> None:
        """Close those that are idle, and keep no others."""
        with self._lock:
            self._closed = True
            idle = [connection for ones in self._idle.values() for connection in ones]
            self._idle.clear()
            self._count = 0
        for connection in idle:
            connection.close()

    def _pop(self, origin: Origin) -> Connection | None:
        with self._lock:
            if origin not in self._idle:
                return None
            idle = self._idle[origin]
            connection = idle.pop()
            self._count -= 1
            if not idle:
                del self._idle[origin]
            return connection
