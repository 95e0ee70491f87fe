"""Publishing: one commit that holds everything, over bytes that were whole."""

import hashlib
import threading
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.installation import Installation
from app.publishing import (
    Artifact,
    ArtifactExists,
    ArtifactMissing,
    Digester,
    DigestMismatch,
    Expectations,
    PreconditionFailed,
    Publication,
    Published,
    Publisher,
    Remover,
)
from app.publishing.expectations import Precondition
from app.publishing.place import Place
from app.publishing.receiving import Receiver
from app.repositories import ArtifactPath, Format
from app.usage import Ledger, balances_of
from storage import keys
from storage.events import Actor, Feed
from storage.metadata import (
    ConditionFailed,
    Key,
    Metadata,
    Operation,
    OutcomeUnknown,
    Put,
)

ORG, REPO = "org1", "0123456789abcdef"
ACTOR = Actor("user1", "key1", "request1")
ABSENT = Precondition(none_match=("*",))


class Bytes:
    """A body that is held in memory; `meanwhile` happens with its last bytes."""

    def __init__(
        self,
        data: bytes,
        length: int | None = None,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        self._data, self._meanwhile = memoryview(data), meanwhile
        self.length = len(data) if length is None else length

    def readinto(self, view: memoryview) -> int:
        count = min(len(view), len(self._data))
        view[:count] = self._data[:count]
        self._data = self._data[count:]
        if not self._data:
            self._meanwhile()
        return count


class Shelf:
    """One repository to publish to."""

    def __init__(self, at: Installation) -> None:
        self.at = at
        self.receiver = Receiver(at.blobs, at.metadata, Digester(2))
        self.publisher = Publisher(self.receiver, at.metadata, at.journal)
        self.remover = Remover(at.metadata, at.journal)

    def place(self, path: str, overwrite: bool = False) -> Place:
        return Place(
            ORG, REPO, ArtifactPath.parse(path), overwrite, restore_days=14, format=Format.RAW
        )

    def put(
        self, path: str, data: bytes | Bytes, overwrite: bool = False, **more: Any
    ) -> Published:
        place = self.place(path, overwrite)
        body = data if isinstance(data, Bytes) else Bytes(data)
        return self.publisher.publish(
            Publication(place, ACTOR, **more), body, self.at.metadata.get(*place.keys())
        )

    def remove(self, path: str, **more: Any) -> Artifact:
        place = self.place(path)
        return self.remover.remove(place, ACTOR, self.at.metadata.get(*place.keys()), **more)

    def read(self, path: str) -> bytes | None:
        artifact = self.place(path).artifact_in(self.at.metadata.get(self.place(path).key))
        if artifact is None:
            return None
        return b"" if artifact.blob is None else b"".join(self.at.blobs.open(artifact.blob))

    def usage(self) -> dict[str, int]:
        """What the repository's counters tell; those of its organization must tell the same."""
        repository, organization = balances_of(self.at.metadata, Ledger(ORG, REPO), Ledger(ORG))
        assert repository.usage == organization.usage
        assert repository.room == organization.room == -repository.usage.held
        return {name: count for name, count in asdict(repository.usage).items() if count}

    def blobs(self) -> list[str]:
        return [entry.key for entry in self.at.blobs.list().entries]

    def blob_record(self, data: bytes) -> Any:
        key = keys.blob(ORG, hashlib.sha256(data).hexdigest())
        found = self.at.metadata.get(key)
        return found[key].value if found else None

    def actions(self) -> list[str]:
        now = datetime.now(UTC)
        feed = Feed(self.at.metadata, self.at.journal, ORG)
        events = feed.read(feed.start(now - timedelta(minutes=5))).events
        assert all(event.genuine for event in events)
        return sorted(event.action for event in events)


@pytest.fixture
def shelf(installation: Installation) -> Shelf:
    return Shelf(installation)


def test_one_commit_holds_artifact_blob_key_counter_and_event(shelf: Shelf) -> None:
    published = shelf.put("a/b/c.txt", b"hello")
    assert published.created
    assert shelf.read("a/b/c.txt") == b"hello"
    assert published.artifact.blob is not None
    record = shelf.blob_record(b"hello")
    assert record == {"key": published.artifact.blob, "size": 5, "references": 1}
    key = keys.blob_bytes(ORG, published.artifact.blob)
    assert shelf.at.metadata.get(key)[key].value["sha256"] == published.artifact.sha256
    assert shelf.usage() == {"files": 1, "bytes": 5}
    assert shelf.actions() == ["artifact.put"]


def test_folders_on_the_way_are_known_to_listings(shelf: Shelf) -> None:
    shelf.put("a/b/c.txt", b"x")
    for folder, name in (("/", "a/"), ("/a/", "b/"), ("/a/b/", "c.txt")):
        page = shelf.at.metadata.query(keys.folder(ORG, REPO, folder))
        assert [record.key.sort for record in page.records] == [name]


def test_an_empty_file_has_no_blob(shelf: Shelf) -> None:
    assert shelf.put("empty", b"").artifact.blob is None
    shelf.put("chunked", Bytes(b"", length=None))
    assert shelf.read("empty") == b""
    assert shelf.blobs() == []
    assert shelf.usage() == {"files": 2}


def test_the_same_bytes_again_succeed_and_change_nothing(shelf: Shelf) -> None:
    first = shelf.put("f", b"same")
    again = shelf.put("f", b"same")
    assert not again.created
    assert again.artifact.blob == first.artifact.blob
    assert again.artifact.modified == first.artifact.modified
    assert shelf.blobs() == [first.artifact.blob]
    assert shelf.actions() == ["artifact.put"]


@pytest.mark.parametrize("other", [b"other", b"longer than that"])
def test_other_bytes_are_refused_where_overwriting_is_not_allowed(
    shelf: Shelf, other: bytes
) -> None:
    first = shelf.put("f", b"bytes")
    with pytest.raises(ArtifactExists):
        shelf.put("f", other)
    assert shelf.read("f") == b"bytes"
    assert shelf.blobs() == [first.artifact.blob]
    assert shelf.usage() == {"files": 1, "bytes": 5}


def test_known_bytes_are_referred_to_and_the_new_copy_is_dropped(shelf: Shelf) -> None:
    first, second = shelf.put("a", b"shared"), shelf.put("b", b"shared")
    assert first.artifact.blob == second.artifact.blob
    assert shelf.blobs() == [first.artifact.blob]
    assert shelf.blob_record(b"shared")["references"] == 2


def test_overwriting_keeps_the_old_artifact_restorable_with_its_bytes(shelf: Shelf) -> None:
    old = shelf.put("d/f", b"old", overwrite=True).artifact
    new = shelf.put("d/f", b"newer", overwrite=True)
    assert not new.created
    assert shelf.read("d/f") == b"newer"
    (kept,) = shelf.at.metadata.query(keys.deleted(ORG, REPO, "/d/")).records
    assert kept.value["artifact"] == old.value()
    assert kept.value["user"] == "user1"
    assert len(shelf.blobs()) == 2
    assert shelf.blob_record(b"old")["references"] == 1
    assert shelf.usage() == {"files": 1, "bytes": 5, "restorable_files": 1, "restorable_bytes": 3}


def test_deleting_keeps_the_artifact_restorable_and_says_when_it_is_due(shelf: Shelf) -> None:
    shelf.put("d/f", b"old")
    shelf.remove("d/f")
    assert shelf.read("d/f") is None
    (kept,) = shelf.at.metadata.query(keys.deleted(ORG, REPO, "/d/")).records
    until = datetime.fromisoformat(kept.value["until"])
    assert timedelta(days=13, hours=23) < until - datetime.now(UTC) < timedelta(days=14)
    (due,) = shelf.at.metadata.query(keys.due(ORG, until, keys.stripe("d/f"))).records
    assert Key(due.value["partition"], due.value["sort"]) == kept.key
    assert len(shelf.blobs()) == 1
    assert shelf.usage() == {"restorable_files": 1, "restorable_bytes": 3}
    assert shelf.actions() == ["artifact.delete", "artifact.put"]
    with pytest.raises(ArtifactMissing):
        shelf.remove("d/f")


def test_an_expectation_that_does_not_hold_stores_nothing(shelf: Shelf) -> None:
    with pytest.raises(DigestMismatch):
        shelf.put("f", b"bytes", expectations=Expectations((("md5", "0" * 32),)))
    assert shelf.blobs() == []
    assert shelf.read("f") is None
    assert shelf.usage() == {}


def test_every_announced_digest_is_computed_and_kept(shelf: Shelf) -> None:
    names = ("md5", "sha1", "sha512")
    data = b"x" * 3_000_000
    expected = tuple((name, hashlib.new(name, data).hexdigest()) for name in names)
    artifact = shelf.put("f", data, expectations=Expectations(expected)).artifact
    assert artifact.digests == {**dict(expected), "sha256": hashlib.sha256(data).hexdigest()}


def test_if_none_match_fails_even_for_the_same_bytes(shelf: Shelf) -> None:
    shelf.put("f", b"same", precondition=ABSENT)
    with pytest.raises(PreconditionFailed):
        shelf.put("f", b"same", precondition=ABSENT)


def test_a_race_for_a_new_path_is_decided_with_what_is_there_then(shelf: Shelf) -> None:
    """The record read before the body is stale when the commit comes: it is decided anew."""
    racing = Bytes(b"mine", meanwhile=lambda: shelf.put("f", b"theirs"))
    with pytest.raises(ArtifactExists):
        shelf.put("f", racing)
    same = Bytes(b"equal", meanwhile=lambda: shelf.put("g", b"equal"))
    assert not shelf.put("g", same).created
    with pytest.raises(PreconditionFailed):
        shelf.put("h", Bytes(b"x", meanwhile=lambda: shelf.put("h", b"x")), precondition=ABSENT)
    assert shelf.read("f") == b"theirs"
    assert len(shelf.blobs()) == 3


def test_an_overwrite_that_lost_a_race_overwrites_the_winner(shelf: Shelf) -> None:
    shelf.put("f", b"one", overwrite=True)
    body = Bytes(b"three", meanwhile=lambda: shelf.put("f", b"two", overwrite=True))
    shelf.put("f", body, overwrite=True)
    assert shelf.read("f") == b"three"
    kept = shelf.at.metadata.query(keys.deleted(ORG, REPO, "/")).records
    assert len(kept) == 2
    assert shelf.usage() == {"files": 1, "bytes": 5, "restorable_files": 2, "restorable_bytes": 6}


def test_a_blob_collected_meanwhile_is_put_anew(shelf: Shelf) -> None:
    """Its record stood in the way at first and is gone when it is to be referred to."""
    shelf.put("a", b"shared")
    key = keys.blob(ORG, hashlib.sha256(b"shared").hexdigest())
    commit, calls = shelf.at.metadata.commit, []

    def racing(*operations: Any, **more: Any) -> Any:
        calls.append(operations)
        if len(calls) == 2:  # the collection comes between the refusal and the reference
            from storage.metadata import Delete

            commit(Delete(key))
        return commit(*operations, **more)

    shelf.publisher._metadata = type(
        "Racing", (), {"commit": staticmethod(racing), "get": shelf.at.metadata.get}
    )()
    published = shelf.put("b", b"shared")
    assert shelf.read("b") == b"shared"
    assert shelf.blob_record(b"shared")["key"] == published.artifact.blob


def test_many_publish_at_once_and_nothing_is_lost(shelf: Shelf) -> None:
    def publish(number: int) -> None:
        for round_ in range(5):
            shelf.put(f"d/{number}-{round_}", b"the same bytes everywhere")

    threads = [threading.Thread(target=publish, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shelf.usage() == {"files": 40, "bytes": 40 * 25}
    assert shelf.blob_record(b"the same bytes everywhere")["references"] == 40
    assert len(shelf.blobs()) == 1
    assert len(shelf.actions()) == 40


def test_a_body_that_fails_leaves_nothing(shelf: Shelf) -> None:
    class Broken(Exception):
        pass

    def fail() -> None:
        raise Broken

    with pytest.raises(Broken):
        shelf.put("f", Bytes(b"x" * 2_000_000, meanwhile=fail))
    assert shelf.blobs() == []
    assert shelf.at.blobs.uploads().uploads == ()
    assert shelf.read("f") is None


def test_bytes_of_an_unknown_outcome_are_left_to_collection(shelf: Shelf) -> None:
    """They may be in use: dropping them could lose an acknowledged file."""
    commit = shelf.at.metadata.commit

    def lost(*operations: Any, **more: Any) -> Any:
        commit(*operations, **more)
        raise OutcomeUnknown("lost")

    shelf.publisher._metadata = type("Lost", (), {"commit": staticmethod(lost)})()
    with pytest.raises(OutcomeUnknown):
        shelf.put("f", b"kept")
    assert shelf.read("f") == b"kept"


def test_an_upload_that_lasts_long_holds_a_lease_on_its_blob(shelf: Shelf) -> None:
    """Its lease is made after half an hour, and renewed before it could run out."""
    start = datetime.now(UTC)
    moments = iter(start + timedelta(minutes=20 * n) for n in range(99))
    receiver = Receiver(shelf.at.blobs, shelf.at.metadata, Digester(2), clock=lambda: next(moments))
    received = receiver.receive(ORG, Bytes(b"x" * 5_000_000))
    assert received.blob is not None
    key = keys.upload(ORG, received.blob)
    lease = shelf.at.metadata.get(key)[key]
    assert lease.expires is not None
    assert lease.expires - datetime.fromisoformat(lease.value["renewed"]) >= timedelta(days=1)
    assert datetime.fromisoformat(lease.value["renewed"]) > start + timedelta(minutes=40)


@pytest.mark.parametrize("away, stored", [(15, True), (60, False)])
def test_a_lease_that_can_not_be_written_for_a_while_costs_no_upload(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, away: int, stored: bool
) -> None:
    """The store is away for so many minutes, from when the first lease is due."""
    start = datetime.now(UTC)
    passed = [timedelta()]
    commit = Metadata.commit

    def trouble(self: Metadata, *operations: Operation, **more: Any) -> Any:
        if timedelta(minutes=30) <= passed[0] < timedelta(minutes=30 + away):
            raise OutcomeUnknown("the store does not answer")
        return commit(self, *operations, **more)

    def clock() -> datetime:
        passed[0] += timedelta(minutes=2)
        return start + passed[0]

    monkeypatch.setattr(Metadata, "commit", trouble)
    receiver = Receiver(shelf.at.blobs, shelf.at.metadata, Digester(2), clock=clock)
    body = Bytes(b"x" * 40_000_000)
    if not stored:
        with pytest.raises(OutcomeUnknown):
            receiver.receive(ORG, body)
        assert shelf.blobs() == []
        return
    received = receiver.receive(ORG, body)
    assert received.blob is not None
    assert shelf.at.metadata.get(keys.upload(ORG, received.blob))


def test_a_short_upload_needs_no_lease(shelf: Shelf) -> None:
    shelf.put("f", b"short")
    assert shelf.at.metadata.query(f"{ORG}#uploads").records == ()


def test_the_feed_rebuilds_the_files_of_a_repository(shelf: Shelf) -> None:
    """Backup and migration are readers of the feed: what it names is all there is."""
    shelf.put("a", b"1")
    shelf.put("b", b"2", overwrite=True)
    shelf.put("b", b"22", overwrite=True)
    shelf.remove("a")
    feed = Feed(shelf.at.metadata, shelf.at.journal, ORG)
    events = feed.read(feed.start(datetime.now(UTC) - timedelta(minutes=5))).events
    state: dict[Key, int] = {}
    for event in sorted(events, key=lambda event: event.at):
        state.update(event.puts)
        for key, _ in event.deletes:
            state.pop(key, None)
    folder = list(shelf.at.metadata.query(keys.folder(ORG, REPO, "/")).records)
    assert {record.key: record.version for record in folder} == {
        key: version
        for key, version in state.items()
        if key.partition == keys.folder(ORG, REPO, "/")
    }
    totals: dict[str, int] = {}
    for event in events:
        for key, amounts in event.adds:
            for name, amount in amounts.items():
                if key.partition.startswith(f"{ORG}#usage#{REPO}#") and name != "over":
                    totals[name] = totals.get(name, 0) + amount
    assert {n: c for n, c in totals.items() if c} == shelf.usage()


def test_what_is_written_besides_lands_with_the_file_or_keeps_it_from_landing(
    shelf: Shelf,
) -> None:
    mark = keys.session(ORG, "0" * 32)

    def besides(published: Published) -> list[Operation]:
        return [Put(mark, {"sha256": published.artifact.sha256}, absent=True)]

    published = shelf.put("a", b"first", besides=besides)
    assert shelf.at.metadata.get(mark)[mark].value == {"sha256": published.artifact.sha256}
    with pytest.raises(ConditionFailed):
        shelf.put("b", b"second", besides=besides)
    assert shelf.read("b") is None
    assert shelf.usage() == {"files": 1, "bytes": 5}
