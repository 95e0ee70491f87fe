"""Wheels: the metadata's exact bytes in a few small reads, or a refusal that says why."""

import contextlib
import io
import struct
import tracemalloc
import zipfile
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.archives.strict import DIRECTORY_BYTES, READS
from app.python.filenames import InvalidDistribution
from app.python.metadata import METADATA_BYTES
from app.python.wheels import WHEEL_BYTES, InvalidWheel, Wheel, read_wheel
from tests.archives.made import Stored, changed, zipped

_NAME = "foo_bar-1.0-py3-none-any.whl"
_FOLDER = "foo_bar-1.0.dist-info"
_METADATA = b"Metadata-Version: 2.1\r\nName: foo-bar\nVersion: 1.0\n\n\xff as it is\n"
_WHEEL = b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def _files(
    metadata: bytes | None = _METADATA,
    wheel: bytes | None = _WHEEL,
    folder: str = _FOLDER,
    before: Mapping[str, bytes] | None = None,
) -> dict[str, bytes]:
    files = {"foo_bar/__init__.py": b"x = 1\n", **(before or {})}
    if metadata is not None:
        files[f"{folder}/METADATA"] = metadata
    if wheel is not None:
        files[f"{folder}/WHEEL"] = wheel
    return files | {f"{folder}/RECORD": b""}


def _read(content: bytes, name: str = _NAME) -> Wheel:
    stored = Stored(content)
    return read_wheel(name, stored.size, stored.read)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_metadata_is_given_back_byte_for_byte(method: int) -> None:
    assert _read(zipped(_files(), method=method)) == Wheel(_METADATA)


def test_a_small_wheel_takes_one_read() -> None:
    stored = Stored(zipped(_files()))
    assert read_wheel(_NAME, stored.size, stored.read) == Wheel(_METADATA)
    assert stored.reads == [stored.size]


def test_a_wheel_with_its_metadata_before_a_large_record_takes_two_reads() -> None:
    files = _files() | {f"{_FOLDER}/RECORD": bytes(200_000)}
    stored = Stored(zipped(files, method=zipfile.ZIP_STORED))
    assert read_wheel(_NAME, stored.size, stored.read) == Wheel(_METADATA)
    assert len(stored.reads) == 2


def test_a_wheel_of_thousands_of_files_takes_at_most_four_reads() -> None:
    many = {f"foo_bar/{number:0{50}}/{number:0{40}}.h": b"" for number in range(12_000)}
    files = {
        f"{_FOLDER}/METADATA": _METADATA,
        "large": bytes(200_000),
        f"{_FOLDER}/WHEEL": _WHEEL,
        **many,
    }
    stored = Stored(zipped(files, method=zipfile.ZIP_STORED))
    assert read_wheel(_NAME, stored.size, stored.read) == Wheel(_METADATA)
    assert len(stored.reads) == READS


def test_a_wheel_of_too_many_files_is_refused() -> None:
    many = {f"{number:0200}": b"" for number in range(DIRECTORY_BYTES // 246 + 1)}
    with pytest.raises(InvalidWheel, match=r"too many files: .* takes more than 3,670,016 bytes"):
        _read(zipped(_files(before=many)))


@pytest.mark.parametrize(
    "name, folder",
    [
        (_NAME, "Foo.Bar-1.dist-info"),
        (_NAME, "foo-bar-1.0.0.dist-info"),
        ("foo-1.0.post1-py3-none-any.whl", "foo-1.0_1.dist-info"),
        ("foo-1.0+cpu.2-py3-none-any.whl", "foo-1.0+cpu_2.dist-info"),
        ("foo-1!2.0-1-py3-none-any.whl", "foo-1!2.0.dist-info"),
    ],
)
def test_name_and_version_may_be_spelled_in_another_way(name: str, folder: str) -> None:
    assert _read(zipped(_files(folder=folder)), name) == Wheel(_METADATA)


@pytest.mark.parametrize(
    "named, said",
    [
        ("py3-none-any", ["py3-none-any"]),
        ("py3-none-any", []),
        ("py2.py3-none-any", ["py2-none-any", "py3-none-any"]),
        ("py2.py3-none-any", ["py2.py3-none-any"]),
        ("py2.py3-none-any", ["py3-none-any"]),
        ("cp311-cp311-manylinux_2_17_x86_64", ["cp311-cp311-linux_x86_64"]),
        ("cp311-cp311-musllinux_1_2_aarch64", ["cp311-cp311-linux_aarch64"]),
        ("cp39-cp39-manylinux2014_i686", ["cp39-cp39-manylinux1_i686"]),
        ("cp39-abi3-macosx_11_0_arm64", ["cp39-abi3-macosx_10_9_arm64"]),
        (
            "cp39-cp39-manylinux2014_x86_64.manylinux_2_17_x86_64",
            ["cp39-cp39-manylinux_2_17_x86_64", "cp39-cp39-manylinux2014_x86_64"],
        ),
    ],
)
def test_tags_that_could_be_of_the_same_wheel_agree(named: str, said: list[str]) -> None:
    wheel = "Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in said)
    content = zipped(_files(wheel=wheel.encode()))
    assert _read(content, f"foo_bar-1.0-{named}.whl") == Wheel(_METADATA)


@pytest.mark.parametrize(
    "named, said",
    [
        ("py3-none-any", "cp36-cp36m-any"),
        ("py3-none-any", "py2-none-any"),
        ("py3-none-any", "py3-none-win_amd64"),
        ("cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-linux_aarch64"),
        ("cp311-cp311-manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_17_x86_64"),
        ("cp311-cp311-macosx_11_0_arm64", "cp311-cp311-macosx_11_0_x86_64"),
        ("cp311-cp311-win32", "cp311-cp311-win_amd64"),
    ],
)
def test_tags_that_have_nothing_in_common_are_refused(named: str, said: str) -> None:
    content = zipped(_files(wheel=f"Wheel-Version: 1.0\nTag: {said}\n".encode()))
    with pytest.raises(InvalidWheel, match=f"has the tag '{said}', and the file is named as"):
        _read(content, f"foo_bar-1.0-{named}.whl")


_TAGS = "".join(f"Tag: py3-none-a{number}\n" for number in range(1001)).encode()


@pytest.mark.parametrize(
    "files, reason",
    [
        (_files(metadata=None), f"the wheel has no METADATA: '{_FOLDER}/METADATA'"),
        (_files(wheel=None), f"the wheel has no WHEEL: '{_FOLDER}/WHEEL'"),
        ({"x": b""}, "has one folder NAME-VERSION.dist-info with its METADATA, and this one has n"),
        ({_FOLDER: b""}, "and this one has none"),
        ({f"x/{_FOLDER}/METADATA": b""}, "and this one has none"),
        (
            _files() | {"foo-bar-1.0.dist-info/METADATA": _METADATA},
            "and this one has 'foo-bar-1.0.dist-info' and 'foo_bar-1.0.dist-info'",
        ),
        (_files(folder="foo-1.0.dist-info"), "'foo-1.0.dist-info' is not that of foo-bar 1.0"),
        (_files(folder="foo_bar-1.1.dist-info"), "is not that of foo-bar 1.0"),
        (_files(folder="foo_bar-x.dist-info"), "is not that of foo-bar 1.0"),
        (_files(folder="foo_bar.dist-info"), "is not that of foo-bar 1.0"),
        (_files(folder=".dist-info"), "is not that of foo-bar 1.0"),
        (_files(wheel=b""), "one Wheel-Version, of 1.x, and it is missing"),
        (_files(wheel=b"Wheel-Version: 2.0"), "one Wheel-Version, of 1.x, and it is '2.0'"),
        (_files(wheel=b"Wheel-Version: 10"), "and it is '10'"),
        (_files(wheel=b"Wheel-Version: 1.0\n" * 2), "and it is '1.0, 1.0'"),
        (_files(wheel=b"Wheel-Version: 1.0\xff"), "WHEEL is not UTF-8"),
        (_files(wheel=_WHEEL + b"Tag: py3-none"), "WHEEL has a tag that is none: 'py3-none'"),
        (_files(wheel=_WHEEL + b"Tag: py3--any"), "WHEEL has a tag that is none: 'py3--any'"),
        (_files(wheel=_WHEEL + b"Tag: \n"), "WHEEL has a tag that is none: ''"),
        (_files(wheel=_WHEEL + b"Tag: p.p-" + b".".join([b"a"] * 999) + b"-a"), "is none: 'p.p-a."),
        (_files(wheel=_WHEEL + _TAGS), "WHEEL has more than 1,000 tags"),
        (_files(wheel=_WHEEL.ljust(WHEEL_BYTES + 1)), "WHEEL' takes more than 65,536 bytes"),
        (_files(metadata=bytes(METADATA_BYTES + 1)), "METADATA' takes more than 1,048,576 bytes"),
        (_files(before={"../x": b""}), "'../x' in the zip leads out of it"),
    ],
)
def test_a_broken_wheel_is_refused_with_its_reason(files: dict[str, bytes], reason: str) -> None:
    with pytest.raises(InvalidWheel) as refusal:
        _read(zipped(files))
    assert str(refusal.value).startswith(f"{_NAME}: ")
    assert reason in str(refusal.value)


def test_what_is_no_zip_is_refused() -> None:
    with pytest.raises(InvalidWheel, match=f"{_NAME}: the wheel is no zip"):
        _read(b"x" * 100_000)
    with pytest.raises(InvalidWheel, match="goes on after the zip's end"):
        _read(zipped(_files()) + b"more")
    with pytest.raises(InvalidWheel, match="bytes in front"):
        _read(b"#!/bin/sh\n" + zipped(_files()))


def test_a_name_that_is_no_wheels_is_refused() -> None:
    with pytest.raises(InvalidDistribution):
        _read(zipped(_files()), "foo.whl")


def test_metadata_of_a_mebibyte_is_read() -> None:
    metadata = bytes(METADATA_BYTES)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        assert _read(zipped(_files(metadata=metadata), method=method)).metadata == metadata


def test_metadata_that_would_take_too_many_reads_of_the_wheel_is_refused() -> None:
    many = {f"{number:0200}": b"" for number in range(DIRECTORY_BYTES // 246 - 10)}
    files = _files(metadata=bytes(1_000_000), before=many)
    with pytest.raises(InvalidWheel, match="more than 4,194,304 bytes of the wheel would have to"):
        _read(zipped(files, method=zipfile.ZIP_STORED))


@pytest.mark.parametrize("promised", [100, METADATA_BYTES])
def test_a_bomb_stops_at_what_its_header_promises(promised: int) -> None:
    name = f"{_FOLDER}/METADATA"
    content = zipped(_files(metadata=bytes(100 * METADATA_BYTES)))
    content = changed(content, name, 24, struct.pack("<I", promised))
    content = changed(content, name, 22, struct.pack("<I", promised), local=True)
    stored = Stored(content)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidWheel, match="does not have the"):
            read_wheel(_NAME, stored.size, stored.read)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * METADATA_BYTES


def test_a_wheel_that_is_a_bomb_as_a_whole_is_refused() -> None:
    content = zipped(_files(before={"zeros": bytes(65 * METADATA_BYTES)}))
    with pytest.raises(InvalidWheel, match="taken for a zip bomb"):
        _read(content)


def test_what_a_read_raises_is_passed_on() -> None:
    def away(start: int, length: int) -> bytes:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        read_wheel(_NAME, 100, away)
    with pytest.raises(InvalidWheel, match="the wheel is shorter than it should be"):
        read_wheel(_NAME, 100, lambda start, length: b"x")


_names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=20)
_others = st.dictionaries(
    _names.map(lambda name: "foo_bar/x" + "".join(c for c in name if c not in "./\\")),
    st.binary(max_size=200),
    max_size=5,
)


@given(_others, st.binary(max_size=2000), st.sampled_from([0, 8]), st.data())
def test_the_order_and_company_of_its_files_do_not_matter(
    others: dict[str, bytes], metadata: bytes, method: int, data: st.DataObject
) -> None:
    files = _files(metadata=metadata, before=others)
    ordered = data.draw(st.permutations(list(files.items())))
    assert _read(zipped(ordered, method=method)) == Wheel(metadata)


_WHOLE = [zipped(_files(), method=method) for method in (0, 8)]


@given(
    st.sampled_from(_WHOLE),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4),
    st.integers(0, 30),
)
def test_a_damaged_wheel_is_refused_or_read_as_installers_read_it(
    content: bytes, changes: list[tuple[int, int]], cut: int
) -> None:
    damaged = bytearray(content)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    for kept in (bytes(damaged), bytes(damaged[cut:]), bytes(damaged[: len(damaged) - cut])):
        with contextlib.suppress(InvalidWheel):
            metadata = _read(kept).metadata
            with zipfile.ZipFile(io.BytesIO(kept)) as installed:
                assert installed.read(f"{_FOLDER}/METADATA") == metadata


@given(st.binary(max_size=300))
def test_whatever_is_in_wheel_is_read_or_refused(wheel: bytes) -> None:
    with contextlib.suppress(InvalidWheel):
        _read(zipped(_files(wheel=wheel)))
    with contextlib.suppress(InvalidWheel):
        _read(zipped(_files(wheel=b"Wheel-Version: 1.0\nTag: " + wheel)))
