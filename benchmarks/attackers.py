"""Wrong passwords at a steady rate, from a process of its own: `attack` starts and ends it.

The rate does not wait for answers, as attackers do not. Addresses are what a trusted proxy says
they are. Run as a module it is that process: it prints the statuses that it got when it is ended.
"""

import argparse
import asyncio
import base64
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

from benchmarks.processes import BenchmarkFailed

A_SECOND = 200
KNOWN = 50  # accounts that an attack knows, of `known_account`
NETWORKS = 500  # of the many addresses
# Until the service is as busy with it as it will be, and knows most of the addresses.
_SETTLE_SECONDS = 10.0
_OVER_SECONDS = 5.0  # until nobody waits any more, who was under way at its end
_UNDER_WAY = 2_000  # connections; more would measure the machine's limits
_PATIENCE_SECONDS = 20.0


class From(StrEnum):
    """Where an attack comes from."""

    MANY = "500 addresses"
    NEW = "a new address each"
    ONE = "one address"


@dataclass(slots=True)
class Attack:
    """What came of an attack, once it is over.

    `statuses` counts answers by their status; the key is "0" for none at all.
    """

    sent: int = 0
    seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)

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
    found = Attack()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
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


class _Attackers:
    """Their connections, kept while they are good."""

    def __init__(self, port: int, path: str, source: From) -> None:
        self._port, self._path, self._source = port, path, source
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.statuses: Counter[str] = Counter()

    async def try_once(self, number: int) -> None:
        """One wrong password."""
        status = "0"
        with suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                status = await self._exchange(self._request(number))
        self.statuses[status] += 1

    async def _exchange(self, request: bytes) -> str:
        if self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        await reader.readexactly(length)
        if "connection: close" in head:
            writer.close()
        else:
            self._idle.append((reader, writer))
        return head.split(" ", 2)[1]

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
        if self._source is From.MANY:
            number = random.randrange(NETWORKS)
        # Of those for benchmarks (RFC 2544, appendix C.2.2).
        return f"198.19.{number >> 8 & 255}.{number & 255}"


async def _attack(port: int, path: str, source: From) -> None:
    attackers, over = _Attackers(port, path, source), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    began, sent = time.monotonic(), 0
    under_way: set[asyncio.Task[None]] = set()
    while not over.is_set():
        due = int((time.monotonic() - began) * A_SECOND)
        for number in range(sent, due):
            if len(under_way) < _UNDER_WAY:
                task = asyncio.create_task(attackers.try_once(number))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
                sent += 1
        await asyncio.sleep(1 / A_SECOND)
    seconds = time.monotonic() - began
    print(json.dumps({"sent": sent, "seconds": seconds, "statuses": attackers.statuses}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("source", choices=From.__members__)
    options = parser.parse_args()
    asyncio.run(_attack(options.port, options.path, From[options.source]))
