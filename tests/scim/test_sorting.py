"""The order of resources."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.scim.errors import InvalidPath
from app.scim.paths import parse_attribute_path
from app.scim.sorting import sorter
from tests.scim.badges import BADGE, EXTRA, SCHEMAS, resources


def in_order(sort_by: str, badges: list[dict[str, Any]], *, descending: bool = False) -> list[Any]:
    path = parse_attribute_path(sort_by, SCHEMAS)
    ordered = sorted(badges, key=sorter(path, BADGE), reverse=descending)
    return [badge.get("n") for badge in ordered]


@pytest.mark.parametrize(
    "sort_by, values",
    [
        ("title", ["a", "B", "c", "zz", "É", None]),
        ("code", ["B", "a", "c", "zz", "É", None]),
        ("active", [False, True, None]),
        ("uses", [-10, 2, 10, None]),
        ("weight", [-1.5, 0, 0.5, 10**30, None]),
        ("since", ["2026-01-01T00:00:00+02:00", "2025-12-31T23:00:00Z", "2026-01-01T00:00:00Z"]),
        ("tags", [["a", "z"], ["b"], ["c", "a"], []]),
        (
            "doors",
            [
                [{"value": "a"}],
                [{"value": "z"}, {"value": "B", "primary": True}],
                [{"value": "c"}],
                [],
            ],
        ),
    ],
)  # fmt: skip
def test_resources_are_put_in_order_and_those_without_a_value_last(
    sort_by: str, values: list[Any]
) -> None:
    badges = [{"n": number, sort_by: value} for number, value in enumerate(values)]
    expected = list(range(len(values)))
    assert in_order(sort_by, badges[::-1]) == expected
    assert in_order(sort_by, badges, descending=True) == expected[::-1]


def test_parts_and_extensions_are_sorted_by_too() -> None:
    badges = [
        {"n": 0, "doors": [{"type": "z"}, {"type": "a", "primary": True}], EXTRA: {"number": "2"}},
        {"n": 1, "doors": [{"type": "c"}, {"type": "a"}], EXTRA: {"number": "1"}},
        {"n": 2, "doors": [{"value": "a"}], EXTRA: {"chief": {"value": "x"}}},
    ]
    assert in_order("DOORS.TYPE", badges) == [0, 1, 2]
    assert in_order(f"{EXTRA}:number", badges) == [1, 0, 2]
    assert in_order(f"{EXTRA}:chief.value", badges) == [2, 0, 1]


@pytest.mark.parametrize(
    "sort_by",
    ["unknown", "name", "rooms", "name.unknown", "secret", "doors.pin", EXTRA, f"{EXTRA}:title"],
)
def test_what_can_not_be_sorted_by_is_refused(sort_by: str) -> None:
    with pytest.raises(InvalidPath):
        sorter(parse_attribute_path(sort_by, SCHEMAS), BADGE)


@given(
    st.sampled_from(["title", "code", "active", "uses", "weight", "since", "tags", "doors", "id",
                     "doors.seen", "rooms.floor", "name.family", f"{EXTRA}:number"]),
    st.lists(resources(), min_size=2, max_size=5),
)  # fmt: skip
def test_any_resources_can_be_put_in_order(sort_by: str, badges: list[dict[str, Any]]) -> None:
    path = parse_attribute_path(sort_by, SCHEMAS)
    keys = sorted(map(sorter(path, BADGE), badges))
    assert all(one <= other for one, other in itertools.pairwise(keys))
    assert [absent for absent, _ in keys] == sorted(absent for absent, _ in keys)
