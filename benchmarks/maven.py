"""Maven: metadata of 5,000 versions, a deploy of 100 artifacts, a resolution of 500."""

import contextlib
import hashlib
import http.client
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import local

from app.computed import SETTLED_SECONDS, Views
from app.installation import open_installation
from app.maven.paths import MetadataDocument
from app.maven.views import Documents
from app.repositories import Catalogue, RepositoryName
from auth.organizations import DEFAULT, Organizations
from benchmarks import load
from benchmarks.figures import Fact, Figure, Finding, by_turns, middle, spread
from benchmarks.many import Counting, fill, settings_of, stores
from benchmarks.peers import nginx
from benchmarks.plan import Plan
from benchmarks.processes import BenchmarkFailed
from benchmarks.service import Service, exchange, path_of, strongroom
from tests.clients.deployer import Deployer

VERSIONS = 5_000
DEPLOYED = 100
RESOLVED = 500
CONNECTIONS = 5  # as Maven Resolver has
REPOSITORY = "maven"

_AT = f"/repositories/{REPOSITORY}/"


def versions(plan: Plan, folder: Path) -> Iterator[Finding]:
    """The metadata of an artifact with 5,000 versions: cold, warm, and as 304."""
    count = VERSIONS // plan.fewer
    with strongroom(folder / "ours", workers=1) as service:
        _make_repository(service)
        with stores(service) as at:
            paths = (
                f"com/example/lib/1.{number}/lib-1.{number}{ending}"
                for number in range(count)
                for ending in (".jar", ".pom")
            )
            fill(at, paths, empty=True, repository=REPOSITORY)
        path = f"{_AT}com/example/lib/maven-metadata.xml"
        _get(service, f"{_AT}com/example/none/maven-metadata.xml")  # who asks is known by now
        began = time.monotonic()
        document, tag = _get(service, path)
        seconds = time.monotonic() - began
        calls = _calls(service)
        # The revision before and behind it, the plugins of a group of that name, and a query for
        # each megabyte that was started: an entry takes some 150 bytes.
        allowed = 3 + -(-2 * count * 150 // 10**6)
        yield Fact(
            f"metadata of {count:,} versions, cold",
            f"{seconds:.2f} s, {calls} calls to the stores, {len(document) / 1024:.0f} KiB",
            f"at most {allowed} calls",
            calls <= allowed,
        )
        time.sleep(SETTLED_SECONDS + 0.5)
        document, tag = _get(service, path)  # it is remembered from now on
        service.put("like", os.urandom(len(document)))
        key, like = dict(service.key), path_of("like")
        like_tag = f'"sha256:{hashlib.sha256(_get(service, like)[0]).hexdigest()}"'
        rates = by_turns(
            plan.rounds,
            lambda: load.get(service.port, path, key, plan.seconds).requests,
            lambda: load.get(service.port, like, key, plan.seconds).requests,
            lambda: (
                load.get(service.port, path, key | {"If-None-Match": tag}, plan.seconds).requests
            ),
            lambda: (
                load.get(
                    service.port, like, key | {"If-None-Match": like_tag}, plan.seconds
                ).requests
            ),
        )
    warm, file, same, file_same = map(middle, rates)
    peer = "a raw file of that size"
    yield Figure("the same, warm", warm, peer, file, "/s", 0.5, "more", spread(rates[0]))
    yield Figure("the same, 304", same, peer, file_same, "/s", 0.7, "more", spread(rates[2]))


def deploys(plan: Plan, folder: Path) -> Iterator[Finding]:
    """100 artifacts of three files, with checksums and metadata, over five connections."""
    count = max(3, DEPLOYED // plan.fewer)
    site = folder / "files"
    with strongroom(folder / "ours") as service, nginx.nginx(folder / "nginx", site) as peer:
        _make_repository(service)
        rounds = iter(range(1_000_000))
        requests: list[int] = []

        def ours() -> float:
            return _deploy(service.port, _AT, service.key, count, next(rounds), requests)

        def theirs() -> float:
            return _deploy(peer.port, "/", nginx.HEADERS, count, next(rounds), requests)

        measures = by_turns(plan.rounds, ours, theirs)
    mine, beside = map(middle, measures)
    yield Figure(
        f"a deploy of {count} artifacts, {requests[0]:,} requests, {CONNECTIONS} connections",
        mine,
        "the same to nginx's dav",
        beside,
        "s",
        8,  # nginx neither syncs what it takes, nor looks into it
        "less",
        spread(measures[0]),
    )


def resolution(plan: Plan, folder: Path) -> Iterator[Finding]:
    """500 artifacts fetched as Maven Resolver does: no checksum that a header told."""
    count = RESOLVED // plan.fewer
    site = folder / "files"
    with strongroom(folder / "ours") as service, nginx.nginx(folder / "nginx", site) as peer:
        _make_repository(service)
        for number in range(count):
            for path, data in _files(number).items():
                _put(service.port, f"{_AT}{path}", service.key, data)
                for name in (path, f"{path}.sha1"):
                    target = site / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    digest = hashlib.sha1(data).hexdigest().encode()
                    target.write_bytes(data if name == path else digest)
        asked: dict[str, int] = {}

        def ours() -> float:
            return _resolve("ours", service.port, _AT, service.key, count, asked)

        def theirs() -> float:
            return _resolve("theirs", peer.port, "/", nginx.HEADERS, count, asked)

        measures = by_turns(plan.rounds, ours, theirs)
    mine, beside = map(middle, measures)
    yield Figure(
        f"a resolution of {count} artifacts in {asked['ours']:,} requests",
        mine,
        f"nginx, without checksums in headers: {asked['theirs']:,} requests",
        beside,
        "s",
        2,
        "less",
        spread(measures[0]),
    )


def _calls(service: Service) -> int:
    """How many calls a document costs that nobody has asked for."""
    watch = Counting()
    with contextlib.closing(open_installation(settings_of(service), watch)) as at:
        organization = Organizations(at.recent).resolve(DEFAULT).organization
        catalogue = Catalogue(at.recent, at.journal)
        repository = catalogue.get(organization, RepositoryName(REPOSITORY))
        before = watch.calls
        Documents(at.metadata, Views(at.metadata)).find(
            repository, MetadataDocument(("com", "example", "lib"))
        )
        return watch.calls - before


def _make_repository(service: Service) -> None:
    service.call("POST", "/api/repositories", {"name": REPOSITORY, "format": "maven"})


def _deploy(
    port: int, at: str, headers: Mapping[str, str], count: int, number: int, requests: list[int]
) -> float:
    deployer = Deployer(("127.0.0.1", port), at, headers)
    began = time.monotonic()
    for artifact in range(count):
        deployer.deploy(f"part-{artifact}", f"1.{number}")
    took = time.monotonic() - began
    if deployer.wrong:
        raise BenchmarkFailed("\n".join(deployer.wrong[:5]))
    requests.append(deployer.requests)
    return took


def _files(number: int) -> dict[str, bytes]:
    folder = f"com/example/part-{number}/1.0/part-{number}-1.0"
    pom = (
        f"<project><groupId>com.example</groupId><artifactId>part-{number}</artifactId>"
        f"<version>1.0</version></project>"
    )
    return {f"{folder}.jar": os.urandom(20_000), f"{folder}.pom": pom.encode()}


def _resolve(
    side: str, port: int, at: str, headers: Mapping[str, str], count: int, asked: dict[str, int]
) -> float:
    here = local()
    requests = [0] * count

    def get(number: int, path: str) -> tuple[Mapping[str, str], bytes]:
        if not hasattr(here, "connection"):
            here.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        here.connection.request("GET", f"{at}{path}", headers=dict(headers))
        answer = here.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise BenchmarkFailed(f"GET {path}: {answer.status}")
        requests[number] += 1
        return answer.headers, body

    def fetch(number: int) -> None:
        folder = f"com/example/part-{number}/1.0/part-{number}-1.0"
        for path in (f"{folder}.pom", f"{folder}.jar"):
            told, body = get(number, path)
            digest = told.get("X-Checksum-Sha1") or get(number, f"{path}.sha1")[1].decode()
            if digest != hashlib.sha1(body).hexdigest():
                raise BenchmarkFailed(f"{path}: a wrong checksum")

    began = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(fetch, range(count)))
    asked[side] = sum(requests)
    return time.monotonic() - began


def _get(service: Service, path: str) -> tuple[bytes, str]:
    """A document and its tag; one that is not there is empty."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=120)
    try:
        connection.request("GET", path, headers=dict(service.key))
        answer = connection.getresponse()
        return answer.read(), answer.getheader("ETag") or ""
    finally:
        connection.close()


def _put(port: int, path: str, headers: Mapping[str, str], data: bytes) -> None:
    status, answer = exchange(port, "PUT", path, headers, data)
    if status != 201:
        raise BenchmarkFailed(f"PUT {path}: {status} {answer[:500]!r}")
