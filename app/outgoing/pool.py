"""Connections: those that wait for the next request to the same origin, and those in use."""

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import TypeAlias

from app.outgoing.connection import Connection
from app.outgoing.errors import Unreachable
from app.outgoing.urls import Origin, Url

#: For each origin, and all together. Who gives one back beyond that closes it.
MOST_OF_AN_ORIGIN = 16
MOST = 64


#: What a connection was made for. One over which credentials may go in the clear was checked for
#: that, and others were not.
_Way: TypeAlias = tuple[Origin, bool]


class Pool:
    """Open connections. Safe for any number of threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._idle: defaultdict[_Way, list[Connection]] = defaultdict(list)
        self._used: set[Connection] = set()
        self._count = 0
        self._closed = False

    def take(self, url: Url) -> Connection | None:
        """The connection to a URL's origin that was used last and can be used again.

        Raises Unreachable where all is closed.
        """
        while (connection := self._pop((url.origin, url.bares))) is not None:
            if connection.is_fit():
                return self.use(connection)
            connection.close()
        return None

    def use(self, connection: Connection) -> Connection:
        """Have a connection noted as in use, until `put` or `drop`; itself.

        Raises Unreachable where all is closed.
        """
        with self._lock:
            if not self._closed:
                self._used.add(connection)
                return connection
        connection.close()
        raise Unreachable("nothing is fetched any more")

    def put(self, connection: Connection) -> None:
        """Keep a connection whose last answer was read to its end."""
        connection.idle_since = self._clock()
        connection.deadline = float("inf")
        with self._lock:
            self._used.discard(connection)
            way = connection.origin, connection.bares
            idle = self._idle[way]
            if not self._closed and len(idle) < MOST_OF_AN_ORIGIN and self._count < MOST:
                idle.append(connection)
                self._count += 1
                return
            if not idle:
                del self._idle[way]
        connection.close()

    def drop(self, connection: Connection) -> None:
        """Close a connection that was in use."""
        with self._lock:
            self._used.discard(connection)
        connection.close()

    def close(self) -> None:
        """Close those that are idle, end those in use, and give no others."""
        with self._lock:
            self._closed = True
            idle = [connection for ones in self._idle.values() for connection in ones]
            self._idle.clear()
            self._count = 0
            # Within the lock: whoever drops one of them closes it behind this.
            for connection in self._used:
                connection.wake()
        for connection in idle:
            connection.close()

    def _pop(self, way: _Way) -> Connection | None:
        with self._lock:
            if self._closed:
                raise Unreachable("nothing is fetched any more")
            if way not in self._idle:
                return None
            idle = self._idle[way]
            connection = idle.pop()
            self._count -= 1
            if not idle:
                del self._idle[way]
            return connection
