"""Jobs: small ones end within the request, large ones in whichever worker takes them."""

import threading
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.installation import Installation
from app.publishing import Contended
from app.work import Failed, Job, JobMissing, Jobs, Later, State
from app.work.claims import LIFETIME, Claim, ClaimLost
from app.work.turn import TRIES
from storage import keys
from storage.blobs import BlobCorrupt, BlobsUnavailable
from storage.events import Feed
from storage.metadata import (
    Conflict,
    Corrupted,
    Delete,
    InvalidOperation,
    Key,
    Metadata,
    Unavailable,
)
from tests.faults.metadata import Faults, half_seen
from tests.work.conftest import ORG
from tests.work.kinds import Counting, Refusing
from tests.work.waiting import ACTOR, free, jobs_of, never, queue, record_of


def test_a_small_job_ends_within_the_request_and_leaves_no_record(
    installation: Installation,
) -> None:
    job = jobs_of(installation, Counting()).start("count", ORG, ACTOR, {"to": 4})
    assert (job.state, job.counts, job.result) == (State.DONE, {"counted": 4}, {"to": 4})
    assert queue(installation) == ()
    for left in (keys.jobs(ORG), keys.open_jobs(ORG)):
        assert installation.metadata.query(left).records == ()


def test_a_job_of_one_step_costs_no_call(installation: Installation) -> None:
    engine = Faults(installation.engine)
    metadata = Metadata(engine)
    metadata.now()
    jobs = Jobs(metadata, installation.journal, (Counting(stride=4),))
    engine.made.clear()
    assert jobs.start("count", ORG, ACTOR, {"to": 4}).ended
    assert [call for call in engine.made if call != "now"] == []


def test_a_large_job_goes_on_in_a_worker_from_where_the_request_ended(
    installation: Installation,
) -> None:
    kind = Counting()
    jobs = jobs_of(installation, kind)
    waiting = jobs.start("count", ORG, ACTOR, {"to": 9}, repository="repo1")
    assert waiting.state is State.WAITING
    assert jobs.added.is_set()
    assert jobs.run_next("worker", never)
    ended = jobs.get(ORG, waiting.id)
    assert (ended.state, ended.counts, ended.result) == (State.DONE, {"counted": 9}, {"to": 9})
    assert (ended.actor.user, ended.repository) == ("user1", "repo1")
    assert kind.seen == list(range(9))
    assert queue(installation) == ()
    assert not jobs.run_next("worker", never)


def test_a_job_whose_place_is_seen_before_it_is_not_lost(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = jobs_of(installation, Counting())
    job = jobs.start("count", ORG, ACTOR, {"to": 6})
    half_seen(monkeypatch, installation.metadata, record_of(installation, job).key.partition)
    assert jobs.run_next("worker", never) is None
    assert len(queue(installation)) == 1
    assert jobs.run_next("worker", never)
    assert jobs.get(ORG, job.id).state is State.DONE


def test_a_job_that_ended_is_kept_for_thirty_days(installation: Installation) -> None:
    jobs = jobs_of(installation, Counting())
    job = jobs.start("count", ORG, ACTOR, {"to": 6})
    assert record_of(installation, job).expires is None
    jobs.run_next("worker", never)
    expires = record_of(installation, job).expires
    assert expires is not None
    assert timedelta(days=29) < expires - job.created < timedelta(days=31)


def test_a_job_tells_history_who_asked_for_it_and_how_it_ended(
    installation: Installation,
) -> None:
    jobs = jobs_of(installation, Counting())
    job = jobs.start("count", ORG, ACTOR, {"to": 6})
    jobs.run_next("worker", never)
    feed = Feed(installation.metadata, installation.journal, ORG)
    events = feed.read(feed.start(job.created)).events
    told = sorted((event.action, event.actor.user, event.details["job"]) for event in events)
    assert told == [("job.create", "user1", job.id), ("job.done", "user1", job.id)]


def test_the_newest_job_is_listed_first_and_a_page_says_where_to_go_on(
    installation: Installation,
) -> None:
    jobs = jobs_of(installation, Counting(), at_once=0)
    made = [jobs.start("count", ORG, ACTOR, {"to": 1}).id for _ in range(3)]
    first = jobs.list(ORG, limit=2)
    assert first.next is not None
    rest = jobs.list(ORG, first.next, limit=2)
    assert [job.id for job in (*first.jobs, *rest.jobs)] == made[::-1]


def test_a_job_of_another_organization_is_not_there(installation: Installation) -> None:
    jobs = jobs_of(installation, Counting(), at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 1})
    with pytest.raises(JobMissing):
        jobs.get("org2", job.id)
    assert jobs.list("org2").jobs == ()


def test_what_can_not_be_done_is_refused_at_once_or_kept_as_failed(
    installation: Installation,
) -> None:
    at_once = jobs_of(installation, Refusing())
    with pytest.raises(Failed, match="about it"):
        at_once.start("refuse", ORG, ACTOR, {"what": "it"})
    later = jobs_of(installation, Refusing(), at_once=0)
    job = later.start("refuse", ORG, ACTOR, {"what": "it"})
    later.run_next("worker", never)
    ended = later.get(ORG, job.id)
    assert (ended.state, ended.error) == (State.FAILED, "there is nothing to do about it")
    assert queue(installation) == ()


def test_a_job_that_somebody_works_on_is_shown_as_running_and_left_alone(
    installation: Installation,
) -> None:
    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 2})
    seen: list[tuple[State, Job | None]] = []

    def look(_: int) -> None:
        kind.before = lambda _: None
        seen.append((jobs.get(ORG, job.id).state, jobs.run_next("other", never)))

    kind.before = look
    jobs.run_next("worker", never)
    assert seen == [(State.RUNNING, None)]
    assert kind.seen == [0, 1]


def test_a_worker_that_is_told_to_stop_gives_the_job_up_for_another(
    installation: Installation,
) -> None:
    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 5})
    jobs.run_next("worker", lambda: len(kind.seen) == 3)
    left = jobs.get(ORG, job.id)
    assert (left.state, left.position) == (State.WAITING, {"at": 3})
    jobs.run_next("other", never)
    assert kind.seen == [0, 1, 2, 3, 4]


def test_a_job_whose_worker_was_killed_goes_on_when_its_claim_is_over(
    installation: Installation,
) -> None:
    class Killed(BaseException):
        pass

    def die(at: int) -> None:
        if at == 2:
            raise Killed

    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 4})
    kind.before = die
    with pytest.raises(Killed):
        jobs.run_next("worker", never)
    kind.before = lambda _: None
    assert not jobs.run_next("other", never)  # the claim of the dead holds for a while
    free(installation, job)
    assert jobs.run_next("other", never)
    assert jobs.get(ORG, job.id).counts == {"counted": 4}
    assert kind.seen == [0, 1, 2, 3]


def test_a_worker_that_was_taken_for_dead_records_nothing_more(
    installation: Installation,
) -> None:
    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 3})

    def steal(at: int) -> None:
        if at == 1:
            kind.before = lambda _: None
            free(installation, job)
            assert jobs.run_next("other", never)

    kind.before = steal
    jobs.run_next("worker", never)
    assert jobs.get(ORG, job.id).counts == {"counted": 3}
    assert queue(installation) == ()


def test_a_step_that_fails_is_tried_again_later_and_not_for_ever(
    installation: Installation,
) -> None:
    def fail(_: int) -> None:
        raise ValueError("a fault of ours")

    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 3})
    kind.before = fail
    for tries in range(1, TRIES):
        assert jobs.run_next("worker", never)
        assert jobs.get(ORG, job.id).tries == tries
        assert not jobs.run_next("worker", never)  # it rests
        free(installation, job)
    jobs.run_next("worker", never)
    ended = jobs.get(ORG, job.id)
    assert ended.state is State.FAILED
    assert "again and again" in (ended.error or "")
    assert "fault of ours" not in (ended.error or "")


def test_a_store_that_is_away_never_ends_a_job(installation: Installation) -> None:
    def away(_: int) -> None:
        raise Unavailable("the store is away")

    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 3})
    kind.before = away
    for _ in range(TRIES + 2):
        jobs.run_next("worker", never)
        free(installation, job)
    kind.before = lambda _: None
    jobs.run_next("worker", never)
    assert jobs.get(ORG, job.id).state is State.DONE


def test_files_that_others_change_too_are_waited_for(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    """Often enough for a fault to end the job, and each time it is told in one line."""

    def contended(_: int) -> None:
        raise Contended("the files are being changed by others")

    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 3})
    kind.before = contended
    for _ in range(TRIES + 2):
        jobs.run_next("worker", never)
        free(installation, job)
    assert {(one.levelname, one.exc_info) for one in caplog.records} == {("WARNING", None)}
    assert all("are being changed by others" in one.getMessage() for one in caplog.records)
    kind.before = lambda _: None
    jobs.run_next("worker", never)
    assert jobs.get(ORG, job.id).state is State.DONE


def test_a_claim_is_renewed_while_its_work_lasts(installation: Installation) -> None:
    key = Key("_#duties", "long")
    claim = Claim.take(
        installation.metadata, key, None, {"n": 1}, "one", lifetime=timedelta(seconds=2)
    )
    assert claim is not None
    versions = set()
    with claim:
        while len(versions) < 3:
            versions.add(installation.metadata.get(key)[key].version)
        claim.save({"n": 2})
        claim.release({"n": 3})
    record = installation.metadata.get(key)[key]
    assert (record.value["n"], record.value["holder"]) == (3, None)


def test_a_claim_that_was_taken_over_writes_nothing(installation: Installation) -> None:
    key = Key("_#duties", "lost")
    first = Claim.take(installation.metadata, key, None, {"n": 1}, "one")
    assert first is not None
    record = installation.metadata.get(key)[key]
    second = Claim.take(installation.metadata, key, record, {"n": 2}, "two")
    assert second is not None
    for write in (first.save, first.release):
        with pytest.raises(ClaimLost):
            write({"n": 3})
    with pytest.raises(ClaimLost):
        first.check()
    assert installation.metadata.get(key)[key].value["n"] == 2


def test_of_two_who_claim_the_same_record_one_has_it(installation: Installation) -> None:
    key = Key("_#duties", "both")
    assert Claim.take(installation.metadata, key, None, {}, "one") is not None
    assert Claim.take(installation.metadata, key, None, {}, "two") is None


def test_a_waiting_record_without_a_job_is_dropped(installation: Installation) -> None:
    jobs = jobs_of(installation, Counting(), at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 1})
    installation.metadata.commit(Delete(keys.job(ORG, job.id)))
    assert not jobs.run_next("worker", never)
    assert queue(installation) == ()


def test_what_rests_and_what_is_held_keeps_nothing_else_waiting(
    installation: Installation,
) -> None:
    """However much of it there is, and whoever asked for it first."""
    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)

    def away(_: int) -> None:
        raise Unavailable("the store is away")

    kind.before = away
    for number in range(60):
        jobs.start("count", ORG, replace(ACTOR, user=f"user{number}"), {"to": 1})
        assert jobs.run_next("worker", never)
    kind.before = lambda _: None
    last = jobs.start("count", ORG, ACTOR, {"to": 1})
    assert jobs.run_next("worker", never)
    assert jobs.get(ORG, last.id).state is State.DONE
    assert not jobs.run_next("worker", never), "the others rest"


def test_a_long_job_lets_others_have_their_turn(installation: Installation) -> None:
    clock = [0.0]
    kind = Counting()
    jobs = Jobs(
        installation.metadata, installation.journal, (kind,), at_once=0, seconds=lambda: clock[0]
    )
    long = jobs.start("count", ORG, ACTOR, {"to": 100})
    short = jobs.start("count", ORG, ACTOR, {"to": 1})

    def pass_time(_: int) -> None:
        clock[0] += 10

    kind.before = pass_time
    assert jobs.run_next("worker", never)
    assert jobs.get(ORG, long.id).position == {"at": 3}
    assert jobs.run_next("worker", never)
    assert jobs.get(ORG, short.id).state is State.DONE
    assert jobs.run_next("worker", never)
    assert jobs.get(ORG, long.id).position == {"at": 6}
    assert len(queue(installation)) == 1


def test_a_step_that_has_to_wait_is_no_fault(installation: Installation) -> None:
    def busy(_: int) -> None:
        raise Later("somebody else is at it")

    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 1})
    kind.before = busy
    for _ in range(TRIES + 2):
        assert jobs.run_next("worker", never)
        free(installation, job)
    kind.before = lambda _: None
    assert jobs.run_next("worker", never)
    assert jobs.get(ORG, job.id).state is State.DONE


def test_an_end_that_could_not_be_written_is_no_end(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job goes on before its last step, not from the beginning, and nobody is told yet."""
    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 3})
    release = Claim.release
    failures = [Unavailable("the store is away")]

    def fail_once(claim: Claim, *arguments: Any, **more: Any) -> None:
        if failures:
            raise failures.pop()
        release(claim, *arguments, **more)

    monkeypatch.setattr(Claim, "release", fail_once)
    assert jobs.run_next("worker", never)
    left = jobs.get(ORG, job.id)
    assert (left.state, left.position, left.counts) == (State.WAITING, {"at": 2}, {"counted": 2})
    free(installation, job)
    assert jobs.run_next("worker", never)
    assert kind.seen == [0, 1, 2, 2]
    assert jobs.get(ORG, job.id).counts == {"counted": 3}
    assert queue(installation) == ()


def test_a_beat_that_waited_does_not_write_over_the_end(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Key("_#duties", "ending")
    claim = Claim.take(
        installation.metadata, key, None, {"n": 1}, "one", lifetime=timedelta(seconds=4)
    )
    assert claim is not None
    beating, write = threading.Event(), Claim._write

    def slowly(self: Claim, *arguments: Any) -> None:
        write(self, *arguments)
        # The beat comes due here, and waits for the lock.
        assert beating.wait(30)

    wait = claim._ended.wait

    def beat(timeout: float | None = None) -> bool:
        beating.set()
        return wait(0)

    with monkeypatch.context() as patched:
        patched.setattr(Claim, "_write", slowly)
        patched.setattr(claim._ended, "wait", beat)
        with claim:
            claim.release({"n": 2})
    record = installation.metadata.get(key)[key]
    assert (record.value["n"], record.value["holder"]) == (2, None)


def test_a_claim_that_was_not_renewed_in_time_is_lost(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not anybody has taken it since."""
    key = Key("_#duties", "late")
    claim = Claim.take(installation.metadata, key, None, {"n": 1}, "one")
    assert claim is not None
    claim.check()
    later = time.monotonic() + LIFETIME.total_seconds() + 1
    monkeypatch.setattr("app.work.claims.time.monotonic", lambda: later)
    with pytest.raises(ClaimLost):
        claim.check()
    with pytest.raises(ClaimLost):
        claim.save({"n": 2})


@pytest.mark.parametrize("meanwhile", ["ended", "rests"])
def test_a_job_is_taken_only_where_the_queue_was_seen_to_have_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    def away(_: int) -> None:
        raise Unavailable("the store is away")

    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 1})
    seen = queue(installation)
    kind.before = away if meanwhile == "rests" else kind.before
    assert jobs.run_next("other", never)
    kind.before = lambda _: pytest.fail("it was taken by a place in the queue that it left")
    before = record_of(installation, job)
    with monkeypatch.context() as patched:
        patched.setattr(installation.metadata, "query_all", lambda _: iter(seen))
        assert not jobs.run_next("worker", never)
    assert record_of(installation, job) == before
    assert len(queue(installation)) == (1 if meanwhile == "rests" else 0)


@pytest.mark.parametrize(
    "error, state",
    [
        (BlobsUnavailable("away"), State.WAITING),
        (Conflict("ten times in a row"), State.WAITING),
        (InvalidOperation("never taken"), State.FAILED),
        (Corrupted("bent"), State.FAILED),
        (BlobCorrupt("bent"), State.FAILED),
    ],
)
def test_only_what_passes_by_itself_is_tried_for_ever(
    installation: Installation, error: Exception, state: State
) -> None:
    def fail(_: int) -> None:
        raise error

    kind = Counting()
    jobs = jobs_of(installation, kind, at_once=0)
    job = jobs.start("count", ORG, ACTOR, {"to": 1})
    kind.before = fail
    for _ in range(TRIES):
        assert jobs.run_next("worker", never)
        free(installation, job)
    assert jobs.get(ORG, job.id).state is state
