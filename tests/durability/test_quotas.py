"""Quotas under as many uploads at once as a process has threads for, and under deaths."""

import logging
import os
import random
import select
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPException

import pytest

from tests.durability.installations import REPOSITORY, Installation, installed
from tests.durability.machines import Ground, Machine
from tests.durability.wire import Answer, basic, begin_put, exchange, read_answer

_log = logging.getLogger(__name__)

PARALLEL = 64
KEYS = 8
TURNS = 3
SIZE = 1_000
MEBIBYTE = 1024 * 1024
FITTING = 110  # of 192
HALT_SECONDS = 300  # without progress, on a machine with much else to do
AT = f"/api/repositories/{REPOSITORY}"


class Client:
    """One of those who upload at once: a key and an address, shared with few others."""

    def __init__(self, installation: Installation, machine: Machine, number: int, key: str):
        self._installation = installation
        self._machine = machine
        self._fields = basic("api-key", key)
        self._source = f"127.9.9.{number % KEYS + 1}"

    def ask(
        self, method: str, path: str, body: bytes | Iterator[bytes] = b"", **more: str
    ) -> Answer:
        fields = {**self._fields, **{name.replace("_", "-"): text for name, text in more.items()}}
        return exchange(self._machine.address, method, path, fields, body, self._source)

    def upload(self, path: str, way: int) -> Answer:
        """Upload a file of `SIZE` in one of the ways there are."""
        at, data = self._installation.url(path), os.urandom(SIZE)
        if way == 0:
            return self.ask("PUT", at, iter([data[:1], data[1:]]))
        if way == 1:
            begun = self.ask("POST", f"{at}?uploads", Upload_Length=str(SIZE))
            if begun.status != 201:
                return begun
            location = begun.fields["location"]
            sent = f"bytes 0-{SIZE - 1}/{SIZE}"
            piece = self.ask("PATCH", location, data, Content_Range=sent)
            assert piece.status == 202, piece
            return self.ask("PUT", location)
        return self.ask("PUT", at, data)


def at_once(calls: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def held(installation: Installation) -> int:
    """What counts against the quota."""
    usage = installation.api("GET", AT)["usage"]
    total: int = usage["bytes"] + usage["restorable_bytes"]
    return total


def check_counters(installation: Installation) -> None:
    """The counters tell what a count of all files does, and allowances come to the quotas."""
    assert installation.command("usage", "--check")["differences"] == []


@pytest.mark.parametrize("of", ["repository", "organization"])
def test_64_uploads_at_once_fill_a_quota_and_never_pass_it(ground: Ground, of: str) -> None:
    """By two machines, in all ways of uploading; who finds no room gets 413, and nobody 5xx."""
    quota = FITTING * SIZE + SIZE - 1
    flags = ["--workers", "1", "--threads", "64"]
    with installed(ground, flags, flags) as installation:
        if of == "repository":
            installation.api("PATCH", AT, {"quota_bytes": quota})
        else:
            installation.command("org", "set", "default", "--quota", str(quota))
        secrets = installation.new_developers(KEYS)
        statuses: list[int] = []
        wrong: list[str] = []
        seen: list[int] = []
        done = threading.Event()

        def work(number: int) -> None:
            machine = installation.machines[number % 2]
            client = Client(installation, machine, number, secrets[number % KEYS])
            for turn in range(TURNS):
                answer = client.upload(f"{number}/{turn}.bin", (number + turn) % 4)
                statuses.append(answer.status)
                if answer.status not in (201, 413):
                    wrong.append(str(answer))

        def look() -> None:
            while not done.wait(0.1):
                seen.append(held(installation))

        looker = threading.Thread(target=look)
        looker.start()
        at_once([lambda n=n: work(n) for n in range(PARALLEL)])  # type: ignore[misc]
        done.set()
        looker.join()
        conflicts = installation.metric("strongroom_storage_conflicts_total")
        _log.info("%s: %d conflicts, looked %d times", ground.name, conflicts, len(seen))
        assert wrong == []
        assert Counter(statuses) == {201: FITTING, 413: PARALLEL * TURNS - FITTING}
        assert max(seen) <= quota
        assert held(installation) == FITTING * SIZE
        check_counters(installation)
        assert [fault for machine in installation.machines for fault in machine.faults()] == []


def test_what_does_not_fit_is_refused_before_a_byte_is_sent(embedded: Ground) -> None:
    with installed(embedded, ["--workers", "1"]) as installation:
        installation.api("PATCH", AT, {"quota_bytes": MEBIBYTE})
        announced = {"Content-Length": str(MEBIBYTE + 1), "Expect": "100-continue"}
        fields = {**installation.key, **announced}
        address = installation.machines[0].address
        with begin_put(address, installation.url("large"), fields, b"") as connection:
            assert connection.recv(12) == b"HTTP/1.1 413", "and not 100"


def test_a_stream_that_does_not_fit_is_refused_in_the_midst_of_it(ground: Ground) -> None:
    """The client gets the answer while it sends, having sent little more than fits."""
    with installed(ground, ["--workers", "1"]) as installation:
        installation.api("PATCH", AT, {"quota_bytes": 20 * MEBIBYTE})
        fields = {**installation.key, "Transfer-Encoding": "chunked"}
        address = installation.machines[0].address
        chunk = b"%x\r\n%s\r\n" % (MEBIBYTE, bytes(MEBIBYTE))
        sent = 0
        with begin_put(address, installation.url("endless"), fields, b"") as connection:
            while not select.select([connection], [], [], 0)[0]:
                connection.sendall(chunk)
                sent += 1
                assert sent < 100, "MiB were taken"
            answer = read_answer(connection)
        assert answer.status == 413
        assert sent > 20
        assert held(installation) == 0
        check_counters(installation)


def test_a_quota_holds_while_machines_are_killed(ground: Ground) -> None:
    """Clients upload, overwrite, delete and restore while their machines die; at rest the
    counters are exact, nothing was passed, and what is full takes nothing more."""
    quota = 40 * SIZE
    flags = ["--workers", "1", "--threads", "16"]
    seed = random.SystemRandom().getrandbits(32)
    with installed(ground, flags, flags) as installation:
        installation.api("PATCH", AT, {"quota_bytes": quota})
        secrets = installation.new_developers(KEYS)
        answered: Counter[int] = Counter()
        over = threading.Event()

        def work(number: int) -> None:
            pick = random.Random(seed + number)
            while not over.is_set():
                machine = installation.machines[pick.randrange(2)]
                client = Client(installation, machine, number, secrets[number % KEYS])
                path = f"{pick.randrange(30)}.bin"
                with suppress(OSError, HTTPException, AssertionError):
                    match pick.randrange(6):
                        case 0:
                            answer = client.ask("DELETE", installation.url(path))
                        case 1:
                            body = f'{{"path": "{path}", "overwrite": true}}'.encode()
                            json = "application/json"
                            answer = client.ask("POST", f"{AT}/restore", body, Content_Type=json)
                        case way:
                            answer = client.upload(path, way - 2)
                    answered[answer.status] += 1

        threads = [threading.Thread(target=work, args=(n,)) for n in range(KEYS)]
        for thread in threads:
            thread.start()
        try:
            for death in range(4):
                machine = installation.machines[death % 2]
                _await(lambda least=40 * (death + 1): answered.total() >= least)
                machine.kill()
                machine.start()
                installation.api("POST", f"{AT}/purge", {"path": "", "recursive": True})
        finally:
            over.set()
            for thread in threads:
                thread.join()
        _log.info("%s, seed %d: %s", ground.name, seed, dict(answered))
        assert {200, 201, 204, 413} <= answered.keys(), f"seed {seed}: {answered}"
        assert held(installation) <= quota, f"seed {seed}"
        check_counters(installation)
        installation.api("PATCH", AT, {"quota_bytes": held(installation)})
        assert installation.put("one-more", b"x").status == 413
        installation.api("PATCH", AT, {"quota_bytes": held(installation) + 1})
        assert installation.put("one-more", b"x").status == 201
        check_counters(installation)


def _await(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + HALT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "the clients came to a halt"
        time.sleep(0.01)
