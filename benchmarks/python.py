"""Python: the index of a project with 1,000 files among 5,000, and uploads of 200 wheels.

Beside pypiserver and devpi-server, with the same files and the same requests. Each row stands
once for each of them, so that what is wanted beside the better one is wanted beside both.
"""

import contextlib
import gzip
import http.client
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from benchmarks import load
from benchmarks.figures import Figure, by_turns, middle, spread
from benchmarks.indexes import (
    HTML,
    JSON,
    PIP,
    Index,
    Wheel,
    ask,
    devpi_server,
    empty,
    find,
    ours,
    pypiserver,
    upload,
    wheels_of,
)
from benchmarks.plan import Plan
from benchmarks.processes import BenchmarkFailed, Server

FILES = 5_000
LISTED = 1_000  # of them, those of one project, and of a second one
A_PROJECT = 100  # of the others
UPLOADED = 200
RELEASES = 10  # of each project among them
LARGE, AS_LARGE, OTHER = "large", "as-large", "part-0"
_WARM, _COLD, _ELSE = 5, 1, 2  # how many times as quick as either peer is wanted

Side = TypeVar("Side")
#: Each cold, so each of a project of its own.
_FORMS = (("HTML", HTML, LARGE), ("JSON", JSON, AS_LARGE))
#: A path and headers.
_Question = tuple[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class _Running:
    """An index, and its server."""

    index: Index
    server: Server


def index(plan: Plan, folder: Path) -> Iterator[Figure]:
    """Start-up with 5,000 files, the page of 1,000 cold, warm and as 304, a download, memory."""
    listed, count = LISTED // plan.fewer, FILES // plan.fewer
    releases = [(name, f"1.{number}") for name in (LARGE, AS_LARGE) for number in range(listed)]
    releases += [
        (f"part-{number // A_PROJECT}", f"1.{number % A_PROJECT}")
        for number in range(count - 2 * listed)
    ]
    files = wheels_of(releases)
    indexes = _indexes(folder, files)
    yield from _beginnings(plan, indexes, listed, count)
    with _all_running(indexes) as sides:
        yield from _rates(plan, sides, listed, files[0])
        held = [(side.index, [side.server.resident_bytes() / 2**20]) for side in sides]
        what = f"resident memory with {count:,} files, after all of this"
        yield from _rows(what, held, "MiB", 1 / _ELSE, "less")


def wheels(plan: Plan, folder: Path) -> Iterator[Figure]:
    """Uploads of 200 small wheels, one after the other and four at once."""
    count = max(RELEASES, UPLOADED // plan.fewer)
    indexes = _indexes(folder)
    with _all_running(indexes) as sides:
        for connections, how in ((1, "one by one"), (4, "four at once")):
            rounds = {side.index.name: itertools.count() for side in sides}

            def publish(
                side: _Running,
                connections: int = connections,
                rounds: Mapping[str, Iterator[int]] = rounds,
            ) -> float:
                number = next(rounds[side.index.name])
                releases = [
                    (f"by-{connections}-{each // RELEASES}", f"{number}.{each % RELEASES}")
                    for each in range(count)
                ]
                files = wheels_of(releases)
                empty(side.index)
                seconds = upload(side.server, side.index, files, connections)
                find(side.server, side.index, files[-1])
                return seconds

            measures = by_turns(plan.rounds, *_calls(sides, publish))
            what = f"upload of {count} small wheels, {how}"
            yield from _rows(what, _beside(indexes, measures), "s", 1 / _ELSE, "less")


def _indexes(folder: Path, files: Sequence[Wheel] = ()) -> tuple[Index, ...]:
    return (
        ours(folder / "ours", files),
        pypiserver(folder / "pypiserver", files),
        devpi_server(folder / "devpi-server", files),
    )


@contextlib.contextmanager
def _all_running(indexes: Sequence[Index]) -> Iterator[list[_Running]]:
    with contextlib.ExitStack() as stack:
        yield [_Running(each, stack.enter_context(each.serve())) for each in indexes]


def _beginnings(plan: Plan, indexes: Sequence[Index], listed: int, count: int) -> Iterator[Figure]:
    """From the command to a first page, and then to that of a large project in each form."""
    waited: dict[tuple[str, str], list[float]] = {}

    def begin(each: Index) -> float:
        began = time.monotonic()
        with each.serve() as server:
            line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
            with contextlib.closing(line):
                first = ask(server, each.page(OTHER), {**HTML, **each.reader}, line)
                up = time.monotonic() - began
                _expect(each, first.status == 200)
                for form, headers, project in _FORMS:
                    if headers is JSON and not each.has_json:
                        continue
                    asked = time.monotonic()
                    page = ask(server, each.page(project), {**headers, **each.reader}, line)
                    seconds = time.monotonic() - asked
                    _expect(each, _count(page.body) == listed)
                    waited.setdefault((form, each.name), []).append(seconds * 1000)
        return up

    starts = by_turns(plan.rounds, *_calls(indexes, begin))
    what = f"start-up with {count:,} files, until a first page"
    yield from _rows(what, _beside(indexes, starts), "s", 1 / _ELSE, "less")
    for form, _, _ in _FORMS:
        able = [each for each in indexes if (form, each.name) in waited]
        measured = [(each, waited[form, each.name][1:]) for each in able]  # after a warm-up
        what = f"page of {listed:,} files, {form}, cold"
        yield from _rows(what, measured, "ms", 1 / _COLD, "less")


def _rates(plan: Plan, sides: Sequence[_Running], listed: int, file: Wheel) -> Iterator[Figure]:
    """Of what is asked for again and again."""
    page = f"page of {listed:,} files"
    seconds = max(1, plan.seconds // 2)  # there are many of them
    for what, question, wanted in (
        (f"{page}, HTML, warm", partial(_page, HTML, listed), _WARM),
        (f"{page}, JSON, warm", partial(_page, JSON, listed), _WARM),
        (f"{page}, as pip asks for it, warm", partial(_page, PIP, listed), _WARM),
        (f"{page}, 304", partial(_same_page, listed), _WARM),
        ("download of a small wheel", partial(_download, file), _ELSE),
    ):
        asked = [(side, found) for side in sides if (found := question(side)) is not None]

        def rate(ask: tuple[_Running, _Question]) -> float:
            side, (path, headers) = ask
            return load.get(side.server.port, path, headers, seconds).requests

        measures = by_turns(plan.rounds, *_calls(asked, rate))
        able = [side.index for side, _ in asked]
        yield from _rows(what, _beside(able, measures), "/s", wanted, "more")


def _page(form: Mapping[str, str], listed: int, side: _Running) -> _Question | None:
    """The large project's page in a form, once it was seen to be right; None for who has none."""
    each = side.index
    if form is JSON and not each.has_json:
        return None
    path, headers = each.page(LARGE), {**form, **each.reader}
    answer = ask(side.server, path, headers)
    _expect(each, answer.status == 200 and _count(answer.body) == listed)
    return path, headers


def _same_page(listed: int, side: _Running) -> _Question | None:
    """The page for who has it already. Who gives it no tag is asked with one and answers with
    all of it again, as to everybody."""
    each = side.index
    path, headers = each.page(LARGE), {**HTML, **each.reader}
    tag = ask(side.server, path, headers).tag
    headers["If-None-Match"] = tag or '"none"'
    answer = ask(side.server, path, headers)
    _expect(each, answer.status == 304 if tag else _count(answer.body) == listed)
    return path, headers


def _download(file: Wheel, side: _Running) -> _Question | None:
    return find(side.server, side.index, file), side.index.reader


def _count(page: bytes) -> int:
    """How many files a page lists."""
    if page.startswith(b"\x1f\x8b"):
        page = gzip.decompress(page)
    return len(json.loads(page)["files"]) if page.startswith(b"{") else page.count(b"<a ")


def _expect(each: Index, right: bool) -> None:
    if not right:
        raise BenchmarkFailed(f"{each.name} answers wrongly")


def _beside(
    indexes: Sequence[Index], measures: Sequence[Sequence[float]]
) -> list[tuple[Index, Sequence[float]]]:
    return list(zip(indexes, measures, strict=True))


def _rows(
    what: str,
    measured: Sequence[tuple[Index, Sequence[float]]],
    unit: str,
    wanted: float,
    better: Literal["more", "less"],
) -> Iterator[Figure]:
    """The first of them beside each of the others."""
    (_, own), *others = measured
    for peer, measures in others:
        yield Figure(
            what, middle(own), peer.name, middle(measures), unit, wanted, better, spread(own)
        )


def _calls(sides: Sequence[Side], measure: Callable[[Side], float]) -> list[Callable[[], float]]:
    return [partial(measure, side) for side in sides]
