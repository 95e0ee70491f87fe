"""What every blob store promises, one behaviour a test, and every store in it."""

import subprocess
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from storage.blobs import ERASED, BlobCorrupt, BlobMissing, Blobs, UploadBusy
from storage.blobs.keys import is_key
from storage.blobs.s3_parts import MIB
from tests.blobs.stores import (
    PART_BYTES,
    SHARED_PLACES,
    Place,
    bytes_of,
    missing,
    nothing_left,
    read,
    store,
    write,
    write_only,
)

EDGES = [
    1,
    MIB - 1,
    MIB,
    MIB + 1,
    2 * MIB + 1,
    PART_BYTES - 1,
    PART_BYTES,
    PART_BYTES + 1,
    2 * PART_BYTES,
    2 * PART_BYTES + MIB + 1,
]


@pytest.mark.parametrize("hint", ["with its length", "without a length"])
@pytest.mark.parametrize("size", EDGES)
def test_bytes_come_back_as_they_went_in(blobs: Blobs, size: int, hint: str) -> None:
    data = bytes_of(size)
    key = store(blobs, data, size=size if hint == "with its length" else None)
    assert read(blobs, key) == data
    assert [(entry.key, entry.size) for entry in blobs.list().entries] == [(key, size)]
    assert blobs.uploads().uploads == ()


@pytest.mark.parametrize("size", [1, 16 * 1024, MIB, 2 * MIB + 1])
def test_a_download_comes_in_pieces_of_up_to_a_mebibyte(blobs: Blobs, size: int) -> None:
    """However its store holds it: what sends it on holds no more than one."""
    download = blobs.open(store(blobs, bytes_of(size)))
    assert download.size == size
    assert [len(piece) for piece in download if len(piece) > MIB] == []
    download.close()
    download.close()  # harmless


@pytest.mark.parametrize("size", [10, PART_BYTES, PART_BYTES + 10, 2 * PART_BYTES + 10])
@pytest.mark.parametrize("hint", [0, 5, PART_BYTES, PART_BYTES + 5, 4 * PART_BYTES])
def test_a_wrong_length_is_a_hint_and_no_more(blobs: Blobs, size: int, hint: int) -> None:
    data = bytes_of(size)
    assert read(blobs, store(blobs, data, size=hint)) == data


def test_small_and_unequal_reads_into_windows_are_put_together(blobs: Blobs) -> None:
    data = bytes_of(3 * MIB)
    with blobs.create("acme") as writer:
        given = 0
        for step in range(1, 10_000, 37):
            window = writer.window()
            count = min(step * 7, len(window), len(data) - given)
            window[:count] = data[given : given + count]
            writer.filled(count)
            given += count
            assert writer.offset == given
        writer.commit()
    assert read(blobs, writer.key) == data[:given]


def test_a_window_keeps_its_bytes_until_the_window_after_the_next(blobs: Blobs) -> None:
    """A digest is computed beside the next read, at the edges of parts too."""
    size = 2 * PART_BYTES + 3 * MIB
    with blobs.create("acme", size) as writer:
        before: tuple[memoryview, bytes] | None = None
        for number in range(size // MIB):
            data = bytes_of(MIB, number)
            window = writer.window()
            if before is not None:
                assert before[0] == before[1]
            window[:] = data[: len(window)]
            if before is not None:
                assert before[0] == before[1]
            writer.filled(len(window))
            before = (window, data[: len(window)])


def test_a_window_that_was_not_used_changes_nothing(blobs: Blobs) -> None:
    with blobs.create("acme") as writer:
        writer.window()[:3] = b"abc"
        writer.filled(3)
        for junk in (b"1", b"2", b"3"):
            writer.window()[:1] = junk
        writer.filled(0)
        writer.window()[:1] = b"d"
        writer.filled(1)
        writer.commit()
    assert read(blobs, writer.key) == b"abcd"


def test_more_than_the_window_can_not_be_filled(blobs: Blobs) -> None:
    with blobs.create("acme", 10) as writer:
        with pytest.raises(ValueError, match="window"):
            writer.filled(len(writer.window()) + 1)
        with pytest.raises(ValueError, match="window"):
            writer.filled(-1)


def test_a_key_names_its_owner_and_is_known_from_the_start(blobs: Blobs) -> None:
    with blobs.create("acme") as writer:
        key = writer.key
        assert key.startswith("acme/")
        assert is_key(key)
        write(writer, b"bytes")
        writer.commit()
    assert read(blobs, key) == b"bytes"


@pytest.mark.parametrize("owner", ["", "Acme", "a/b", "..", "a" * 33, "ä", "a b", "a\n"])
def test_an_owner_that_is_none_is_refused(blobs: Blobs, owner: str) -> None:
    with pytest.raises(ValueError, match="owner"):
        blobs.create(owner)


def keep(blobs: Blobs, name: str, data: bytes) -> str:
    with blobs.create(ERASED, len(data), name) as writer:
        write(writer, data)
        writer.commit()
    return writer.key


def test_a_blob_of_a_reserved_owner_is_found_by_its_name(blobs: Blobs) -> None:
    """Beside the blobs of organizations, in the order of keys."""
    other = store(blobs, b"a file")
    names = ["f" * 32, "0" * 32]
    assert [keep(blobs, name, name.encode()) for name in names] == [f"erased/{n}" for n in names]
    assert read(blobs, f"{ERASED}/{names[0]}") == names[0].encode()
    assert [entry.key for entry in blobs.list(f"{ERASED}/").entries] == [
        f"{ERASED}/{name}" for name in sorted(names)
    ]
    assert blobs.settle(f"{ERASED}/{names[1]}") == 32
    assert other in [entry.key for entry in blobs.list().entries]
    assert blobs.uploads().uploads == ()


def test_what_has_a_reserved_name_is_written_over_whole(blobs: Blobs) -> None:
    """Also where a writer that is gone has left half of it."""
    name = "5" * 32
    keep(blobs, name, b"first")
    with pytest.raises(RuntimeError), blobs.create(ERASED, None, name) as writer:
        write(writer, b"half of ")
        raise RuntimeError
    assert read(blobs, f"{ERASED}/{name}") == b"first"
    left = blobs.create(ERASED, None, name)
    write_only(left, b"left")
    left.suspend()
    keep(blobs, name, b"second, longer")
    assert read(blobs, f"{ERASED}/{name}") == b"second, longer"


@pytest.mark.parametrize(
    "owner, name",
    [(ERASED, None), (ERASED, "A" * 32), (ERASED, "0" * 31), (ERASED, "../x"), ("acme", "0" * 32)],
)
def test_names_are_for_reserved_owners_and_reserved_owners_for_names(
    blobs: Blobs, owner: str, name: str | None
) -> None:
    with nothing_left(blobs), pytest.raises(ValueError, match="reserved"):
        blobs.create(owner, None, name)


def test_a_blob_is_not_there_before_its_commit(blobs: Blobs) -> None:
    with blobs.create("acme") as writer:
        write(writer, bytes_of(PART_BYTES + 1))
        assert missing(blobs, writer.key)
        assert blobs.list().entries == ()
        writer.commit()
    assert not missing(blobs, writer.key)


@pytest.mark.parametrize(
    "start, length",
    [
        (0, 1),
        (0, PART_BYTES + 10),
        (PART_BYTES - 2, 4),
        (PART_BYTES + 9, 1),
        (PART_BYTES + 9, None),
        (1, None),
        (MIB - 1, 2 * MIB + 2),
    ],
)
def test_a_range_is_those_bytes_and_no_others(blobs: Blobs, start: int, length: int | None) -> None:
    data = bytes_of(PART_BYTES + 10)
    key = store(blobs, data)
    end = len(data) if length is None else start + length
    assert read(blobs, key, start, length) == data[start:end]


@pytest.mark.parametrize("start, length", [(0, 11), (9, 2), (10, 1), (10, None), (500, 5)])
def test_a_range_beyond_the_end_is_never_short(
    blobs: Blobs, start: int, length: int | None
) -> None:
    key = store(blobs, b"0123456789")
    with pytest.raises(BlobCorrupt):
        blobs.open(key, start, length)


@pytest.mark.parametrize("start, length", [(-1, None), (0, 0), (0, -1)])
def test_a_range_that_no_blob_has_is_refused(blobs: Blobs, start: int, length: int | None) -> None:
    key = store(blobs, b"0123456789")
    with pytest.raises(ValueError, match="range"):
        blobs.open(key, start, length)


def test_an_empty_file_has_no_blob(blobs: Blobs) -> None:
    with nothing_left(blobs), blobs.create("acme", 0) as writer:
        writer.filled(min(0, len(writer.window())))
        with pytest.raises(ValueError, match="empty"):
            writer.commit()


@pytest.mark.parametrize("size", [0, 1, MIB, 2 * MIB + 1, PART_BYTES + 1, 2 * PART_BYTES + 1])
@pytest.mark.parametrize("way", ["an error", "no commit"])
def test_an_uncommitted_blob_never_existed(blobs: Blobs, size: int, way: str) -> None:
    with nothing_left(blobs):
        try:
            with blobs.create("acme") as writer:
                write(writer, bytes_of(size))
                if way == "an error":
                    raise ConnectionError("the client is gone")
        except ConnectionError:
            pass
        assert missing(blobs, writer.key)


def test_a_closed_writer_does_nothing_more(blobs: Blobs) -> None:
    with blobs.create("acme") as writer:
        write(writer, b"bytes")
        writer.commit()
        for use in (writer.window, lambda: writer.filled(0), writer.commit, writer.suspend):
            with pytest.raises(ValueError, match="closed"):
                use()
    assert read(blobs, writer.key) == b"bytes"


def test_deleting_is_repeatable_and_takes_what_it_names(blobs: Blobs) -> None:
    keys = [store(blobs, b"bytes") for _ in range(4)]
    blobs.delete(keys[:1])
    blobs.delete(keys[:2])
    blobs.delete([])
    assert [missing(blobs, key) for key in keys] == [True, True, False, False]
    assert {entry.key for entry in blobs.list().entries} == set(keys[2:])


def test_a_listing_is_in_order_and_comes_in_pages(blobs: Blobs) -> None:
    owners = ["a", "ab", "acme", "b0", "0", "zz"]
    keys = sorted(store(blobs, b"x" * (1 + n), owners[n % 6]) for n in range(14))
    listed, after = [], ""
    while True:
        page = blobs.list(after, limit=4)
        listed += [entry.key for entry in page.entries]
        if page.next is None:
            break
        assert len(page.entries) == 4
        after = page.next
    assert listed == keys
    assert [entry.key for entry in blobs.list(keys[5]).entries] == keys[6:]
    assert blobs.list(keys[-1]).entries == ()
    assert [entry.key for entry in blobs.list("acme/").entries] == [k for k in keys if k > "acme/"]


def test_a_listing_says_when_a_blob_was_made(blobs: Blobs) -> None:
    store(blobs, b"bytes")
    modified = blobs.list().entries[0].modified
    assert abs(modified - datetime.now(UTC)) < timedelta(minutes=1)
    assert modified.utcoffset() == timedelta()


def test_unfinished_uploads_are_listed_in_pages_and_can_be_dropped(
    place: Place, blobs: Blobs
) -> None:
    keys, tokens = [], []
    for _ in range(5):
        with blobs.create("acme") as writer:
            write(writer, b"bytes")
            tokens.append(writer.suspend())
            keys.append(writer.key)
    listed, after = [], ""
    while True:
        page = blobs.uploads(after, limit=2 if place.real else 1000)
        listed += page.uploads
        if page.next is None:
            break
        after = page.next
    if place.real:
        assert [upload.key for upload in listed] == sorted(keys)
        assert all(abs(each.started - datetime.now(UTC)) < timedelta(minutes=1) for each in listed)
    else:
        assert {upload.key for upload in listed} == set(keys)
    assert {upload.started.utcoffset() for upload in listed} == {timedelta()}
    for upload in listed:
        blobs.abort(upload.token)
        blobs.abort(upload.token)
    assert blobs.uploads().uploads == ()
    for token in tokens:
        with pytest.raises(BlobMissing):
            blobs.resume(token)


def test_an_upload_with_a_live_writer_is_not_taken_from_it(blobs: Blobs) -> None:
    data = bytes_of(2 * PART_BYTES + 1)
    with blobs.create("acme", len(data)) as writer:
        token = writer.suspend()
    with blobs.resume(token) as writer:
        write(writer, data)
        with pytest.raises(UploadBusy):
            blobs.resume(token)
        for upload in blobs.uploads().uploads:
            with pytest.raises(UploadBusy):
                blobs.abort(upload.token)
        writer.commit()
    assert read(blobs, writer.key) == data


@pytest.mark.parametrize("size", [0, 1, MIB, PART_BYTES + MIB, 2 * PART_BYTES])
def test_a_suspended_upload_goes_on_from_what_is_durable(blobs: Blobs, size: int) -> None:
    data = bytes_of(2 * PART_BYTES + MIB)
    with blobs.create("acme", len(data)) as writer:
        write_only(writer, data[:size])
        token = writer.suspend()
    assert missing(blobs, writer.key)
    with blobs.resume(token) as resumed:
        assert resumed.key == writer.key
        assert resumed.offset <= size
        assert resumed.offset >= size // PART_BYTES * PART_BYTES
        write(resumed, data[resumed.offset :])
        resumed.commit()
    assert read(blobs, writer.key) == data
    assert blobs.uploads().uploads == ()


@pytest.mark.parametrize("size", [1, PART_BYTES, PART_BYTES + MIB + 1])
def test_an_upload_suspended_at_its_end_is_durable_whole(blobs: Blobs, size: int) -> None:
    data = bytes_of(size)
    with blobs.create("acme", size) as writer:
        write(writer, data)
        token = writer.suspend()
    with blobs.resume(token) as writer:
        assert writer.offset == size
        writer.commit()
    assert read(blobs, writer.key) == data


@pytest.mark.parametrize("size", [1, PART_BYTES, PART_BYTES + MIB + 1])
def test_a_length_that_becomes_known_late_makes_the_end_durable(blobs: Blobs, size: int) -> None:
    data = bytes_of(size)
    with blobs.create("acme") as writer:
        token = writer.suspend()
    with blobs.resume(token, size) as writer:
        write(writer, data)
        token = writer.suspend()
    with blobs.resume(token, size) as writer:
        assert writer.offset == size
        writer.commit()
    assert read(blobs, writer.key) == data


def test_a_piece_of_the_least_size_is_always_kept(blobs: Blobs) -> None:
    with blobs.create("acme") as writer:
        token = writer.suspend()
    for number in range(3):
        with blobs.resume(token) as writer:
            before, count = writer.offset, writer.piece_bytes
            write(writer, bytes_of(count, number))
            token = writer.suspend()
        with blobs.resume(token) as writer:
            assert writer.offset == before + count
            token = writer.suspend()


def test_an_upload_goes_on_from_its_last_checkpoint(blobs: Blobs) -> None:
    """What came behind it is written anew, with other bytes too."""
    first, lost, last = (bytes_of(size, size) for size in (2 * PART_BYTES, 2 * PART_BYTES, MIB))
    with blobs.create("acme") as writer:
        write(writer, first)
        token, offset = writer.checkpoint()
        assert offset <= len(first)
        write(writer, lost)
        writer.let_go()
    assert missing(blobs, writer.key)
    with blobs.resume(token, len(first) + len(last)) as resumed:
        assert resumed.offset == offset
        write(resumed, (first + last)[offset:])
        resumed.commit()
    assert read(blobs, writer.key) == first + last


def written_on(blobs: Blobs) -> tuple[str, str, bytes]:
    """An upload of which another wrote a second half: its token before, the one now, its bytes."""
    data = bytes_of(2 * PART_BYTES)
    with blobs.create("acme", len(data)) as writer:
        write_only(writer, data[:PART_BYTES])
        before = writer.suspend()
    with blobs.resume(before) as writer:
        write(writer, data[PART_BYTES:])
        now = writer.suspend()
    return before, now, data


def test_an_upload_that_is_taken_up_and_let_go_is_as_it_was(blobs: Blobs) -> None:
    """Who takes it up may have stood still before that, while another one wrote on."""
    before, now, data = written_on(blobs)
    with blobs.resume(before) as late:
        assert late.offset == PART_BYTES
        late.window()[:1] = b"x"
        late.filled(0)
        late.let_go()
    with blobs.resume(now) as writer:
        assert writer.offset == len(data)
        writer.commit()
    assert read(blobs, writer.key) == data


@pytest.mark.parametrize("way", ["committed", "suspended", "checkpointed", "written to"])
def test_what_lies_behind_a_token_is_no_part_of_what_is_made_of_it(blobs: Blobs, way: str) -> None:
    token, _, data = written_on(blobs)
    more = b"x" if way == "written to" else b""
    with blobs.resume(token) as writer:
        write(writer, more)
        if way == "suspended":
            token = writer.suspend()
        elif way == "checkpointed":
            token, _ = writer.checkpoint()
            writer.let_go()
        else:
            writer.commit()
    if way in ("suspended", "checkpointed"):
        with blobs.resume(token) as writer:
            assert writer.offset == PART_BYTES
            writer.commit()
    assert read(blobs, writer.key) == data[:PART_BYTES] + more


def test_a_writer_that_let_go_is_closed(blobs: Blobs) -> None:
    with blobs.create("acme") as writer:
        writer.checkpoint()
        writer.let_go()
        for use in (writer.window, writer.commit, writer.suspend, writer.checkpoint):
            with pytest.raises(ValueError, match="closed"):
                use()
        writer.let_go()
    assert writer.key in {upload.key for upload in blobs.uploads().uploads}


def test_what_a_commit_of_unknown_outcome_left_is_found(blobs: Blobs) -> None:
    with pytest.raises(BlobMissing):
        blobs.settle("acme/" + "0" * 32)
    key = store(blobs, bytes_of(MIB + 1))
    assert blobs.settle(key) == MIB + 1


def test_a_resumed_upload_that_is_left_is_gone(blobs: Blobs) -> None:
    with blobs.create("acme") as writer:
        write(writer, b"bytes")
        token = writer.suspend()
    with nothing_left(blobs), blobs.resume(token):
        pass
    with pytest.raises(BlobMissing):
        blobs.resume(token)


def test_a_committed_upload_can_not_be_resumed_or_dropped(blobs: Blobs) -> None:
    with blobs.create("acme") as writer:
        write(writer, b"bytes")
        token = writer.suspend()
    with blobs.resume(token) as writer:
        write(writer, b"bytes"[writer.offset :])
        writer.commit()
    with pytest.raises(BlobMissing):
        blobs.resume(token)
    blobs.abort(token)
    assert read(blobs, writer.key) == b"bytes"


@pytest.mark.parametrize("place", SHARED_PLACES, indirect=True)
def test_another_process_goes_on_with_an_upload(place: Place, blobs: Blobs) -> None:
    data = bytes_of(2 * PART_BYTES + 1)
    with blobs.create("acme", len(data)) as writer:
        write_only(writer, data[: PART_BYTES + MIB])
        token = writer.suspend()
    command, environ = place.child("resume", token, str(len(data)))
    done = subprocess.run(
        command, env=environ, check=True, capture_output=True, text=True, timeout=60
    )
    assert int(done.stdout) == (PART_BYTES if place.on_s3 else PART_BYTES + MIB)
    assert read(blobs, writer.key) == data


@pytest.mark.parametrize("place", SHARED_PLACES, indirect=True)
@pytest.mark.parametrize("size", [10, 2 * MIB, PART_BYTES + 2 * MIB])
def test_a_killed_process_leaves_at_most_an_upload_that_can_be_dropped(
    place: Place, blobs: Blobs, size: int
) -> None:
    command, environ = place.child("hold", str(size))
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            key = process.stdout.readline().strip()
            assert is_key(key)
        finally:
            process.kill()
    assert missing(blobs, key)
    assert blobs.list().entries == ()
    for upload in blobs.uploads().uploads:
        assert upload.key == key
        blobs.abort(upload.token)
    assert blobs.uploads().uploads == ()


def test_threads_write_and_read_at_once(blobs: Blobs) -> None:
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for size in (1000, 2 * MIB + number):
                data = bytes_of(size, number)
                assert read(blobs, store(blobs, data, f"owner{number}", size)) == data
        except Exception as error:  # noqa: BLE001 (a thread that fails must fail the test)
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(blobs.list().entries) == 12


def test_a_store_that_is_there_passes_its_check(blobs: Blobs) -> None:
    blobs.check()


_KEY = "acme/" + "0" * 32
_BAD = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="acme/.:0123456789abcdef%\\\0\n", max_size=80),
    st.sampled_from(
        [_KEY.upper(), _KEY + "\n", _KEY + "0", "/" + _KEY, _KEY[:-1] + "g", "./" + _KEY]
    ),
).filter(lambda text: not is_key(text))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bad=_BAD)
@example("../../etc/passwd")
@example("acme/../acme/" + "0" * 32)
@example(".uploads/acme." + "0" * 32)
@example("acme/" + "\N{ARABIC-INDIC DIGIT ZERO}" * 32)
def test_no_text_but_a_key_finds_a_blob_or_an_upload(blobs: Blobs, bad: str) -> None:
    for use in (
        lambda: blobs.open(bad),
        lambda: blobs.delete([_KEY, bad]),
        lambda: blobs.resume(bad),
        lambda: blobs.abort(bad),
    ):
        with pytest.raises(BlobMissing):
            use()
