"""Duties: each is done by one worker at a time, when it is due, and again after a failure."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta

import pytest

from app.background import background
from app.installation import Installation
from app.settings import DUTIES
from app.work import ClaimLost, FeedDuty, Jobs, Shift, Worker
from app.work.duty import RETRY, Duty, Schedule, time_of
from storage import keys
from storage.events import SYSTEM, Event
from storage.metadata import Put, Record
from tests.work.conftest import ORG

HOUR = timedelta(hours=1)


class Noting:
    """A duty that notes its runs, and does what a test tells it besides."""

    name = "note"
    every = HOUR

    def __init__(self) -> None:
        self.runs = 0
        self.also: Callable[[Shift], None] = lambda _: None

    def run(self, shift: Shift) -> None:
        self.runs += 1
        self.also(shift)


def never() -> bool:
    return False


def schedule_of(at: Installation, *duties: Duty, **every: timedelta) -> Schedule:
    return Schedule(at.metadata, Jobs(at.metadata, at.journal, ()), duties, every)


def run_due(schedule: Schedule) -> list[bool]:
    return [schedule.run(duty, found, "worker", never) for duty, found in schedule.due()]


def record_of(at: Installation, name: str) -> Record:
    return at.metadata.get(keys.duty(name))[keys.duty(name)]


def pass_time(at: Installation, name: str, by: timedelta) -> None:
    """Move a duty's record into the past."""
    record = record_of(at, name)
    value = dict(record.value)
    until = time_of(record, "until")
    value["until"] = None if until is None else (until - by).isoformat()
    at.metadata.commit(Put(record.key, value, at=record.version))


def test_a_duty_is_done_when_it_is_due_and_not_before(installation: Installation) -> None:
    duty = Noting()
    schedule = schedule_of(installation, duty)
    assert run_due(schedule) == [True]
    assert run_due(schedule) == []
    pass_time(installation, "note", HOUR - timedelta(minutes=1))
    assert run_due(schedule) == []
    pass_time(installation, "note", timedelta(minutes=2))
    assert run_due(schedule) == [True]
    assert duty.runs == 2


def test_a_duty_is_done_as_often_as_the_settings_say(installation: Installation) -> None:
    schedule = schedule_of(installation, Noting(), note=timedelta(minutes=5))
    run_due(schedule)
    pass_time(installation, "note", timedelta(minutes=6))
    assert run_due(schedule) == [True]
    assert [(name, every) for name, every, _ in schedule.states()] == [
        ("note", timedelta(minutes=5))
    ]


def test_a_duty_that_somebody_is_at_is_left_alone(installation: Installation) -> None:
    duty, others = Noting(), []
    schedule = schedule_of(installation, duty)
    duty.also = lambda _: others.append(list(schedule.due()))
    assert run_due(schedule) == [True]
    assert others == [[]]


def test_a_worker_that_lost_the_race_for_a_duty_does_not_do_it(
    installation: Installation,
) -> None:
    duty = Noting()
    schedule = schedule_of(installation, duty)
    ((_, found),) = schedule.due()
    assert schedule.run(duty, found, "one", never)
    assert not schedule.run(duty, found, "two", never)
    assert duty.runs == 1


def test_a_duty_that_failed_is_tried_again_in_a_minute(installation: Installation) -> None:
    def fail(_: Shift) -> None:
        raise ValueError("something is broken")

    duty = Noting()
    duty.also = fail
    schedule = schedule_of(installation, duty)
    assert run_due(schedule) == [False]
    assert record_of(installation, "note").value["outcome"] == "failed"
    assert run_due(schedule) == []
    pass_time(installation, "note", RETRY + timedelta(seconds=5))
    duty.also = lambda _: None
    assert run_due(schedule) == [True]
    assert record_of(installation, "note").value["outcome"] == "done"


def test_a_worker_that_is_told_to_stop_leaves_the_duty_due(installation: Installation) -> None:
    def stop(shift: Shift) -> None:
        shift.go_on()

    duty = Noting()
    duty.also = stop
    schedule = schedule_of(installation, duty)
    ((_, found),) = schedule.due()
    assert not schedule.run(duty, found, "worker", lambda: True)
    assert [duty.name for duty, _ in schedule.due()] == ["note"]


def test_a_run_that_was_taken_over_ends_without_a_word(installation: Installation) -> None:
    duty, after = Noting(), []
    schedule = schedule_of(installation, duty)

    def lose(shift: Shift) -> None:
        record = record_of(installation, "note")
        installation.metadata.commit(Put(record.key, {"outcome": "theirs"}, at=record.version))
        with pytest.raises(ClaimLost):
            shift._claim.save({})
        after.append("lost")
        shift.go_on()
        after.append("went on")

    duty.also = lose
    assert run_due(schedule) == [False]
    assert after == ["lost"]
    assert record_of(installation, "note").value == {"outcome": "theirs"}


def test_what_a_run_did_is_told_in_the_organization_that_it_was_done_in(
    installation: Installation,
) -> None:
    def report(shift: Shift) -> None:
        for organization in shift.organizations():
            shift.report(organization, {"things": 3}, {"why": "because"})

    duty = Noting()
    duty.also = report
    run_due(schedule_of(installation, duty))
    jobs = Jobs(installation.metadata, installation.journal, ())
    (told,) = jobs.list(ORG).jobs
    assert (told.kind, told.state.value) == ("note", "done")
    assert (told.counts, told.result) == ({"things": 3}, {"why": "because"})
    assert told.actor == SYSTEM
    assert jobs.list("org2").jobs == ()


class Remembering:
    """A reader that remembers the actions that it was told of."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.fails = False

    def take(self, organization: str, events: Sequence[Event]) -> None:
        if self.fails:
            raise ValueError("the reader is broken")
        self.told += [(organization, event.action) for event in events]


def write_event(at: Installation, action: str, organization: str = ORG) -> None:
    at.metadata.commit(witness=at.journal.event(organization, SYSTEM, action))


def test_readers_are_told_of_every_event_once(installation: Installation) -> None:
    reader = Remembering()
    schedule = schedule_of(
        installation, FeedDuty(installation.metadata, installation.journal, (reader,))
    )
    write_event(installation, "one")
    run_due(schedule)
    write_event(installation, "two")
    pass_time(installation, "feed", HOUR)
    run_due(schedule)
    pass_time(installation, "feed", HOUR)
    run_due(schedule)
    assert reader.told == [(ORG, "one"), (ORG, "two")]


def test_a_reader_that_failed_is_told_again(installation: Installation) -> None:
    reader = Remembering()
    schedule = schedule_of(
        installation, FeedDuty(installation.metadata, installation.journal, (reader,))
    )
    write_event(installation, "one")
    reader.fails = True
    assert run_due(schedule) == [False]
    reader.fails = False
    pass_time(installation, "feed", HOUR)
    assert run_due(schedule) == [True]
    assert reader.told == [(ORG, "one")]


def test_a_reader_that_was_taken_over_does_not_put_its_cursor_back(
    installation: Installation,
) -> None:
    key = keys.reader(ORG, "feed")

    class Paused:
        def take(self, organization: str, events: Sequence[Event]) -> None:
            installation.metadata.commit(Put(key, {"cursor": "of its successor"}))

    write_event(installation, "one")
    slow = FeedDuty(installation.metadata, installation.journal, (Paused(),))
    assert run_due(schedule_of(installation, slow)) == [False]
    assert installation.metadata.get(key)[key].value == {"cursor": "of its successor"}


def test_an_event_that_is_not_genuine_is_told_to_nobody(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    reader = Remembering()
    duty = FeedDuty(installation.metadata, installation.journal, (reader,))
    schedule = schedule_of(installation, duty)
    write_event(installation, "forged")
    (record,) = (
        record
        for record in installation.metadata.scan(0, 1).records
        if record.key.partition.startswith(f"{ORG}#events#")
    )
    installation.metadata.commit(
        Put(record.key, {**record.value, "action": "bent"}, at=record.version)
    )
    run_due(schedule)
    assert reader.told == []
    assert f"1 events of the organization {ORG}" in caplog.text


class Waiting(Noting):
    """A duty for which something waits while a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.something = False

    def waits(self) -> bool:
        return self.something


def test_a_duty_that_something_waits_for_is_done_before_it_is_due(
    installation: Installation,
) -> None:
    duty, other = Waiting(), Noting()
    other.name = "other"
    schedule = schedule_of(installation, duty, other)
    run_due(schedule)
    assert list(schedule.pressing()) == []
    duty.something = True
    assert [one for one, _ in schedule.pressing()] == [duty]
    assert [schedule.run(one, found, "worker", never) for one, found in schedule.pressing()]
    assert (duty.runs, other.runs) == (2, 1)
    assert run_due(schedule) == []


def test_a_worker_that_is_run_once_does_what_presses(installation: Installation) -> None:
    duty = Waiting()
    schedule = schedule_of(installation, duty)
    worker = Worker(Jobs(installation.metadata, installation.journal, ()), schedule)
    assert worker.run_due().duties == {"note": "done"}
    assert worker.run_due().duties == {}
    duty.something = True
    assert worker.run_due().duties == {"note": "done"}


def test_a_pressing_duty_that_somebody_is_at_is_left_alone(installation: Installation) -> None:
    duty, others = Waiting(), []
    duty.something = True
    schedule = schedule_of(installation, duty)
    duty.also = lambda _: others.append(list(schedule.pressing()))
    assert run_due(schedule) == [True]
    assert others == [[]]


def test_the_settings_name_the_duties_that_there_are(installation: Installation) -> None:
    assert tuple(name for name, _, _ in background(installation).schedule.states()) == DUTIES


def test_a_worker_does_what_is_due_and_stops_when_told(installation: Installation) -> None:
    work = background(installation)
    worker = Worker(
        work.jobs, work.schedule, poll=timedelta(seconds=0.01), look=timedelta(seconds=0.01)
    )
    worker.start()
    while not all(time_of(record, "ended") for _, _, record in work.schedule.states()):
        pass
    worker.stop(10)
    assert not any(thread.is_alive() for thread in worker._threads)


def test_a_worker_that_is_stopped_waits_for_a_duty_that_is_under_way(
    installation: Installation,
) -> None:
    """What it uses is closed behind that, and a run in its midst would fail for it."""
    duty, under_way, ended = Noting(), threading.Event(), threading.Event()

    def last(shift: Shift) -> None:
        under_way.set()
        time.sleep(0.3)
        ended.set()

    duty.also = last
    look = timedelta(seconds=0.01)
    jobs = Jobs(installation.metadata, installation.journal, ())
    worker = Worker(jobs, schedule_of(installation, duty), poll=look, look=look)
    worker.start()
    assert under_way.wait(10)
    worker.stop(10)
    assert ended.is_set()


class DueLate(Schedule):
    """Tells what is due once something else has happened."""

    meanwhile: Callable[[], object]

    def due(self) -> Iterator[tuple[Duty, Record | None]]:
        found = list(super().due())
        self.meanwhile()
        return iter(found)


def test_no_duty_begins_once_a_worker_was_stopped(installation: Installation) -> None:
    """Whoever stopped it waited for a while for that look, and has closed what duties use."""
    duty = Noting()
    jobs = Jobs(installation.metadata, installation.journal, ())
    schedule = DueLate(installation.metadata, jobs, (duty,), {})
    worker = Worker(jobs, schedule)
    schedule.meanwhile = worker.stop
    worker._begin_due()
    for thread in worker._duties:
        thread.join()
    assert duty.runs == 0


class Wakened(threading.Event):
    """An event that something happens to just before it is cleared, and whose waits are told."""

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], object] = lambda: None
        self.waits: list[bool] = []

    def clear(self) -> None:
        self.meanwhile()
        super().clear()

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(self.is_set())
        return self.is_set()


def test_a_worker_is_woken_by_a_stop_whenever_that_comes(installation: Installation) -> None:
    jobs = Jobs(installation.metadata, installation.journal, ())
    woken = jobs.added = Wakened()
    worker = Worker(jobs, schedule_of(installation))
    woken.meanwhile = worker.stop
    worker._take_jobs()
    assert all(woken.waits), "nobody waits for what was there already"
    assert woken.is_set(), "the other threads wait for it too"


def test_a_duty_that_found_no_thread_is_begun_at_the_next_look(installation: Installation) -> None:
    duty = Noting()
    jobs = Jobs(installation.metadata, installation.journal, ())
    worker = Worker(jobs, schedule_of(installation, duty))
    before = threading.stack_size(1 << 60)  # more than there is of anything
    try:
        with pytest.raises(RuntimeError, match="thread"):
            worker._begin_due()
    finally:
        threading.stack_size(before)
    worker._begin_due()
    for thread in worker._duties:
        thread.join()
    assert duty.runs == 1


def test_an_organization_whose_part_fails_keeps_no_other_from_its_own(
    installation: Installation,
) -> None:
    others = [f"other{number}" for number in range(3)]
    installation.metadata.commit(
        *(Put(keys.organization_by_name(other), {"id": other}) for other in others)
    )
    seen: list[str] = []

    def fail_in_one(shift: Shift) -> None:
        for organization in shift.organizations():
            with shift.part(organization):
                seen.append(organization)
                if organization == "other1":
                    raise ValueError("a record that nobody can read")

    duty = Noting()
    duty.also = fail_in_one
    schedule = schedule_of(installation, duty)
    assert run_due(schedule) == [False]
    assert set(others) < set(seen)
    assert record_of(installation, "note").value["outcome"] == "failed"
    pass_time(installation, "note", RETRY + timedelta(seconds=5))
    assert run_due(schedule) == [False], "it is tried again"


def test_the_feed_is_read_for_the_others_where_a_cursor_is_no_cursor(
    installation: Installation,
) -> None:
    installation.metadata.commit(
        Put(keys.organization_by_name("bad"), {"id": "bad"}), Put(keys.reader("bad", "feed"), {})
    )
    reader = Remembering()
    schedule = schedule_of(
        installation, FeedDuty(installation.metadata, installation.journal, (reader,))
    )
    write_event(installation, "one")
    assert run_due(schedule) == [False]
    assert reader.told == [(ORG, "one")]


def test_a_lost_claim_ends_the_whole_run_from_within_a_part(installation: Installation) -> None:
    parts: list[str] = []

    def lose(shift: Shift) -> None:
        for name in ("one", "two"):
            with shift.part(name):
                parts.append(name)
                raise ClaimLost(name)

    duty = Noting()
    duty.also = lose
    assert run_due(schedule_of(installation, duty)) == [False]
    assert parts == ["one"]


def test_a_position_is_never_written_over_that_of_a_successor(installation: Installation) -> None:
    position = keys.reader(ORG, "note")

    def write(shift: Shift) -> None:
        version = shift.keep(position, {"at": 1}, None)
        version = shift.keep(position, {"at": 2}, version)
        installation.metadata.commit(Put(position, {"at": 9}, at=version))
        shift.keep(position, {"at": 3}, version)

    duty = Noting()
    duty.also = write
    assert run_due(schedule_of(installation, duty)) == [False]
    assert installation.metadata.get(position)[position].value == {"at": 9}
