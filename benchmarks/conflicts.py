"""What uploads of different paths into one repository cost each other on DynamoDB."""

import os
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.figures import Fact
from benchmarks.plan import Plan
from benchmarks.service import Service, exchange, path_of, strongroom
from tests.engines.dynamodb_local import CREDENTIALS, dynamodb_local

KEYS = 8
PARALLEL = 64
UPLOADS_A_ROUND = 4


def conflicts(plan: Plan, folder: Path) -> Iterator[Fact]:
    """64 threads of uploads by eight keys, on DynamoDB Local, `--threads 64`."""
    with (
        dynamodb_local() as url,
        strongroom(
            folder / "ours",
            threads=PARALLEL,
            settings={
                "METADATA": f"dynamodb://bench?region=eu-central-1&endpoint={url}",
                "SECRET_KEY": os.urandom(32).hex(),
            },
            environment=CREDENTIALS,
        ) as service,
    ):
        keys = [service.new_key(f"bench-{number}") for number in range(KEYS)]
        _upload_all(service, keys, "warm", 1)
        before = service.metric("strongroom_storage_conflicts_total")
        statuses = _upload_all(service, keys, "file", UPLOADS_A_ROUND * plan.rounds)
        retried = service.metric("strongroom_storage_conflicts_total") - before
    uploads = sum(statuses.values())
    failed = sum(count for status, count in statuses.items() if status >= 500)
    wrong = sum(count for status, count in statuses.items() if status != 201) - failed
    yield Fact(
        f"{PARALLEL} parallel PUTs by {KEYS} keys into one repository, DynamoDB Local",
        f"{retried / uploads:.3f} conflicts for each of {uploads} commits, {failed} answers of 5xx",
        "no 5xx",
        failed == 0 and wrong == 0,
    )


def _upload_all(
    service: Service, keys: list[dict[str, str]], prefix: str, each: int
) -> Counter[int]:
    statuses: Counter[int] = Counter()
    lock = threading.Lock()

    def upload(number: int, key: Mapping[str, str]) -> None:
        for turn in range(each):
            path = path_of(f"{prefix}/{number}-{turn}")
            status, _ = exchange(service.port, "PUT", path, key, os.urandom(1024))
            with lock:
                statuses[status] += 1

    threads = [
        threading.Thread(target=upload, args=(number, keys[number % len(keys)]))
        for number in range(PARALLEL)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses
