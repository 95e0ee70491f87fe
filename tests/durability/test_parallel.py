"""Many uploads at once into one repository, where every commit is a transaction of DynamoDB."""

import logging
import os
import threading
from collections import Counter

from tests.durability.installations import installed
from tests.durability.machines import Ground
from tests.durability.wire import basic, exchange

_log = logging.getLogger(__name__)

PARALLEL = 64
KEYS = 8
TURNS = 4


def test_parallel_uploads_of_different_paths_meet_no_error(remote: Ground) -> None:
    """64 at a time, by eight keys, as many as one process has threads for: no record that all of
    them touch is hot."""
    with installed(remote, ["--workers", "1", "--threads", "64"]) as installation:
        (machine,) = installation.machines
        # One person or address alone may not hold the last quarter of a process's threads.
        secrets = installation.new_developers(KEYS)
        answers: list[str] = []

        def upload(number: int) -> None:
            key, source = basic("api-key", secrets[number % KEYS]), f"127.9.9.{number % KEYS + 1}"
            for turn in range(TURNS):
                path = installation.url(f"parallel/{number}-{turn}.bin")
                answer = exchange(machine.address, "PUT", path, key, os.urandom(1024), source)
                answers.append(str(answer.status) if answer.status == 201 else str(answer))

        threads = [threading.Thread(target=upload, args=(n,)) for n in range(PARALLEL)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        conflicts = installation.metric("strongroom_storage_conflicts_total")
        _log.info("%d conflicts, %d uploads", conflicts, len(answers))
        assert Counter(answers) == {"201": PARALLEL * TURNS}
        assert conflicts <= PARALLEL * TURNS, "each commit met more than one other"
        assert machine.faults() == []
