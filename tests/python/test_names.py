"""Names of projects and versions of releases: what is one, and which are the same."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from app.python.names import (
    PROJECT_CHARACTERS,
    VERSION_CHARACTERS,
    InvalidProject,
    InvalidVersion,
    is_normalized,
    normalized,
    parse_project,
    parse_version,
    release_text,
)

NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,12}[A-Za-z0-9])?", fullmatch=True)
VERSIONS = st.from_regex(
    r"([01]!)?[0-2](\.[0-2]){0,3}((a|b|rc)[01])?(\.post[01])?(\.dev[01])?(\+[a0](\.[a0])?)?",
    fullmatch=True,
)


@pytest.mark.parametrize(
    "text, name",
    [
        ("foo", "foo"),
        ("Foo.Bar", "foo-bar"),
        ("foo_-.__bar", "foo-bar"),
        ("FOO--BAR", "foo-bar"),
        ("0", "0"),
        ("a" * PROJECT_CHARACTERS, "a" * PROJECT_CHARACTERS),
    ],
)
def test_every_spelling_of_a_project_is_one_name(text: str, name: str) -> None:
    assert parse_project(text) == normalized(text) == name
    assert is_normalized(name)


@pytest.mark.parametrize(
    "text",
    [
        "", "-", ".", "..", "_foo", "foo-", "foo.", "foo bar", "foo\n", " foo", "foo/bar", "foo\\b",
        "füü", "\u212aeras", "foo\u0661", "foo\x00", "foo[extra]", "foo+bar", "\udc80",
        "a" * (PROJECT_CHARACTERS + 1), "a" + "-" * 100_000 + "b",
    ],
)  # fmt: skip
def test_what_is_no_name_is_refused_in_words(text: str) -> None:
    with pytest.raises(InvalidProject, match="can be no project's name: one has 1 to 100 of") as no:
        parse_project(text)
    assert not is_normalized(text)
    assert str(no.value).replace("…", "").isascii()
    assert str(no.value).isprintable()
    assert len(str(no.value)) < 300


@given(st.text(max_size=20) | NAMES)
def test_a_name_is_normalized_exactly_when_parsing_it_gives_it_back(text: str) -> None:
    try:
        name = parse_project(text)
    except InvalidProject:
        assert not is_normalized(text)
    else:
        assert is_normalized(text) == (name == text)
        assert is_normalized(name)
        assert normalized(name) == parse_project(name) == name


@pytest.mark.parametrize(
    "text, version",
    [
        ("1.0", "1.0"),
        ("v1.0-RC.1", "1.0rc1"),
        ("1!2.0.POST3", "1!2.0.post3"),
        ("1.0-1", "1.0.post1"),
        ("1.0+CPU_1-x", "1.0+cpu.1.x"),
        ("01.002", "1.2"),
        ("2004d", ""),
        ("1.0-foo", ""),
        ("1.0-SNAPSHOT", ""),
        ("1.x", ""),
        ("", ""),
        (" 1.0", ""),
        ("1.0\n", ""),
        ("\u0661.0", ""),
        ("1.0+\u017f", ""),
        ("9" * VERSION_CHARACTERS, "9" * VERSION_CHARACTERS),
        ("9" * (VERSION_CHARACTERS + 1), ""),
        ("9" * 100_000, ""),
    ],
)
def test_a_version_is_one_by_pep_440(text: str, version: str) -> None:
    if version:
        assert str(parse_version(text)) == version
        return
    with pytest.raises(InvalidVersion) as no:
        parse_version(text)
    assert "PEP 440" in str(no.value) or "more than 128 characters" in str(no.value)
    assert len(str(no.value)) < 400


@given(st.text(st.sampled_from("0123456789.!+-_abcrdevpost \n\u0663\u017f"), max_size=20))
def test_what_is_refused_is_refused_as_that(text: str) -> None:
    with suppress(InvalidVersion):
        assert parse_version(text) == Version(text)


@pytest.mark.parametrize(
    "version, release",
    [("1.0.0", "1"), ("1", "1"), ("0.0", "0"), ("1.0.1", "1.0.1"), ("1!1.0", "1!1"),
     ("1.0.0rc1", "1rc1"), ("1.0+cpu", "1+cpu"), ("10.0", "10"), ("1.0.post0", "1.post0")],
)  # fmt: skip
def test_the_text_of_a_release_has_no_zeros_at_the_end(version: str, release: str) -> None:
    assert release_text(Version(version)) == release


@given(VERSIONS, VERSIONS)
def test_versions_are_of_one_release_exactly_when_they_are_equal(one: str, other: str) -> None:
    a, b = parse_version(one), parse_version(other)
    assert (release_text(a) == release_text(b)) == (a == b)
    assert parse_version(release_text(a)) == a
    # What is taken apart at hyphens may have releases in it.
    assert "-" not in release_text(a)
