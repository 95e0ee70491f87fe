"""Many uploads at once into one repository, where every commit is a transaction of DynamoDB."""

import os
import threading
from collections import Counter

import pytest

from tests.durability.machines import Ground, installed
from tests.durability.wire import basic, exchange

PARALLEL = 64
KEYS = 8
TURNS = 4


def test_parallel_uploads_of_different_paths_meet_no_error(
    remote: Ground, record_property: pytest.RecordProperty
) -> None:
    """64 at a time, by eight keys, on DynamoDB Local: nothing that all of them touch is hot."""
    with installed(remote, ["--threads", "64"]) as installation:
        (machine,) = installation.machines
        secrets = installation.new_keys(KEYS)
        answers: list[str] = []

        def upload(number: int) -> None:
            key = basic("api-key", secrets[number % KEYS])
            for turn in range(TURNS):
                path = installation.url(f"parallel/{number}-{turn}.bin")
                answer = exchange(machine.address, "PUT", path, key, os.urandom(1024))
                answers.append(str(answer.status) if answer.status == 201 else str(answer))

        threads = [threading.Thread(target=upload, args=(n,)) for n in range(PARALLEL)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        conflicts = installation.metric("strongroom_storage_conflicts_total")
        record_property("conflicts_per_commit", round(conflicts / len(answers), 3))
        assert Counter(answers) == {"201": PARALLEL * TURNS}
        assert conflicts <= PARALLEL * TURNS, "each commit met more than one other"
        assert machine.faults() == []
