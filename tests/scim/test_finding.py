"""What one list may look at."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from app.scim import finding
from app.scim.errors import TooMany
from app.scim.finding import Finding
from app.scim.limits import LOOKED_AT
from app.scim.queries import ListQuery
from app.scim.schemas import GROUP, USER
from app.scim.sources import Source
from auth.principals import operating
from storage.events import SYSTEM

BY = operating("a" * 16, SYSTEM)


class Endless:
    """A source of one resource, as often as somebody looks."""

    indexed = frozenset({"id"})

    def __init__(self, resource: dict[str, Any], type_: Any = USER) -> None:
        self.type = type_
        self.looked_at = 0
        self._resource = resource

    def all(self, *_: object) -> Iterator[dict[str, Any]]:
        while True:
            self.looked_at += 1
            yield self._resource


def looked_at(source: Endless, query: ListQuery) -> int:
    with pytest.raises(TooMany):
        Finding(query, [cast(Source, source)]).answer(BY, {}, "")
    return source.looked_at


def test_a_list_looks_at_so_many_resources() -> None:
    source = Endless({"id": "x", "userName": "x"})
    assert looked_at(source, ListQuery(sort_by="userName")) == LOOKED_AT + 1


def test_members_count_as_resources_do() -> None:
    members = [{"value": str(number)} for number in range(999)]
    source = Endless({"id": "x", "displayName": "x", "members": members}, GROUP)
    query = ListQuery(filter='members eq "x"', count=0)
    assert looked_at(source, query) == LOOKED_AT // 1_000 + 1


def test_a_filter_compares_with_so_many_values() -> None:
    emails = [{"value": f"{number}@x"} for number in range(1_000)]
    text = " or ".join(['emails co "y"'] * 50)
    source = Endless({"id": "x", "userName": "x", "emails": emails})
    assert looked_at(source, ListQuery(filter=text)) == finding.COMPARED // 50_000 + 1
