"""Remembered records: at most so old, never absence, and never what was just written over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.metadata import Delete, Key, Metadata, Put
from storage.metadata.opening import open_engine
from storage.metadata.recent import Recent

A, B = Key("p", "a"), Key("p", "b")


class Counted(Metadata):
    """Counts reads; `meanwhile` happens between a read and its answer."""

    reads = 0
    meanwhile = staticmethod(lambda: None)

    def get(self, *keys: Key):  # type: ignore[no-untyped-def]
        self.reads += 1
        found = super().get(*keys)
        self.meanwhile()
        return found


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def metadata(tmp_path: Path) -> Iterator[Counted]:
    engine = open_engine(f"sqlite:{tmp_path}/db", tmp_path)
    engine.prepare()
    store = Counted(engine)
    yield store
    store.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def recent(metadata: Counted, clock: Clock) -> Recent:
    return Recent(metadata, seconds=10, most=3, most_bytes=1_000, clock=clock)


def test_a_record_is_read_once_within_ten_seconds_and_again_after(
    recent: Recent, metadata: Counted, clock: Clock
) -> None:
    metadata.commit(Put(A, {"n": 1}))
    assert recent.cached(A)[A].value == {"n": 1}
    metadata.commit(Put(A, {"n": 2}))  # by another process
    clock.now = 9.9
    assert recent.cached(A)[A].value == {"n": 1}
    assert metadata.reads == 1
    clock.now = 10.1
    assert recent.cached(A)[A].value == {"n": 2}


def test_what_is_missing_is_fetched_in_one_read(recent: Recent, metadata: Counted) -> None:
    metadata.commit(Put(A, {}), Put(B, {}))
    recent.cached(A)
    assert set(recent.cached(A, B, Key("p", "c"))) == {A, B}
    assert metadata.reads == 2


def test_absence_is_never_remembered(recent: Recent, metadata: Counted) -> None:
    assert recent.cached(A) == {}
    metadata.commit(Put(A, {}))
    assert set(recent.cached(A)) == {A}


def test_a_commit_is_seen_at_once(recent: Recent, metadata: Counted) -> None:
    recent.commit(Put(A, {"n": 1}))
    recent.cached(A)
    recent.commit(Put(A, {"n": 2}))
    assert recent.cached(A)[A].value == {"n": 2}
    recent.commit(Delete(A))
    assert recent.cached(A) == {}


def test_a_read_that_began_before_a_commit_brings_nothing_back(
    recent: Recent, metadata: Counted
) -> None:
    """Revocation at once: the old record may be in hand when the new one is written."""
    recent.commit(Put(A, {"n": 1}))

    def revoke() -> None:
        metadata.meanwhile = lambda: None
        recent.commit(Put(A, {"n": 2}))

    metadata.meanwhile = revoke
    recent.cached(A)
    assert recent.cached(A)[A].value == {"n": 2}


def test_a_failed_commit_forgets_too(recent: Recent, metadata: Counted) -> None:
    """Its outcome may be unknown: what was remembered may be wrong."""
    recent.commit(Put(A, {"n": 1}))
    recent.cached(A)
    reads = metadata.reads
    with pytest.raises(Exception, match="condition"):
        recent.commit(Put(A, {"n": 2}, absent=True))
    recent.cached(A)
    assert metadata.reads == reads + 1


def test_fresh_reads_remember_what_is_asked_alone(recent: Recent, metadata: Counted) -> None:
    metadata.commit(Put(A, {}), Put(B, {}))
    assert set(recent.fresh((A,), B)) == {A, B}
    recent.cached(A)
    assert metadata.reads == 1
    recent.cached(B)
    assert metadata.reads == 2


def test_memory_is_bounded_in_records_and_bytes(recent: Recent, metadata: Counted) -> None:
    keys = [Key("p", f"{n}") for n in range(5)]
    metadata.commit(*(Put(key, {}) for key in keys))
    recent.cached(*keys)
    assert len(recent._remembered) == 3
    metadata.commit(*(Put(key, {"text": "x" * 600}) for key in keys))
    recent.forget(*keys)
    recent.cached(*keys)
    assert len(recent._remembered) == 1
    assert recent._bytes < 1_000
    recent.forget(*keys)
    assert recent._bytes == 0


def test_what_is_counted_and_skipped_is_what_is_there_now(
    recent: Recent, metadata: Counted
) -> None:
    recent.commit(Put(A, {}), Put(B, {}))
    recent.cached(A, B)
    metadata.commit(Delete(A), Put(Key("p", "c"), {}), Put(Key("p", "d"), {}))  # by another process
    assert recent.count("p") == 3
    assert recent.count("p", after="b") == 2
    assert recent.skip("p", 2) == "c"
    assert recent.skip("p", 2, prefix="c") is None
