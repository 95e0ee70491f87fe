"""Sessions: one writer at a time, none past its claim, and what is recorded is durable."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.collection import Collection
from app.installation import Installation
from app.publishing import Digester, Publication, Publisher
from app.publishing.errors import DigestMismatch
from app.publishing.expectations import Expectations
from app.publishing.place import Place
from app.publishing.receiving import Receiver
from app.publishing.session import (
    CLAIM,
    MOST_OPEN,
    OLDEST,
    Session,
    SessionConflict,
    SessionMissing,
    TooManySessions,
)
from app.publishing.sessions import Sessions, Terms, Ticket, session_keys
from app.publishing.sessions_completion import Completion, TakesLong
from app.publishing.sessions_pieces import SLICE_BYTES, Piece, Pieces
from app.repositories import ArtifactPath, Format
from app.usage import Ledger, balances_of
from storage import keys
from storage.blobs.folder import FolderBlobs
from storage.events import Actor
from storage.metadata import Metadata, OutcomeUnknown, Put, Unavailable
from tests.faults.blobs import FaultyBlobs
from tests.faults.metadata import Faults, lost_after_effect, lost_before_effect, passes, throttled

ORG, REPO, USER = "org1", "0123456789abcdef", "user1"
PLACE = Place(
    ORG, REPO, ArtifactPath.parse("a/b"), overwrite=False, restore_days=14, format=Format.RAW
)
DATA = bytes(range(256)) * 4 * 1024 * 2  # 2 MiB: eight slices


class Bytes:
    """A body in memory; `meanwhile` is told, before each slice, how many were read."""

    def __init__(self, data: bytes, meanwhile: Callable[[int], object] = lambda _: None) -> None:
        self._data, self._meanwhile, self._reads = memoryview(data), meanwhile, 0
        self.length: int | None = len(data)

    def readinto(self, view: memoryview) -> int:
        self._meanwhile(self._reads)
        self._reads += 1
        count = min(len(view), len(self._data))
        view[:count] = self._data[:count]
        self._data = self._data[count:]
        return count


@dataclass
class Desk:
    """Sessions of one process, with clocks that move when they are told to."""

    at: Installation
    engine: Faults
    metadata: Metadata
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 1000.0

    def __post_init__(self) -> None:
        at = self.at
        self.digester = Digester(2)
        self.sessions = Sessions(
            at.blobs, self.metadata, clock=lambda: self.now, monotonic=lambda: self.seconds
        )
        self.pieces = Pieces(self.sessions, at.blobs, self.digester)
        receiver = Receiver(at.blobs, self.metadata, self.digester)
        self.publisher = Publisher(receiver, self.metadata, at.journal)
        self.completion = Completion(self.sessions, at.blobs, self.digester, self.publisher)

    def another(self) -> "Desk":
        """Another process, whose monotonic clock is its own."""
        return Desk(self.at, self.engine, self.metadata, self.now)

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.seconds += seconds

    def begin(self, length: int | None = len(DATA)) -> Session:
        return self.sessions.begin(PLACE, USER, Terms(length))

    def find(self, session: Session) -> Session:
        records = self.metadata.get(*session_keys(ORG, session.id))
        return self.sessions.find(Ticket(session.id, PLACE, USER), records)

    def append(self, session: Session, data: bytes, body: Bytes | None = None) -> Session:
        piece = Piece(session.offset, len(data), None)
        return self.pieces.append(session, piece, body or Bytes(data))

    def collect(self) -> None:
        """Collection, a day and a bit later by the age of what it finds."""
        Collection(self.at, clock=lambda: datetime.now(UTC) + timedelta(hours=26)).run()

    def held(self) -> tuple[tuple[object, ...], tuple[object, ...]]:
        """The blobs and the unfinished uploads that there are."""
        blobs = self.at.blobs
        return blobs.list().entries, blobs.uploads().uploads

    def complete(self, session: Session) -> bytes:
        publication = Publication(PLACE, Actor(USER, "key1", "request1"))
        records = self.metadata.get(*PLACE.keys())
        published = self.completion.complete(session, publication, records)
        assert published.artifact.blob is not None
        return b"".join(self.at.blobs.open(published.artifact.blob))


@pytest.fixture
def desk(installation: Installation) -> Desk:
    engine = Faults(installation.engine)
    metadata = Metadata(engine, sleep=lambda _: None)
    metadata.commit(Put(keys.organization(ORG), {"id": ORG}))
    return Desk(installation, engine, metadata)


@pytest.fixture(params=["memory", "folder"])
def slow(request: pytest.FixtureRequest, desk: Desk, tmp_path: Path) -> tuple[Desk, FaultyBlobs]:
    """A desk whose blobs take as long as they are told to."""
    folder = request.param == "folder"
    blobs = FaultyBlobs(FolderBlobs(tmp_path / "blobs") if folder else desk.at.blobs)
    return Desk(replace(desk.at, blobs=blobs), desk.engine, desk.metadata), blobs


def test_a_session_ends_a_day_after_its_last_piece(desk: Desk) -> None:
    session = desk.begin()
    desk.pass_by(86_000)
    session = desk.append(desk.find(session), DATA[:10])
    desk.pass_by(86_399)
    assert desk.find(session).offset == 10
    desk.pass_by(1)
    with pytest.raises(SessionMissing):
        desk.find(session)


def test_a_piece_that_brings_nothing_gives_it_no_day_more(desk: Desk) -> None:
    session = desk.begin()
    wrong = Piece(0, 10, None, Expectations((("sha256", "0" * 64),)))
    for _ in range(3):
        desk.pass_by(28_000)
        with pytest.raises(DigestMismatch):
            desk.pieces.append(desk.find(session), wrong, Bytes(DATA[:10]))
    assert desk.find(session).expires == session.expires
    desk.pass_by(2_400)
    with pytest.raises(SessionMissing):
        desk.find(session)


def test_it_does_not_end_while_a_piece_comes(desk: Desk) -> None:
    """What came is recorded with the next renewal, and the session goes on from there."""
    session = desk.begin()
    desk.pass_by(86_380)

    def meanwhile(reads: int) -> None:
        if reads:
            desk.pass_by(15)

    body = Bytes(DATA[: 4 * SLICE_BYTES], meanwhile)
    session = desk.append(desk.find(session), DATA[: 4 * SLICE_BYTES], body)
    assert desk.find(session).offset == 4 * SLICE_BYTES


def test_it_can_be_completed_for_fourteen_days_and_its_result_is_told_for_one_more(
    desk: Desk,
) -> None:
    session, other = desk.begin(), desk.begin()
    for count in range(1, 15):
        desk.pass_by(86_000)
        session = desk.append(desk.find(session), DATA[count : count + 1])
        other = desk.append(desk.find(other), DATA[count : count + 1])
    assert session.expires == session.begun + OLDEST
    session = desk.append(desk.find(session), DATA[session.offset :])
    desk.pass_by((session.begun + OLDEST - desk.now).total_seconds() - 1)
    desk.complete(desk.find(session))
    desk.find(other)
    desk.pass_by(1)
    with pytest.raises(SessionMissing):
        desk.find(other)
    desk.pass_by(86_398)
    assert desk.find(session).result is not None


def test_one_that_is_left_to_a_job_waits_for_it(desk: Desk) -> None:
    """Its client was told that the file will be made: in the last minute of its days as well."""
    session = desk.begin()
    for count in range(14):
        session = desk.append(session, DATA[count : count + 1])
        desk.pass_by(85_000)
    session = desk.append(session, DATA[session.offset :])
    assert session.begun + OLDEST - desk.now < timedelta(days=1)
    desk.sessions.note_job(session, "0" * 32)
    desk.pass_by(6 * 86_400)
    desk.collect()
    session = desk.sessions.wait_for(desk.find(session), "0" * 32)
    desk.pass_by(86_400)
    assert desk.complete(desk.find(session)) == DATA


@pytest.mark.parametrize("way", ["completed", "dropped", "out of time"])
def test_a_user_has_no_more_than_so_many_that_are_not_complete(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr("app.publishing.sessions.MOST_OPEN", 3)
    first = desk.begin()
    desk.pass_by(3_600)
    desk.begin(), desk.begin()
    before = desk.held()
    for _ in range(2):
        with pytest.raises(TooManySessions):
            desk.begin()
    assert desk.held() == before
    desk.sessions.begin(PLACE, "user2", Terms(1))  # it is another's
    if way == "completed":
        desk.complete(desk.append(first, DATA))
    elif way == "dropped":
        desk.sessions.drop(first)
    else:
        desk.pass_by(82_800)
    desk.begin()
    with pytest.raises(TooManySessions):
        desk.begin()


def test_very_many_that_are_out_of_time_make_room_for_the_next(desk: Desk) -> None:
    """Those of a machine that was killed often: they are forgotten as they are counted."""
    for _ in range(MOST_OPEN):
        session = desk.begin()
    desk.pass_by(2 * 86_400)
    desk.begin()
    notes = desk.metadata.query(session.open_key.partition, limit=1_000).records
    assert len(notes) == 1


def test_one_that_takes_long_in_its_last_minute_is_found_by_its_job(desk: Desk) -> None:
    session = desk.append(desk.begin(), DATA[:1])
    session = desk.append(session, DATA[1:])
    desk.pass_by(86_390)
    publication = Publication(PLACE, Actor(USER, "key1", "request1"))
    records = desk.metadata.get(*PLACE.keys())
    completion = Completion(
        desk.sessions, desk.at.blobs, desk.digester, desk.publisher, lambda: desk.pass_by(30) or 0
    )
    with pytest.raises(TakesLong) as long:
        completion.complete(desk.find(session), publication, records, timedelta(seconds=-1))
    desk.sessions.note_job(long.value.session, "0" * 32)
    desk.pass_by(86_400)
    assert desk.complete(desk.find(session)) == DATA


def test_its_record_and_the_lease_of_its_bytes_expire_by_themselves(desk: Desk) -> None:
    session = desk.begin()
    records = desk.metadata.get(session.key, session.lease)
    assert records[session.key].expires == desk.now + timedelta(days=1)
    assert records[session.lease].expires == desk.now + timedelta(days=1, hours=1)


@pytest.mark.parametrize("complete", [False, True])
def test_collection_leaves_its_bytes_alone_until_it_is_over(desk: Desk, complete: bool) -> None:
    session = desk.append(desk.begin(), DATA)
    if complete:  # and then it comes no further
        desk.engine.next("transact", passes)  # the claim
        desk.engine.next("transact", throttled, times=4)
        with pytest.raises(Unavailable):
            desk.complete(session)
    assert [len(found) for found in desk.held()] == ([1, 0] if complete else [0, 1])
    before = desk.held()
    desk.collect()
    assert desk.held() == before
    desk.metadata.commit(Put(session.lease, {}, expires=desk.now - timedelta(days=1)))
    desk.collect()
    assert desk.held() == ((), ())


def test_progress_is_recorded_while_a_piece_comes(desk: Desk) -> None:
    """So a process that is killed in a large piece costs its client seconds of it."""
    session, seen = desk.begin(), []

    def meanwhile(_: int) -> None:
        desk.pass_by(13)
        seen.append(desk.find(session).offset)

    done = desk.append(session, DATA, Bytes(DATA, meanwhile))
    assert done.offset == len(DATA)
    assert seen == [number * SLICE_BYTES for number in range(len(DATA) // SLICE_BYTES)]


def test_a_claim_that_ran_out_is_taken_by_the_next(desk: Desk) -> None:
    """The first was killed: it gave nothing up, and its token is where the next goes on."""
    session, other = desk.begin(), desk.another()

    class Killed(BaseException):
        pass

    def meanwhile(reads: int) -> None:
        if reads == 4:
            # What a killed process leaves: the claim, and bytes that nobody recorded.
            desk.engine.next("transact", lost_before_effect, times=11)
            raise Killed
        desk.pass_by(13)

    with pytest.raises(Killed):
        desk.append(session, DATA, Bytes(DATA, meanwhile))
    left = desk.find(session)
    assert left.offset == 4 * SLICE_BYTES
    with pytest.raises(SessionConflict) as refused:
        desk.append(left, DATA[left.offset :])
    assert refused.value.offset == left.offset
    assert refused.value.retry_after is not None
    other.now = desk.now + refused.value.retry_after
    done = other.append(other.find(session), DATA[left.offset :])
    assert other.complete(done) == DATA


def test_who_could_not_renew_writes_nothing_more(desk: Desk) -> None:
    """A zombie's late bytes could land in the place of its successor's."""
    session = desk.begin()

    def meanwhile(reads: int) -> None:
        if reads == 2:
            desk.seconds += 41  # by the clock that nobody sets

    with pytest.raises(SessionConflict, match="could not be renewed"):
        desk.append(session, DATA, Bytes(DATA, meanwhile))
    assert desk.find(session).offset == 0
    assert desk.append(desk.find(session), DATA).offset == len(DATA)


def test_who_was_taken_over_learns_of_it(desk: Desk) -> None:
    session, other = desk.begin(), desk.another()

    def meanwhile(reads: int) -> None:
        if reads == 3:
            other.now = desk.now + CLAIM + timedelta(seconds=1)
            found = other.find(session)
            with other.sessions.hold(found) as hold:
                hold.give_up(replace(hold.session, length=len(DATA)))
            desk.pass_by(13)

    with pytest.raises(SessionConflict, match="taken this upload over"):
        desk.append(session, DATA, Bytes(DATA, meanwhile))
    assert desk.append(desk.find(session), DATA).offset == len(DATA)


@pytest.mark.parametrize("ahead", [60, -60])
def test_a_process_whose_clock_is_a_minute_apart_takes_nothing_over(desk: Desk, ahead: int) -> None:
    """As long as the holder may still write, also where he stands still for a while."""
    session, other = desk.begin(), desk.another()
    other.now += timedelta(seconds=ahead)

    def meanwhile(reads: int) -> None:
        if reads == 2:
            desk.seconds += 39
            other.now += timedelta(seconds=39)
            with pytest.raises(SessionConflict):
                other.append(other.find(session), DATA)

    assert desk.append(session, DATA, Bytes(DATA, meanwhile)).offset == len(DATA)


def test_who_stood_still_before_he_took_an_upload_up_cuts_nothing_off(desk: Desk) -> None:
    """A successor has written by then, and was told that it is durable."""
    session, other = desk.begin(), desk.another()

    def stand_still(call: Callable[[], Any]) -> Any:
        result = call()
        desk.seconds += 200
        other.now += timedelta(seconds=200)
        assert other.append(other.find(session), DATA).offset == len(DATA)
        return result

    desk.engine.next("transact", stand_still)
    with pytest.raises(SessionConflict):
        desk.append(session, DATA)
    assert other.complete(other.find(session)) == DATA


@pytest.mark.parametrize("ahead, still", [(0, 121), (58, 63)], ids=["long", "clocks apart"])
def test_who_stood_still_on_the_way_to_an_upload_cuts_nothing_off(
    slow: tuple[Desk, FaultyBlobs], ahead: float, still: float
) -> None:
    """So it is where a disk takes its time, or the process is stopped."""
    desk, blobs = slow
    other = desk.another()
    session = desk.append(desk.begin(), DATA[:1000])

    def stand_still() -> None:
        desk.pass_by(still)
        other.now = desk.now + timedelta(seconds=ahead)
        assert other.append(other.find(session), DATA[1000:]).offset == len(DATA)

    blobs.slow("resume", stand_still)
    with pytest.raises(SessionConflict):
        desk.append(session, DATA[1000:])
    assert other.complete(other.find(session)) == DATA


def test_who_stood_still_and_finds_that_nobody_took_over_goes_on(
    slow: tuple[Desk, FaultyBlobs],
) -> None:
    desk, blobs = slow
    for call in ("resume", "filled"):
        blobs.slow(call, lambda: desk.pass_by(200))
    assert desk.complete(desk.append(desk.begin(), DATA)) == DATA


@pytest.mark.parametrize("behind", ["a slice", "the last byte"])
def test_who_was_taken_over_while_he_stood_still_asks_nothing_more_of_the_store(
    slow: tuple[Desk, FaultyBlobs], behind: str
) -> None:
    """Where the store has no locks, as S3, it would put his bytes in place of the other's."""
    desk, blobs = slow
    session, other = desk.begin(), desk.another()

    def stand_still(reads: int = 1) -> None:
        if reads:
            desk.seconds += 200
            other.now += timedelta(seconds=200)
            with pytest.raises(SessionConflict):
                other.append(other.find(session), DATA)

    data = DATA[:SLICE_BYTES]
    body = Bytes(data, stand_still if behind == "the last byte" else lambda _: None)
    body.length = None
    if behind == "a slice":
        blobs.slow("filled", stand_still)
    before = blobs.calls["suspend"], blobs.calls["checkpoint"]
    with pytest.raises(SessionConflict, match="taken this upload over"):
        desk.append(session, data, body)
    assert (blobs.calls["suspend"], blobs.calls["checkpoint"]) == before


def test_what_came_before_a_body_stalled_is_kept(desk: Desk) -> None:
    """Its client is waited for longer than a claim is safe for without a renewal."""
    session = desk.begin()

    def meanwhile(reads: int) -> None:
        if reads == 2:
            desk.pass_by(41)
            raise TimeoutError

    with pytest.raises(TimeoutError):
        desk.append(session, DATA, Bytes(DATA, meanwhile))
    assert desk.find(session).offset == 2 * SLICE_BYTES


def test_a_piece_takes_two_commits(desk: Desk) -> None:
    session, before = desk.begin(), len(desk.engine.made)
    desk.append(session, DATA)
    assert desk.engine.made[before:] == ["transact", "transact"]


def test_a_store_that_is_away_for_a_while_ends_no_piece(desk: Desk) -> None:
    session = desk.begin()

    def meanwhile(reads: int) -> None:
        desk.pass_by(13 if reads == 1 else 3)
        if reads == 1:
            desk.engine.next("transact", throttled, times=4)

    assert desk.append(session, DATA, Bytes(DATA, meanwhile)).offset == len(DATA)


def test_a_renewal_whose_answer_was_lost_is_known_again(desk: Desk) -> None:
    session = desk.begin()

    def meanwhile(reads: int) -> None:
        desk.pass_by(13 if reads == 1 else 3)
        if reads == 1:
            desk.engine.next("transact", lost_after_effect, times=11)
            desk.engine.next("get", throttled, times=4)  # and its witness can't be read

    done = desk.append(session, DATA, Bytes(DATA, meanwhile))
    assert done.offset == len(DATA)
    assert desk.complete(desk.find(session)) == DATA


@pytest.mark.parametrize("lost", [1, 11], ids=["answered late", "never answered"])
def test_a_completion_whose_answer_was_lost_happened_once(desk: Desk, lost: int) -> None:
    session = desk.append(desk.begin(), DATA)
    desk.engine.next("transact", passes, times=2)  # the claim, and the folder's record
    desk.engine.next("transact", lost_after_effect, times=lost)
    if lost > 1:
        desk.engine.next("get", passes)
        desk.engine.next("get", throttled, times=4)
        with pytest.raises(OutcomeUnknown):
            desk.complete(session)
    assert desk.complete(desk.find(session)) == DATA
    assert len(desk.at.blobs.list().entries) == 1
    (counted,) = balances_of(desk.metadata, Ledger(ORG, REPO))
    assert (counted.usage.files, counted.usage.bytes) == (1, len(DATA))


def test_of_two_who_complete_at_once_one_is_told_to_wait(desk: Desk) -> None:
    session = desk.append(desk.begin(), DATA)
    with desk.sessions.hold(session), pytest.raises(SessionConflict) as refused:
        desk.complete(desk.find(session))
    assert refused.value.retry_after is not None
    assert desk.complete(desk.find(session)) == DATA


def test_of_two_who_claim_the_same_state_one_wins(desk: Desk) -> None:
    session = desk.begin()
    with desk.sessions.hold(session), pytest.raises(SessionConflict):
        desk.another().sessions.hold(session).__enter__()
    with pytest.raises(SessionConflict):
        desk.sessions.hold(session).__enter__()
