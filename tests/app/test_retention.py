"""Retention: exactly what the rules take goes, and it can be brought back."""

import json
import random
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.installation import Installation
from app.publishing import Artifact
from app.publishing.changes import Changes
from app.repositories import ArtifactPath, Repository, RepositoryName
from app.retention import Pattern, Retention, RetentionDuty, RetentionJob, Rule, RuleSet, WouldEmpty
from app.retention.work import NAME
from app.work import Job, Jobs
from app.work.duty import Schedule
from auth.principals import operating
from storage import keys
from storage.events import Feed
from storage.metadata import Put
from tests.app.storeroom import ACTOR, ORG, Storeroom
from tests.faults.metadata import conflict, lost_after_effect, passes, throttled

BY = operating(ORG, ACTOR)
FILES = RepositoryName("files")
DAY = timedelta(days=1)


def rule(
    match: str, newest: int | None = None, age: int | None = None, unused: int | None = None
) -> Rule:
    return Rule(Pattern.parse(match), newest, age, unused)


class Kept(Storeroom):
    """A storeroom with rules."""

    def __init__(self, at: Installation) -> None:
        super().__init__(at)
        self.retention = Retention(self.at.recent, at.journal, self.catalogue, self.bulk)
        job = RetentionJob(self.catalogue, self.retention)
        self.kinds = {**self.kinds, NAME: job}

    def here(self) -> Repository:
        """The repository as it is now."""
        return self.catalogue.get(ORG, FILES)

    def set(self, *rules: Rule, confirmed: bool = True) -> RuleSet:
        return self.retention.set(BY, FILES, RuleSet(rules), confirmed=confirmed)

    def plant(self, files: Mapping[str, datetime]) -> None:
        """Files of those times, without bytes."""
        waiting = list(files.items())
        for start in range(0, len(waiting), 6):
            changes = Changes()
            folders: dict[Any, Put] = {}
            for path, modified in waiting[start : start + 6]:
                place = self.place(path)
                artifact = Artifact(None, 0, {"sha256": "0" * 64}, modified, "user1")
                changes.appear(place, artifact)
                folders |= {key: Put(key, {}) for key in place.folder_keys()}
            self.at.metadata.commit(*changes.operations(), *folders.values())

    def preview(self, limit: int = 100) -> list[tuple[str, int]]:
        """What would go, page by page."""
        found: list[tuple[str, int]] = []
        after: str | None = ""
        while after is not None:
            page = self.retention.preview(
                self.here(), self.retention.rules(self.here()), after, limit
            )
            assert len(page.items) <= limit
            found += [(str(going.path), going.rule) for going in page.items]
            after = page.next
        return found

    def events(self) -> list[dict[str, Any]]:
        """The details of the deletions."""
        feed = Feed(self.at.metadata, self.at.journal, ORG)
        cursor = feed.start(self.at.metadata.now() - timedelta(minutes=5))
        return [
            dict(event.details)
            for event in feed.read(cursor).events
            if event.action == "artifact.delete"
        ]


@pytest.fixture
def room(installation: Installation) -> Kept:
    return Kept(installation)


def ages(now: datetime, **days: float) -> dict[str, datetime]:
    """Files by names with `__` for a slash, each so many days old."""
    return {name.replace("__", "/"): now - days[name] * DAY for name in days}


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


def test_what_goes_is_restorable_and_its_event_says_which_rule(room: Kept) -> None:
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


def note(room: Kept, path: str, ago: float = 0) -> None:
    day = (room.at.metadata.now() - ago * DAY).astimezone(UTC).date().isoformat()
    room.at.metadata.commit(Put(keys.downloaded(ORG, room.repository.id, path), {"day": day}))


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
    # Records of downloads are kept for five days: of what was longer ago nothing is known.
    assert timedelta(days=4.9) < room.at.metadata.now() - raised < timedelta(days=5.1)
    assert room.set(rule("b", age=60)).remembered is None
    assert room.here().downloads_days is None
    again = room.set(rule("b", unused=60)).remembered
    assert again is not None
    assert again > raised


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
    sweep = room.retention.sweep(repository, wanted)
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


# In the background


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
    room: Kept, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def duty(room: Kept, at_once: int = 1_000) -> tuple[Jobs, Schedule]:
    jobs = Jobs(room.at.metadata, room.at.journal, room.kinds.values(), at_once=at_once)
    every = RetentionDuty(room.at.metadata, room.catalogue, jobs)
    return jobs, Schedule(room.at.metadata, jobs, (every,), {})


def run_duty(schedule: Schedule) -> int:
    return sum(schedule.run(one, found, "me", lambda: False) for one, found in schedule.due())


def reports(jobs: Jobs) -> list[Job]:
    return [job for job in jobs.list(ORG).jobs if job.kind == NAME]


def test_the_duty_comes_round_every_day_and_leaves_a_report(room: Kept) -> None:
    for path in ("a", "b"):
        room.put(path)
    room.set(rule("*", newest=1))
    jobs, schedule = duty(room)
    assert run_duty(schedule) == 1
    (report,) = reports(jobs)
    assert (report.repository, report.counts["deleted"]) == (room.repository.id, 1)
    assert run_duty(schedule) == 0, "not due"
    room.wait(1.1 * DAY)
    assert run_duty(schedule) == 1
    assert len(reports(jobs)) == 1, "nothing went, nothing to tell"
    room.put("c")
    room.wait(1.1 * DAY)
    run_duty(schedule)
    assert room.paths() == ["c"]


def test_a_large_repository_is_left_as_a_job(room: Kept) -> None:
    for number in range(8):
        room.put(f"{number}/f{number}")
    room.set(rule("**", newest=1), rule("0/*", age=1))
    room.wait(2 * DAY)
    jobs, schedule = duty(room, at_once=3)
    assert run_duty(schedule) == 1
    assert len(room.paths()) == 7
    while jobs.run_next("me", lambda: False):
        pass
    (job,) = reports(jobs)
    assert (job.state.value, job.counts["deleted"], job.counts["files"]) == ("done", 1, 8)


def test_a_deleted_repository_is_passed_over(room: Kept) -> None:
    room.put("a")
    room.set(rule("*", age=1))
    room.catalogue.delete(ORG, ACTOR, FILES)
    room.wait(3 * DAY)
    jobs, schedule = duty(room)
    assert run_duty(schedule) == 1
    assert reports(jobs) == []
    assert room.paths() == ["a"]


def test_positions_name_a_file_that_may_be_gone(room: Kept) -> None:
    path = ArtifactPath.parse("d/f")
    room.plant(ages(room.at.metadata.now(), d__f=3, d__g=3))
    room.set(rule("**", age=1))
    sweep = room.retention.sweep(room.here(), room.retention.rules(room.here()))
    look = sweep.look(sweep.look({}).position or {}, 1)
    assert [going.path for going in look.going] == [path]
    room.remove("d/f")
    look = sweep.look(look.position or {})
    assert [str(going.path) for going in look.going] == ["d/g"]
