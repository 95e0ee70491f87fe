"""Filters: what is of the grammar, and what it means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scim.errors import InvalidFilter
from app.scim.expressions import And, AttributePath, Comparison, Filter, Not, Or, Present, Within
from app.scim.filters import MOST_COMPARISONS, MOST_DEPTH, parse_filter
from app.scim.grammar import MOST_CHARACTERS
from tests.scim.badges import SCHEMAS, filters
from tests.scim.filter_texts import (
    ENTERPRISE,
    EXAMPLES,
    KNOWN,
    PROVIDERS,
    USER,
    Writer,
    at,
    compared,
)
from tests.scim.naive import conditions_in, placeless

NAMED = compared("userName", "eq", "x")


def parsed(text: str) -> Filter:
    """The filter, without places."""
    return placeless(parse_filter(text, KNOWN))


@pytest.mark.parametrize("text", [*EXAMPLES, *PROVIDERS])
def test_the_filters_of_the_rfc_and_of_providers_are_read(text: str) -> None:
    assert parsed(text) == {**EXAMPLES, **PROVIDERS}[text]


A, B, C, D = (Present(at(name)) for name in "abcd")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("a pr or b pr and c pr", Or(A, And(B, C))),
        ("a pr and b pr or c pr", Or(And(A, B), C)),
        ("(a pr or b pr) and c pr", And(Or(A, B), C)),
        ("not (a pr) and b pr", And(Not(A), B)),
        ("not (a pr and b pr) or c pr", Or(Not(And(A, B)), C)),
        ("a pr and b pr and c pr", And(And(A, B), C)),
        ("a pr or b pr or c pr", Or(Or(A, B), C)),
        ("a pr and (b pr and c pr)", And(A, And(B, C))),
        ("not(not(a pr))", Not(Not(A))),
        ("a pr or b pr and not (c pr or d pr)", Or(A, And(B, Not(Or(C, D))))),
        ("((((a pr))))", A),
        ("x[not (a pr) or b pr and c pr]", Within(at("x"), Or(Not(A), And(B, C)))),
        ("x[a pr].b pr or c pr", Or(Within(at("x"), And(A, B)), C)),
        ("x[a pr or b pr].c pr", Within(at("x"), And(Or(A, B), C))),
    ],
)
def test_not_binds_closer_than_and_and_that_closer_than_or(text: str, expected: Filter) -> None:
    assert parsed(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ('userName Eq "x"', NAMED),
        (' \t\r\nuserName  EQ\t"x" \n', NAMED),
        ('NOT (userName eQ "x")', Not(NAMED)),
        ("a PR AND b pR Or NoT ( c Pr )", Or(And(A, B), Not(C))),
        ("eq eq TRUE", compared("eq", "eq", True)),
        ("and pr AND or pr", And(Present(at("and")), Present(at("or")))),
    ],
)
def test_keywords_have_any_case_and_blanks_any_length(text: str, expected: Filter) -> None:
    assert parsed(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("true", True),
        ("False", False),
        ("NULL", None),
        ("0", 0),
        ("-12", -12),
        ("1.50", 1.5),
        ("2E3", 2000.0),
        ("-0.5e-1", -0.05),
        ("1" * 40, int("1" * 40)),
        ('""', ""),
        (r'"\"\\\/\b\f\n\r\t"', '"\\/\b\f\n\r\t'),
        (r'"\u00e9\uD83D\uDE00"', "é😀"),
        ('"é😀 ] ) and ("', "é😀 ] ) and ("),
        ('"\x7f\u2028"', "\x7f\u2028"),
        (r'"\u0000"', "\0"),
    ],
)
def test_values_are_those_of_json(text: str, expected: str | float | bool | None) -> None:
    found = parse_filter(f"a eq {text}")
    assert isinstance(found, Comparison)
    assert found.value == expected
    assert type(found.value) is type(expected)


@pytest.mark.parametrize(
    "word, expected",
    [
        (f"{USER}:userName", AttributePath("userName", schema=USER)),
        (f"{ENTERPRISE}:manager.value", AttributePath("manager", "value", ENTERPRISE)),
        (
            f"{ENTERPRISE.upper()}:manager.$ref",
            AttributePath("manager", "$ref", ENTERPRISE.upper()),
        ),
        ("urn:other:1.5:Thing:a.b", AttributePath("a", "b", "urn:other:1.5:Thing")),
        (f"{USER}s:userName", AttributePath("userName", schema=f"{USER}s")),
        ("a-b_c$1.$ref", AttributePath("a-b_c$1", "$ref")),
    ],
)
def test_a_urn_is_told_from_the_name_behind_it(word: str, expected: AttributePath) -> None:
    assert parsed(f"{word} pr") == Present(expected)


def test_of_two_known_urns_the_longer_one_counts() -> None:
    found = parse_filter("urn:a:b:c:d pr", ["urn:a:b", "urn:a:b:c", "urn:a"])
    assert found == Present(AttributePath("d", schema="urn:a:b:c"))
    with pytest.raises(InvalidFilter):
        parse_filter("urn:a:b:c pr", ["urn:a", "urn:a:b:c"])


def test_places_are_those_of_the_paths_and_of_the_values() -> None:
    text = f' {USER}:a eq  1 and not (b[c  ne "x"].d pr)'
    found = list(conditions_in(parse_filter(text, KNOWN)))
    assert [text[one.path.place :][:3] for one in found] == ["urn", "b[c", "c  ", "d p"]
    values = [text[one.place :][:3] for one in found if isinstance(one, Comparison)]
    assert values == ["1 a", '"x"']


def nested(depth: int, begin: str, end: str) -> str:
    return begin * depth + "a pr" + end * depth


@pytest.mark.parametrize("begin, end", [("(", ")"), ("not (", ")"), ("a pr and (", ")")])
def test_32_brackets_may_be_within_each_other_and_no_more(begin: str, end: str) -> None:
    parse_filter(nested(MOST_DEPTH, begin, end))
    with pytest.raises(InvalidFilter, match="at most 32") as raised:
        parse_filter(nested(MOST_DEPTH + 1, begin, end))
    assert raised.value.place == len(begin) * (MOST_DEPTH + 1) - 1
    parse_filter(nested(MOST_DEPTH - 1, begin, end).replace("a pr", "x[a pr]", 1))
    with pytest.raises(InvalidFilter, match="at most 32"):
        parse_filter(nested(MOST_DEPTH, "(", ")").replace("a pr", "x[a pr]"))


def test_brackets_beside_each_other_are_not_within_each_other() -> None:
    parse_filter(" and ".join(["((a pr))"] * MOST_COMPARISONS))


@pytest.mark.parametrize("one", ["a pr", "a eq 1", "x[a pr]"])
def test_a_filter_has_100_comparisons_and_no_more(one: str) -> None:
    parse_filter(" or ".join([one] * MOST_COMPARISONS))
    with pytest.raises(InvalidFilter, match="at most 100"):
        parse_filter(" or ".join([one] * (MOST_COMPARISONS + 1)))


def test_a_comparison_behind_a_value_filter_counts_too() -> None:
    with pytest.raises(InvalidFilter, match="at most 100"):
        parse_filter(" or ".join(["x[a pr].b pr"] * (MOST_COMPARISONS // 2 + 1)))


def test_a_filter_has_8192_characters_and_no_more() -> None:
    around = len('a eq ""')
    parse_filter(f'a eq "{"x" * (MOST_CHARACTERS - around)}"')
    with pytest.raises(InvalidFilter, match="at most 8192 characters"):
        parse_filter(f'a eq "{"x" * (MOST_CHARACTERS - around + 1)}"')


@given(filters(), st.data())
def test_a_filter_that_was_written_is_read_as_it_was(filter_: Filter, data: st.DataObject) -> None:
    text = f" {Writer(data).write(filter_)} "
    found = parse_filter(text, SCHEMAS)
    assert placeless(found) == placeless(filter_)
    for one in conditions_in(found):
        written = one.path.name if one.path.schema is None else one.path.schema
        assert text.startswith(written, one.path.place)
