"""Patterns of repositories' names: what they fit, what is none, and that none is slow."""

import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.errors import InvalidField
from auth.patterns import EVERY, fits, is_pattern, parse_pattern

PATTERNS = st.text("ab-.*", min_size=1, max_size=12).filter(is_pattern)
NAMES = st.text("ab-.", min_size=1, max_size=12)


def naive(pattern: str, name: str) -> bool:
    """The same by a regular expression, which may be as slow as it likes."""
    whole = "".join(".*" if part == "*" else re.escape(part) for part in pattern)
    return re.fullmatch(whole, name, re.DOTALL) is not None


@given(PATTERNS, NAMES)
def test_it_fits_what_a_regular_expression_fits(pattern: str, name: str) -> None:
    assert fits(parse_pattern(pattern), name) is naive(pattern, name)
    assert fits(parse_pattern(pattern), name) is fnmatch.fnmatchcase(name, pattern)


@given(st.lists(NAMES, min_size=2, max_size=4), st.lists(st.text("ab-.", max_size=4)))
def test_it_fits_its_parts_with_anything_between(parts: list[str], between: list[str]) -> None:
    filled = "".join(
        part + (between[number] if number < len(between) and number + 1 < len(parts) else "")
        for number, part in enumerate(parts)
    )
    assert fits("*".join(parts), filled)


@given(PATTERNS)
def test_reading_it_twice_changes_nothing(pattern: str) -> None:
    once = parse_pattern(pattern)
    assert parse_pattern(once) == once
    assert "**" not in once


@pytest.mark.parametrize(
    "pattern, name, expected",
    [
        ("team-*", "team-", True),
        ("team-*", "team-a", True),
        ("team-*", "team", False),
        ("team-*", "a-team-b", False),
        ("*-files", "team-files", True),
        ("*-files", "-files", True),
        ("*-files", "files", False),
        ("a*a", "a", False),  # one character is not both ends
        ("a*a", "aa", True),
        ("a*b*a", "aba", True),
        ("a*b*a", "aab", False),
        (EVERY, "anything", True),
        (EVERY, "", False),  # where a name is not known, no pattern says that it fits
        ("te.m-*", "team-a", False),  # a dot is a dot
    ],
)
def test_a_star_stands_for_any_characters(pattern: str, name: str, expected: bool) -> None:
    assert fits(pattern, name) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Team-*",
        "team *",
        "team/*",
        "team-?",
        "[ab]*",
        "tëam-*",
        "te\u0301am-*",
        "\uff54eam-*",
        "team-\uff0a",
        "team-*\n",
        "team-*\0",
        "a#*",
        "\ud800*",
        "*" * 101,
    ],
)
def test_what_no_name_could_fit_is_refused_without_being_repeated(text: str) -> None:
    """A name is ASCII in lower case: a look-alike must not be a grant without effect."""
    with pytest.raises(InvalidField) as raised:
        parse_pattern(text, "scopes")
    assert raised.value.field == "scopes"
    assert not text or text not in str(raised.value)


@pytest.mark.parametrize("pattern", ["*a" * 50, "a*" * 50, "*ab" * 33, "*" * 100, "*a*b" * 25])
def test_no_pattern_is_slow(pattern: str) -> None:
    """What a backtracking matcher needs years for."""
    parsed = parse_pattern(pattern)
    began = time.perf_counter()
    for name in ("a" * 100, "ab" * 50, "a" * 99 + "c"):
        for _ in range(100):
            fits(parsed, name)
    assert time.perf_counter() - began < 1
