"""The peak of a process's memory under large uploads, beside the budget that it states."""

import re
import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.processes import BenchmarkFailed
from benchmarks.remote import BUCKET, make_bucket
from benchmarks.service import Service, path_of, strongroom
from benchmarks.uploads import curl_put
from tests.engines.dynamodb_local import CREDENTIALS
from tests.engines.s3_server import REGION, s3_server
from tests.parts import ROOT

PARALLEL = 8


def memory(plan: Plan, folder: Path) -> Iterator[Figure]:
    """Eight parallel 1 GiB uploads, then 100 MiB and 4 GiB, each in a process of its own."""
    budget = stated_bytes(r"On a folder it is about ([\d,]+) MiB")
    yield from _uploads(plan, folder / "folder", "folder store", budget, {}, {})
    with s3_server() as url:
        make_bucket(url)
        settings = {"BLOBS": f"s3://{BUCKET}/ours?region={REGION}&endpoint={url}"}
        budget = stated_bytes(r"Total\s+([\d,]+) MiB")
        yield from _uploads(plan, folder / "s3", "S3", budget, settings, CREDENTIALS)


def stated_bytes(pattern: str) -> int:
    """A budget as `gunicorn.conf.py` states it."""
    found = re.search(pattern, (ROOT / "gunicorn.conf.py").read_text())
    if found is None:
        raise BenchmarkFailed(f"gunicorn.conf.py states no budget like {pattern}")
    return int(found[1].replace(",", "")) * 2**20


def _uploads(
    plan: Plan,
    folder: Path,
    store: str,
    budget: int,
    settings: Mapping[str, str],
    environment: Mapping[str, str],
) -> Iterator[Figure]:
    whole = plan.large_bytes
    for what, count, size in (
        (f"{PARALLEL} parallel uploads of {whole >> 20} MiB", PARALLEL, whole),
        (f"an upload of {whole // 10 >> 20} MiB", 1, whole // 10),
        (f"an upload of {whole * 4 >> 20} MiB", 1, whole * 4),
    ):
        place = folder / f"{count}-{size}"
        place.mkdir(parents=True)
        source = place / "source"
        with source.open("wb") as file:
            file.truncate(size)  # a sparse file: what it holds matters to nobody here
        with strongroom(
            place / "ours", workers=1, settings=settings, environment=environment
        ) as service:
            service.put("first", b"a first upload, so that everything is loaded")
            service.server.forget_peak()
            upload_together(service, [f"upload-{number}" for number in range(count)], source)
            peak = service.server.peak_bytes()
        shutil.rmtree(place)
        yield Figure(
            f"peak memory of a process, {what}, {store}",
            peak / 2**20,
            "the stated budget",
            budget / 2**20,
            "MiB",
            1,
            "less",
        )


def upload_together(service: Service, names: Sequence[str], source: Path) -> None:
    """Upload `source` under every one of the names, all at once."""
    failures: list[BenchmarkFailed] = []

    def upload(name: str) -> None:
        try:
            curl_put(service.port, path_of(name), source, service.key)
        except BenchmarkFailed as failure:
            failures.append(failure)

    threads = [threading.Thread(target=upload, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
