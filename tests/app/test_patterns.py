"""Patterns of paths: what they fit, held against a matcher that tries everything."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.repositories.names import PATH_BYTES
from app.retention import InvalidPattern, Pattern
from app.retention.patterns import Patterns

TABLE = {
    "a": ({"a"}, {"b", "aa", "a/a", "b/a"}),
    "*": ({"a", "a.b"}, {"a/b"}),
    "**": ({"a", "a/b", "a/b/c"}, set()),
    "a/**": ({"a/b", "a/b/c"}, {"a", "ab", "b/a/c"}),
    "**/a": ({"a", "b/a", "b/c/a"}, {"ba", "b/ba", "a/b"}),
    "a/**/b": ({"a/b", "a/c/b", "a/c/d/b"}, {"a", "b", "ab", "a/cb", "a/b/c"}),
    "**/*.jar": ({"x.jar", "d/x.jar", "d/.jar"}, {"x.jar/y", "x.jarr"}),
    "a?c": ({"abc", "aéc"}, {"ac", "a/c", "abbc"}),
    "a*c": ({"ac", "abc", "acc", "abbc"}, {"a/c", "abcd"}),
    "*/b/*": ({"a/b/c"}, {"b/c", "a/b", "a/b/c/d"}),
    "**/**/a": ({"a", "b/a"}, {"b"}),
    "a/**/**": ({"a/b", "a/b/c"}, {"a"}),
    "**/x/**": ({"x/a", "b/x/a", "b/x/c/a"}, {"x", "a/x"}),
    "v1.0+(b)": ({"v1.0+(b)"}, {"v1x0+(b)"}),
}


@pytest.mark.parametrize("pattern", TABLE)
def test_a_pattern_fits_whole_paths(pattern: str) -> None:
    fitting, others = TABLE[pattern]
    found = Pattern.parse(pattern)
    assert {path for path in fitting | others if found.fits(path)} == fitting


@pytest.mark.parametrize(
    "text",
    ["", "/", "/a", "a/", "a//b", ".", "a/../b", "a**", "**a", "a/***/b", "a\\b", "[ab]", "{a,b}",
     "a\nb", "a\x7f", "/".join("a" * 33), "a" * (PATH_BYTES + 1), "\ud800"],
)  # fmt: skip
def test_what_is_no_pattern_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(InvalidPattern):
        Pattern.parse(text)


def fits(pattern: list[str], path: list[str]) -> bool:
    """The definition, segment by segment."""
    if not pattern:
        return not path
    first, *rest = pattern
    if first == "**":
        if not rest:
            return bool(path)
        return any(fits(rest, path[skipped:]) for skipped in range(len(path) + 1))
    return bool(path) and _segment(first, path[0]) and fits(rest, path[1:])


def _segment(pattern: str, segment: str) -> bool:
    words = {"*": "[^/]*", "?": "[^/]"}
    text = "".join(words.get(character, re.escape(character)) for character in pattern)
    return re.fullmatch(text, segment, re.DOTALL) is not None


PATTERN = st.lists(
    st.just("**") | st.text("ab*?é", min_size=1, max_size=4).filter(lambda text: "**" not in text),
    min_size=1,
    max_size=6,
)
PATH = st.lists(st.text("abé\u2028.", min_size=1, max_size=4), min_size=1, max_size=6)


@given(PATTERN, PATH)
def test_a_pattern_fits_what_its_definition_fits(pattern: list[str], path: list[str]) -> None:
    assert Pattern.parse("/".join(pattern)).fits("/".join(path)) is fits(pattern, path)


@given(st.lists(PATTERN, max_size=4), PATH)
def test_patterns_side_by_side_fit_what_each_of_them_does(
    patterns: list[list[str]], path: list[str]
) -> None:
    parsed = [Pattern.parse("/".join(pattern)) for pattern in patterns]
    *folder, name = path
    entered = Patterns.of(parsed).enter("".join(f"{segment}/" for segment in folder))
    fitting = {number for number, one in enumerate(parsed) if one.fits("/".join(path))}
    assert entered.fitting(name) == fitting
    assert entered.possible() >= fitting


def test_a_folder_says_which_patterns_may_fit_something_in_it() -> None:
    texts = ["a/*", "*", "**/x", "a/b/c", "b/**", "a/**", "a"]
    entered = Patterns.of([Pattern.parse(text) for text in texts]).enter("a/")
    assert {texts[number] for number in entered.possible()} == {"a/*", "**/x", "a/b/c", "a/**"}


@given(st.text(max_size=50), PATH)
def test_any_text_is_a_pattern_or_refused(text: str, path: list[str]) -> None:
    try:
        pattern = Pattern.parse(text)
    except InvalidPattern:
        return
    pattern.fits("/".join(path))
    if not set(text) & set("*?"):
        assert pattern.fits(text)


class Counted(str):
    """A path that counts how many of its characters were looked at."""

    __slots__ = ()
    looks = 0

    def __iter__(self):  # type: ignore[no-untyped-def]
        for character in super().__iter__():
            Counted.looks += 1
            yield character


def test_each_character_is_looked_at_once_whatever_the_pattern() -> None:
    pattern = Pattern.parse("/".join([*["*a" * 40] * 3, "**", "**", "*b"]))
    path = Counted("/".join([*["a" * 200] * 3, "a" * 100]))
    Counted.looks = 0
    assert not pattern.fits(path)
    assert Counted.looks <= len(path)
    many = Patterns.of([pattern] * 20).enter("")
    Counted.looks = 0
    assert not many.fitting(path)
    assert Counted.looks <= len(path), "once for all of them"
