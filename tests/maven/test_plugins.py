"""Plugins: a few small reads from a jar's end tell its prefix, whatever the jar is."""

import contextlib
import io
import itertools
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.archives.zips import TAIL_BYTES
from app.maven.plugins import (
    DESCRIPTOR,
    DESCRIPTOR_BYTES,
    DIRECTORY_BYTES,
    PACKED_BYTES,
    READ_BYTES,
    READS,
    InvalidPlugin,
    PluginDescriptor,
    Scanner,
    read_plugin,
)

_NAME = DESCRIPTOR.decode()
_XML = (
    "<?xml version='1.0' encoding='UTF-8'?><plugin><name>An Example</name><description>x"
    "</description><groupId>com.example</groupId><artifactId>example-maven-plugin</artifactId>"
    "<version>1.0</version><goalPrefix>example</goalPrefix><mojos><mojo><goal>run</goal></mojo>"
    "</mojos></plugin>"
)
_FOUND = PluginDescriptor("example", "example-maven-plugin", "An Example", "com.example")


class _Jar:
    """A jar's bytes, given out by ranges, which are held against the promised bounds."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.reads: list[int] = []

    def read(self, start: int, length: int) -> bytes:
        assert start >= 0
        assert length > 0
        assert start + length <= len(self.content)
        self.reads.append(length)
        assert len(self.reads) <= READS
        assert sum(self.reads) <= READ_BYTES
        return self.content[start : start + length]

    def plugin(self) -> PluginDescriptor | None:
        return read_plugin(len(self.content), self.read)


def _zipped(
    files: dict[str, bytes],
    comment: bytes = b"",
    before: bytes = b"",
    method: int = zipfile.ZIP_DEFLATED,
    change: Callable[[zipfile.ZipInfo], None] = lambda info: None,
) -> bytes:
    target = io.BytesIO()
    target.write(before)
    with zipfile.ZipFile(target, "a" if before else "w") as jar:
        jar.comment = comment
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            change(info)
            jar.writestr(info, content)
    return target.getvalue()


def _with(xml: str) -> bytes:
    return _zipped({_NAME: xml.encode()})


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("comment", [b"", b"c", b"PK\5\6" * 100, b"PK\5\6" + bytes(50)])
@pytest.mark.parametrize("before", [b"", b"#!/bin/sh\nexec java -jar $0\n", b"PK\3\4" * 99])
def test_a_plugin_is_found_in_one_or_two_reads(method: int, comment: bytes, before: bytes) -> None:
    files = {"META-INF/MANIFEST.MF": b"x", _NAME: _XML.encode(), "A.class": b"y"}
    jar = _Jar(_zipped(files, comment, before, method))
    assert jar.plugin() == _FOUND
    assert len(jar.reads) == 2


def test_a_jar_without_a_descriptor_is_none() -> None:
    assert _Jar(_zipped({})).plugin() is None
    assert _Jar(_zipped({"A.class": b"x"})).plugin() is None
    assert _Jar(_zipped({f"x/{_NAME}": b"x", f"{_NAME}.bak": b"x"})).plugin() is None


def test_a_name_is_the_artifacts_where_there_is_none() -> None:
    plugin = _Jar(_with(_XML.replace("<name>An Example</name>", ""))).plugin()
    assert plugin is not None
    assert plugin.name == "example-maven-plugin"


def _many_files(count: int) -> dict[str, bytes]:
    return {f"com/example/some/package/Class{number:06}.class": b"" for number in range(count)}


def test_a_directory_that_begins_before_the_tail_takes_one_more_read() -> None:
    files = {_NAME: _XML.encode(), **_many_files(5000)}
    jar = _Jar(_zipped(files, comment=b"x" * 65_535))
    assert jar.plugin() == _FOUND
    assert len(jar.reads) == 3


def test_a_jar_whose_directory_is_too_large_is_not_looked_into() -> None:
    jar = _Jar(_zipped({_NAME: _XML.encode(), **_many_files(13_000)}))
    assert jar.plugin() is None
    assert jar.reads == [TAIL_BYTES]


def test_the_worst_jar_that_is_read_takes_four_reads_and_less_than_the_bound() -> None:
    head = struct.pack("<4s22xHH", b"PK\3\4", len(DESCRIPTOR), 65_535) + DESCRIPTOR
    padding = b" " * (PACKED_BYTES - len(_XML))
    content = _XML.encode() + padding
    entry = _entry_of(content)
    filler = struct.pack("<4s24xHHH12x", b"PK\1\2", 0, 0, 65_535) + bytes(65_535)
    directory = entry + filler * ((DIRECTORY_BYTES - len(entry)) // len(filler))
    before = head + bytes(65_535) + content
    comment = 65_535
    end = struct.pack("<4s8xIIH", b"PK\5\6", len(directory), len(before), comment)
    jar = _Jar(before + directory + end + bytes(comment))
    assert jar.plugin() == _FOUND
    assert len(jar.reads) == READS


def _entry_of(content: bytes, extra: bytes = b"", size: int | None = None, at: int = 0) -> bytes:
    size = len(content) if size is None else size
    numbers = (zlib.crc32(content), size, size, len(DESCRIPTOR), len(extra), 0)
    return struct.pack("<4s12xIIIHHH8xI", b"PK\1\2", *numbers, at) + DESCRIPTOR + extra


def _stored(entry: bytes, content: bytes = _XML.encode(), end: bytes | None = None) -> bytes:
    """A zip of a stored descriptor and the directory's entry for it, and perhaps another end."""
    local = struct.pack("<4s22xHH", b"PK\3\4", len(DESCRIPTOR), 0) + DESCRIPTOR + content
    if end is None:
        end = struct.pack("<4s8xIIH", b"PK\5\6", len(entry), len(local), 0)
    return local + entry + end


def _end_64(length: int, position: int) -> bytes:
    record = struct.pack("<4s36xQQ", b"PK\6\6", length, position)
    short = struct.pack("<4s8xIIH", b"PK\5\6", 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return record + struct.pack("<4s16x", b"PK\6\7") + short


def test_a_zip64_is_read() -> None:
    content = _XML.encode()
    extra = struct.pack("<HHxHHQQQ", 7, 1, 1, 24, len(content), len(content), 0)
    entry = _entry_of(content, extra, 0xFFFFFFFF, 0xFFFFFFFF)
    position = 30 + len(DESCRIPTOR) + len(content)
    jar = _Jar(b"before" + _stored(entry, end=_end_64(len(entry), position)))
    assert jar.plugin() == _FOUND


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"", "no zip"),
        (b"x", "no zip"),
        (b"x" * 100_000, "no zip"),
        (_with(_XML) + b"more", "goes on after"),
        (_with(_XML)[:-1], "no zip"),
        (_with(_XML)[60:], "directory does not lie"),
        (struct.pack("<4s8xIIH", b"PK\5\6", 100, 0, 0), "directory does not lie"),
        (struct.pack("<4s8xIIH", b"PK\5\6", 0xFFFFFFFF, 0, 0), "it is none"),
        (b"x" * 80 + struct.pack("<4s8xIIH", b"PK\5\6", 0xFFFFFFFF, 0, 0), "it is none"),
        (_stored(b"", end=_end_64(2**63, 0)), "directory does not lie"),
        (_stored(_entry_of(_XML.encode()) + b"x"), "directory is broken"),
        (_stored(_entry_of(_XML.encode()) * 2), "twice"),
        (_stored(_entry_of(_XML.encode(), at=1)), "does not lie where"),
        (_stored(_entry_of(_XML.encode(), at=2**31)), "does not lie where"),
        (_stored(_entry_of(_XML.encode(), size=0xFFFFFFFF)), "number of zip64 is missing"),
        (_stored(_entry_of(_XML.encode(), size=PACKED_BYTES + 1)), "takes more than 786,432"),
        (_stored(_entry_of(_XML.encode(), size=5000)), "ends beyond the jar"),
        (_stored(_entry_of(_XML.encode(), size=5)), "checksum"),
        (_stored(_entry_of(b"other")), "checksum"),
        (_stored(DESCRIPTOR), "directory is broken"),
        (_with("<plugin>"), "plugin.xml: the XML is not well-formed"),
        (_with("<!DOCTYPE plugin [<!ENTITY x 'y'>]>" + _XML), "DOCTYPE"),
        (_with(_XML.replace(">example<", "><")), "goalPrefix has 1 to 100"),
        (_with(_XML.replace(">example<", ">a b<")), "and is 'a b'"),
        (_with(_XML.replace(">example<", f">{'x' * 101}<")), "goalPrefix has 1 to 100"),
        (_with(_XML.replace(">com.example<", "><")), "groupId is of"),
        (_with(_XML.replace(">example-maven-plugin<", ">ä<")), "artifactId is of"),
        (_with(_XML.replace("plugin>", "component>")), "the root must be <plugin>"),
    ],
)
def test_a_broken_jar_is_refused_with_its_reason(content: bytes, reason: str) -> None:
    with pytest.raises(InvalidPlugin) as refusal:
        _Jar(content).plugin()
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    "flags, method", [(1, zipfile.ZIP_DEFLATED), (0, zipfile.ZIP_LZMA), (0, zipfile.ZIP_BZIP2)]
)
def test_what_cannot_be_inflated_is_refused(flags: int, method: int) -> None:
    content = bytearray(_zipped({_NAME: _XML.encode()}, method=method))
    content[content.index(b"PK\1\2") + 8] |= flags
    with pytest.raises(InvalidPlugin, match="encrypted, or compressed by other than deflate"):
        _Jar(bytes(content)).plugin()


def test_broken_compressed_data_is_refused() -> None:
    content = _with(_XML)
    data = content.index(DESCRIPTOR) + len(DESCRIPTOR)
    with pytest.raises(InvalidPlugin, match="can't be inflated"):
        _Jar(content[:data] + b"\xff" + content[data + 1 :]).plugin()
    entry = content.index(b"PK\1\2")
    packed = int.from_bytes(content[entry + 20 : entry + 24], "little")
    for shorter in (0, packed - 1):
        cut = content[: entry + 20] + struct.pack("<I", shorter) + content[entry + 24 :]
        with pytest.raises(InvalidPlugin, match="without its end"):
            _Jar(cut).plugin()


@pytest.mark.parametrize("promised", [None, 100])
def test_a_bomb_stops_at_the_bound_whatever_its_header_says(promised: int | None) -> None:
    content = bytearray(_with(f"<plugin>{' ' * 100 * DESCRIPTOR_BYTES}</plugin>"))
    if promised is not None:
        entry = content.index(b"PK\1\2")
        content[entry + 24 : entry + 28] = struct.pack("<I", promised)
    jar = _Jar(bytes(content))
    tracemalloc.start()
    try:
        with pytest.raises(InvalidPlugin, match="more than 1,048,576 bytes"):
            jar.plugin()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < DESCRIPTOR_BYTES


def test_a_read_that_gives_less_is_refused_and_what_it_raises_is_passed_on() -> None:
    content = _with(_XML)
    with pytest.raises(InvalidPlugin, match="shorter than it should be"):
        read_plugin(len(content), lambda start, length: content[:1])

    def away(start: int, length: int) -> bytes:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        read_plugin(len(content), away)


_names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
_contents = st.binary(max_size=2000)
_extras = st.sampled_from(
    [b"", struct.pack("<HH4s", 0x7777, 4, b"abcd"), b"\x77\x77\xd0\x07" * 502]
)


@given(
    st.dictionaries(_names, _contents, max_size=5),
    st.dictionaries(_names, _contents, max_size=5),
    st.binary(max_size=300) | st.binary(max_size=30).map(lambda comment: comment * 2000),
    st.binary(max_size=300),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    _extras,
    st.booleans(),
)
def test_whatever_zipfile_makes_is_read(
    first: dict[str, bytes],
    last: dict[str, bytes],
    comment: bytes,
    before: bytes,
    method: int,
    extra: bytes,
    plugin: bool,
) -> None:
    def with_extra(info: zipfile.ZipInfo) -> None:
        info.extra = extra

    files = {**first, **({_NAME: _XML.encode()} if plugin else {}), **last}
    comment = comment.replace(b"PK\5\6", b"")[:65_535]
    jar = _Jar(_zipped(files, comment, before.replace(b"PK", b""), method, with_extra))
    assert jar.plugin() == (_FOUND if plugin else None)


def test_a_local_header_with_a_long_extra_field_takes_one_more_read() -> None:
    def with_extra(info: zipfile.ZipInfo) -> None:
        info.extra = struct.pack("<HH", 0x7777, 60_000) + bytes(60_000)

    after = {"large": bytes(200_000)}
    content = _zipped({_NAME: _XML.encode(), **after}, b"", b"", zipfile.ZIP_STORED, with_extra)
    jar = _Jar(content)
    assert jar.plugin() == _FOUND
    assert len(jar.reads) == READS


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with contextlib.suppress(InvalidPlugin):
        _Jar(content).plugin()


_WHOLE = _zipped({"a": b"b", _NAME: _XML.encode(), "c": b"d"}, b"comment")
_WHOLE_64 = b"before" + _stored(
    _entry_of(_XML.encode(), struct.pack("<HHQ", 1, 8, 0), at=0xFFFFFFFF),
    end=_end_64(46 + len(DESCRIPTOR) + 12, 30 + len(DESCRIPTOR) + len(_XML)),
)


@given(
    st.sampled_from([_WHOLE, _WHOLE_64]),
    st.lists(st.tuples(st.integers(1, 400), st.integers(0, 255)), max_size=4),
    st.integers(0, 100),
)
def test_a_damaged_jar_is_read_or_refused(
    content: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(content)
    for place, value in changes:
        damaged[-place] = value
    with contextlib.suppress(InvalidPlugin):
        _Jar(bytes(damaged)).plugin()
        _Jar(bytes(damaged[cut:])).plugin()


@given(st.binary(max_size=40), st.binary(max_size=40), st.lists(st.integers(0, 110), max_size=6))
def test_the_name_is_found_wherever_the_stream_is_cut(
    before: bytes, after: bytes, cuts: list[int]
) -> None:
    whole = before + DESCRIPTOR + after
    places = sorted({0, *cuts, len(whole)})
    scanner = Scanner()
    for start, end in itertools.pairwise(places):
        scanner.feed(memoryview(whole)[start:end])
    assert scanner.found


@pytest.mark.parametrize("piece_bytes", [1, 7, 24, 25, 1000])
def test_a_stream_without_the_name_is_not_taken_for_a_plugin(piece_bytes: int) -> None:
    stream = (DESCRIPTOR[:-1] + b"X" + DESCRIPTOR[1:]) * 5 + DESCRIPTOR[:-1]
    scanner = Scanner()
    for start in range(0, len(stream), piece_bytes):
        scanner.feed(stream[start : start + piece_bytes])
    assert not scanner.found
    scanner.feed(DESCRIPTOR[-1:])
    assert scanner.found
    scanner.feed(b"more")
    assert scanner.found
