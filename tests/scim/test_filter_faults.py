"""What is no filter: all of it is refused, at its place, without repeating what was sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scim.errors import InvalidFilter
from app.scim.filters import parse_filter
from app.scim.grammar import MOST_CHARACTERS
from tests.scim.filter_texts import EXAMPLES, KNOWN, PROVIDERS, USER


def place_of_fault(text: str) -> int:
    """Where a text is no filter; 0 where it is one."""
    try:
        parse_filter(text, KNOWN)
    except InvalidFilter as refusal:
        return refusal.place
    return 0


@pytest.mark.parametrize(
    "text, place, expected",
    [
        ("", 0, "attribute"),
        ("   ", 3, "attribute"),
        ("userName", 8, "one of eq"),
        ("userName eq", 11, "double quotes"),
        ("userName eq bjensen", 12, "double quotes"),
        ("userName = 'x'", 9, "one of eq"),
        ('userName "eq" "x"', 9, "one of eq"),
        ('userName eq "x', 12, "quote at the end"),
        ('userName eq "x\\', 12, "quote at the end"),
        ('userName eq "x\\"', 12, "quote at the end"),
        ('a eq "x\\q"', 7, "escapes"),
        ('a eq "\\u12g4"', 7, "escapes"),
        ('a eq "x\ny"', 7, "JSON"),
        ('a eq "x\0"', 7, "JSON"),
        ('a eq "x\\ud83d"', 5, "surrogate"),
        ('a eq "\\ude00\\ud83d"', 5, "surrogate"),
        ('a eq "\ud800"', 5, "surrogate"),
        ("a eq 01", 5, "number"),
        ("a eq +1", 5, "number"),
        ("a eq .5", 5, "number"),
        ("a eq 1.", 5, "number"),
        ("a eq 0x10", 5, "number"),
        ("a eq NaN", 5, "number"),
        ("a eq 1_0", 5, "number"),
        ("a eq \u0661", 5, "number"),
        ("a eq 1e999", 5, "up to 40"),
        ("a eq " + "1" * 41, 5, "up to 40"),
        ("a eq " + "1" * 8_000, 5, "up to 40"),
        ("a eq [1]", 5, "double quotes"),
        ("a eq {}", 5, "double quotes"),
        ("a pr b", 5, "and, or, or the end"),
        ("a pr)", 4, "and, or, or the end"),
        ("a pr, b pr", 2, "one of eq"),
        ("a pr and", 8, "attribute"),
        ("or a pr", 3, "one of eq"),
        ("(a pr", 5, "and, or, or )"),
        ("(a pr]", 5, "and, or, or )"),
        ("()", 1, "attribute"),
        ("not a pr", 4, "( behind not"),
        ("not not (a pr)", 4, "( behind not"),
        ("not", 3, "( behind not"),
        ("a[b pr", 6, "and, or, or ]"),
        ("a[b pr)", 6, "and, or, or ]"),
        ("a[]", 2, "attribute"),
        ("a[b[c pr]]", 3, "within brackets"),
        ("a.b[c pr]", 3, "operator"),
        ("a[b pr].", 7, "part"),
        ("a[b pr].c.d pr", 7, "part"),
        ("a[b pr].c", 9, "one of eq"),
        ("[b pr]", 0, "attribute"),
        ("a.b.c pr", 0, "attribute"),
        (".a pr", 0, "attribute"),
        ("a. pr", 0, "attribute"),
        ("1a pr", 0, "attribute"),
        ("a/b pr", 0, "attribute"),
        ("ü pr", 0, "attribute"),
        ("\uff55serName pr", 0, "attribute"),
        ("a\0 pr", 0, "attribute"),
        ("a\u00a0pr", 0, "attribute"),
        ("\ud800 pr", 0, "attribute"),
        ("a:b pr", 0, "attribute"),
        ("urn:\u212a:b:c pr", 0, "attribute"),
        ("urn:x:y:2.0 pr", 8, "attribute"),
        (f"{USER}: pr", 43, "attribute"),
        (f"{USER}:userName:x pr", 43, "attribute"),
        (f"a pr or {USER} pr", 50, "colon"),
        ("userName e\u01eb 1", 9, "one of eq"),
    ],
)
def test_what_is_not_of_the_grammar_is_refused_at_its_place(
    text: str, place: int, expected: str
) -> None:
    with pytest.raises(InvalidFilter) as raised:
        parse_filter(text, KNOWN)
    assert raised.value.place == place
    assert expected in str(raised.value)
    assert f"(at character {place + 1})" in str(raised.value)


@pytest.mark.parametrize(
    "piece",
    ["(", ")", "[", "]", '"', "\\", '\\"', 'a eq "', "a[", "not(", ".", ":", "urn:", "a.", "\ud800",
     "1", "-", "e", " ", "\0", "a pr and ", "not ", "a:"],
)  # fmt: skip
def test_no_repetition_gets_anything_but_a_refusal(piece: str) -> None:
    for begin in ("", "a eq ", 'a eq "', "urn:", "a["):
        text = begin + piece * ((MOST_CHARACTERS - len(begin)) // len(piece))
        with pytest.raises(InvalidFilter):
            parse_filter(text, KNOWN)


def test_a_refusal_never_repeats_what_was_sent() -> None:
    for text in (
        'password eq "hunter2" hunter2',
        "password eq hunter2",
        "hunter2 hunter2",
        'a eq "hunter2',
        'a eq "hunter2\\q"',
        "hunter2!",
        "a[hunter2]",
        "a[b pr].hunter2!",
    ):
        with pytest.raises(InvalidFilter) as raised:
            parse_filter(text)
        assert "hunter2" not in str(raised.value)


PIECES = st.sampled_from(
    ["a", "userName", "emails", "[", "]", "(", ")", " ", " eq ", " pr", " and ", " or ", "not ",
     '"x"', '"', "\\", "\\u", "d800", "1", "-", ".", ":", "urn:", USER, "$ref", "true", "\0", "é",
     "\ud800", "\u212a"]
)  # fmt: skip


@given(st.text() | st.lists(PIECES).map("".join))
def test_any_text_is_a_filter_or_refused_within_its_length(text: str) -> None:
    assert 0 <= place_of_fault(text) <= len(text)


@given(st.sampled_from([*EXAMPLES, *PROVIDERS]), st.data())
def test_a_filter_with_a_fault_in_it_is_read_or_refused(text: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(len(text), begin + 3)))
    damaged = text[:begin] + data.draw(st.just("") | PIECES | st.characters()) + text[end:]
    assert 0 <= place_of_fault(damaged) <= len(damaged)
