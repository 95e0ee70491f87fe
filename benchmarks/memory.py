"""The peak of a process's memory under large uploads, beside the budget that it states."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.plan import Plan
from benchmarks.processes import BenchmarkFailed
from benchmarks.service import Service, path_of, strongroom
from benchmarks.uploads import curl_put

PARALLEL = 8


def memory(plan: Plan, folder: Path) -> Iterator[Figure]:
    """Eight parallel 1 GiB uploads, then 100 MiB and 4 GiB, each in a process of its own."""
    whole = plan.large_bytes
    for what, count, size in (
        (f"{PARALLEL} parallel uploads of {whole >> 20} MiB", PARALLEL, whole),
        (f"an upload of {whole // 10 >> 20} MiB", 1, whole // 10),
        (f"an upload of {whole * 4 >> 20} MiB", 1, whole * 4),
    ):
        yield _peak(what, count, size, folder / f"{count}-{size}")


def _peak(what: str, count: int, size: int, folder: Path) -> Figure:
    folder.mkdir(parents=True)
    source = folder / "source"
    with source.open("wb") as file:
        file.truncate(size)  # a sparse file: what it holds matters to nobody here
    with strongroom(folder / "ours", workers=1) as service:
        service.put("first", b"a first upload, so that everything is loaded")
        service.server.forget_peak()
        upload_together(service, [f"upload-{number}" for number in range(count)], source)
        peak = service.server.peak_bytes()
    return Figure(
        f"peak of memory of a process, {what}", peak / 2**20, "budget", 1, "MiB", 1, "less"
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
