"""What filters mean for resources."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scim.evaluating import matcher, pinned
from app.scim.expressions import And, Filter, Not, Or
from app.scim.filters import MOST_COMPARISONS, MOST_DEPTH, parse_filter
from app.scim.schemas import ENTERPRISE, GROUP, USER
from tests.scim.badges import BADGE, EXTRA, SCHEMAS, filters, resources
from tests.scim.naive import holds

CORE = USER.schema.id
KNOWN = (CORE, GROUP.schema.id, ENTERPRISE.id)
JENSEN = {
    "schemas": [CORE, ENTERPRISE.id],
    "id": "2819C223",
    "externalId": "Bjensen",
    "userName": "BJensen@Example.com",
    "name": {"formatted": "Ms. Barbara O'Malley", "familyName": "O'Malley"},
    "displayName": "",
    "title": "Vice President",
    "userType": "Employee",
    "active": True,
    "emails": [
        {"value": "bjensen@example.com", "type": "work", "primary": True},
        {"value": "babs@example.org", "type": "home"},
    ],
    "ims": [{"value": "babs", "type": "xmpp"}],
    "phoneNumbers": [],
    "roles": [{"value": "reader"}],
    ENTERPRISE.id: {"employeeNumber": "701984", "manager": {"value": "26118915"}},
    "meta": {"resourceType": "User", "lastModified": "2011-05-13T04:42:34Z"},
}


def finds(text: str, resource: dict[str, Any] = JENSEN) -> bool:
    """Whether a filter finds a user."""
    return matcher(parse_filter(text, KNOWN), USER)(resource)


def fits(filter_: Filter, badge: dict[str, Any]) -> bool:
    """Whether a filter that was read finds a badge."""
    return matcher(filter_, BADGE)(badge)


def found_in(text: str, badge: dict[str, Any]) -> bool:
    """Whether a filter finds a badge."""
    return fits(parse_filter(text, SCHEMAS), badge)


@pytest.mark.parametrize(
    "text, expected",
    [
        ('userName eq "bjensen@EXAMPLE.COM"', True),
        ('USERNAME eq "bjensen@example.com"', True),
        ('userName eq "bjensen"', False),
        ('userName sw "BJ"', True),
        ('userName ew ".COM"', True),
        ('userName co "SEN@"', True),
        ('userName gt "BJ"', True),
        ('userName lt "bk"', True),
        ('name.familyName co "o\'mall"', True),
        (f'{CORE}:userName sw "b"', True),
        (f'{CORE.upper()}:NAME.FAMILYNAME eq "o\'malley"', True),
        ('id eq "2819C223"', True),
        ('id eq "2819c223"', False),  # exact
        ('externalId eq "bjensen"', False),
        ('externalId sw "Bj"', True),
        ("title pr", True),
        ("displayName pr", False),  # empty
        ('displayName eq ""', True),
        ("nickName pr", False),
        ("name pr", True),
        ("emails pr", True),
        ("phoneNumbers pr", False),
        ("addresses pr", False),
        ("active pr", True),
        ("active eq true", True),
        ('active eq "True"', True),
        ('active ne "FALSE"', True),
        ("active eq false", False),
        ('emails co "example.org"', True),
        ('emails.value ew ".org"', True),
        ('emails.type eq "work"', True),
        ('emails.type ne "work"', True),  # there is one that differs
        ('not (emails.type eq "work")', False),
        ('emails[type eq "work" and value co "@example.org"]', False),  # not one and the same
        ('emails[type eq "home" and value co "@example.org"]', True),
        ('emails[type eq "home"].value eq "babs@example.org"', True),
        ('emails[type eq "work"].value eq "babs@example.org"', False),
        ('emails[not (type eq "work") and not (primary pr)]', True),
        ('emails[type eq "other" or value sw "BABS"]', True),
        ('emails.primary eq "true"', True),
        ('phoneNumbers ne "1"', True),
        ('phoneNumbers.type eq "work"', False),
        ('phoneNumbers[type ne "work"]', False),  # no value at all
        (f'schemas eq "{ENTERPRISE.id}"', True),
        (f'{ENTERPRISE.id}:employeeNumber eq "701984"', True),
        (f'{ENTERPRISE.id}:manager.value eq "26118915"', True),
        (f'{ENTERPRISE.id.lower()}:Manager[value eq "26118915"]', True),
        (f"{ENTERPRISE.id}:department pr", False),
        ('meta.lastModified eq "2011-05-13T06:42:34.000+02:00"', True),
        ('meta.lastModified gt "2011-05-13T04:42:33.999Z"', True),
        ('meta.lastModified ge "2011-05-12T23:42:34-05:00"', True),
        ('meta.lastModified lt "2011-05-13T04:42:34+00:01"', False),
        ('meta.lastModified lt "2011-05-13T04:42:34-00:01"', True),
        ('meta.resourceType eq "User"', True),
        ('meta.created lt "2030-01-01T00:00:00Z"', False),
        ('userType eq "Employee" and not (emails co "example.net")', True),
        ('title pr and userType eq "Intern" or active eq true', True),
        ('title pr and (userType eq "Intern" or active eq false)', False),
    ],
)
def test_a_filter_finds_what_it_says(text: str, expected: bool) -> None:
    assert finds(text) is expected


@pytest.mark.parametrize(
    "operator, of_absent, of_present",
    [
        ("eq null", True, False),
        ("ne null", False, True),
        ('eq "x"', False, False),
        ('ne "x"', True, True),
        ('co "x"', False, False),
        ('sw ""', False, True),
        ('gt ""', False, True),
        ("pr", False, True),
    ],
)
@pytest.mark.parametrize("path", ["title", "name.given", "tags", "doors", f"{EXTRA}:chief.value"])
def test_what_is_absent_equals_null_and_differs_from_all_else(
    path: str, operator: str, of_absent: bool, of_present: bool
) -> None:
    value = {"value": "y"}
    present = {"title": "y", "name": {"given": "y"}, "tags": ["y"], "doors": [value]}
    assert found_in(f"{path} {operator}", {**present, EXTRA: {"chief": value}}) is of_present
    empty: tuple[dict[str, Any], ...] = (
        {},
        {"title": None, "name": None, "tags": None, "doors": None, EXTRA: None},
        {"name": {}, "tags": [], "doors": [], EXTRA: {}},
        {"name": {"given": None}, "tags": [None], "doors": [{}], EXTRA: {"chief": {}}},
    )
    for nothing in empty:
        assert found_in(f"{path} {operator}", nothing) is of_absent


@pytest.mark.parametrize(
    "badge",
    [
        {"title": 1, "active": "true", "uses": "1", "weight": True, "since": 1, "tags": "x"},
        {"title": ["y"], "since": "yesterday", "uses": True, "weight": [{}], "tags": [1, {}]},
        {"name": "x", "doors": "x", "rooms": [1, None, ["x"]], EXTRA: ["x"]},
        {"name": ["x"], "doors": {"value": 1}, "rooms": {"floor": "1"}, EXTRA: {"chief": "x"}},
        {"weight": float("nan"), "uses": float("inf"), "active": {}, "photo": 1, "code": {}},
    ],
)
def test_what_was_stored_in_another_form_equals_nothing_and_fails_nothing(
    badge: dict[str, Any],
) -> None:
    for text in (
        'title eq "z"', "active eq true", "uses ge 1", "weight le 1", 'tags eq "z"',
        'since gt "2026-01-01T00:00:00Z"', 'name.given eq "x"', 'doors eq "x"',
        'doors[value eq "x"]', "rooms.floor eq 1", f'{EXTRA}:chief.value eq "x"', 'photo sw "x"',
        'code gt "a"',
    ):  # fmt: skip
        assert not found_in(text, badge)
    assert found_in('title ne "z" and active ne true and weight ne 7 and code ne "x"', badge)


def test_text_is_compared_in_every_composition_and_case_unless_it_is_exact() -> None:
    badge = {"title": "Rene\u0301", "code": "Rene\u0301", "photo": "QUJD"}
    assert found_in('title eq "RENÉ" and title ew "É" and title sw "rENÉ"', badge)
    assert found_in(r'title eq "ren\u00e9"', badge)
    assert not found_in('code eq "René"', badge)
    assert not found_in('code eq "RENE\u0301"', badge)
    assert found_in('code eq "Rene\u0301" and code sw "Ren"', badge)
    assert found_in('photo eq "QUJD" and not (photo eq "qujd") and photo co "UJ"', badge)


def test_numbers_are_compared_as_numbers_however_they_are_written() -> None:
    badge = {"uses": 10, "weight": 1.50}
    assert found_in("uses eq 1e1 and uses eq 10.0 and uses gt 9 and uses lt 1.1E1", badge)
    assert found_in("weight eq 1.5 and weight ge 15e-1 and not (weight gt 1.5)", badge)
    assert found_in("uses lt 10000000000000000000000", badge)


def test_of_two_spellings_of_a_name_the_schemas_one_counts() -> None:
    assert found_in('title eq "a"', {"TITLE": "b", "title": "a"})
    assert found_in('title eq "b"', {"TITLE": "b"})


def test_the_largest_filter_is_evaluated() -> None:
    flat = parse_filter(" and ".join(['title ne "x"'] * MOST_COMPARISONS))
    assert fits(flat, {"title": "y"})
    assert not fits(flat, {"title": "x"})
    begin = "title pr and not (" * MOST_DEPTH
    rest = " and ".join(["title pr"] * (MOST_COMPARISONS - MOST_DEPTH))
    deep = parse_filter(f"{begin}{rest}{')' * MOST_DEPTH}")
    assert fits(deep, {"title": "y"})
    assert not fits(deep, {})
    assert pinned(deep, BADGE, ["title"]) is None


@given(filters(), st.lists(resources(), min_size=1, max_size=4))
def test_a_filter_means_what_it_means_when_it_is_written_out_simply(
    filter_: Filter, badges: list[dict[str, Any]]
) -> None:
    found = matcher(filter_, BADGE)
    for badge in badges:
        assert found(badge) is holds(filter_, badge)


@given(filters(), filters(), resources())
def test_and_or_and_not_are_those_of_logic(
    one: Filter, other: Filter, badge: dict[str, Any]
) -> None:
    first, second = fits(one, badge), fits(other, badge)
    assert fits(And(one, other), badge) is (first and second)
    assert fits(Or(one, other), badge) is (first or second)
    assert fits(Not(one), badge) is not first


LOOKED_UP = ("id", "userName", "externalId")


@pytest.mark.parametrize(
    "text, expected",
    [
        ('userName eq "X"', ("userName", "X")),
        ('USERNAME Eq "x"', ("userName", "x")),
        (f'{CORE}:externalid eq "x"', ("externalId", "x")),
        ('((id eq "x"))', ("id", "x")),
        ('userName eq "x" and active eq true', ("userName", "x")),
        ('active eq true and (title pr and id eq "x")', ("id", "x")),
        ('userName eq "x" and id eq "y"', ("userName", "x")),
        ('userType eq "x" and id eq "y"', ("id", "y")),
        ('(title pr or title pr) and id eq "y"', ("id", "y")),
        ('displayName eq "x"', None),
        ('userName eq "x" or id eq "y"', None),
        ('not (userName eq "x")', None),
        ('userName sw "x"', None),
        ('userName ne "x"', None),
        ("userName eq null", None),
        ('emails eq "x"', None),
        ('emails[value eq "x"]', None),
        (f'{ENTERPRISE.id}:employeeNumber eq "x"', None),
        ("title pr", None),
    ],
)
def test_what_all_that_is_found_must_equal_can_be_looked_up(
    text: str, expected: tuple[str, str] | None
) -> None:
    assert pinned(parse_filter(text, KNOWN), USER, LOOKED_UP) == expected


@given(filters(), resources())
def test_what_is_found_equals_what_is_looked_up(filter_: Filter, badge: dict[str, Any]) -> None:
    found = pinned(filter_, BADGE, ["id", "title", "code", "link"])
    if found is not None and fits(filter_, badge):
        name, value = found
        assert fits(parse_filter(f"{name} pr or {name} ne null"), badge)
        present = {key.lower(): one for key, one in badge.items()}[name]
        assert present == value or name == "title"
