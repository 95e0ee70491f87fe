"""Retention: exactly what the rules take goes, and it can be brought back."""

import json
import random
import secrets
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.installation import Installation
from app.publishing import Contended
from app.repositories import ArtifactPath
from app.retention import LastDownloads, Rule, RuleSet, WouldEmpty
from app.retention.work import NAME
from storage.metadata import Delete
from tests.app.ruled import DAY, Kept, ages, note, rule


@pytest.fixture
def room(installation: Installation) -> Kept:
    return Kept(installation)


def test_what_is_older_than_its_days_goes(room: Kept) -> None:
    room.plant(ages(room.at.metadata.now(), new=9.9, old=10.1, d__old=11, d__e__new=1))
    room.set(rule("**", age=10))
    assert room.preview() == [("old", 1), ("d/old", 1)]
    job = room.run(NAME)
    assert (job.counts["deleted"], job.counts["rule_1"], job.counts["files"]) == (2, 2, 4)
    assert room.paths() == ["d/e/new", "new"]


def test_the_newest_of_each_folder_stay_of_those_that_fit(room: Kept) -> None:
    room.plant(
        ages(room.at.metadata.now(), a1=1, a2=2, a3=3, b9=9, d__a1=1, d__a2=2, d__a3=3, e__a9=9)
    )
    room.set(rule("**/a*", newest=2))
    assert sorted(room.preview()) == [("a3", 1), ("d/a3", 1)]
    room.run(NAME)
    assert room.paths() == ["a1", "a2", "b9", "d/a1", "d/a2", "e/a9"]


def test_all_conditions_of_a_rule_hold_and_any_rule_takes(room: Kept) -> None:
    room.plant(ages(room.at.metadata.now(), a1=1, a5=5, a9=9, b1=1, b9=9))
    room.set(rule("a*", newest=1, age=6), rule("b*", age=8), rule("**", age=9 * 365))
    assert room.preview() == [("a9", 1), ("b9", 2)]


def test_files_of_the_same_microsecond_have_an_order(room: Kept) -> None:
    now = room.at.metadata.now()
    room.plant(dict.fromkeys("abcde", now))
    room.set(rule("*", newest=2))
    assert [path for path, _ in room.preview()] == ["a", "b", "c"]


def test_what_goes_is_restorable_and_its_event_says_which_rule(
    any_installation: Installation,
) -> None:
    room = Kept(any_installation)
    for path in ("old", "d/old"):
        room.put(path)
    room.wait(3 * DAY)
    room.put("new")
    room.set(rule("d/*", age=1), rule("*", age=1))
    job = room.run(NAME)
    assert (job.counts["rule_1"], job.counts["rule_2"]) == (1, 1)
    assert sorted(event["retention"] for event in room.events()) == [1, 2]
    room.check()
    room.restore("d/old")
    assert room.read("d/old") == b"d/old"
    room.check()
    assert room.run(NAME).counts["deleted"] == 0, "restored, it counts from then"
    room.wait(2 * DAY)
    assert room.run(NAME).counts["deleted"] == 2


def test_without_rules_nothing_goes(room: Kept) -> None:
    room.put("f")
    assert room.run(NAME).counts == {}
    room.set(rule("none", age=1))
    room.set()
    assert room.run(NAME).counts == {}
    assert room.paths() == ["f"]


def test_rules_that_would_empty_a_repository_are_refused_unless_confirmed(room: Kept) -> None:
    now = room.at.metadata.now()
    room.set(rule("**", age=1), confirmed=False)  # there is nothing in it yet
    room.set()
    room.plant(ages(now, a=3, d__b=3, d__e__c=3))
    before = room.records()
    with pytest.raises(WouldEmpty):
        room.set(rule("**", age=1), confirmed=False)
    with pytest.raises(WouldEmpty):
        room.set(rule("*", age=2), rule("d/*", age=1), rule("d/e/**", age=1), confirmed=False)
    assert room.records() == before
    room.set(rule("**", age=5), confirmed=False)
    room.set(rule("*", age=2), rule("d/*", age=1), confirmed=False)
    room.set(rule("**", newest=1), confirmed=False)
    room.set(rule("**", age=1), confirmed=True)
    assert len(room.preview()) == 3


def test_what_was_changed_since_it_was_decided_stays(room: Kept, monkeypatch: Any) -> None:
    """A publisher comes in between the look and the commit."""
    for path in ("a", "b"):
        room.put(path)
    room.wait(3 * DAY)
    room.set(rule("*", age=1))
    carry_out = room.bulk.carry_out

    def meddled(*arguments: Any, **more: Any) -> Any:
        room.put("a", b"other")
        return carry_out(*arguments, **more)

    monkeypatch.setattr(room.bulk, "carry_out", meddled)
    assert room.run(NAME).counts["deleted"] == 1
    assert room.read("a") == b"other"
    room.check()


# Downloads


def test_a_rule_about_downloads_counts_from_when_it_was_set(room: Kept) -> None:
    room.plant(ages(room.at.metadata.now(), used=90, unused=90))
    assert room.set(rule("**", unused=30), confirmed=False).remembered is not None
    assert room.here().downloads_days == 30
    assert room.preview() == []
    room.wait(29.9 * DAY)
    assert room.preview() == []
    note(room, "used", ago=20)
    room.wait(0.2 * DAY)
    assert room.preview() == [("unused", 1)]
    room.wait(9 * DAY)
    assert room.preview() == [("unused", 1)]
    room.wait(3 * DAY)
    assert room.preview() == [("unused", 1), ("used", 1)]


def test_a_day_counts_as_a_download_at_its_end(room: Kept) -> None:
    room.plant(ages(room.at.metadata.now(), f=90))
    room.set(rule("**", unused=1))
    room.wait(2 * DAY)
    note(room, "f")
    room.wait(DAY)
    assert room.preview() == []
    room.wait(DAY)
    assert room.preview() == [("f", 1)]


def test_a_file_is_used_by_being_published(room: Kept) -> None:
    room.set(rule("**", unused=5))
    room.wait(20 * DAY)
    room.plant(ages(room.at.metadata.now(), f=4))
    assert room.preview() == []
    room.wait(2 * DAY)
    assert room.preview() == [("f", 1)]


def test_downloads_are_remembered_on_while_some_rule_asks(room: Kept) -> None:
    first = room.set(rule("a", unused=30)).remembered
    room.wait(10 * DAY)
    assert room.set(rule("a", unused=30), rule("b", unused=5)).remembered == first
    assert room.here().downloads_days == 30
    assert room.set(rule("b", unused=5)).remembered == first
    assert room.here().downloads_days == 5
    raised = room.set(rule("b", unused=60)).remembered
    assert raised is not None
    assert first is not None
    assert raised > first + 9 * DAY
    assert room.set(rule("b", age=60)).remembered is None
    assert room.here().downloads_days is None
    again = room.set(rule("b", unused=60)).remembered
    assert again is not None
    assert again > raised


def test_a_download_of_before_the_days_were_raised_is_not_forgotten(room: Kept) -> None:
    """Its record expires by what the rules asked for then."""
    room.plant(ages(room.at.metadata.now(), f=90))
    room.set(rule("**", unused=5))
    room.wait(10 * DAY)
    downloads = LastDownloads(room.at.metadata, room.at.metadata.now)
    downloads.note(room.here(), ArtifactPath.parse("f"))
    assert downloads.flush() == 1
    room.wait(DAY)
    room.set(rule("**", unused=60))
    room.wait(58.9 * DAY)
    (record,) = room.records("downloaded")
    assert record.expires is not None
    assert record.expires < room.at.metadata.now()
    room.at.metadata.commit(Delete(record.key))  # the engine's own clock stands still
    assert room.preview() == []
    room.wait(2 * DAY)
    assert room.preview() == [("f", 1)]


def test_publishers_and_two_sweeps_take_nothing_from_each_other(room: Kept) -> None:
    """What was published stays, what was old goes, and the counters are exact."""
    paths = [f"{number % 4}/{number}" for number in range(60)]
    for path in paths:
        room.put(path)
    room.wait(3 * DAY)
    room.set(rule("**", age=1))
    wrong: list[object] = []

    def sweep() -> None:
        try:
            room.run(NAME)
        except Exception as error:  # noqa: BLE001 - told by the test
            wrong.append(error)

    def publish() -> None:
        for path in paths[::3]:
            try:
                room.put(path, b"anew " + path.encode())
            except Contended:
                wrong.append(path)

    threads = [threading.Thread(target=work) for work in (sweep, publish, sweep)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert room.paths() == sorted(paths[::3])
    assert {room.read(path) == b"anew " + path.encode() for path in paths[::3]} == {True}
    room.check()
    for path in set(paths) - set(paths[::3]):
        room.restore(path)
    room.check()


# All at once


DAYS = st.integers(0, 6)
TREES = st.dictionaries(
    st.lists(st.sampled_from(["a", "b", "ab", "x.y"]), min_size=1, max_size=4).map("/".join),
    DAYS,
    max_size=25,
)
CONDITION = st.none() | st.integers(1, 4)
RULES = st.lists(
    st.builds(
        rule,
        st.sampled_from(["**", "a/**", "**/a", "*", "*/*", "**/ab/*", "b/**/x.?"]),
        CONDITION,
        CONDITION,
        CONDITION,
    ),
    min_size=1,
    max_size=3,
)


def model(
    files: Mapping[str, datetime], downloads: Mapping[str, int], rules: RuleSet, now: datetime
) -> dict[str, int]:
    """What goes, told for each file by itself."""
    going: dict[str, int] = {}
    for path, modified in files.items():
        folder = path.rpartition("/")[0]
        for number, one in enumerate(rules.rules, start=1):
            peers = sorted(
                (files[other], other)
                for other in files
                if other.rpartition("/")[0] == folder and one.match.fits(other)
            )
            newest = [other for _, other in peers[-one.keep_newest :]] if one.keep_newest else []
            used = max(modified, rules.remembered or now)
            if path in downloads:
                day = (now - downloads[path] * DAY).astimezone(UTC).date() + DAY
                used = max(used, datetime(day.year, day.month, day.day, tzinfo=UTC))
            if (
                one.match.fits(path)
                and path not in newest
                and (one.older_than_days is None or modified <= now - one.older_than_days * DAY)
                and (one.not_downloaded_days is None or used <= now - one.not_downloaded_days * DAY)
            ):
                going.setdefault(path, number)
    return going


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(tree=TREES, rules=RULES, used=st.dictionaries(st.integers(0, 24), DAYS), seed=st.integers())
def test_exactly_what_the_rules_take_goes(
    room: Kept, tree: dict[str, int], rules: list[Rule], used: dict[int, int], seed: int
) -> None:
    chance = random.Random(seed)
    repository = replace(room.repository, id=secrets.token_hex(8))
    now = room.at.metadata.now()
    files = {path: now - days * DAY - timedelta(seconds=1) for path, days in tree.items()}
    room.repository, kept = repository, room.repository
    room.plant(files)
    downloads = {path: used[n] for n, path in enumerate(tree) if n in used}
    for path, ago in downloads.items():
        note(room, path, ago)
    room.repository = kept
    remembered = chance.choice([None, now - 3 * DAY, now - 30 * DAY])
    wanted = RuleSet(tuple(one for one in rules), remembered, version=1)
    if remembered is None:
        wanted = replace(
            wanted,
            rules=tuple(one for one in wanted.rules if one.not_downloaded_days is None),
        )
    expected = model(files, downloads, wanted, now)
    sweep = room.sweep(wanted, repository)
    sweep._now = now
    found: dict[str, int] = {}
    position: Any = {}
    while position is not None:
        position = json.loads(json.dumps(position))  # as a record holds it
        if chance.random() < 0.3:
            position.pop("kept", None)  # as a cursor holds it
        look = sweep.look(position, chance.randint(1, 4), chance.randint(1, 3))
        for going in look.going:
            assert found.setdefault(str(going.path), going.rule) == going.rule
        position = look.position
    assert found == expected
