"""What a quota lets in, what it refuses and when, and that nothing ever passes it."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from app.installation import Installation
from app.publishing import Publication
from app.publishing.place import Place
from app.repositories import ArtifactPath, InvalidRepository, Repository
from app.usage import Balance, Ledger, Limit, QuotaExceeded
from app.usage.ledger import DIGITS
from auth.errors import InvalidField, Missing
from storage import keys
from storage.metadata import Conflict, Key, Put, Record
from tests.usage.depot import ACTOR, Body, Depot, check_balance

MEBIBYTE = 1024 * 1024
PARALLEL = 64
SIZE = 1_000


def path_in(digit: str, number: int = 0) -> str:
    """A path that is counted in a stripe."""
    found = (f"{number}-{n}" for n in range(10_000) if keys.stripe(f"{number}-{n}") == digit)
    return next(found)


def at_once(*calls: Callable[[], object]) -> Counter[str]:
    """Make calls at the same moment; how they ended: `done`, or the name of an error."""
    ends: list[str] = []
    start = threading.Barrier(len(calls))

    def make(call: Callable[[], object]) -> None:
        start.wait()
        try:
            call()
        except Exception as error:  # noqa: BLE001 - told to the test
            ends.append(type(error).__name__)
        else:
            ends.append("done")

    threads = [threading.Thread(target=make, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(ends)


def put(depot: Depot, repository: Repository, path: str, size: int = SIZE) -> Callable[[], object]:
    return lambda: depot.put(repository, path, path.encode().ljust(size, b"-"))


@pytest.mark.parametrize("room", [0, 1, 5, 20, 32, 60])
def test_of_64_uploads_exactly_as_many_succeed_as_there_is_room_for(
    installation: Installation, room: int
) -> None:
    """Wherever the room lies: 16 stripes hold it, and few of them enough for one file."""
    depot = Depot(installation)
    repository = depot.repository("files", quota=room * SIZE + SIZE - 1)
    ends = at_once(*(put(depot, repository, f"{n}.bin") for n in range(PARALLEL)))
    assert ends == Counter({"done": room, "QuotaExceeded": PARALLEL - room})
    balance = depot.balance(repository)
    assert (balance.usage.files, balance.usage.bytes) == (room, room * SIZE)
    check_balance(balance, room * SIZE + SIZE - 1)
    depot.check()


def test_the_quota_of_an_organization_holds_over_all_its_repositories(
    installation: Installation,
) -> None:
    """One of the repositories has a quota of its own, and the smaller one decides."""
    depot = Depot(installation)
    quotas = (None, None, 5 * SIZE, None)
    repositories = [depot.repository(f"r{n}", quota) for n, quota in enumerate(quotas)]
    depot.bound_all(40 * SIZE)
    ends = at_once(*(put(depot, repositories[n % 4], f"{n}.bin") for n in range(PARALLEL)))
    assert ends == Counter({"done": 40, "QuotaExceeded": 24})
    assert depot.balance(repositories[2]).usage.files <= 5
    check_balance(depot.balance(), 40 * SIZE)
    check_balance(depot.balance(repositories[2]), 5 * SIZE)
    depot.check()


def test_a_quota_that_is_set_cut_and_raised_meanwhile_holds(installation: Installation) -> None:
    """Also for uploads that were begun before: what the commit demands is what holds."""
    depot = Depot(installation)
    repository = depot.repository("files")
    uploads = [put(depot, repository, f"{n}.bin") for n in range(40)]
    ends = at_once(
        lambda: depot.bound(repository, 30 * SIZE),
        lambda: depot.bound(repository, None),
        lambda: depot.bound(repository, 20 * SIZE),
        *uploads,
    )
    assert set(ends) <= {"done", "QuotaExceeded", "RepositoryBusy"}
    depot.bound(repository, 10 * SIZE)
    before = depot.balance(repository).usage
    ends = at_once(*(put(depot, repository, f"more-{n}.bin") for n in range(20)))
    assert depot.balance(repository).usage.held <= max(before.held, 10 * SIZE)
    check_balance(depot.balance(repository), 10 * SIZE)
    depot.check()


class Meanwhile(Body):
    """A body with whose last bytes something else happens."""

    def __init__(self, data: bytes, happens: Callable[[], object]) -> None:
        super().__init__(data)
        self._happens = happens

    def readinto(self, view: memoryview) -> int:
        size = super().readinto(view)
        if not self.left:
            self._happens()
        return size


@pytest.mark.parametrize("before", [None, 10 * SIZE])
def test_an_upload_does_not_pass_a_quota_that_was_set_or_cut_while_it_was_sent(
    embedded: Installation, before: int | None
) -> None:
    depot = Depot(embedded)
    repository = depot.repository("files", before)
    place = Place.at(repository, ArtifactPath.parse("a"))
    body = Meanwhile(b"x" * SIZE, lambda: depot.bound(repository, SIZE - 1))
    blobs = len(embedded.blobs.list().entries)
    with pytest.raises(QuotaExceeded):
        depot.publisher.publish(Publication(place, ACTOR), body, depot.read(place))
    assert depot.balance(repository).usage.files == 0
    assert len(embedded.blobs.list().entries) == blobs, "what was received is dropped"
    depot.bound(repository, None)
    body = Meanwhile(b"x" * SIZE, lambda: depot.bound(repository, 5 * SIZE))
    depot.publisher.publish(Publication(place, ACTOR), body, depot.read(place))
    check_balance(depot.balance(repository), 5 * SIZE)


class Unread:
    """A body that must not be read."""

    def __init__(self, length: int) -> None:
        self.length = length

    def readinto(self, view: memoryview) -> int:
        raise AssertionError("the body was read")


def test_what_does_not_fit_by_its_length_is_refused_before_its_body(embedded: Installation) -> None:
    depot = Depot(embedded)
    repository = depot.repository("files", 10 * SIZE)
    place = Place.at(repository, ArtifactPath.parse("a"))
    with pytest.raises(QuotaExceeded) as refused:
        publication = Publication(place, ACTOR)
        depot.publisher.publish(publication, Unread(10 * SIZE + 1), depot.read(place))
    assert (refused.value.of, refused.value.quota) == ("repository", 10 * SIZE)
    depot.bound(repository, None)
    depot.bound_all(SIZE)
    with pytest.raises(QuotaExceeded) as refused:
        publication = Publication(place, ACTOR)
        depot.publisher.publish(publication, Unread(SIZE + 1), depot.read(place))
    assert (refused.value.of, refused.value.quota) == ("organization", SIZE)


def test_what_is_as_large_as_the_quota_fits(installation: Installation) -> None:
    """It takes the allowances of all stripes, whichever its own is."""
    depot = Depot(installation)
    repository = depot.repository("files", 10 * MEBIBYTE + 7)
    for digit in DIGITS[::5]:
        path = path_in(digit)
        depot.put(repository, path, b"x" * (10 * MEBIBYTE + 7))
        check_balance(depot.balance(repository), 10 * MEBIBYTE + 7)
        with pytest.raises(QuotaExceeded):
            depot.put(repository, "other", b"x")
        depot.remove(repository, path)
        for restorable in depot.restorables(repository, path):
            depot.purge(restorable)
    depot.check()


def test_a_stream_without_a_length_ends_where_the_room_does(installation: Installation) -> None:
    """It may pass its stripe's allowance, not the quota; and nothing of it is left."""
    depot = Depot(installation)
    repository = depot.repository("files", 10 * MEBIBYTE)
    depot.put(repository, "within", b"x" * (4 * MEBIBYTE), chunked=True)
    blobs = [entry.key for entry in installation.blobs.list().entries]
    place = Place.at(repository, ArtifactPath.parse("past"))
    body = Body(b"x" * (30 * MEBIBYTE), chunked=True)
    with pytest.raises(QuotaExceeded):
        depot.publisher.publish(Publication(place, ACTOR), body, depot.read(place))
    assert len(body.left) >= 23 * MEBIBYTE, "the rest is not read"
    assert [entry.key for entry in installation.blobs.list().entries] == blobs
    assert installation.blobs.uploads().uploads == ()
    check_balance(depot.balance(repository), 10 * MEBIBYTE)


def test_a_stream_asks_for_room_again_when_what_it_knew_of_is_passed(
    embedded: Installation,
) -> None:
    depot = Depot(embedded)
    repository = depot.repository("files", SIZE)
    place = Place.at(repository, ArtifactPath.parse("a"))
    gauge = depot.quotas.gauge(place.counters, depot.read(place))
    gauge(SIZE)
    depot.bound(repository, 3 * SIZE)
    gauge(3 * SIZE)
    with pytest.raises(QuotaExceeded):
        gauge(3 * SIZE + 1)
    depot.bound(repository, None)
    gauge(3 * SIZE + 1)
    gauge(10**15)


def test_a_full_repository_takes_what_does_not_make_it_grow(installation: Installation) -> None:
    """The same bytes again, an empty file, and what comes back from being deleted."""
    depot = Depot(installation)
    repository = depot.repository("files", 2 * SIZE)
    put(depot, repository, "a", 2 * SIZE)()
    for chunked in (False, True):
        again = depot.put(repository, "a", b"a".ljust(2 * SIZE, b"-"), chunked=chunked)
        assert not again.created
    depot.put(repository, "empty", b"")
    depot.put(repository, "empty, chunked", b"", chunked=True)
    depot.remove(repository, "a")
    with pytest.raises(QuotaExceeded) as refused:
        put(depot, repository, "b", SIZE)()
    assert "2.0 KiB" not in str(refused.value)
    assert "1.9 KiB of them by deleted" in str(refused.value)
    depot.restore(repository, "a")
    assert depot.balance(repository).usage.restorable_files == 0
    check_balance(depot.balance(repository), 2 * SIZE)
    depot.check()


def test_bytes_that_are_known_count_each_time(embedded: Installation) -> None:
    """A quota bounds files, not what sharing their bytes happens to save."""
    depot = Depot(embedded)
    repository = depot.repository("files", 2 * SIZE)
    depot.put(repository, "a", b"x" * SIZE)
    depot.put(repository, "b", b"x" * SIZE)
    with pytest.raises(QuotaExceeded):
        depot.put(repository, "c", b"x" * SIZE)


def test_overwriting_needs_room_for_both_until_the_old_is_purged(embedded: Installation) -> None:
    depot = Depot(embedded)
    repository = depot.repository("files", 2 * SIZE)
    put(depot, repository, "a")()
    depot.put(repository, "a", b"other".ljust(SIZE))
    with pytest.raises(QuotaExceeded):
        depot.put(repository, "a", b"third".ljust(SIZE))
    (old,) = depot.restorables(repository, "a")
    depot.purge(old)
    depot.put(repository, "a", b"third".ljust(SIZE))


def test_a_quota_below_what_is_held_lets_nothing_in_until_enough_is_purged(
    installation: Installation,
) -> None:
    """Space that is freed in one stripe makes up for the others, before anything grows there."""
    depot = Depot(installation)
    repository = depot.repository("files")
    held = {digit: path_in(digit) for digit in DIGITS}
    for path in held.values():
        put(depot, repository, path)()
    depot.bound(repository, 4 * SIZE)
    assert depot.balance(repository).limit is Limit.ALL
    for freed, (digit, path) in enumerate(held.items(), 1):
        depot.remove(repository, path)
        for restorable in depot.restorables(repository, path):
            depot.purge(restorable)
        other = put(depot, repository, path_in(digit, number=1))
        if freed <= 12:
            with pytest.raises(QuotaExceeded):
                other()
        else:
            other()
            break
    assert depot.balance(repository).usage.held == 4 * SIZE
    assert depot.balance(repository).limit is Limit.OWN
    check_balance(depot.balance(repository), 4 * SIZE)
    depot.check()


def test_counters_of_before_there_were_quotas_are_brought_to_be_right(
    installation: Installation,
) -> None:
    """Their records count what is held, and do not say by how much it is past an allowance."""
    depot = Depot(installation)
    repository = depot.repository("files")
    for number in range(8):
        put(depot, repository, f"{number}")()
    before = {"files": 1, "bytes": SIZE}
    for key in Ledger(depot.id, repository.id).keys:
        record = installation.metadata.get(key).get(key)
        if record is not None:
            kept = {name: record.value[name] for name in before}
            installation.metadata.commit(Put(key, kept))
    depot.remove(repository, "0")
    depot.bound(repository, 9 * SIZE)
    check_balance(depot.balance(repository), 9 * SIZE)
    put(depot, repository, "8")()
    with pytest.raises(QuotaExceeded):
        put(depot, repository, "9")()
    depot.bound(repository, None)
    check_balance(depot.balance(repository), None)
    depot.check()


@pytest.mark.parametrize("quota", [-1, 2**60 + 1, 2**200])
def test_a_quota_that_makes_no_sense_is_refused(embedded: Installation, quota: int) -> None:
    depot = Depot(embedded)
    repository = depot.repository("files", SIZE)
    with pytest.raises(InvalidRepository) as refused:
        depot.bound(repository, quota)
    assert refused.value.field == "quota_bytes"
    with pytest.raises(InvalidField):
        depot.bound_all(quota)
    check_balance(depot.balance(repository), SIZE)


def test_an_organization_that_is_not_there_gets_no_quota(embedded: Installation) -> None:
    depot = Depot(embedded)
    depot.id = "0" * 16
    with pytest.raises(Missing):
        depot.bound_all(SIZE)


@pytest.mark.parametrize("of", ["repository", "organization"])
@pytest.mark.parametrize("late", ["giver", "taker"])
def test_allowance_that_changes_hands_while_a_quota_is_set_is_not_lost_to_it(
    embedded: Installation, monkeypatch: pytest.MonkeyPatch, of: str, late: str
) -> None:
    """Stripes are read one by one: one that gave allowance may be seen as it was after that, and
    the one that took it as it was before, or the other way round."""
    depot = Depot(embedded)
    quota = 32 * SIZE
    repository = depot.repository("files", quota if of == "repository" else None)
    if of == "organization":
        depot.bound_all(quota)
    ledger = Ledger(depot.id, repository.id if of == "repository" else None)
    get = embedded.metadata.get
    before = get(*ledger.keys)
    put(depot, repository, path_in("7"), 5 * SIZE)()
    after = get(*ledger.keys)
    takers = {
        key for key in ledger.keys if "bytes" in after[key].value and after[key].value["bytes"]
    }
    givers = {key for key in ledger.keys if after[key] != before[key]} - takers
    assert givers
    half = {**after, **{key: before[key] for key in (givers if late == "giver" else takers)}}
    assert Balance.read(ledger, half).quota != quota

    def once(*which: Key) -> Mapping[Key, Record]:
        if which != ledger.keys:
            return get(*which)
        monkeypatch.setattr(embedded.metadata, "get", get)
        return half

    monkeypatch.setattr(embedded.metadata, "get", once)
    if of == "organization":
        depot.bound_all(2 * quota)
    else:
        depot.bound(repository, 2 * quota)
    check_balance(depot.balance(repository if of == "repository" else None), 2 * quota)


def test_no_quota_is_set_while_allowance_does_not_come_to_rest(
    embedded: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    depot = Depot(embedded)
    depot.bound_all(32 * SIZE)
    ledger, get = Ledger(depot.id), embedded.metadata.get
    reads = itertools.count()

    def moving(*which: Key) -> Mapping[Key, Record]:
        found = get(*which)
        if which == ledger.keys:
            one = ledger.keys[0]
            value = {**found[one].value, "over": found[one].value["over"] + next(reads)}
            found = {**found, one: Record(one, value, found[one].version)}
        return found

    monkeypatch.setattr(embedded.metadata, "get", moving)
    with pytest.raises(Conflict):
        depot.bound_all(64 * SIZE)
    monkeypatch.setattr(embedded.metadata, "get", get)
    check_balance(depot.balance(), 32 * SIZE)


def test_setting_a_quota_is_one_commit_and_the_event_says_so(embedded: Installation) -> None:
    depot = Depot(embedded)
    depot.bound_all(7)
    depot.bound_all(7)
    key = keys.organization(depot.id)
    assert embedded.metadata.get(key)[key].value["quota_bytes"] == 7
    assert [stripe.epoch for stripe in depot.balance().stripes] == [1] * 16
