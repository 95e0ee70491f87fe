"""Memory of uploads: what is reserved, what is really held, and who is refused."""

import threading
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.blobs import UploadMemorySpent, UploadTooLarge
from storage.blobs.opening import parse_s3_url
from storage.blobs.s3 import S3Blobs
from storage.blobs.s3_parts import MIB, PartSizes
from storage.blobs.upload_memory import UploadMemory
from tests.blobs.stores import PART_BYTES, SIZES, Place, bytes_of, read, store, write, write_only
from tests.faults.blobs import s3_with_faults

DEFAULT_MEMORY = 1088 * MIB


@pytest.mark.parametrize(
    "size, part_mib",
    [
        (None, 8),
        (0, 8),
        (1, 8),
        (80_000 * MIB, 8),
        (80_000 * MIB + 1, 16),
        (5 * MIB * MIB, 528),
    ],
)
def test_the_part_is_the_length_over_10000_rounded_up_to_8_mib(
    size: int | None, part_mib: int
) -> None:
    assert PartSizes().part_bytes(size) == part_mib * MIB


@given(st.integers(1, 5 * MIB * MIB))
def test_every_length_that_s3_holds_fits_10000_parts_and_the_default_memory(size: int) -> None:
    sizes = PartSizes()
    part = sizes.part_bytes(size)
    assert part % (8 * MIB) == 0
    assert part * 10_000 >= size
    assert sizes.reservation_bytes(size, part) <= DEFAULT_MEMORY


def test_without_a_length_parts_grow_to_64_mib_and_no_further() -> None:
    sizes, part, grown = PartSizes(), 8 * MIB, []
    for number in range(1, 10_001):
        wider = sizes.grown(part, number)
        if wider != part:
            grown.append((number, wider // MIB))
        part = wider
    assert grown == [(251, 16), (501, 32), (751, 64)]


def test_what_s3_can_not_hold_is_too_large() -> None:
    with pytest.raises(UploadTooLarge, match="S3 holds"):
        PartSizes().part_bytes(5 * MIB * MIB + 1)


def test_memory_is_reserved_refused_and_given_back() -> None:
    memory = UploadMemory(100)
    first, second = memory.reserve(60), memory.reserve(40)
    with pytest.raises(UploadMemorySpent) as spent:
        memory.reserve(1)
    assert spent.value.retry_after > timedelta(0)
    assert not second.grow_to(41)
    first.release()
    first.release()
    assert second.grow_to(100)
    assert second.grow_to(50)
    assert memory.held_bytes == 100
    second.release()
    assert memory.held_bytes == 0


def test_what_could_never_fit_names_the_setting() -> None:
    with pytest.raises(UploadTooLarge, match="STRONGROOM_UPLOAD_MEMORY"):
        UploadMemory(100).reserve(101)


def test_threads_never_hold_more_than_there_is() -> None:
    memory, most, lock = UploadMemory(10), [0], threading.Lock()

    def work() -> None:
        for _ in range(300):
            try:
                held = memory.reserve(3)
            except UploadMemorySpent:
                continue
            with lock:
                most[0] = max(most[0], memory.held_bytes)
            held.release()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most[0] <= 9
    assert memory.held_bytes == 0


@pytest.fixture
def s3(real_place: Place) -> Iterator[tuple[S3Blobs, UploadMemory]]:
    memory = UploadMemory(4 * PART_BYTES)
    blobs, _ = s3_with_faults(parse_s3_url(real_place.url), sizes=SIZES, memory=memory)
    yield blobs, memory
    blobs.close()


@pytest.mark.parametrize(
    "size, held",
    [(1, 1), (1000, 1000), (PART_BYTES + 7, PART_BYTES + 7), (10 * PART_BYTES, 2 * PART_BYTES)],
)
def test_an_upload_reserves_two_parts_or_what_it_has(
    s3: tuple[S3Blobs, UploadMemory], size: int, held: int
) -> None:
    blobs, memory = s3
    with blobs.create("acme", size):
        assert memory.held_bytes == held
    assert memory.held_bytes == 0


def test_what_goes_on_reserves_what_is_still_to_come(s3: tuple[S3Blobs, UploadMemory]) -> None:
    """So whoever completes an upload waits for nobody's memory."""
    blobs, memory = s3
    data = bytes_of(3 * PART_BYTES)
    token = ""
    for part, held in enumerate((2 * PART_BYTES, 2 * PART_BYTES, PART_BYTES)):
        with blobs.resume(token) if token else blobs.create("acme", len(data)) as writer:
            assert memory.held_bytes == held
            write(writer, data[part * PART_BYTES : (part + 1) * PART_BYTES])
            token = writer.suspend()
    others = blobs.create("acme"), blobs.create("acme", 2 * PART_BYTES - 1)
    with others[0], others[1], blobs.resume(token) as writer:
        writer.commit()
    assert read(blobs, writer.key) == data


def test_spent_memory_refuses_the_next_upload_alone(s3: tuple[S3Blobs, UploadMemory]) -> None:
    blobs, memory = s3
    with blobs.create("acme"), blobs.create("acme") as second:
        with pytest.raises(UploadMemorySpent):
            blobs.create("acme")
        write(second, b"bytes")
        second.commit()
        store(blobs, b"bytes", size=5)
    assert memory.held_bytes == 0


@pytest.mark.parametrize("way", ["commit", "suspend", "leave", "refused resume"])
def test_every_way_out_gives_the_memory_back(s3: tuple[S3Blobs, UploadMemory], way: str) -> None:
    blobs, memory = s3
    with blobs.create("acme") as writer:
        write(writer, bytes_of(PART_BYTES + 1))
        token = ""
        if way == "commit":
            writer.commit()
        elif way != "leave":
            token = writer.suspend()
    assert memory.held_bytes == 0
    if way == "refused resume":
        with blobs.create("acme"), blobs.create("acme"), pytest.raises(UploadMemorySpent):
            blobs.resume(token)
        with blobs.resume(token):
            pass
    assert memory.held_bytes == 0


@pytest.mark.parametrize("room, wide", [(4 * PART_BYTES, True), (3 * PART_BYTES, False)])
def test_parts_without_a_length_grow_only_while_there_is_memory(
    real_place: Place, room: int, wide: bool
) -> None:
    memory = UploadMemory(room)
    sizes = PartSizes(unit_bytes=PART_BYTES, grown_bytes=2 * PART_BYTES, growth_parts=1)
    address = parse_s3_url(real_place.url)
    blobs, faults = s3_with_faults(address, sizes=sizes, memory=memory)
    data = bytes_of(5 * PART_BYTES)
    key = store(blobs, data)
    assert read(blobs, key) == data
    assert faults.calls.count("UploadPart") == (3 if wide else 5)
    assert memory.held_bytes == 0
    blobs.close()


@pytest.mark.parametrize("hint", [True, False])
def test_an_upload_holds_no_more_than_two_parts(
    s3: tuple[S3Blobs, UploadMemory], hint: bool
) -> None:
    blobs, _ = s3
    data = bytes_of(6 * PART_BYTES + 10)
    store(blobs, b"warm")
    tracemalloc.start()
    try:
        store(blobs, data, size=len(data) if hint else None)
        assert tracemalloc.get_traced_memory()[1] < 2 * PART_BYTES + 2 * MIB
    finally:
        tracemalloc.stop()


def test_a_small_upload_allocates_what_it_needs(s3: tuple[S3Blobs, UploadMemory]) -> None:
    blobs, _ = s3
    store(blobs, b"warm")
    tracemalloc.start()
    try:
        with blobs.create("acme", 1000) as writer:
            write_only(writer, bytes(1000))
            assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
