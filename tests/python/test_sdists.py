"""Sdists: PKG-INFO is found wherever it lies, in as little of the archive as that takes."""

import contextlib
import gzip
import io
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Iterable
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.archives.strict import DIRECTORY_BYTES
from app.archives.tars import EXTENSION_BYTES, EXTENSIONS_BYTES, HEADERS
from app.python.metadata import METADATA_BYTES
from app.python.sdists import GZIPS, INFLATED_BYTES, InvalidSdist, TarScanner, read_zip_sdist
from tests.archives.made import Stored, zipped

#: Always the same bytes: they are parameters of tests, whose names all processes have to share.
packed = partial(gzip.compress, mtime=0)

_NAME = "foo-1.0.tar.gz"
_INFO = b"Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n"
_FILES = [("foo-1.0/setup.py", b"x" * 1000), ("foo-1.0/PKG-INFO", _INFO), ("foo-1.0/z", b"z")]
_FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def _tar(
    files: Iterable[tuple[str, bytes]] = _FILES,
    form: int = tarfile.PAX_FORMAT,
    change: Callable[[tarfile.TarInfo], None] = lambda info: None,
) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as tar:
        for name, content in files:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            change(info)
            tar.addfile(info, io.BytesIO(content))
    return target.getvalue()


def _scanned(content: bytes, piece_bytes: int = 100_000) -> bytes | None:
    scanner = TarScanner(_NAME)
    for start in range(0, len(content), piece_bytes):
        scanner.feed(memoryview(content)[start : start + piece_bytes])
    return scanner.finish()


def _found(tar: bytes) -> bytes | None:
    return _scanned(packed(tar, 1))


@pytest.mark.parametrize("form", _FORMATS)
@pytest.mark.parametrize("piece_bytes", [1, 7, 512, 100_000])
def test_pkg_info_is_found_however_the_stream_is_cut(form: int, piece_bytes: int) -> None:
    assert _scanned(packed(_tar(form=form)), piece_bytes) == _INFO


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, METADATA_BYTES])
def test_pkg_info_is_found_at_any_place_and_of_any_size(place: int, size: int) -> None:
    files = [("foo-1.0/a", b"a" * 700), ("foo-1.0/sub/PKG-INFO", b"another")]
    files.insert(place, ("foo-1.0/PKG-INFO", b"i" * size))
    assert _found(_tar(files)) == b"i" * size


@pytest.mark.parametrize(
    "files",
    [
        [("./foo-1.0/a", b""), ("./foo-1.0/PKG-INFO", _INFO)],
        [("./", b""), ("foo-1.0/PKG-INFO", _INFO)],
        [("foo-1.0//PKG-INFO", _INFO)],
        [("foo-1.0/PKG-INFO", _INFO), ("foo-1.0/PKG-INFO", b"later")],
        [("foo-1.0/PKG-INFO", _INFO), ("elsewhere", b"")],
    ],
)
def test_the_first_at_depth_one_counts(files: list[tuple[str, bytes]]) -> None:
    assert _found(_tar(files)) == _INFO


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("length", [90, 101, 300, EXTENSION_BYTES + 1])
def test_long_names_are_read_or_passed_over(form: int, length: int) -> None:
    folder = "ä" * 80
    files = [
        (f"{folder}/{'a' * length}", b"x" * 600),
        (f"{folder}/{'b' * length}/PKG-INFO", b"deeper"),
        (f"{folder}/PKG-INFO", _INFO),
    ]
    assert _found(_tar(files, form)) == _INFO


def _odd(kind: bytes) -> Callable[[tarfile.TarInfo], None]:
    def change(info: tarfile.TarInfo) -> None:
        if info.name.endswith("odd"):
            info.type, info.linkname, info.size = kind, "l" * 200, 0

    return change


@pytest.mark.parametrize(
    "kind",
    [
        *(tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE),
        *(tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.CONTTYPE, b"V"),
    ],
)
def test_odd_members_are_passed_over(kind: bytes) -> None:
    files = [("foo-1.0/odd", b""), *_FILES]
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        assert _found(_tar(files, form, _odd(kind))) == _INFO


def _with_header(change: Callable[[bytearray], None]) -> bytes:
    """The tar with a changed first header, whose checksum is right."""
    content = bytearray(_tar(form=tarfile.GNU_FORMAT))
    change(content)
    content[148:156] = b" " * 8
    content[148:156] = b"%06o\0 " % sum(content[:512])
    return bytes(content)


def test_a_sparse_file_is_passed_over_with_the_blocks_of_its_map() -> None:
    def sparse(content: bytearray) -> None:
        content[156:157] = tarfile.GNUTYPE_SPARSE
        content[482] = 1
        block = bytearray(512)
        block[504] = 1
        content[512:512] = bytes(block) + bytes(512)

    assert _found(_with_header(sparse)) == _INFO


def test_a_sparse_pkg_info_is_none() -> None:
    def sparse(info: tarfile.TarInfo) -> None:
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.name": "PKG-INFO"}

    with pytest.raises(InvalidSdist, match=r"no PKG-INFO in its folder 'foo-1\.0'"):
        _found(_tar(change=sparse))


def test_the_size_in_a_pax_header_counts() -> None:
    def sized(info: tarfile.TarInfo) -> None:
        info.pax_headers = {"size": str(info.size)}

    content = bytearray(_tar(change=sized))
    header = content.index(b"foo-1.0/setup.py") + 124
    start = header - 124
    content[header : header + 12] = b"00000000000\0"
    content[start + 148 : start + 156] = b" " * 8
    content[start + 148 : start + 156] = b"%06o\0 " % sum(content[start : start + 512])
    assert _found(bytes(content)) == _INFO


def test_a_global_header_says_nothing_of_files() -> None:
    target = io.BytesIO()
    headers = {"comment": "0" * 40}
    with tarfile.open(fileobj=target, mode="w", pax_headers=headers) as tar:
        for name, content in _FILES:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    assert _found(target.getvalue()) == _INFO


def _negative(content: bytearray) -> None:
    content[124:136] = b"\xff" * 12


def _pax(record: bytes) -> bytes:
    """A tar that begins with a pax header of that record."""
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(record)
    return info.tobuf(tarfile.GNU_FORMAT) + record.ljust(512, b"\0") + _tar()


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "the gzip is cut short"),
        (b"x" * 20, "it is no gzip, or a damaged one"),
        (_tar(), "it is no gzip, or a damaged one"),
        (zipped({"a": b"b"}), "it is no gzip, or a damaged one"),
        (packed(b""), "the tar is cut short"),
        (packed(b"x"), "the tar is cut short"),
        (packed(b"x" * 512), "there is no tar in it"),
        (packed(zipped(_FILES, method=0)), "there is no tar in it"),
        (packed(bytes(1024)), "there is no PKG-INFO"),
        (packed(_tar([])), "there is no PKG-INFO"),
        (packed(_tar(_FILES[:1])), "there is no PKG-INFO in its folder 'foo-1.0'"),
        (packed(_tar(_FILES[:1])[:1536]), "there is no PKG-INFO in its folder 'foo-1.0'"),
        (packed(_tar([("PKG-INFO", _INFO)])), "there is no PKG-INFO in its folder"),
        (packed(_tar([("foo-1.0/src/PKG-INFO", _INFO)])), "there is no PKG-INFO in its"),
        (packed(_tar([("a", b""), *_FILES])), "there are 'a' and 'foo-1.0'"),
        (packed(_tar([("a/b", b""), *_FILES])), "in one folder, and there are 'a' and"),
        (packed(_tar()[:2000]), "the tar is cut short"),
        (packed(_tar(_FILES[:1])[:1530]), "the tar is cut short"),
        (packed(_tar(_FILES[:1])[:1540]), "the tar is cut short"),
        (packed(_tar()[:1536] + b"x" * 512), "the tar is broken"),
        (packed(_tar())[:-1], ""),
        (packed(_tar(_FILES[:1])[:1536])[:-1], "the gzip is cut short"),
        (packed(_tar(_FILES[:1])[:1536])[:-8] + bytes(8), "or a damaged one"),
        (packed(_tar(_FILES[:1])[:1536]) + b"x", "the gzip is cut short"),
        (packed(_tar(_FILES[:1])[:1536]) + b"xyz", "or a damaged one"),
        (packed(_with_header(_negative)), "a negative size"),
        (packed(_pax(b"x")), "a pax header can't be read"),
        (packed(_pax(b"9 path=a\n")), "there are 'a' and 'foo-1.0'"),
        (packed(_pax(b"8 path=a\n")), "a pax header can't be read"),
        (packed(_pax(b"99 path=a\n")), "a pax header can't be read"),
        (packed(_pax(b"0 path=a\n")), "a pax header can't be read"),
        (packed(_pax(b"9" * 19 + b" path=a\n")), "a pax header can't be read"),
        (
            packed(_tar([("foo/PKG-INFO", bytes(METADATA_BYTES + 1))])),
            "PKG-INFO takes more than 1,048,576 bytes",
        ),
    ],
)
def test_a_broken_sdist_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    if not reason:
        assert _scanned(content) == _INFO
        return
    with pytest.raises(InvalidSdist) as refusal:
        _scanned(content)
    assert str(refusal.value).startswith(f"{_NAME}: ")
    assert reason in str(refusal.value)


def test_a_gzip_of_several_is_read_through() -> None:
    tar = _tar()
    parts = [tar[start : start + 300] for start in range(0, len(tar), 300)]
    assert _scanned(b"".join(map(gzip.compress, parts))) == _INFO
    assert _scanned(bytes(100).join(map(gzip.compress, parts)), 50) == _INFO


def test_a_gzip_of_very_many_is_given_up() -> None:
    assert _scanned(packed(b"") * GZIPS + packed(_tar())) is None
    assert _scanned(packed(b"") * (GZIPS - 1) + packed(_tar())) == _INFO


def test_nothing_is_inflated_once_pkg_info_is_found() -> None:
    assert _scanned(packed(_tar())[:-20] + b"\xff" * 500_000) == _INFO


def _bomb(before: bytes, zeros: int, after: bytes) -> bytes:
    packing = zlib.compressobj(1, wbits=31)
    packed = [packing.compress(before)]
    packed += [packing.compress(bytes(1024 * 1024)) for _ in range(zeros // (1024 * 1024))]
    return b"".join((*packed, packing.compress(after), packing.flush()))


def test_the_search_is_given_up_at_its_bound_and_holds_next_to_nothing() -> None:
    large = tarfile.TarInfo("foo-1.0/zeros")
    large.size = INFLATED_BYTES + 1024 * 1024
    content = _bomb(large.tobuf(), large.size, _tar())
    scanner = TarScanner(_NAME)
    tracemalloc.start()
    try:
        scanner.feed(memoryview(content))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert scanner.finish() is None
    assert peak < 1024 * 1024


def test_the_search_is_given_up_after_very_many_members() -> None:
    header = tarfile.TarInfo("foo-1.0/a").tobuf()
    assert _scanned(_bomb(header * HEADERS, 0, _tar())) is None


def test_the_search_is_given_up_after_very_much_that_is_said_of_members() -> None:
    extension = tarfile.TarInfo("pax")
    extension.type, extension.size = tarfile.XHDTYPE, EXTENSION_BYTES
    said = extension.tobuf() + (b"%d x=" % EXTENSION_BYTES).ljust(EXTENSION_BYTES - 1) + b"\n"
    said += tarfile.TarInfo("foo-1.0/a").tobuf()
    most = EXTENSIONS_BYTES // EXTENSION_BYTES
    assert _found(said * (most + 1) + _tar()) is None
    assert _found(said * most + _tar()) == _INFO


_names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=150)
_members = st.lists(st.tuples(_names.map("foo-1.0/x{}".format), st.binary(max_size=1500)))


@given(_members, _members, st.binary(max_size=2000), st.sampled_from(_FORMATS[1:]))
def test_what_tarfile_makes_is_read(
    first: list[tuple[str, bytes]], last: list[tuple[str, bytes]], info: bytes, form: int
) -> None:
    files = [*first, ("foo-1.0/PKG-INFO", info), *last]
    assert _found(_tar(files, form)) == info


_TARS = [_tar(form=form) for form in _FORMATS] + [_pax(b"25 GNU.sparse.name=foo/a\n")]
_changes = st.lists(st.tuples(st.integers(0, 12_000), st.integers(0, 255)), max_size=4)


@given(st.sampled_from(_TARS), _changes, st.booleans(), st.integers(1, 600))
def test_a_damaged_sdist_is_read_or_refused(
    tar: bytes, changes: list[tuple[int, int]], within: bool, cut: int
) -> None:
    damaged = bytearray(tar if within else packed(tar))
    for place, value in changes:
        damaged[place % len(damaged)] = value
    content = packed(bytes(damaged)) if within else bytes(damaged)
    for kept in (content, content[:-cut]):
        with contextlib.suppress(InvalidSdist):
            _scanned(kept, cut)


@given(_changes, st.integers(0, 511))
def test_a_damaged_header_with_the_right_checksum_is_read_or_refused(
    changes: list[tuple[int, int]], kind: int
) -> None:
    def change(content: bytearray) -> None:
        content[156] = kind % 128
        for place, value in changes:
            content[place % 512] = value

    with contextlib.suppress(InvalidSdist):
        _found(_with_header(change))


@given(st.binary(max_size=600))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(InvalidSdist):
        _scanned(content)
    with contextlib.suppress(InvalidSdist):
        _found(content)
    with contextlib.suppress(InvalidSdist):
        _found(_pax(content[:512]))
    with contextlib.suppress(InvalidSdist):
        read_zip_sdist("foo-1.0.zip", len(content), Stored(content).read)


def _zip_info(content: bytes) -> bytes | None:
    stored = Stored(content)
    return read_zip_sdist("foo-1.0.zip", stored.size, stored.read)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_pkg_info_of_a_zip_is_found(method: int) -> None:
    assert _zip_info(zipped(_FILES, method=method)) == _INFO
    assert _zip_info(zipped([("foo-1.0/", b""), *_FILES], method=method)) == _INFO


def test_a_zip_of_too_many_files_is_given_up() -> None:
    many = [(f"foo-1.0/{number:0192}", b"") for number in range(DIRECTORY_BYTES // 246 + 1)]
    assert _zip_info(zipped([*_FILES, *many])) is None


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "the sdist is no zip"),
        (packed(_tar()), "the sdist is no zip"),
        (zipped([]), "in one folder, and there are none"),
        (zipped(_FILES[:1]), "there is no PKG-INFO in its folder 'foo-1.0'"),
        (zipped([("PKG-INFO", _INFO)]), "there is no PKG-INFO in its folder 'PKG-INFO'"),
        (zipped([*_FILES, ("x", b"")]), "there are 'foo-1.0' and 'x'"),
        (zipped([("foo-1.0/PKG-INFO", bytes(METADATA_BYTES + 1))]), "more than 1,048,576 bytes"),
    ],
)
def test_a_broken_zip_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidSdist) as refusal:
        _zip_info(content)
    assert str(refusal.value).startswith("foo-1.0.zip: ")
    assert reason in str(refusal.value)
