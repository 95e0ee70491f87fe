"""Strict zips: one content, whoever reads it and however."""

import contextlib
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.archives.strict import DIRECTORY_BYTES, StrictZip, open_strictly
from app.archives.zips import TAIL_BYTES, InvalidZip
from tests.archives.made import Stored, changed, moved, zipped

_MIB = 1024 * 1024
_FILES = {"top/": b"", "top/a": b"alpha" * 100, "top/ä": b"", "b": bytes(range(256))}
_WHOLE = zipped(_FILES)


def _open(stored: Stored) -> StrictZip:
    opened = open_strictly(stored.size, stored.read, "box")
    assert opened is not None
    return opened


def test_a_small_zip_is_read_at_once() -> None:
    stored = Stored(_WHOLE)
    opened = _open(stored)
    assert list(opened.names) == list(_FILES)
    assert opened.read({"b": 256, "top/a": 500}) == [_FILES["b"], _FILES["top/a"]]
    assert stored.reads == [stored.size]


@pytest.mark.parametrize("between, reads", [(1000, 2), (64_000, 2), (70_000, 3)])
def test_files_that_are_near_to_each_other_take_one_read(between: int, reads: int) -> None:
    files = {"a": b"A", "between": bytes(between), "b": b"B", "z": bytes(200_000)}
    stored = Stored(zipped(files, method=zipfile.ZIP_STORED))
    assert _open(stored).read({"b": 1, "a": 1}) == [b"B", b"A"]
    assert len(stored.reads) == reads


def test_a_directory_that_is_too_large_is_none() -> None:
    name_bytes = 200
    many = DIRECTORY_BYTES // (name_bytes + 46)
    for count, known in ((many, True), (many + 1, False)):
        stored = Stored(zipped({f"{number:0{name_bytes}}": b"" for number in range(count)}))
        opened = open_strictly(stored.size, stored.read, "box")
        assert (opened is not None) is known
        assert len(stored.reads) == 1 + known


def _one(name: str, content: bytes = b"x") -> bytes:
    return zipped([(name, content)])


def _renamed(there: str, name: bytes) -> bytes:
    """A zip that zipfile would not make: the name is changed in both places."""
    return zipped({"x": b"x", there: b"y"}).replace(there.encode(), name)


def _with_extra(extra: bytes) -> bytes:
    def change(info: zipfile.ZipInfo) -> None:
        info.extra = extra

    return zipped({"a": b"x"}, change=change)


_UNICODE_NAME = struct.pack("<HHBI", 0x7075, 6, 1, 0)


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "the box is no zip"),
        (_WHOLE + b"x", "goes on after the zip's end"),
        (b"#!" + _WHOLE, "bytes in front of it"),
        (moved(_WHOLE, 0, b""), ""),
        (moved(_WHOLE, _WHOLE.index(b"PK\1\2"), bytes(65_536)), "behind 'b' that are of no file"),
        (_WHOLE[:-2] + b"\4\0PK\5\6", "more than one end"),
        (_WHOLE[:-14] + b"\3\0\3\0" + _WHOLE[-10:], "has 4 files, and its end says 3"),
        (_renamed("y", b"x"), "'x' is in the zip twice"),
        (_renamed("./", b"x/"), "twice"),
        (_renamed("//x", b".\\x"), "twice"),
        (_renamed("a", b"/"), "'/' in the zip leads out of it"),
        (_one("/etc/passwd"), "'/etc/passwd' in the zip leads out of it"),
        (_one("\\x"), "leads out"),
        (_one("C:x"), "leads out"),
        (_one(".."), "leads out"),
        (_one("a/../b"), "leads out"),
        (_one("a\\..\\b"), "leads out"),
        (_one("a/.."), "leads out"),
        (_renamed("ab", b"a\n"), r"the name 'a\n' in the zip is empty or has control characters"),
        (_renamed("ab", b"a\x7f"), "control characters"),
        (_renamed("ab", b"a\0"), "control characters"),
        (_renamed("ab", b"a\xff"), r"'a\xff' in the zip is neither ASCII nor marked as UTF-8"),
        (changed(_WHOLE, "b", 6, b"\x3f"), ""),
        (changed(_WHOLE, "b", 6, b"\x40"), "'b' in the zip is of a version of zip that no"),
        (changed(_WHOLE, "b", 8, b"\1"), "'b' in the zip is encrypted"),
        (changed(_WHOLE, "b", 8, b"\x40"), "encrypted"),
        (changed(_WHOLE, "b", 9, b"\x20"), "encrypted"),
        (changed(_WHOLE, "b", 8, b"\x20"), "compressed by other than deflate"),
        (changed(_WHOLE, "b", 8, b"\x08"), "a data descriptor"),
        (changed(_WHOLE, "b", 10, b"\x09"), "compressed by other than deflate"),
        (zipped({"a": b"x"}, method=zipfile.ZIP_LZMA), "compressed by other than deflate"),
        (zipped({"a": b"x"}, method=zipfile.ZIP_BZIP2), "compressed by other than deflate"),
        (changed(zipped({"a": b"x"}, method=0), "a", 24, b"\5"), "is stored as it is, and has two"),
        (changed(_WHOLE, "b", 42, b"\0\0\0\0"), "overlaps"),
        (changed(_WHOLE, "b", 42, b"\0\0\0\x7f"), "that are of no file"),
        (changed(_WHOLE, "top/", 42, b"\1"), "bytes in front of it"),
        (changed(_WHOLE, "b", 20, b"\xff\xff\xff\x7f"), "overlaps"),
        (changed(_WHOLE, "b", 20, b"\xff\xff\xff\xff"), "a number of zip64 is missing"),
        (_with_extra(b"\1\0\1\0xyz"), "the extra field of 'a' in the zip is broken"),
        (_with_extra(b"\7\0\5\0xyz"), "the extra field of 'a' in the zip is broken"),
        (_with_extra(b"\1\0\0\0\1\0\0\0"), "the extra field of 'a' in the zip is broken"),
        (_with_extra(_UNICODE_NAME + b"b"), "'a' has a second name"),
        (_with_extra(_UNICODE_NAME + b"a"), ""),
        (_with_extra((_UNICODE_NAME + b"a") * 2), "is broken"),
    ],
)
def test_what_readers_could_disagree_about_is_refused(content: bytes, reason: str) -> None:
    if not reason:
        _open(Stored(content))
        return
    with pytest.raises(InvalidZip) as refusal:
        _open(Stored(content))
    assert reason in str(refusal.value)


def test_a_file_with_a_comment_is_refused() -> None:
    def change(info: zipfile.ZipInfo) -> None:
        info.comment = b"x"

    with pytest.raises(InvalidZip, match="'a' in the zip has a comment"):
        _open(Stored(zipped({"a": b"x"}, change=change)))


@pytest.mark.parametrize("comment", [b"", b"made by hand", b"x" * 65_535])
def test_a_comment_of_the_zip_is_allowed(comment: bytes) -> None:
    stored = Stored(zipped(_FILES, comment))
    assert _open(stored).read({"b": 256}) == [_FILES["b"]]


@pytest.mark.parametrize(
    "total, packed, refused",
    [
        (64 * _MIB, 1, False),
        (64 * _MIB + 1, 1, True),
        (100 * _MIB, 2 * _MIB, False),
        (101 * _MIB, 2 * _MIB, True),
    ],
)
def test_a_bomb_is_told_by_the_directory(total: int, packed: int, refused: bool) -> None:
    content = zipped([("a", b""), ("b", bytes(packed))], method=zipfile.ZIP_STORED)
    # The one that is packed says that it is large. Of the zip some 200 bytes are its own.
    content = changed(content, "a", 10, b"\x08\0")
    content = changed(content, "a", 24, struct.pack("<I", total - packed))
    if not refused:
        _open(Stored(content))
        return
    with pytest.raises(InvalidZip, match="50 times as much is taken for a zip bomb"):
        _open(Stored(content))


@pytest.mark.parametrize(
    "content, reason",
    [
        (changed(_WHOLE, "b", 0, b"XX", local=True), "does not lie where"),
        (changed(_WHOLE, "b", 26, b"\2", local=True), "does not lie where"),
        (changed(_WHOLE, "b", 28, b"\1", local=True), "does not lie where"),
        (changed(_WHOLE, "b", 30, b"c", local=True), "a header that differs"),
        (changed(_WHOLE, "b", 6, b"\1", local=True), "a header that differs"),
        (changed(_WHOLE, "b", 6, b"\x08", local=True), "a header that differs"),
        (changed(_WHOLE, "b", 8, b"\0", local=True), "a header that differs"),
        (changed(_WHOLE, "b", 14, b"\0\0", local=True), "a header that differs"),
        (changed(_WHOLE, "b", 18, b"\1", local=True), "a header that differs"),
        (changed(_WHOLE, "b", 22, b"\1", local=True), "a header that differs"),
        (moved(_WHOLE, _WHOLE.index(b"PK\1\2"), b"x"), "does not lie where"),
        (changed(_WHOLE, "b", 31, b"\xff\xff", local=True), "'b' can't be inflated"),
    ],
)
def test_a_file_that_is_not_what_the_directory_says_is_refused(content: bytes, reason: str) -> None:
    opened = _open(Stored(content))
    with pytest.raises(InvalidZip) as refusal:
        opened.read({"b": 256})
    assert reason in str(refusal.value)


@pytest.mark.parametrize("size", [0, 499, 501])
def test_a_file_of_another_size_than_promised_is_refused(size: int) -> None:
    promised = struct.pack("<I", size)
    content = changed(_WHOLE, "top/a", 24, promised)
    content = changed(content, "top/a", 22, promised, local=True)
    with pytest.raises(InvalidZip, match=f"does not have the {size:,} bytes that it is to"):
        _open(Stored(content)).read({"top/a": 1000})


def test_a_file_over_its_bound_is_not_read() -> None:
    stored = Stored(zipped({"a": bytes(500), "z": bytes(200_000)}, method=zipfile.ZIP_STORED))
    with pytest.raises(InvalidZip, match="'a' takes more than 499 bytes inflated"):
        _open(stored).read({"a": 499})
    assert stored.reads == [TAIL_BYTES]


_names = st.text("ab/.ä", min_size=1, max_size=6).map("x".__add__)
_contents = st.binary(max_size=300)
_methods = st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])


@given(
    st.dictionaries(_names, _contents, max_size=6),
    _methods,
    st.binary(max_size=100).filter(lambda comment: b"PK" not in comment),
)
def test_what_zipfile_makes_is_read_as_zipfile_reads_it(
    files: dict[str, bytes], method: int, comment: bytes
) -> None:
    stored = Stored(zipped(files, comment, method))
    places = {"/".join(s for s in name.split("/") if s not in ("", ".")) for name in files}
    if len(places) < len(files) or any(".." in name.split("/") for name in files):
        with pytest.raises(InvalidZip, match=r"twice|leads out"):
            _open(stored)
        return
    opened = _open(stored)
    assert list(opened.names) == list(files)
    for name, content in files.items():
        assert opened.read({name: 300}) == [content]


@given(
    st.sampled_from([_WHOLE, zipped(_FILES, b"comment", zipfile.ZIP_STORED)]),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), max_size=4),
    st.integers(0, 30),
)
def test_a_damaged_zip_is_read_or_refused(
    content: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(content)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    for kept in (bytes(damaged), bytes(damaged[cut:]), bytes(damaged[: len(damaged) - cut])):
        with contextlib.suppress(InvalidZip):
            opened = _open(Stored(kept))
            for name in opened.names:
                opened.read({name: 500})
