"""The sweep of retention: bounded in time and memory, and it goes on wherever it was left."""

import itertools
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from app.installation import Installation
from app.publishing import Artifact
from app.repositories import ArtifactPath
from app.retention import Retention, RuleSet, WouldEmpty
from app.retention.work import NAME
from storage.metadata import Put
from tests.app.ruled import BY, DAY, FILES, Kept, ages, rule
from tests.faults.metadata import conflict, lost_after_effect, passes, throttled


@pytest.fixture
def room(installation: Installation) -> Kept:
    return Kept(installation)


def hasty(room: Kept) -> Retention:
    """Retention by a clock of requests that runs a minute at each look."""
    ticks = itertools.count(step=60.0)
    return Retention(
        room.at.recent, room.at.journal, room.catalogue, room.bulk, lambda: next(ticks)
    )


def test_a_request_does_not_look_for_long(room: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rules that are set, what it has not seen is left to the job, which looks for longer."""
    monkeypatch.setattr("app.retention.retention.LOOK", 2)
    now = room.at.metadata.now()
    room.plant({f"{number}/f": now - number * DAY for number in range(5)})
    old = RuleSet((rule("4/*", age=2),))
    seen, after, pages = [], "", 0
    while after is not None:
        page = hasty(room).preview(room.here(), old, after, 100)
        seen += [str(going.path) for going in page.items]
        after, pages = page.next, pages + 1
    assert seen == ["4/f"]
    assert pages > 5
    all_old = RuleSet((rule("?/*", age=1),))
    room.retention.refuse_to_empty(room.here(), all_old)  # "0/f" stays, and is found at once
    room.plant({"-/f": now - 9 * DAY})
    empties = RuleSet((rule("**"),))
    with pytest.raises(WouldEmpty):
        room.retention.refuse_to_empty(room.here(), empties)
    hasty(room).set(BY, FILES, empties)


def test_a_cursor_of_a_preview_says_which_files_are_the_newest(room: Kept) -> None:
    """So that a folder is gone through once for all of its pages."""
    now = room.at.metadata.now()
    room.plant({f"{number:02}": now - number * DAY for number in range(12)})
    rules = RuleSet((rule("*", newest=4),))
    here = room.here()
    page = room.retention.preview(here, rules, "", 3)
    before = len(room.engine.made)
    page = room.retention.preview(here, rules, page.next or "", 3)
    assert [str(going.path) for going in page.items] == ["07", "08", "09"]
    assert room.engine.made[before:] == ["query"]
    many = RuleSet(tuple(rule("*", newest=number) for number in range(4, 24)))
    names = {f"{number}" + "é" * 120: now - number * DAY for number in range(30, 60)}
    room.plant(names)
    page = room.retention.preview(here, many, "", 3)
    assert len(room.at.cursors.seal(page.next or "", "scope")) < 4_096
    found, after = list(page.items), page.next
    while after is not None:
        page = room.retention.preview(here, many, after, 3)
        found, after = [*found, *page.items], page.next
    assert len(found) == len({going.path for going in found}) == 12 + 30 - 4


def test_memory_does_not_grow_with_the_files_of_a_folder(room: Kept) -> None:
    now = room.at.metadata.now()
    rules = RuleSet((rule("**", newest=5), rule("**", age=3_000)))

    def most(files: int) -> int:
        waiting = [
            Put(
                room.place(f"{files}/{number:06}").key,
                Artifact(
                    None, 0, {"sha256": "0" * 64}, now - timedelta(minutes=number), None
                ).value(),
            )
            for number in range(files)
        ]
        for start in range(0, files, 99):
            room.at.metadata.commit(*waiting[start : start + 99])
        del waiting
        sweep = room.sweep(rules)
        position: Any = {"folder": f"/{files}/"}
        going = 0
        tracemalloc.start()
        try:
            while position is not None:
                look = sweep.look(position)
                position, going = look.position, going + len(look.going)
            assert going == files - 5
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    most(300)
    assert most(8_000) < 1.5 * most(4_000)


FAULTS: dict[str, Callable[[Kept], None]] = {
    "killed between commits": lambda room: room.engine.next(
        "transact", passes, throttled, throttled, throttled, throttled
    ),
    "reads fail": lambda room: room.engine.next("query", passes, *[throttled] * 4, passes),
    "a lost answer": lambda room: room.engine.next("transact", lost_after_effect, times=3),
    "conflicts": lambda room: room.engine.next("transact", *[conflict] * 12),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_fails_it_goes_on_where_it_was(
    any_installation: Installation, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Kept(any_installation)
    monkeypatch.setattr("app.retention.retention.PAGE", 7)
    for number in range(30):
        room.put(f"d{number % 3}/{number:02}")
    room.set(rule("**", newest=2))
    FAULTS[fault](room)
    room.run(NAME)
    assert room.paths() == sorted(f"d{n % 3}/{n:02}" for n in range(24, 30))
    room.check()


def test_another_process_goes_on_from_the_position(room: Kept) -> None:
    """A step that was done and not recorded is done again, to no effect."""
    for number in range(12):
        room.put(f"{number:02}")
    room.set(rule("**", newest=4))
    job = room.job(NAME)
    room.step(job)
    ended = room.finish(job)
    assert ended.counts["deleted"] == 0
    assert room.paths() == ["08", "09", "10", "11"]


def test_positions_name_a_file_that_may_be_gone(room: Kept) -> None:
    path = ArtifactPath.parse("d/f")
    room.plant(ages(room.at.metadata.now(), d__f=3, d__g=3))
    room.set(rule("**", age=1))
    sweep = room.sweep()
    look = sweep.look(sweep.look({}).position or {}, 1)
    assert [going.path for going in look.going] == [path]
    room.remove("d/f")
    look = sweep.look(look.position or {})
    assert [str(going.path) for going in look.going] == ["d/g"]
