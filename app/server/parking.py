"""The connections that the worker's loop waits for, each in a stage and with a deadline."""

import selectors
from collections.abc import Callable, Iterator
from enum import Enum, auto
from functools import partial
from math import inf
from typing import TypeAlias

from app.server.connection import Connection


class Stage(Enum):
    """What a connection is waited for."""

    HEAD = auto()  #: the rest of a handshake or of a request's head
    TURN = auto()  #: a thread that its request may have; the client is not waited for
    IDLE = auto()  #: the first byte of another request
    DRAIN = auto()  #: a refused body, which is thrown away
    CLOSING = auto()  #: the client's own end, after ours


Ready: TypeAlias = Callable[[Connection, Stage], None]


class Parking:
    """Connections in a selector; used by the loop's thread alone."""

    def __init__(self, selector: selectors.BaseSelector, ready: Ready) -> None:
        self._selector = selector
        self._ready = ready
        self._parked: dict[Connection, Stage] = {}
        self._beginning = 0
        # No deadline is earlier: so most turns of the loop need no look at any of them.
        self._soonest = inf

    def park(self, connection: Connection, stage: Stage, deadline: float) -> None:
        """Have `ready(connection, stage)` called when it can be read (or written, in a
        handshake that wants that), and wait for that until `deadline`. In the stage TURN it is
        not called: a body that has begun to come is nothing to wait for."""
        connection.deadline = deadline
        self._soonest = min(self._soonest, deadline)
        if stage is not Stage.TURN:
            event = selectors.EVENT_WRITE if connection.wants_write else selectors.EVENT_READ
            self._selector.register(connection.sock, event, self._caller(connection, stage))
        self._parked[connection] = stage
        self._beginning += stage is Stage.HEAD

    def take(self, connection: Connection) -> None:
        """Wait for it no longer."""
        stage = self._parked.pop(connection)
        self._beginning -= stage is Stage.HEAD
        if stage is not Stage.TURN:
            self._selector.unregister(connection.sock)

    def __contains__(self, connection: object) -> bool:
        return connection in self._parked

    def expired(self, now: float) -> list[tuple[Connection, Stage]]:
        """Those whose deadline is over; they stay until they are taken."""
        if now < self._soonest:
            return []
        waiting = (each.deadline for each in self._parked if each.deadline > now)
        self._soonest = min(waiting, default=inf)
        return [(each, stage) for each, stage in self._parked.items() if each.deadline <= now]

    def hasten(self, stage: Stage, deadline: float) -> None:
        """Wait for those in `stage` until `deadline` at the latest."""
        for connection in self.among(stage):
            connection.deadline = min(connection.deadline, deadline)
        self._soonest = min(self._soonest, deadline)

    def among(self, stage: Stage) -> Iterator[Connection]:
        """Those in `stage`, the one that has waited longest first."""
        return iter([each for each, parked in self._parked.items() if parked is stage])

    def all(self) -> list[tuple[Connection, Stage]]:
        """All of them, the one that has waited longest first."""
        return list(self._parked.items())

    @property
    def beginning(self) -> int:
        """How many there are of whom a request is awaited next, or the rest of one's head."""
        return self._beginning

    @property
    def soonest(self) -> float:
        """A time before which no deadline is over."""
        return self._soonest

    def _caller(self, connection: Connection, stage: Stage) -> Callable[[object], None]:
        return partial(_call, self._ready, connection, stage)


def _call(ready: Ready, connection: Connection, stage: Stage, _file: object) -> None:
    ready(connection, stage)
