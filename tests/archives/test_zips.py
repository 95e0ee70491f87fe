"""Zips: what lies where, within a bound, whatever the zip says."""

import contextlib
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.archives.zips import (
    TAIL_BYTES,
    InvalidZip,
    Zip,
    entries,
    extra_fields,
    inflated,
    local_header,
    numbers,
)
from tests.archives.made import Stored, changed, end, end_64, zipped

_MIB = 1024 * 1024
_FILES = {"a": b"alpha" * 100, "b/c": b"", "ä": bytes(range(256))}


def _zip(stored: Stored, most_bytes: int = _MIB) -> Zip:
    return Zip(stored.size, stored.read, "box", most_bytes)


def test_a_zip_costs_one_read_of_its_tail_and_one_of_the_directory_before_it() -> None:
    small = Stored(zipped(_FILES))
    assert _zip(small).directory(_MIB) is not None
    assert small.reads == [small.size]
    large = Stored(zipped({f"{number:0100}": b"" for number in range(1000)}))
    assert len(_zip(large).directory(_MIB) or b"") == 146_000
    assert large.reads == [TAIL_BYTES, 146_000 + 22 - TAIL_BYTES]


def test_a_directory_over_its_bound_is_not_read() -> None:
    stored = Stored(zipped({f"{number:0100}": b"" for number in range(1000)}))
    assert _zip(stored).directory(145_999) is None
    assert stored.reads == [TAIL_BYTES]


def test_what_the_tail_holds_is_not_read_again_unless_asked_to() -> None:
    stored = Stored(zipped({"a": bytes(100_000)}, method=zipfile.ZIP_STORED))
    zipped_ = _zip(stored)
    assert zipped_.held(stored.size - 5, 5) == stored.content[-5:]
    assert len(stored.reads) == 1
    assert zipped_.read(stored.size - 5, 5) == stored.content[-5:]
    assert zipped_.held(0, 5) == b"PK\3\4\x14"
    assert stored.reads == [TAIL_BYTES, 5, 5]


def test_more_than_the_bound_is_not_read() -> None:
    stored = Stored(zipped({"a": bytes(100_000)}, method=zipfile.ZIP_STORED))
    zipped_ = _zip(stored, TAIL_BYTES + 10)
    zipped_.read(0, 10)
    with pytest.raises(InvalidZip, match="more than 65,643 bytes of the box would have to be read"):
        zipped_.read(0, 1)
    assert stored.reads == [TAIL_BYTES, 10]


def test_entries_and_headers_are_as_zipfile_wrote_them() -> None:
    stored = Stored(zipped(_FILES))
    directory = _zip(stored).directory(_MIB) or b""
    found = list(entries(directory))
    assert [entry.name.decode() for entry in found] == list(_FILES)
    assert list(entries(directory, b"b/c")) == found[1:2]
    for entry, content in zip(found, _FILES.values(), strict=True):
        local = local_header(stored.content[entry.position :])
        assert local is not None
        assert (local.name, local.crc) == (entry.name, entry.crc)
        data = stored.content[entry.position + local.data :][: entry.packed_bytes]
        assert b"".join(inflated(data, entry, "it")) == content


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\3\4" + bytes(25), b"PK\1\2" + bytes(50)])
def test_what_is_no_local_header_is_none(content: bytes) -> None:
    assert local_header(content) is None


@pytest.mark.parametrize(
    "extra, fields",
    [
        (b"", []),
        (b"\1\0\0\0", [(1, b"")]),
        (b"\1\0\2\0ab\7\0\1\0c", [(1, b"ab"), (7, b"c")]),
        (b"\1\0\3\0ab", [(1, b"ab"), (-1, b"")]),
        (b"\1\0\1\0abc", [(1, b"a"), (-1, b"bc")]),
    ],
)
def test_an_extra_field_that_is_broken_ends_in_one_of_no_kind(
    extra: bytes, fields: list[tuple[int, bytes]]
) -> None:
    assert list(extra_fields(extra)) == fields


def test_large_numbers_lie_in_the_extra_field_in_the_order_of_those_that_do() -> None:
    extra = b"\7\0\1\0x" + struct.pack("<HHQQ", 1, 16, 2**40, 2**41)
    assert numbers(extra, 1, 2, 3) == [1, 2, 3]
    assert numbers(extra, 0xFFFFFFFF, 2, 0xFFFFFFFF) == [2**40, 2, 2**41]
    with pytest.raises(InvalidZip, match="a number of zip64 is missing"):
        numbers(extra, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


_WHOLE = zipped(_FILES)
_DIRECTORY_AT = _WHOLE.index(b"PK\1\2")
_LOCALS, _DIRECTORY = _WHOLE[:_DIRECTORY_AT], _WHOLE[_DIRECTORY_AT:-22]
_PLACE = len(_LOCALS) + len(_DIRECTORY)
_LENGTH = len(_DIRECTORY)


def _with_end_64(record: bytes) -> bytes:
    return _LOCALS + end(_DIRECTORY, len(_LOCALS), 3, short=record)


@pytest.mark.parametrize(
    "content, sound",
    [
        (_WHOLE, True),
        (_WHOLE[:-2] + b"\4\0PK\5\5", True),
        # zipfile writes both from 2 GiB on, where the end can still say all.
        (_with_end_64(end_64(_LENGTH, len(_LOCALS), 3, _PLACE)), True),
        (_WHOLE[:-2] + b"\4\0PK\5\6", False),
        (_WHOLE[:-18] + b"\1" + _WHOLE[-17:], False),
        (_WHOLE[:-14] + b"\2" + _WHOLE[-13:], False),
        (_with_end_64(end_64(_LENGTH, len(_LOCALS), 2, _PLACE)), False),
        (_with_end_64(end_64(_LENGTH - 1, len(_LOCALS), 3, _PLACE)), False),
        (_with_end_64(end_64(_LENGTH, len(_LOCALS) - 1, 3, _PLACE)), False),
        (_with_end_64(end_64(_LENGTH, len(_LOCALS), 3, _PLACE + 1)), False),
        (_with_end_64(end_64(_LENGTH, len(_LOCALS), 3, _PLACE, rest=45)), False),
    ],
)
def test_an_end_is_sound_where_all_that_it_says_agrees(content: bytes, sound: bool) -> None:
    stored = Stored(content)
    assert _zip(stored).end.sound is sound


def test_a_locator_of_no_record_is_not_sound() -> None:
    content = _LOCALS + end(_DIRECTORY, len(_LOCALS), 3, short=b"PK\6\7" + bytes(16))
    stored = Stored(content)
    assert not _zip(stored).end.sound


@given(st.binary(max_size=300), st.integers(0, 400))
def test_any_bytes_are_read_or_refused(content: bytes, most_bytes: int) -> None:
    stored = Stored(content)
    with contextlib.suppress(InvalidZip):
        list(entries(_zip(stored, most_bytes).directory(_MIB) or b""))
    assert sum(stored.reads) <= most_bytes


def test_changed_changes_what_it_is_to() -> None:
    assert changed(_WHOLE, "a", 0, b"XX") == _WHOLE.replace(b"PK\1\2", b"XX\1\2", 1)
    assert changed(_WHOLE, "a", 0, b"XX", local=True) == _WHOLE.replace(b"PK\3\4", b"XX\3\4", 1)
