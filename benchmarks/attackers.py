"""Wrong passwords at a steady rate, from a process of its own: `attack` starts and ends it, and
its `pause` interrupts it.

The rate does not wait for answers, as attackers do not. Addresses are what a trusted proxy says
they are. Run as a module it is that process: it prints the statuses that it got when it is ended.
"""

import argparse
import base64
import json
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from benchmarks.processes import BenchmarkFailed

A_SECOND = 200
KNOWN = 50  # accounts that an attack knows, of `known_account`
NETWORKS = 500  # of the many addresses
# Until the service is as busy with it as it will be, and knows most of the addresses.
_SETTLE_SECONDS = 10.0
_OVER_SECONDS = 5.0  # until nobody waits any more, who was under way at its end
_PAUSE_SECONDS = 2.0  # until what has a turn has had it; who waits costs nothing
_LOOK_SECONDS = 0.05  # how long one that pauses looks away
_RESUME_SECONDS = 1.0  # until all places to wait are taken again
_UNDER_WAY = 2_000  # connections; more would measure the machine's limits
_PATIENCE_SECONDS = 20.0
_PIECE_BYTES = 64 * 1024


class From(StrEnum):
    """Where an attack comes from."""

    MANY = "500 addresses"
    NEW = "a new address each"
    ONE = "one address"


@dataclass(slots=True)
class Attack:
    """What came of an attack, once it is over.

    `seconds` are without the pauses; `statuses` counts answers by their status, "0" for none at
    all. `flip` has it pause, or go on.
    """

    sent: int = 0
    seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    flip: Callable[[], None] = field(default=lambda: None, repr=False)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Send nothing for as long as the block lasts."""
        self.flip()
        time.sleep(_PAUSE_SECONDS)
        try:
            yield
        finally:
            self.flip()
        time.sleep(_RESUME_SECONDS)

    def check(self) -> None:
        """Raises BenchmarkFailed: it was slower than it should be, or somebody got in."""
        if self.sent < 0.9 * A_SECOND * self.seconds:
            raise BenchmarkFailed(f"{self.sent} wrong passwords in {self.seconds:.0f} s")
        if self.statuses.keys() - {"0", "401", "429", "503"}:
            raise BenchmarkFailed(f"wrong passwords were answered with {self.statuses}")


def known_account(number: int) -> str:
    """The address of an account that attackers know of."""
    return f"known-{number}@bench.example"


@contextmanager
def attack(port: int, path: str, source: From) -> Iterator[Attack]:
    """Send wrong passwords to a path for as long as the block lasts."""
    command = [sys.executable, "-m", "benchmarks.attackers", str(port), path, source.name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        found = Attack(flip=lambda: process.send_signal(signal.SIGUSR1))
        try:
            time.sleep(_SETTLE_SECONDS)
            yield found
        finally:
            process.terminate()
            told, _ = process.communicate(timeout=60)
            time.sleep(_OVER_SECONDS)
    said = json.loads(told or "{}")
    if not said:
        raise BenchmarkFailed("the attack broke off")
    found.sent, found.seconds, found.statuses = said["sent"], said["seconds"], said["statuses"]
    found.check()


class _Connection:
    """One of the attackers' connections; `number` is 0 while no answer is awaited."""

    __slots__ = ("number", "received", "since", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.number, self.since, self.received = 0, 0.0, b""

    def answered(self) -> tuple[str, bool] | None:
        """The status, and whether the connection is still good; None until all has come."""
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return None
        head = head.lower()
        if len(body) < int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]):
            return None
        return head.split(b" ", 2)[1].decode(), b"connection: close" not in head


class _Attackers:
    """Their connections, kept while they are good. One loop, and little more than the system's
    calls: what attackers cost is not taken from the service, as they have machines of their own."""

    def __init__(self, port: int, path: str, source: From) -> None:
        self._port, self._path, self._source = port, path, source
        self._selector = selectors.DefaultSelector()
        self._idle: list[_Connection] = []
        self._awaited: dict[_Connection, None] = {}  # who has waited for longest is first
        # No attack comes from the new addresses of those in the ten minutes before.
        self._first = int(time.time() * A_SECOND)
        self.sent = 0
        self.statuses: Counter[str] = Counter()

    def try_once(self, number: int) -> None:
        """Send a wrong password, unless too many wait already."""
        if len(self._awaited) >= _UNDER_WAY:
            return
        self.sent += 1
        kept = bool(self._idle)
        connection = self._idle.pop() if kept else self._connect()
        connection.number, connection.since = number, time.monotonic()
        self._awaited[connection] = None
        if kept:
            self._send(connection)

    def turn(self, seconds: float) -> None:
        """Hear who is answered within that time, and give up on who has not been for long."""
        for key, events in self._selector.select(seconds):
            if events & selectors.EVENT_WRITE:
                self._selector.modify(key.fileobj, selectors.EVENT_READ, key.data)
                self._send(key.data)
            else:
                self._receive(key.data)
        late = time.monotonic() - _PATIENCE_SECONDS
        while self._awaited and (first := next(iter(self._awaited))).since < late:
            self._end(first)

    def _connect(self) -> _Connection:
        connection = _Connection(socket.socket())
        connection.sock.setblocking(False)
        connection.sock.connect_ex(("127.0.0.1", self._port))  # what fails shows when it is used
        self._selector.register(connection.sock, selectors.EVENT_WRITE, connection)
        return connection

    def _send(self, connection: _Connection) -> None:
        try:
            connection.sock.send(self._request(connection.number))
        except OSError:
            self._end(connection)

    def _receive(self, connection: _Connection) -> None:
        try:
            piece = connection.sock.recv(_PIECE_BYTES)
        except OSError:
            piece = b""
        connection.received += piece
        answered = connection.answered()
        if answered is None and piece:
            return
        if answered is None or not answered[1]:
            self._end(connection, answered[0] if answered else "0")
            return
        self.statuses[answered[0]] += 1
        del self._awaited[connection]
        connection.number, connection.received = 0, b""
        self._idle.append(connection)

    def _end(self, connection: _Connection, status: str = "0") -> None:
        """Close it; what it was waiting for came to `status`."""
        if connection.number:
            self.statuses[status] += 1
            del self._awaited[connection]
        else:
            self._idle.remove(connection)
        self._selector.unregister(connection.sock)
        connection.sock.close()

    def _request(self, number: int) -> bytes:
        """To accounts that are there and to others, in turn."""
        account = f"nobody-{os.urandom(6).hex()}@bench.example"
        if number % 2:
            account = known_account(random.randrange(KNOWN))
        sent = base64.b64encode(f"{account}:wrong {os.urandom(6).hex()}".encode()).decode()
        return (
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"Authorization: Basic {sent}\r\nX-Forwarded-Proto: https\r\n"
            f"X-Forwarded-For: {self._address(number)}\r\n\r\n"
        ).encode()

    def _address(self, number: int) -> str:
        if self._source is From.ONE:
            return "192.0.2.1"  # TEST-NET-1 (RFC 5737)
        # Of those for benchmarks (RFC 2544, appendix C.2.2): 198.18.0.0/15.
        if self._source is From.MANY:
            number = random.randrange(NETWORKS)
        else:
            number = (self._first + number) % 2**17
        return f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


class _Pace:
    """How many are due by now, while it goes on."""

    def __init__(self) -> None:
        self._since: float | None = time.monotonic()
        self._before = 0.0

    @property
    def going(self) -> bool:
        """Whether it goes on now."""
        return self._since is not None

    @property
    def seconds(self) -> float:
        """For how long it went on."""
        return self._before + (0.0 if self._since is None else time.monotonic() - self._since)

    @property
    def due(self) -> int:
        return int(self.seconds * A_SECOND)

    def flip(self) -> None:
        """Pause, or go on."""
        going, self._before = self.going, self.seconds
        self._since = None if going else time.monotonic()


def _attack(port: int, path: str, source: From) -> None:
    attackers, pace, over = _Attackers(port, path, source), _Pace(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    flips: list[int] = []  # not carried out in the handler, which may come within any sum of times
    signal.signal(signal.SIGUSR1, lambda number, _: flips.append(number))
    asked = 0
    while not over.is_set():
        if flips:
            flips.pop()
            pace.flip()
        while asked < pace.due:
            asked += 1
            attackers.try_once(asked)
        attackers.turn(1 / A_SECOND if pace.going else _LOOK_SECONDS)
    told = {"sent": attackers.sent, "seconds": pace.seconds, "statuses": attackers.statuses}
    print(json.dumps(told))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("source", choices=From.__members__)
    options = parser.parse_args()
    _attack(options.port, options.path, From[options.source])
