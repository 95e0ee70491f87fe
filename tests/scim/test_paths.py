"""Paths: of PATCH, and of attributes by themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scim.errors import InvalidFilter, InvalidPath
from app.scim.expressions import (
    And,
    AttributePath,
    Comparison,
    Filter,
    Operator,
    PatchPath,
)
from app.scim.filters import MOST_COMPARISONS, MOST_DEPTH
from app.scim.grammar import MOST_CHARACTERS
from app.scim.paths import parse_attribute_path, parse_path
from tests.scim.naive import placeless

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
KNOWN = (USER, ENTERPRISE)
ID = "2819c223-7f76-453a-919d-413861904646"


def equal(name: str, value: str | bool) -> Comparison:
    return Comparison(AttributePath(name), Operator.EQ, value)


# The first five are those of RFC 7644, section 3.5.2; providers send the others.
PATHS: dict[str, tuple[AttributePath, Filter | None, str | None]] = {
    "members": (AttributePath("members"), None, None),
    "name.familyName": (AttributePath("name", "familyName"), None, None),
    'addresses[type eq "work"]': (AttributePath("addresses"), equal("type", "work"), None),
    f'members[value eq "{ID}"]': (AttributePath("members"), equal("value", ID), None),
    f'members[value eq "{ID}"].displayName': (
        AttributePath("members"),
        equal("value", ID),
        "displayName",
    ),
    'emails[type eq "work"].value': (AttributePath("emails"), equal("type", "work"), "value"),
    'roles[primary eq "True"].value': (AttributePath("roles"), equal("primary", "True"), "value"),
    'emails[type eq "work" and primary eq true].$ref': (
        AttributePath("emails"),
        And(equal("type", "work"), equal("primary", True)),
        "$ref",
    ),
    'members[$ref eq "x"]': (AttributePath("members"), equal("$ref", "x"), None),
    "manager.$ref": (AttributePath("manager", "$ref"), None, None),
    ENTERPRISE: (AttributePath("", schema=ENTERPRISE), None, None),
    USER.upper(): (AttributePath("", schema=USER.upper()), None, None),
    f"{USER}:userName": (AttributePath("userName", schema=USER), None, None),
    f"{ENTERPRISE}:department": (AttributePath("department", schema=ENTERPRISE), None, None),
    f"{ENTERPRISE}:manager.value": (AttributePath("manager", "value", ENTERPRISE), None, None),
    f'{USER}:emails[type eq "work"].value': (
        AttributePath("emails", schema=USER),
        equal("type", "work"),
        "value",
    ),
    "urn:not:known:2.0:User:a.b": (AttributePath("a", "b", "urn:not:known:2.0:User"), None, None),
    ' emails[ type  EQ "] [" ] ': (AttributePath("emails"), equal("type", "] ["), None),
}


@pytest.mark.parametrize("text", PATHS)
def test_the_paths_of_the_rfc_and_of_providers_are_read(text: str) -> None:
    attribute, filter_, part = PATHS[text]
    found = parse_path(text, KNOWN)
    assert (found.filter and placeless(found.filter)) == filter_
    place = len(text) - len(text.lstrip())
    expected = AttributePath(attribute.name, attribute.part, attribute.schema, place)
    assert found == PatchPath(expected, found.filter, part)


def test_a_urn_that_is_not_known_is_taken_for_an_attribute_behind_one() -> None:
    found = parse_path(ENTERPRISE, [USER])
    assert found == PatchPath(AttributePath("User", schema=ENTERPRISE.removesuffix(":User")))


@pytest.mark.parametrize(
    "text, place",
    [
        ("", 0),
        (" ", 1),
        ("a b", 2),
        ("a, b", 0),
        ("a.b.c", 0),
        ("a.", 0),
        (".a", 0),
        ("$", 0),
        ("/a/b", 0),
        ("a/b", 0),
        ("(a)", 0),
        ('"a"', 0),
        ('"a', 0),
        ('a"', 1),
        ("a]", 1),
        ("a\0", 0),
        ("\ud800", 0),
        ("\uff41", 0),
        ("a[b pr]c", 7),
        ("a[b pr].", 7),
        ("a[b pr].c.d", 7),
        ("a[b pr].c[d pr]", 9),
        ("a[b pr].c eq 1", 10),
        ("a[b pr][c pr]", 7),
        ("a.b[c pr]", 3),
        (f"{USER}[c pr]", 42),
        (f"{USER}:", 43),
        (f"{USER}:.a", 43),
        (f"{USER}.a:b:", 47),
        ("a:b", 0),
        ("a" * (MOST_CHARACTERS + 1), MOST_CHARACTERS),
    ],
)
def test_what_is_no_path_is_refused_at_its_place(text: str, place: int) -> None:
    with pytest.raises(InvalidPath) as raised:
        parse_path(text, KNOWN)
    assert raised.value.place == place


@pytest.mark.parametrize(
    "text, place",
    [
        ("a[", 2),
        ("a[]", 2),
        ("a[b]", 3),
        ("a[b eq]", 6),
        ("a[b eq x]", 7),
        ('a[b eq "x]', 7),
        ("a[b eq 1e999]", 7),
        ('a[b eq "\\ud800"]', 7),
        ("a[b pr", 6),
        ("a[b pr)", 6),
        ("a[b[c pr]]", 3),
        ("a[" + "(" * MOST_DEPTH + "b pr" + ")" * MOST_DEPTH + "]", 1 + MOST_DEPTH),
        ("a[" + " or ".join(["b pr"] * (MOST_COMPARISONS + 1)) + "]", 2 + 8 * MOST_COMPARISONS),
    ],
)
def test_a_fault_in_the_brackets_is_one_of_the_filter(text: str, place: int) -> None:
    """RFC 7644, section 3.12, table 9."""
    with pytest.raises(InvalidFilter) as raised:
        parse_path(text, KNOWN)
    assert raised.value.place == place
    assert str(raised.value).count("at character") == 1


@pytest.mark.parametrize(
    "text, expected",
    [
        ("userName", AttributePath("userName")),
        (" name.familyName ", AttributePath("name", "familyName", place=1)),
        (f"{ENTERPRISE}:manager.value", AttributePath("manager", "value", ENTERPRISE)),
        (ENTERPRISE, AttributePath("", schema=ENTERPRISE)),
        ("members.$ref", AttributePath("members", "$ref")),
    ],
)
def test_an_attribute_is_named_with_its_part_and_its_urn(
    text: str, expected: AttributePath
) -> None:
    assert parse_attribute_path(text, KNOWN) == expected


@pytest.mark.parametrize(
    "text, place",
    [("", 0), ("a,b", 0), ("a b", 2), ("a[b pr]", 1), ("a.b.c", 0), ("ä", 0), ('"a"', 0)],
)
def test_what_names_no_attribute_is_refused_at_its_place(text: str, place: int) -> None:
    with pytest.raises(InvalidPath) as raised:
        parse_attribute_path(text, KNOWN)
    assert raised.value.place == place


NAMES = st.from_regex(r"\A\$?[A-Za-z][A-Za-z0-9_$-]{0,8}\Z")


@given(
    st.sampled_from([None, *KNOWN, ENTERPRISE.lower(), "urn:other:3.1"]),
    NAMES,
    st.none() | NAMES,
)
def test_a_path_that_was_written_is_read_as_it_was(
    schema: str | None, name: str, part: str | None
) -> None:
    before = "" if schema is None else f"{schema}:"
    behind = "" if part is None else f".{part}"
    path = AttributePath(name, part, schema)
    assert parse_attribute_path(f"{before}{name}{behind}", KNOWN) == path
    assert parse_path(f"{before}{name}{behind}", KNOWN) == PatchPath(path)
    found = parse_path(f'{before}{name}[a eq "x"]{behind}', KNOWN)
    assert found.attribute == AttributePath(name, None, schema)
    assert found.part == part


def place_of_fault(text: str) -> int:
    """Where a text is no path, or no attribute; 0 where it is both."""
    places = [0]
    for parse in (parse_path, parse_attribute_path):
        try:
            parse(text, KNOWN)
        except (InvalidPath, InvalidFilter) as refusal:
            places.append(refusal.place)
    return max(places)


@given(st.text() | st.sampled_from([*PATHS]), st.data())
def test_any_text_is_a_path_or_refused_within_its_length(text: str, data: st.DataObject) -> None:
    begin = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(begin, min(len(text), begin + 2)))
    more = data.draw(st.sampled_from([*'.:[]()" \\$a\0é\ud800', "", " pr", " eq ", USER]))
    damaged = text[:begin] + more + text[end:]
    assert 0 <= place_of_fault(damaged) <= len(damaged)
