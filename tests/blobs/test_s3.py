"""S3 alone: how many calls are made, what they carry, and what faults do to an upload."""

import threading
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from hashlib import sha256

import pytest

from storage.blobs import (
    BlobCorrupt,
    BlobError,
    BlobMissing,
    BlobsFull,
    BlobsUnavailable,
    UploadBusy,
    UploadTooLarge,
)
from storage.blobs.opening import parse_s3_url
from storage.blobs.s3 import S3Blobs
from storage.blobs.s3_bucket import checksum_of
from storage.blobs.s3_parts import PartSizes
from tests.blobs.stores import (
    PART_BYTES,
    SIZES,
    Place,
    bytes_of,
    missing,
    nothing_left,
    read,
    store,
    write,
)
from tests.faults.blobs import (
    THROTTLED,
    S3Fault,
    S3Faults,
    answer_lost,
    cut,
    refused,
    s3_with_faults,
    slow,
)

THREE_PARTS = 2 * PART_BYTES + 1


def opened(
    place: Place, *, tries: int = 1, sizes: PartSizes = SIZES
) -> Iterator[tuple[S3Blobs, S3Faults]]:
    blobs, faults = s3_with_faults(parse_s3_url(place.url), sizes=sizes, tries=tries)
    yield blobs, faults
    blobs.close()


@pytest.fixture
def s3(real_place: Place) -> Iterator[tuple[S3Blobs, S3Faults]]:
    yield from opened(real_place)


@pytest.fixture
def moto(moto_place: Place) -> Iterator[tuple[S3Blobs, S3Faults]]:
    yield from opened(moto_place)


@pytest.mark.parametrize(
    "size, calls",
    [
        (1, ["PutObject"]),
        (PART_BYTES, ["PutObject"]),
        (
            PART_BYTES + 1,
            ["CreateMultipartUpload", "UploadPart", "UploadPart", "CompleteMultipartUpload"],
        ),
        (
            3 * PART_BYTES,
            ["CreateMultipartUpload", *["UploadPart"] * 3, "CompleteMultipartUpload"],
        ),
    ],
)
@pytest.mark.parametrize("hint", [True, False])
def test_n_parts_take_n_and_two_calls_and_one_part_takes_one(
    s3: tuple[S3Blobs, S3Faults], size: int, calls: list[str], hint: bool
) -> None:
    blobs, faults = s3
    key = store(blobs, bytes_of(size), size=size if hint else None)
    assert faults.calls == calls
    read(blobs, key)
    assert faults.calls == [*calls, "GetObject"]


def test_every_write_asks_for_encryption_and_carries_its_checksum(
    moto: tuple[S3Blobs, S3Faults],
) -> None:
    blobs, faults = moto
    store(blobs, b"small")
    store(blobs, bytes_of(PART_BYTES + 1))
    seen = dict.fromkeys(["PutObject", "CreateMultipartUpload", "UploadPart"], 0)
    for operation, request in zip(faults.tries, faults.sent, strict=True):
        if operation in ("PutObject", "CreateMultipartUpload"):
            assert request.headers["x-amz-server-side-encryption"] == b"AES256"
        if operation in ("PutObject", "UploadPart"):
            assert len(request.headers["x-amz-checksum-sha256"]) == 44
            assert b"x-amz-checksum-sha256" in request.headers["Authorization"]
        seen[operation] = seen.get(operation, 0) + 1
    assert seen["PutObject"] == seen["CreateMultipartUpload"] == 1
    assert seen["UploadPart"] == 2


def test_moto_says_that_the_blobs_are_encrypted(moto: tuple[S3Blobs, S3Faults]) -> None:
    blobs, _ = moto
    for size in (5, PART_BYTES + 1):
        key = store(blobs, bytes_of(size))
        assert blobs._bucket.get(key, None)["ServerSideEncryption"] == "AES256"


def test_encryption_can_be_switched_off_for_engines_that_lack_it(real_place: Place) -> None:
    for blobs, faults in opened(Place(real_place.url + "&sse=off")):
        store(blobs, b"small")
        store(blobs, bytes_of(PART_BYTES + 1))
        for request in faults.sent:
            assert "x-amz-server-side-encryption" not in request.headers


def test_checksums_when_required_sign_the_bytes_themselves(real_place: Place) -> None:
    for blobs, faults in opened(Place(real_place.url + "&checksums=when_required")):
        data = bytes_of(PART_BYTES + 1)
        assert read(blobs, store(blobs, data)) == data
        part = faults.sent[faults.tries.index("UploadPart")]
        signed = sha256(data[:PART_BYTES]).hexdigest()
        assert part.headers["x-amz-content-sha256"] == signed.encode()


def test_a_real_engine_refuses_bytes_that_do_not_match_their_checksum(
    s3: tuple[S3Blobs, S3Faults],
) -> None:
    blobs, _ = s3
    bucket, wrong = blobs._bucket, checksum_of(bytearray(b"other"))
    key = "acme/" + "0" * 32
    with nothing_left(blobs):
        with pytest.raises(BlobCorrupt):
            bucket.put(key, bytearray(b"bytes"), wrong)
        upload_id = bucket.begin(key)
        with pytest.raises(BlobCorrupt):
            bucket.put_part(key, upload_id, 1, bytearray(b"bytes"), wrong)
        bucket.abort(key, upload_id)


def test_a_part_that_another_writer_replaced_is_never_completed(
    s3: tuple[S3Blobs, S3Faults],
) -> None:
    """S3 has no lock: of two writers of one upload, the one whose part is lost is refused."""
    blobs, _ = s3
    data = bytes_of(PART_BYTES + 10)
    with pytest.raises(BlobCorrupt), blobs.create("acme", len(data)) as writer:
        write(writer, data)
        writer._join()
        upload_id = writer._upload.begin()
        other = bytearray(bytes_of(PART_BYTES, seed=1))
        blobs._bucket.put_part(writer.key, upload_id, 1, other, checksum_of(other))
        writer.commit()
    assert missing(blobs, writer.key)
    assert blobs.uploads().uploads == ()


@pytest.mark.parametrize(
    "fault, error",
    [
        (THROTTLED, BlobsUnavailable),
        (refused("InternalError", 500), BlobsUnavailable),
        (refused("AccessDenied", 403), BlobsUnavailable),
        (refused("NoSuchBucket", 404), BlobsUnavailable),
        (refused("BadDigest", 400), BlobCorrupt),
        (refused("InsufficientStorage", 507), BlobsFull),
        (cut, BlobsUnavailable),
        (answer_lost, BlobsUnavailable),
    ],
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_part_that_fails_fails_the_upload_and_leaves_nothing(
    s3: tuple[S3Blobs, S3Faults], fault: S3Fault, error: type[BlobError], number: int
) -> None:
    blobs, faults = s3
    faults.at("UploadPart", fault, number)
    with nothing_left(blobs):
        with pytest.raises(error):
            store(blobs, bytes_of(THREE_PARTS))
        assert faults.calls[-1] == "AbortMultipartUpload"


@pytest.mark.parametrize("fault", [THROTTLED, cut])
def test_an_upload_that_can_not_begin_leaves_nothing(
    s3: tuple[S3Blobs, S3Faults], fault: S3Fault
) -> None:
    blobs, faults = s3
    faults.at("CreateMultipartUpload", fault)
    faults.at("PutObject", fault)
    for size in (1, THREE_PARTS):
        with nothing_left(blobs), pytest.raises(BlobsUnavailable):
            store(blobs, bytes_of(size))


@pytest.mark.parametrize("operation", ["PutObject", "UploadPart", "CompleteMultipartUpload"])
@pytest.mark.parametrize("fault", [THROTTLED, cut, answer_lost])
def test_a_passing_fault_is_retried(real_place: Place, operation: str, fault: S3Fault) -> None:
    """A Complete whose first answer was lost finds no upload any more: it did take effect."""
    data = bytes_of(1 if operation == "PutObject" else PART_BYTES + 1)
    for blobs, faults in opened(real_place, tries=2):
        faults.at(operation, fault)
        assert read(blobs, store(blobs, data)) == data
        assert blobs.uploads().uploads == ()


@pytest.mark.parametrize("size", [10, THREE_PARTS])
def test_a_write_whose_answer_is_lost_is_decided_by_looking(
    s3: tuple[S3Blobs, S3Faults], size: int
) -> None:
    blobs, faults = s3
    data = bytes_of(size)
    faults.at("PutObject", answer_lost)
    faults.at("CompleteMultipartUpload", answer_lost)
    assert read(blobs, store(blobs, data)) == data
    assert "HeadObject" in faults.calls


@pytest.mark.parametrize("size", [10, THREE_PARTS])
def test_a_write_that_did_not_take_effect_is_an_error(
    s3: tuple[S3Blobs, S3Faults], size: int
) -> None:
    blobs, faults = s3
    faults.at("PutObject", cut)
    faults.at("CompleteMultipartUpload", cut)
    with nothing_left(blobs), pytest.raises(BlobsUnavailable):
        store(blobs, bytes_of(size))


def test_an_outcome_that_can_not_be_looked_at_is_an_error(s3: tuple[S3Blobs, S3Faults]) -> None:
    blobs, faults = s3
    faults.at("CompleteMultipartUpload", answer_lost)
    faults.at("HeadObject", cut)
    with pytest.raises(BlobsUnavailable):
        store(blobs, bytes_of(THREE_PARTS))
    assert blobs.uploads().uploads == ()  # what there is, is an unreferenced blob


def test_an_abort_that_fails_does_not_hide_why_the_caller_leaves(
    s3: tuple[S3Blobs, S3Faults], caplog: pytest.LogCaptureFixture
) -> None:
    blobs, faults = s3
    faults.at("AbortMultipartUpload", cut)
    with pytest.raises(ConnectionError, match="client"), blobs.create("acme") as writer:
        write(writer, bytes_of(THREE_PARTS))
        raise ConnectionError("the client is gone")
    assert "not aborted" in caplog.text
    for upload in blobs.uploads().uploads:
        assert upload.key == writer.key
        blobs.abort(upload.token)
    assert blobs.uploads().uploads == ()


def test_an_abort_waits_for_the_part_in_flight(s3: tuple[S3Blobs, S3Faults]) -> None:
    """A part that lands after the abort would stay, and be paid for, for ever."""
    blobs, faults = s3
    gate, begun = threading.Event(), threading.Event()

    def hold() -> None:
        begun.set()
        gate.wait(20)

    faults.at("UploadPart", slow(hold))
    with nothing_left(blobs), blobs.create("acme") as writer:
        write(writer, bytes_of(PART_BYTES + 1))
        assert begun.wait(20)
        assert "AbortMultipartUpload" not in faults.calls
        threading.Timer(0.05, gate.set).start()
    assert faults.tries.index("AbortMultipartUpload") > faults.tries.index("UploadPart")


def test_a_listing_s_token_is_busy_while_its_writer_lives(s3: tuple[S3Blobs, S3Faults]) -> None:
    blobs, _ = s3
    with blobs.create("acme") as writer:
        write(writer, bytes_of(PART_BYTES + 1))
        writer._join()
        [upload] = blobs.uploads().uploads
        with pytest.raises(UploadBusy):
            blobs.abort(upload.token)
        writer.commit()


@pytest.mark.parametrize("fault", [THROTTLED, cut, refused("AccessDenied", 403)])
@pytest.mark.parametrize(
    "operation, call",
    [
        ("GetObject", lambda blobs, key: blobs.open(key)),
        ("DeleteObject", lambda blobs, key: blobs.delete([key])),
        ("DeleteObjects", lambda blobs, key: blobs.delete([key, key[:-1] + "0"])),
        ("ListObjectsV2", lambda blobs, _: blobs.list()),
        ("ListMultipartUploads", lambda blobs, _: blobs.uploads()),
        ("HeadBucket", lambda blobs, _: blobs.check()),
    ],
)
def test_a_store_that_is_away_is_never_a_blob_that_is_missing(
    s3: tuple[S3Blobs, S3Faults],
    operation: str,
    call: Callable[[S3Blobs, str], object],
    fault: S3Fault,
) -> None:
    blobs, faults = s3
    key = store(blobs, b"bytes")
    faults.at(operation, fault)
    with pytest.raises(BlobsUnavailable):
        call(blobs, key)
    assert read(blobs, key) == b"bytes"


def test_deleting_many_takes_a_call_for_each_thousand(s3: tuple[S3Blobs, S3Faults]) -> None:
    blobs, faults = s3
    keys = [store(blobs, b"bytes") for _ in range(3)]
    faults.calls.clear()
    blobs.delete([*keys, *(f"acme/{number:032x}" for number in range(998))])
    assert faults.calls == ["DeleteObjects", "DeleteObject"]
    assert blobs.list().entries == ()


def test_foreign_objects_under_the_prefix_are_passed_over(s3: tuple[S3Blobs, S3Faults]) -> None:
    blobs, _ = s3
    key = store(blobs, b"bytes")
    blobs._bucket.put("acme/notes.txt", bytearray(b"x"), checksum_of(bytearray(b"x")))
    upload_id = blobs._bucket.begin("readme")
    assert [entry.key for entry in blobs.list().entries] == [key]
    assert blobs.uploads().uploads == ()
    blobs._bucket.abort("readme", upload_id)


def test_a_presigned_url_answers_with_the_headers_that_were_asked_for(
    s3: tuple[S3Blobs, S3Faults],
) -> None:
    blobs, _ = s3
    key = store(blobs, b"bytes")
    headers = {"Content-Type": "text/x-test", "Content-Disposition": 'attachment; filename="a b"'}
    url = blobs.url(key, timedelta(seconds=60), headers=headers)
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert answer.read() == b"bytes"
        for name, text in headers.items():
            assert answer.headers[name] == text


@pytest.mark.parametrize("seconds", [0, -1, 61, 3600])
def test_a_presigned_url_lives_a_minute_at_most(s3: tuple[S3Blobs, S3Faults], seconds: int) -> None:
    blobs, _ = s3
    with pytest.raises(ValueError, match="60 seconds"):
        blobs.url("acme/" + "0" * 32, timedelta(seconds=seconds), headers={})


def test_a_header_that_s3_can_not_set_is_refused(s3: tuple[S3Blobs, S3Faults]) -> None:
    blobs, _ = s3
    with pytest.raises(ValueError, match="set-cookie"):
        blobs.url("acme/" + "0" * 32, timedelta(seconds=9), headers={"Set-Cookie": "a=b"})


def test_without_a_length_too_many_parts_say_to_send_one(real_place: Place) -> None:
    sizes = PartSizes(unit_bytes=PART_BYTES, grown_bytes=PART_BYTES, most_parts=2)
    for blobs, _ in opened(real_place, sizes=sizes):
        assert read(blobs, store(blobs, bytes_of(2 * PART_BYTES))) == bytes_of(2 * PART_BYTES)
        blobs.delete([entry.key for entry in blobs.list().entries])
        with nothing_left(blobs), pytest.raises(UploadTooLarge, match="send its length"):
            store(blobs, bytes_of(2 * PART_BYTES + 1))


def test_a_token_of_an_upload_that_is_gone_is_missing(s3: tuple[S3Blobs, S3Faults]) -> None:
    blobs, _ = s3
    with blobs.create("acme") as writer:
        token = writer.suspend()
    for gone in (token, token[:-1] + ("0" if token[-1] != "0" else "1")):
        blobs.abort(gone)
        with pytest.raises(BlobMissing):
            blobs.resume(gone)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "acme/" + "0" * 32,
        "acme/" + "0" * 32 + ":0:::id",
        "acme/" + "0" * 32 + ":-5:::id",
        "acme/" + "0" * 32 + ":5:05::id",
        "acme/" + "0" * 32 + ":5:::",
        "acme/" + "0" * 32 + ":5::id",
        "acme/" + "0" * 32 + ":5::1:id",
        "acme/" + "0" * 32 + ":5::01." + "0" * 32 + ":id",
        "acme/" + "0" * 32 + ":5::1." + "0" * 31 + ":id",
        "acme/" + "0" * 32 + ":5:::a b",
        "acme/" + "0" * 32 + ":5:::a\n",
        "../" + "0" * 32 + ":5:::id",
        "acme/" + "0" * 32 + ":5:::" + "x" * 1025,
    ],
)
def test_a_token_that_no_store_made_asks_s3_nothing(
    s3: tuple[S3Blobs, S3Faults], token: str
) -> None:
    blobs, faults = s3
    with pytest.raises(BlobMissing):
        blobs.resume(token)
    with pytest.raises(BlobMissing):
        blobs.abort(token)
    assert faults.calls == []


def test_an_upload_whose_parts_another_replaced_is_not_gone_on_with(
    s3: tuple[S3Blobs, S3Faults],
) -> None:
    """A process that was thought dead may send a part late: S3 takes it in place of ours."""
    blobs, _ = s3
    with blobs.create("acme") as writer:
        token = writer.suspend()
    tokens = []
    for seed in range(2):
        with blobs.resume(token) as writer:
            write(writer, bytes_of(PART_BYTES, seed))
            tokens.append(writer.suspend())
    with pytest.raises(BlobCorrupt, match="not those that were sent"):
        blobs.resume(tokens[0])
    with blobs.resume(tokens[1]) as writer:
        writer.commit()
    assert read(blobs, writer.key) == bytes_of(PART_BYTES, 1)


def test_parts_become_larger_where_a_length_becomes_known_late() -> None:
    sizes = PartSizes(unit_bytes=8, grown_bytes=64, most_parts=4, largest_part_bytes=32)
    assert sizes.part_bytes_behind([8], 8, 32) == 8
    assert sizes.part_bytes_behind([8], 8, 33) == 16
    assert sizes.part_bytes_behind([8], 8, 8 + 96) == 32
    assert sizes.part_bytes_behind([8, 8, 8, 8], 8, 32) == 8
    for sent, size in (([8], 8 + 97), ([8, 8, 8, 8], 33), ([], 2**60)):
        with pytest.raises(UploadTooLarge):
            sizes.part_bytes_behind(sent, 8, size)
