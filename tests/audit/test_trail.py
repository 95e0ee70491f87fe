"""The trail: whatever is asked of it, it shows what a naive look at everything shows."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.audit import Filter, Range, Trail
from app.audit.filters import changes_of, paths_of
from app.audit.history import History
from app.audit.shown import MOST_QUERIES
from app.installation import Installation
from app.repositories import Catalogue, RepositoryName
from storage import keys
from storage.events import Actor, Event, Happened
from storage.events.event import read_event
from storage.metadata import Key
from tests.audit.room import ACTOR, ORG, START, Room

ANYTHING = Filter()


@pytest.fixture
def room(installation: Installation) -> Room:
    return Room(installation)


def trail(room: Room) -> Trail:
    return Trail(room.at.metadata, room.at.journal, Catalogue(room.at.recent, room.at.journal))


def pages(room: Room, range_: Range, limit: int = 7) -> Iterator[list[Event]]:
    after: str | None = ""
    while after is not None:
        page = trail(room).page(room.organization, range_, after, limit)
        assert len(page.items) <= limit
        yield list(page.items)
        after = page.next


def ids(room: Room, range_: Range, limit: int = 7) -> list[str]:
    return [event.id for page in pages(room, range_, limit) for event in page]


def everything(
    wanted: Filter = ANYTHING,
    since: datetime | None = None,
    until: datetime | None = None,
    newest_first: bool = True,
) -> Range:
    return Range(since, until, wanted, newest_first)


def _id(key: Key) -> str:
    return key.sort.partition("#")[2]


def test_events_come_newest_first_or_oldest_first(any_installation: Installation) -> None:
    room = Room(any_installation)
    moments = [START + timedelta(minutes=7 * n, microseconds=n) for n in range(40)]
    written = [_id(room.write(at)) for at in random.Random(1).sample(moments, 40)]
    room.wait(hours=8)
    in_order = [
        one for _, one in sorted(zip(random.Random(1).sample(moments, 40), written, strict=True))
    ]
    assert ids(room, everything(newest_first=False)) == in_order
    assert ids(room, everything()) == in_order[::-1]


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_crowd_in_one_second_is_paged_without_a_gap(room: Room, newest_first: bool) -> None:
    """Too many for a page of the hour, of its minute, of its second, and of a tenth of it."""
    written = []
    for number in range(90):
        at = START + timedelta(seconds=5, microseconds=number)
        written += map(_id, room.write_all(at, [Happened(ACTOR, "test", {})] * 40))
    written += [_id(room.write(START + timedelta(minutes=n))) for n in range(1, 20)]
    room.wait(hours=1)
    found = ids(room, everything(newest_first=newest_first), limit=500)
    assert len(found) == len(written)
    assert set(found) == set(written)


def _history(room: Room, by: random.Random) -> list[Event]:
    """A history at random, and all of it as it was written."""
    repositories = ["a" * 16, "b" * 16]
    for _ in range(120):
        actor = Actor(by.choice(["u1", "u2", None]), by.choice(["k1", "password"]), by.choice("qr"))
        details: dict[str, Any] = {}
        if by.random() < 0.5:
            details["repository"] = by.choice(repositories)
        if by.random() < 0.5:
            details[by.choice(["subject", "owner", "job"])] = by.choice(["u1", "k1", "j1"])
        if by.random() < 0.3:
            details["path"] = by.choice(["a/b", "a/c", "b"])
        action = by.choice(["key.create", "key.delete", "artifact.put", "keys.x", "sign-in"])
        room.write(START + timedelta(seconds=by.randrange(6 * 3_600)), action, actor, **details)
    room.wait(hours=7)
    history, first = History(room.at.metadata, ORG), START.replace(minute=0)
    found = [
        read_event(ORG, record, genuine=True)
        for hour in range(-1, 8)
        for record in history.hour(first + timedelta(hours=hour))
    ]
    return sorted(found, key=lambda event: (event.at, event.id))


def _naive(event: Event, query: dict[str, Any]) -> bool:
    given = event.details
    tests = {
        "action": lambda text: (
            event.action.split(".")[0] == text[:-2] and "." in event.action
            if text.endswith(".*")
            else event.action == text
        ),
        "user": lambda text: event.actor.user == text,
        "credential": lambda text: event.actor.credential == text,
        "request": lambda text: event.actor.request == text,
        "repository": lambda text: given.get("repository") == text,
        "path": lambda text: (
            given.get("path") == text
            or (text.endswith("/") and str(given.get("path", "")).startswith(text))
        ),
        "subject": lambda text: (
            text in (given.get("subject"), given.get("owner"), given.get("job"))
        ),
    }
    return all(tests[name](text) for name, text in query.items())


@pytest.mark.parametrize("seed", range(6))
def test_filters_take_what_a_naive_evaluator_takes(room: Room, seed: int) -> None:
    by = random.Random(seed)
    events = _history(room, by)
    values = {
        "action": ["key.*", "key.create", "sign-in", "none", "artifact.*"],
        "user": ["u1", "u2", "nobody"],
        "credential": ["k1", "password"],
        "request": ["q", "r"],
        "repository": ["a" * 16, "b" * 16],
        "path": ["a/b", "a/", "b", "b/"],
        "subject": ["u1", "k1", "j1"],
    }
    for _ in range(25):
        query = {name: by.choice(values[name]) for name in by.sample(list(values), by.randrange(4))}
        since, until = sorted(START + timedelta(seconds=by.randrange(8 * 3_600)) for _ in range(2))
        bounds = by.choice([(None, None), (since, None), (None, until), (since, until)])
        expected = [
            event.id
            for event in events
            if _naive(event, query)
            and (bounds[0] is None or event.at >= bounds[0])
            and (bounds[1] is None or event.at < bounds[1])
        ]
        wanted = Filter(**query)
        assert ids(room, everything(wanted, *bounds, newest_first=False)) == expected
        assert ids(room, everything(wanted, *bounds)) == expected[::-1]


@pytest.mark.parametrize("newest_first", [True, False])
def test_what_was_there_is_shown_once_while_events_come(room: Room, newest_first: bool) -> None:
    written = {_id(room.write(START + timedelta(minutes=n))) for n in range(50)}
    room.wait(hours=1)
    seen: list[str] = []
    for page in pages(room, everything(newest_first=newest_first), limit=3):
        seen += [event.id for event in page]
        for _ in range(5):
            room.write()
        room.wait(seconds=7)
        if len(seen) > 400:
            break  # who reads forwards sees what is new, too
    assert len(seen) == len(set(seen))
    assert written <= set(seen)


def test_a_filter_that_finds_little_does_not_look_through_a_year_at_once(room: Room) -> None:
    first = _id(room.write(START, "sought"))
    room.wait(days=20)
    for newest_first in (True, False):
        empty, found = 0, []
        steps = pages(room, everything(Filter(action="sought"), newest_first=newest_first))
        while True:
            made = len(room.engine.made)
            page = next(steps, None)
            if page is None:
                break
            assert room.engine.made[made:].count("query") <= MOST_QUERIES + 16
            empty += not page
            found += [event.id for event in page]
        assert found == [first]
        assert empty >= 7


def test_an_export_holds_a_hundred_events_and_says_that_it_goes_on(room: Room) -> None:
    for number in range(250):
        room.write(START + timedelta(seconds=number))
    room.wait(days=3)
    seconds = iter(range(10_000))
    lines = trail(room).lines(ORG, everything(newest_first=False), lambda: next(seconds) / 10)
    pieces = list(lines)
    assert b"\n" in pieces, "an empty line where nothing was found for a while"
    counts = [len(piece.splitlines()) for piece in pieces if piece.strip()]
    assert max(counts) <= 100
    shown = [json.loads(line) for line in b"".join(pieces).splitlines() if line]
    assert len(shown) == 250
    assert [one["time"] for one in shown] == sorted(one["time"] for one in shown)


def test_an_export_begins_before_it_has_read_all(room: Room) -> None:
    for number in range(250):
        room.write(START + timedelta(seconds=number))
    room.wait(days=300)
    lines = trail(room).lines(ORG, everything(newest_first=False))
    next(lines)
    assert room.engine.made.count("query") <= 2 * 16 * 3


def test_a_forged_event_is_shown_as_one_and_what_is_none_is_not(room: Room) -> None:
    good, bad = room.write(), room.write(START + timedelta(seconds=1))
    room.change(bad, user="somebody else")
    for number, value in enumerate(({}, {"action": 7}, {**room.record(good).value, "puts": [[1]]})):
        room.put(Key(good.partition, f"{keys.time(START)}#{number}"), value)
    room.put(Key(good.partition, "20261123T10x"), room.record(good).value)
    room.wait(minutes=5)
    found = [event for page in pages(room, everything()) for event in page]
    assert [(event.id, event.genuine) for event in found] == [(_id(bad), False), (_id(good), True)]


def test_an_event_is_shown_with_its_side_record_and_what_it_did_to_files(room: Room) -> None:
    catalogue = Catalogue(room.at.recent, room.at.journal)
    repository = catalogue.create(ORG, ACTOR, RepositoryName("files"))
    room.wait(minutes=1)
    key = room.write(action="artifact.put", repository=repository.id, size=3)
    value = dict(room.record(key).value)
    put = [f"{ORG}#folder#{repository.id}#/a/", "b", 1]
    kept = [f"{ORG}#deleted#{repository.id}#/a/", "c/20261123T103000.000000Z#1", None]
    gone = [f"{ORG}#folder#{repository.id}#/", "d", None]
    room.put(key, {**value, "puts": [put, [f"{ORG}#users", "u", 1]], "deletes": [kept, gone]})
    room.wait(minutes=1)
    event = next(pages(room, everything(Filter(action="artifact.put"))))[0]
    (shown,) = trail(room).show(ORG, [event])
    assert shown["changes"] == [
        {"repository": "files", "path": "a/b", "change": "put"},
        {"repository": "files", "path": "d", "change": "deleted"},
        {"repository": "files", "path": "a/c", "change": "purged"},
    ]
    assert (shown["repository"], shown["repository_id"]) == ("files", repository.id)
    assert shown["details"] == {"size": 3}
    assert (shown["address"], shown["agent"]) == (ACTOR.address, ACTOR.agent)
    assert set(paths_of(event)) == {"a/b", "a/c", "d"}
    room.delete(Key(key.partition.replace("#events#", "#who#"), key.sort))
    (shown,) = trail(room).show(ORG, [event])
    assert (shown["address"], shown["agent"]) == (None, None)


def test_an_event_is_found_by_whomever_it_names(room: Room) -> None:
    names = {"subject": "g", "added": ["u1", "u2"], "removed": ["u3"], "to": "u4", "keys": ["k1"],
             "successor": "k2", "account": "u5"}  # fmt: skip
    written = _id(room.write(action="test", **names))
    room.write(action="test", subject="other", added=7, keys={"u1": 1})
    room.wait(minutes=5)
    for one in ("g", "u1", "u2", "u3", "u4", "u5", "k1", "k2"):
        assert ids(room, everything(Filter(subject=one))) == [written]
    assert ids(room, everything(Filter(subject="u"))) == []


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("year", [1, 999, 1_000, 9_999])
def test_any_year_can_be_asked_for(room: Room, year: int, newest_first: bool) -> None:
    written = _id(room.write())
    room.wait(minutes=5)
    moment = datetime(year, 1, 1, tzinfo=UTC)
    past, future = ([], [written]) if year < 2_000 else ([written], [])
    assert ids(room, everything(until=moment, newest_first=newest_first)) == past
    assert ids(room, everything(since=moment, newest_first=newest_first)) == future


def test_history_begins_with_the_first_seal_and_ends_with_no_forged_mark(room: Room) -> None:
    """The organization's own record, and a mark that nobody signed, hide nothing."""
    written = _id(room.write())
    room.wait(hours=2)
    room.seal()
    room.wait(hours=5)
    room.change(keys.organization(ORG), created=room.now.isoformat())
    until = room.now.isoformat()
    room.put(keys.removed_events(ORG), {"until": until, "done": until, "mac": "0" * 64})
    assert ids(room, everything()) == [written]
    assert ids(room, everything(newest_first=False)) == [written]


def test_a_file_that_was_restored_was_put(room: Room) -> None:
    event = Event(
        ORG, "1", START, "artifact.restore", ACTOR, {},
        puts=((Key(f"{ORG}#folder#r#/", "x"), 1),),
        deletes=((Key(f"{ORG}#deleted#r#/", "x/20261123T103000.000000Z#1"), None),),
        adds=(), genuine=True,
    )  # fmt: skip
    assert [change.change for change in changes_of(event)] == ["put"]


def test_organizations_see_nothing_of_each_other(room: Room) -> None:
    other = Room(room.at, "org2")
    mine, theirs = _id(room.write()), _id(other.write())
    room.wait(minutes=5)
    other.wait(minutes=5)
    assert (ids(room, everything()), ids(other, everything())) == ([mine], [theirs])
