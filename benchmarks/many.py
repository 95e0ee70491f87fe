"""Many files: a folder of 50,000 listed beside nginx, 100,000 deleted, purged and collected."""

import contextlib
import http.client
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from app.background import background
from app.collection import Collection
from app.installation import Installation, Unobserved, open_installation, opened
from app.publishing import Artifact, Digester, Publication, Publisher
from app.publishing.bulk import Bulk
from app.publishing.changes import Changes
from app.publishing.place import Place
from app.publishing.receiving import Receiver
from app.repositories import ArtifactPath, Catalogue, RepositoryName
from app.settings import Settings, read_settings
from app.work.worker import LOOK, POLL
from auth.organizations import DEFAULT, Organizations
from benchmarks.figures import Fact, Figure, Finding, by_turns, middle, spread
from benchmarks.peers import nginx
from benchmarks.plan import Plan
from benchmarks.processes import BenchmarkFailed
from benchmarks.service import REPOSITORY, Service, exchange, path_of, strongroom
from storage.events import SYSTEM

LISTED = 50_000
DELETED = 100_000
A_FOLDER = 1_000  # of those that are deleted

_CALLS = "strongroom_storage_call_seconds_count"


def listing(plan: Plan, folder: Path) -> Iterator[Figure]:
    """A folder of 50,000 files, read to its end: our pages beside nginx's one."""
    count = LISTED // plan.fewer
    names = [f"artifact-{number:06}.tar.gz" for number in range(count)]
    site = folder / "files"
    (site / "many").mkdir(parents=True)
    for name in names:
        (site / "many" / name).write_bytes(b"")
    with strongroom(folder / "ours") as service, nginx.nginx(folder / "nginx", site) as peer:
        with stores(service) as at:
            fill(at, (f"many/{name}" for name in names), empty=True)

        def ours() -> float:
            return _timed(lambda: _read_listing(service, count))

        def theirs() -> float:
            return _timed(lambda: _read_autoindex(peer.port, count))

        measures = by_turns(plan.rounds, ours, theirs)
    mine, beside = map(middle, measures)
    yield Figure(
        f"a folder of {count:,} files listed as JSON, in pages of 1,000",
        mine,
        "nginx's autoindex as JSON, whole",
        beside,
        "s",
        4,
        "less",
        spread(measures[0]),
    )


def idle(_plan: Plan, folder: Path) -> Iterator[Fact]:
    """What a worker with nothing to do costs the stores in an hour.

    Each duty is done twice, and the second time counted; its interval says how often that is.
    """
    with strongroom(folder / "ours") as service, opened(settings_of(service)) as at:
        fill(at, (f"few/{number}" for number in range(10)))
    watch = Counting()
    hour = timedelta(hours=1)
    with contextlib.closing(open_installation(at.settings, watch)) as counted:
        work = background(counted)
        worker = work.worker()
        worker.run_due()
        calls = 0.0
        for duty, record in work.schedule.all():
            before = watch.calls
            work.schedule.run(duty, record, "bench", lambda: False)
            calls += (watch.calls - before) * (hour / work.schedule.every(duty))
        before = watch.calls
        work.jobs.run_next("bench", lambda: False)
        calls += (watch.calls - before) * (hour / POLL)
        before = watch.calls
        list(work.schedule.due())
        calls += (watch.calls - before) * (hour / LOOK)
    yield Fact(
        "an idle worker, one organization",
        f"{calls:,.0f} calls to the stores in an hour",
        "at most 5,000",
        calls <= 5_000,
    )


def sweep(plan: Plan, folder: Path) -> Iterator[Finding]:
    """100,000 files of a KiB, deleted by one request, purged by one, and collected."""
    count = DELETED // plan.fewer
    with strongroom(folder / "ours", workers=1) as service:
        with stores(service) as at:
            fill(at, (f"old/{number // A_FOLDER}/{number}" for number in range(count)))
        for what, request in (
            ("recursive delete", ("DELETE", f"{path_of('old/')}?recursive=true", None)),
            (
                "purge",
                (
                    "POST",
                    f"/api/repositories/{REPOSITORY}/purge",
                    {"path": "old/", "recursive": True},
                ),
            ),
        ):
            service.server.forget_peak()
            before = service.server.peak_bytes()
            calls = service.metric(_CALLS)
            seconds = _timed(lambda request=request: _to_its_end(service, *request))  # type: ignore[misc]
            calls = service.metric(_CALLS) - calls
            grown = (service.server.peak_bytes() - before) / 2**20
            yield Fact(
                f"{what} of {count:,} files",
                f"{seconds:.0f} s, {calls / count:.2f} calls a file, {grown:.0f} MiB more memory",
                "memory flat: at most 64 MiB",
                grown <= 64,
            )
        with stores(service) as at:
            watch = Counting()
            with contextlib.closing(open_installation(at.settings, watch)) as counted:
                found: list[Any] = []
                seconds = _timed(
                    lambda: found.append(Collection(counted, grace=timedelta(0)).run())
                )
        report = found[0]
        yield Fact(
            f"collection of {count:,} blobs",
            f"{seconds:.0f} s, {watch.calls / count:.2f} calls a file, {report.blobs:,} removed",
            "all of them",
            report.blobs == count,
        )


class Counting(Unobserved):
    """Counts calls to the stores."""

    def __init__(self) -> None:
        self.calls = 0

    def storage_call(self, store: str, call: str, seconds: float, outcome: str) -> None:
        self.calls += 1


@contextlib.contextmanager
def stores(service: Service) -> Iterator[Installation]:
    """The stores of a running service on a folder."""
    with opened(settings_of(service)) as at:
        yield at


def settings_of(service: Service) -> Settings:
    return read_settings({"STRONGROOM_DATA": str(service.data)})


def fill(
    at: Installation,
    paths: Iterable[str],
    *,
    empty: bool = False,
    repository: str = REPOSITORY,
) -> None:
    """Publish files of their own content, without HTTP, many in a commit.

    The first file of a folder is published as the service does it, which makes the folder
    known to the listings.
    """
    organization = Organizations(at.recent).resolve(DEFAULT).organization
    name = RepositoryName.parse(repository)
    found = Catalogue(at.recent, at.journal).get(organization, name)
    receiver = Receiver(at.blobs, at.metadata, Digester(1))
    publisher = Publisher(receiver, at.metadata, at.journal)
    bulk = Bulk(at.metadata, at.journal)
    for _, files in groupby(map(ArtifactPath.parse, paths), key=lambda path: path.folder.key):
        waiting: list[_New] = []
        for number, path in enumerate(files):
            place = Place.at(found, path)
            content = b"" if empty else str(path).encode().ljust(1024)
            if number == 0:
                records = at.metadata.get(*place.keys())
                publisher.publish(Publication(place, SYSTEM), _Bytes(content), records)
                continue
            received = receiver.receive(organization, _Bytes(content))
            now = at.metadata.now()
            artifact = Artifact(received.blob, received.size, received.digests, now, None)
            waiting.append(_New(place, artifact))
            if len(waiting) == A_FOLDER:
                bulk.carry_out("artifact.put", organization, SYSTEM, waiting)
                waiting = []
        bulk.carry_out("artifact.put", organization, SYSTEM, waiting)


@dataclass(frozen=True, slots=True)
class _New:
    """A new file, at a path that nobody else writes to, of bytes that nobody has."""

    place: Place
    artifact: Artifact

    def write(self, changes: Changes) -> None:
        changes.appear(self.place, self.artifact)
        changes.reference(self.place.organization, self.artifact, {})

    def anew(self, _found: object) -> "_New":
        return self


class _Bytes:
    """A body that is in memory."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)
        self.length = len(content)

    def readinto(self, view: memoryview) -> int:
        return self._file.readinto(view)


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _read_listing(service: Service, count: int) -> None:
    """Read a folder page by page, over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    try:
        seen, after = 0, ""
        while True:
            connection.request("GET", f"{path_of('many/')}?limit=1000{after}", headers=service.key)
            page = json.loads(connection.getresponse().read())
            seen += len(page["entries"])
            if page["next"] is None:
                break
            after = f"&after={page['next']}"
    finally:
        connection.close()
    if seen != count:
        raise BenchmarkFailed(f"a listing of {count} files showed {seen}")


def _read_autoindex(port: int, count: int) -> None:
    status, text = exchange(port, "GET", "/many/", nginx.HEADERS, None)
    if status != 200 or len(json.loads(text)) != count:
        raise BenchmarkFailed(f"nginx: {status}, {text[:200]!r}")


def _to_its_end(service: Service, method: str, path: str, value: object) -> None:
    """Send a request, and wait for the job that it may leave.

    Files are for keys, and what administrators do for the administrator.
    """
    job = service.call(method, path, value, None if path.startswith("/api/") else service.key)
    while job is not None and job.get("state") not in (None, "done"):
        if job["state"] == "failed":
            raise BenchmarkFailed(f"{method} {path}: {job['error']}")
        time.sleep(0.2)
        job = service.call("GET", f"/api/jobs/{job['id']}")
