"""Core metadata: what is read from METADATA and PKG-INFO, and what is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.metadata import InvalidMetadata as NotPackaging
from packaging.metadata import Metadata, parse_email
from packaging.version import Version

from app.python.metadata import (
    HEADER_LINES,
    METADATA_BYTES,
    METADATA_VERSIONS,
    REQUIRES_PYTHON_CHARACTERS,
    CoreMetadata,
    InvalidMetadata,
    read_metadata,
)

_WHAT = "METADATA of foo-1.0-py3-none-any.whl"
_OWN = "Metadata-Version: 2.1\nName: foo\nVersion: 1.0\n"


def _read(text: str) -> CoreMetadata:
    return read_metadata(text.encode(), _WHAT)


def _refusal(data: bytes) -> str:
    with pytest.raises(InvalidMetadata) as refusal:
        read_metadata(data, _WHAT)
    assert str(refusal.value).startswith(f"{_WHAT}: ")
    assert len(str(refusal.value)) < 500
    return str(refusal.value).removeprefix(f"{_WHAT}: ")


def test_metadata_is_read() -> None:
    found = _read(
        "Metadata-Version: 2.4\nName: Foo.Bar\nVersion: 1.0.0-rc1\nSummary: Größe\n"
        "Home-page: https://h\nDownload-URL: https://d\nAuthor: A\nAuthor-email: A <a@b>\n"
        "Maintainer: M\nMaintainer-email: m@b\nLicense: MIT\nLicense-Expression: MIT\n"
        "License-File: LICENSE\nKeywords: a,b c\nPlatform: any\nPlatform: win32\n"
        "Project-URL: Docs, https://docs,1\nProject-URL: Docs, https://other\nProject-URL: x\n"
        "Classifier: A :: B\nClassifier: C\nRequires-Python: >=3.9, !=3.10.*\n"
        "Requires-Dist: a (>=1) ; extra == 'x'\nRequires-Dist: b\nProvides-Extra: x\n"
        "Dynamic: License\nDescription-Content-Type: text/markdown; charset=UTF-8\n\n# Foo\n\nBar\n"
    )
    assert found == CoreMetadata(
        metadata_version="2.4",
        name="Foo.Bar",
        version=Version("1.0.0rc1"),
        requires_python=">=3.9, !=3.10.*",
        summary="Größe",
        description="# Foo\n\nBar\n",
        description_content_type="text/markdown; charset=UTF-8",
        keywords="a,b c",
        author="A",
        author_email="A <a@b>",
        maintainer="M",
        maintainer_email="m@b",
        license="MIT",
        license_expression="MIT",
        license_files=("LICENSE",),
        home_page="https://h",
        download_url="https://d",
        project_urls={"Docs": "https://docs,1"},
        classifiers=("A :: B", "C"),
        platforms=("any", "win32"),
        requires_dist=("a (>=1) ; extra == 'x'", "b"),
        provides_extra=("x",),
        dynamic=("License",),
    )


def test_what_is_not_there_is_empty() -> None:
    found = _read(_OWN)
    assert found.requires_python is None
    assert (found.summary, found.description, found.license) == ("", "", "")
    assert (found.classifiers, dict(found.project_urls)) == ((), {})


def test_old_metadata_is_taken_as_it_is() -> None:
    found = _read(
        "metadata-version: 1.0\r\nNAME: foo\r\nVersion: 1.0\r\nX-Own: 1\r\nX-Own: 2\r\n"
        "Summary: UNKNOWN\r\nHome-page: UNKNOWN\r\nPlatform: UNKNOWN\r\nLicense: BSD\r\n"
        "        as\r\n        is\r\nRequires: os\r\nAuthor: A\r\n B\r\nRequires-Dist: no [ one\r\n"
        "Description: One\r\n        ===\r\n        \r\n          two\r\n       |three\r\n"
    )
    assert (found.summary, found.home_page, found.platforms) == ("", "", ())
    assert found.description == "One\n===\n\n  two\nthree"
    assert (found.license, found.author) == ("BSD\nas\nis", "A B")
    assert found.requires_dist == ("no [ one",)


@pytest.mark.parametrize(
    "text, description",
    [
        ("\nbody", "body"),
        ("\n\n  body: x\n", "\n  body: x\n"),
        ("Description: field\n\nbody", "body"),
        ("Description: field\n\n \n", "field"),
        ("Description: field\n\nUNKNOWN\n\n", "field"),
        ("\nUNKNOWN\n", ""),
        # A summary with a line end in it, as old tools wrote: what follows is no field.
        ("Summary: a\nno field\nLicense: MIT\n", "no field\nLicense: MIT\n"),
        # It is no mail, whatever it says.
        ("Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--\n", "--a\n\nx\n--a--\n"),
        ("Content-Transfer-Encoding: base64\n\naGVsbG8=\n", "aGVsbG8=\n"),
        ("\n=?utf-8?q?=41?= \u2028\x85 x", "=?utf-8?q?=41?= \u2028\x85 x"),
    ],
)
def test_the_description_is_the_body_or_else_a_field(text: str, description: str) -> None:
    assert _read(_OWN + text).description == description


@pytest.mark.parametrize("version", METADATA_VERSIONS)
def test_every_version_of_metadata_is_read(version: str) -> None:
    assert _read(_OWN.replace("2.1", version)).metadata_version == version


@pytest.mark.parametrize(
    "version", [f"{major}.{minor}" for major in range(4) for minor in range(9)]
)
def test_the_versions_known_are_those_of_packaging_and_2_0(version: str) -> None:
    """A newer `packaging` that knows more fails here, and METADATA_VERSIONS grows."""
    try:
        known = Metadata.from_raw({"metadata_version": version}, validate=False).metadata_version
    except NotPackaging:
        known = None
    assert (version in METADATA_VERSIONS) == (known is not None or version == "2.0")


@pytest.mark.parametrize(
    "text, reason",
    [
        ("", "Metadata-Version is missing"),
        ("\n" + _OWN, "Metadata-Version is missing"),
        (_OWN.replace("2.1", "2.99"), "Metadata-Version is '2.99', and this repository knows 1.0,"),
        (_OWN.replace("2.1", "3.0"), "Metadata-Version is '3.0'"),
        (_OWN.replace("2.1", "2.1 (x)"), "Metadata-Version is '2.1 (x)'"),
        (_OWN.replace("Name: foo\n", ""), "Name is missing"),
        (_OWN.replace("foo", " "), "Name is missing"),
        (_OWN.replace("foo", "foo bar"), "Name: 'foo bar' can be no project's name"),
        (_OWN.replace("foo", "föö"), "Name: 'f\\xf6\\xf6' can be no project's name"),
        (_OWN.replace("foo", "x" * 50_000), "Name: 'xxx"),
        (_OWN.replace("Version: 1.0", "Version:"), "Version is missing"),
        (_OWN.replace("1.0", "1.0-foo"), "Version: '1.0-foo' is no version by PEP 440"),
        (_OWN.replace("1.0", "9" * 50_000), "has more than 128 characters"),
        (_OWN + "Requires-Python: 3.9\n", "Requires-Python is '3.9', which is no set of version"),
        (_OWN + "Requires-Python: >=3.6.*\n", "such as '>=3.9' or '>=3.9,<4'"),
        (_OWN + "Requires-Python: ===\u0663\n", "Requires-Python is '===\\u0663'"),
        (_OWN + "Requires-Python: ===\x07\n", "Requires-Python is '===\\x07'"),
        (_OWN + "Requires-Python: " + ">=3," * 250_000, "has more than 500 characters"),
        (_OWN + "Name: foo\n", "Name is there 2 times, and may be there once"),
        (_OWN + "VERSION: 2.0\n", "Version is there 2 times"),
        (_OWN + "Metadata-Version: 2.1\n", "Metadata-Version is there 2 times"),
        (_OWN + "Requires-Python: >=3\nrequires-python: >=3\n", "Requires-Python is there 2"),
        (_OWN + "Summary: a\nSummary: a\n", "Summary is there 2 times"),
        (_OWN + "License: a\n" * 3, "License is there 3 times"),
        (_OWN + "Description: a\n" * 2, "Description is there 2 times"),
    ],
)
def test_what_a_repository_cannot_act_on_is_refused_in_words(text: str, reason: str) -> None:
    assert reason in _refusal(text.encode())


def test_metadata_is_utf_8_and_bounded() -> None:
    assert _refusal(_OWN.encode() + b"Author: \xe9\n") == "it is not UTF-8 (at byte 53)"
    longest = f"{_OWN}\n".encode().ljust(METADATA_BYTES, b"x")
    assert len(read_metadata(longest, _WHAT).description) == METADATA_BYTES - len(_OWN) - 1
    assert _refusal(longest + b"x") == "it has more than 1,048,576 bytes"


def test_requires_python_is_one_line_and_bounded() -> None:
    assert _read(f"{_OWN}Requires-Python: >=3.9,\n  <4\n").requires_python == ">=3.9, <4"
    longest = ",".join(["!=3.0.1"] * 100)[:REQUIRES_PYTHON_CHARACTERS].rpartition(",")[0]
    assert _read(f"{_OWN}Requires-Python: {longest}\n").requires_python == longest


def test_a_long_name_of_a_file_is_shortened_in_the_message() -> None:
    with pytest.raises(InvalidMetadata) as refusal:
        read_metadata(b"", f"METADATA of {'x' * 200}-1.0-py3-none-any.whl")
    assert str(refusal.value).endswith("…: Metadata-Version is missing")


@pytest.mark.parametrize(
    "piece",
    ["a{}:\n", "a:\n", "A{}: b\n", ":\n", " \n", "From \n", "x\n", "a:\r", "Name: x\n"],
)
def test_a_header_has_a_bounded_number_of_lines(piece: str) -> None:
    count = (METADATA_BYTES - len(_OWN)) // (len(piece) + 6)
    data = _OWN + "".join(piece.format(number) for number in range(count))
    assert len(data) <= METADATA_BYTES
    assert f"it has more than {HEADER_LINES:,} lines before an empty one" in _refusal(data.encode())


@pytest.mark.parametrize(
    "more",
    [
        "".join(f"f{number}:\n" for number in range(HEADER_LINES - 3)),
        "Classifier: x\n" * (HEADER_LINES - 3),
        "Description: x\n" + " \n" * (HEADER_LINES - 4),
        "Summary: " + " " * 1_000_000 + "x",
        "Summary: x" + "\t \t" * 300_000 + "\n y",
        "Keywords: " + "," * 1_000_000,
        "x" * 1_000_000 + ": y",
        "\n" + "\n" * 1_000_000,
        "\n" + "Content-Type: multipart/mixed; boundary=a\n\n--a\n" * 20_000,
    ],
)
def test_what_is_at_the_bounds_is_read(more: str) -> None:
    assert _read(_OWN + more).name == "foo"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(InvalidMetadata):
        read_metadata(_OWN.encode() + data, _WHAT)


@given(st.text(st.sampled_from("0123459.,=!<>~* ()ab;\n\x1cé"), max_size=30))
def test_any_requires_python_is_read_or_refused(text: str) -> None:
    with suppress(InvalidMetadata):
        read_metadata(f"{_OWN}Requires-Python: {text}".encode(), _WHAT)


_VALUES = st.text(st.sampled_from("abc ,:;=?é<>"), min_size=1, max_size=12).map(str.strip)
_LINES = st.lists(
    st.tuples(st.sampled_from(["Classifier", "Platform", "Requires-Dist", "Own"]), _VALUES)
)


@given(_LINES, _VALUES, st.text(st.sampled_from("ab: \né"), max_size=20))
def test_ordinary_metadata_is_read_as_packaging_reads_it(
    lines: list[tuple[str, str]], summary: str, body: str
) -> None:
    fields = "".join(f"{name}: {value}\n" for name, value in lines)
    text = f"{_OWN}Summary: {summary}\n{fields}\n{body}"
    found, (raw, _) = _read(text), parse_email(text)
    assert (found.name, str(found.version)) == (raw["name"], raw["version"])
    assert found.summary == raw["summary"]
    assert [*found.classifiers] == [value for value in raw.get("classifiers", []) if value]
    assert [*found.platforms] == [value for value in raw.get("platforms", []) if value]
    assert [*found.requires_dist] == [value for value in raw.get("requires_dist", []) if value]
    if body.strip():
        assert found.description == raw["description"]
