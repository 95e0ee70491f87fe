"""Which filters can't be evaluated: they are refused before anything is looked at."""

import pytest

from app.scim.attributes import Attribute
from app.scim.errors import InvalidFilter
from app.scim.evaluating import matcher, value_matcher
from app.scim.expressions import AttributePath, Within
from app.scim.filters import parse_filter
from app.scim.schemas import USER
from tests.scim.badges import BADGE, CORE, EXTRA, SCHEMAS
from tests.scim.filter_texts import EXAMPLES, KNOWN


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_filters_of_the_rfc_can_be_evaluated_on_users(text: str) -> None:
    matcher(parse_filter(text, KNOWN), USER)


@pytest.mark.parametrize(
    "text, place, expected",
    [
        ('unknown eq "x"', 0, "an attribute of Badge"),
        ('title pr and unknown eq "x"', 13, "an attribute of Badge"),
        ("not (unknown pr)", 5, "an attribute of Badge"),
        ("unknown[value pr]", 0, "an attribute of Badge"),
        ("urn:other:badge:title pr", 0, "an attribute of Badge"),
        (f"{EXTRA}:title pr", 0, "an attribute of Badge"),
        ("number pr", 0, "an attribute of Badge"),
        ("name.unknown pr", 0, "a part that"),
        ("title.value pr", 0, "a part that"),
        ("doors[unknown pr]", 6, "a part that"),
        ("doors[type.value pr]", 6, "a part that"),
        (f"doors[{CORE}:type pr]", 6, "a part that"),
        ("doors[type pr].unknown pr", 15, "a part that"),
        ("title[value pr]", 0, "has parts"),
        ("tags[value pr]", 0, "has parts"),
        ("secret pr", 0, "may be shown"),
        ('secret sw "a"', 0, "may be shown"),
        ("secret eq null", 0, "may be shown"),
        ("doors.pin pr", 0, "may be shown"),
        ("doors[pin pr]", 6, "may be shown"),
        ("doors[type pr].pin pr", 15, "may be shown"),
        ('name eq "x"', 0, "parts"),
        ("name eq null", 0, "parts"),
        ('rooms co "x"', 0, "parts"),
        ("active gt true", 0, "one of eq, ne for"),
        ('active co "t"', 0, "one of eq, ne for"),
        ('photo gt "a"', 0, "one of eq, ne, co, sw, ew for"),
        ('since sw "2026"', 0, "one of eq, ne, gt, ge, lt, le for"),
        ("uses co 1", 0, "one of eq, ne, gt, ge, lt, le for"),
        ("weight ew 1", 0, "one of eq, ne, gt, ge, lt, le for"),
        ("title eq 1", 9, "a text"),
        ("title co true", 9, "a text"),
        ("doors eq 1", 9, "a text"),
        ("link eq 1", 8, "a text"),
        ("photo eq 1", 9, "a text"),
        ("active eq 1", 10, "true or false"),
        ('active eq "yes"', 10, "true or false"),
        ('uses eq "1"', 8, "a number"),
        ("weight lt true", 10, "a number"),
        ("since gt 1", 9, "a time"),
        ('since gt "yesterday"', 9, "a time"),
        ('since gt "2026-02-30T00:00:00Z"', 9, "a time"),
        ('since gt "2026-02-01"', 9, "a time"),
        ('since gt "2026-02-01T00:00:00"', 9, "a time"),
        ('since gt "0001-01-01T00:00:00+23:59"', 9, "a time"),
        ("title gt null", 9, "eq and ne alone"),
        ("title co null", 9, "eq and ne alone"),
        ('doors[type eq "x" and seen gt null]', 30, "eq and ne alone"),
        ("doors[primary gt true]", 6, "one of eq, ne for"),
    ],
)
def test_what_can_not_be_compared_is_refused_at_its_place(
    text: str, place: int, expected: str
) -> None:
    with pytest.raises(InvalidFilter) as raised:
        matcher(parse_filter(text, SCHEMAS), BADGE)
    assert raised.value.place == place
    assert expected in str(raised.value)


@pytest.mark.parametrize(
    "text", ['password eq "x"', "password pr", f"{USER.schema.id}:PassWord ne null"]
)
def test_no_filter_tells_anything_of_a_password(text: str) -> None:
    with pytest.raises(InvalidFilter):
        matcher(parse_filter(text, KNOWN), USER)


def test_brackets_within_brackets_are_refused_however_they_came_about() -> None:
    inner = Within(AttributePath("type"), parse_filter("value pr"))
    with pytest.raises(InvalidFilter):
        matcher(Within(AttributePath("doors"), inner), BADGE)
    with pytest.raises(InvalidFilter):
        matcher(Within(AttributePath("doors", "type"), parse_filter("value pr")), BADGE)


def attribute(name: str) -> Attribute:
    found = BADGE.attribute(name)
    assert found is not None
    return found


def test_a_filter_of_values_is_about_one_value() -> None:
    doors = attribute("doors")
    wanted = parse_filter('TYPE eq "a" and not (primary eq "True")')
    fits = value_matcher(wanted, doors)
    assert fits({"type": "a"})
    assert fits({"Type": "a", "primary": False})
    assert not fits({"type": "a", "primary": True})
    assert not fits({})


@pytest.mark.parametrize(
    "name, text, place",
    [
        ("doors", "unknown pr", 0),
        ("doors", "type pr and doors.type pr", 12),
        ("doors", "type gt 1", 8),
        ("doors", "pin pr", 0),
        ("title", "value pr", 0),
        ("tags", 'value eq "x"', 0),
    ],
)
def test_a_filter_of_values_knows_the_attributes_parts_alone(
    name: str, text: str, place: int
) -> None:
    with pytest.raises(InvalidFilter) as raised:
        value_matcher(parse_filter(text), attribute(name))
    assert raised.value.place == place
