"""Who comes near a quota is told once, and allowances are divided anew where they are uneven."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from app.installation import Installation
from app.repositories import Repository
from app.usage import Balance, Limit
from app.usage.ledger import DIGITS
from app.usage.watch import WARNING, QuotaWatch
from app.work import Jobs
from storage import keys
from storage.events import Cursor, Event, Feed
from storage.metadata import Metadata, MetadataError
from tests.faults.metadata import (
    Fault,
    Faults,
    conflict,
    lost_after_effect,
    lost_before_effect,
    passes,
    throttled,
)
from tests.usage.depot import Depot, check_balance
from tests.usage.test_quotas import SIZE, path_in, put

QUOTA = 100 * SIZE


class Watched:
    """An organization, and the reader of its feed, which keeps its cursor."""

    def __init__(self, at: Installation) -> None:
        self.depot = Depot(at)
        self.watch = QuotaWatch(at.metadata, at.journal)
        self._feed = Feed(at.metadata, at.journal, self.depot.id, at.metadata.now)
        self._start = self._feed.start(at.metadata.now())
        self._cursor: Cursor = self._start

    def look(self, *, keep: bool = True) -> None:
        """Act on what is new; without `keep` as one who is killed before his cursor is."""
        batch = self._feed.read(self._cursor)
        self.watch.take(self.depot.id, batch.events)
        if keep:
            self._cursor = batch.cursor

    def told(self) -> list[Event]:
        """All warnings so far."""
        return [event for event in self.events() if event.action == "quota.warning"]

    def events(self) -> Iterator[Event]:
        cursor, more = self._start, True
        while more:
            batch = self._feed.read(cursor)
            yield from batch.events
            cursor, more = batch.cursor, batch.more

    def empty(self, repository: Repository, path: str) -> None:
        """Delete a file for good."""
        self.depot.remove(repository, path)
        for restorable in self.depot.restorables(repository, path):
            self.depot.purge(restorable)


@pytest.fixture
def watched(installation: Installation) -> Watched:
    return Watched(installation)


def test_of_a_quota_that_is_nearly_used_is_told_once_a_crossing(watched: Watched) -> None:
    depot = watched.depot
    repository = depot.repository("files", QUOTA)
    put(depot, repository, "a", 80 * SIZE - 1)()
    watched.look()
    assert watched.told() == []
    put(depot, repository, "b", 1)()
    watched.look(keep=False)
    watched.look()
    put(depot, repository, "c", 5 * SIZE)()
    watched.look()
    (event,) = watched.told()
    assert event.genuine
    assert event.details == {
        "repository": repository.id,
        "percent": 80,
        "used_bytes": 80 * SIZE,
        "quota_bytes": QUOTA,
    }
    watched.empty(repository, "c")
    put(depot, repository, "c", 5 * SIZE)()
    watched.look()
    assert len(watched.told()) == 1, "still over 75 %"
    watched.empty(repository, "a")
    watched.look()
    put(depot, repository, "a", 80 * SIZE)()
    watched.look()
    assert len(watched.told()) == 2


def test_administrators_find_a_report_of_it(watched: Watched) -> None:
    depot = watched.depot
    repository = depot.repository("files", QUOTA)
    put(depot, repository, "a", 90 * SIZE)()
    watched.look()
    (report,) = Jobs(depot.at.metadata, depot.at.journal, ()).list(depot.id).jobs
    assert (report.kind, report.repository, report.ended) == (WARNING, repository.id, True)
    assert report.counts == {"used_bytes": 90 * SIZE, "quota_bytes": QUOTA}


def test_the_quota_of_the_organization_is_watched_too(watched: Watched) -> None:
    """Over repositories of which none has come far, and where a quota is cut."""
    depot = watched.depot
    for name in ("first", "second", "third"):
        put(depot, depot.repository(name, QUOTA), "a", 30 * SIZE)()
    watched.look()
    assert watched.told() == []
    depot.bound_all(QUOTA)
    watched.look()
    (event,) = watched.told()
    assert event.details["repository"] is None
    assert event.details["used_bytes"] == 90 * SIZE
    depot.bound_all(None)
    watched.look()
    depot.bound_all(90 * SIZE)
    watched.look()
    assert len(watched.told()) == 2, "the quota that was told of was taken away"


def test_kept_files_count(watched: Watched) -> None:
    repository = watched.depot.repository("files", QUOTA)
    put(watched.depot, repository, "a", 50 * SIZE)()
    watched.depot.remove(repository, "a")
    put(watched.depot, repository, "a", 30 * SIZE)()
    watched.look()
    assert len(watched.told()) == 1


@pytest.mark.parametrize("quota", [None, 0, 1])
def test_an_empty_repository_is_not_nearly_full(watched: Watched, quota: int | None) -> None:
    repository = watched.depot.repository("files", quota)
    watched.depot.put(repository, "a", b"")
    watched.look()
    assert watched.told() == []


def test_of_two_workers_at_once_one_tells(installation: Installation) -> None:
    watched = Watched(installation)
    put(watched.depot, watched.depot.repository("files", QUOTA), "a", 95 * SIZE)()
    threads = [threading.Thread(target=watched.look, kwargs={"keep": False}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(watched.told()) == 1


@pytest.mark.parametrize("name", ["get", "transact"])
@pytest.mark.parametrize("fault", [lost_after_effect, lost_before_effect, throttled, conflict])
@pytest.mark.parametrize("after", range(3))
def test_a_reader_that_fails_anywhere_tells_once_in_the_end(
    embedded: Installation, name: str, fault: Fault, after: int
) -> None:
    watched = Watched(embedded)
    put(watched.depot, watched.depot.repository("files", QUOTA), "a", 95 * SIZE)()
    engine = Faults(embedded.engine)
    engine.next(name, *[passes] * after, *[fault] * 30)
    failing = Metadata(engine, sleep=lambda _: None)
    watched.watch = QuotaWatch(failing, embedded.journal)
    with suppress(MetadataError):
        watched.look(keep=False)
    engine.forget()
    watched.look()
    watched.look()
    assert len(watched.told()) == 1


def spread(balance: Balance) -> set[int]:
    return {stripe.room for stripe in balance.stripes}


def test_uneven_allowances_are_divided_anew(watched: Watched) -> None:
    """So that whoever publishes next finds room in his own stripe."""
    depot = watched.depot
    repository = depot.repository("files", 64 * SIZE)
    for number in range(3):
        put(depot, repository, path_in("7", number))()
    watched.look()
    balance = depot.balance(repository)
    assert max(spread(balance)) - min(spread(balance)) <= 1
    assert balance.room == 61 * SIZE
    check_balance(balance, 64 * SIZE)
    epochs = [stripe.epoch for stripe in balance.stripes]
    watched.look()
    put(depot, repository, path_in("8"))()
    watched.look()
    after = depot.balance(repository)
    assert [stripe.epoch for stripe in after.stripes] == epochs, "even enough"
    depot.check()


def test_stripes_that_were_cut_grow_by_themselves_again(watched: Watched) -> None:
    depot = watched.depot
    repository = depot.repository("files")
    for digit in DIGITS[:4]:
        put(depot, repository, path_in(digit))()
    depot.bound(repository, 2 * SIZE)
    watched.look()
    assert depot.balance(repository).limit is Limit.ALL
    for digit in DIGITS[:3]:
        watched.empty(repository, path_in(digit))
    watched.look()
    balance = depot.balance(repository)
    assert (balance.limit, balance.room) == (Limit.OWN, SIZE)
    check_balance(balance, 2 * SIZE)


def test_what_it_reads_does_not_grow_with_what_happened(embedded: Installation) -> None:
    watched = Watched(embedded)
    depot = watched.depot
    repository = depot.repository("files", QUOTA)
    for number in range(30):
        put(depot, repository, f"{number}", 1)()
    events = tuple(watched.events())
    engine = Faults(embedded.engine)
    watch = QuotaWatch(Metadata(engine), embedded.journal)
    watch.take(depot.id, events)
    assert engine.made == ["get"]
    watch.take(depot.id, ())
    assert engine.made == ["get"]


def test_an_erased_repository_leaves_nothing_that_was_told(watched: Watched) -> None:
    repository = watched.depot.repository("files", QUOTA)
    key = keys.quota_warned(watched.depot.id, repository.id)
    put(watched.depot, repository, "a", 95 * SIZE)()
    watched.look()
    assert key in watched.depot.at.metadata.get(key)
    watched.depot.erase(repository)
    assert key not in watched.depot.at.metadata.get(key)
    watched.look()
    assert key not in watched.depot.at.metadata.get(key)
