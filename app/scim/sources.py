"""Where lists come from: resources of one kind, with their indexes and their order of ids."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from app.scim.attributes import ResourceType
from auth.principals import Authority
from storage.metadata import Key, Record
from storage.metadata.recent import Recent

#: A resource as SCIM shows it.
Resource: TypeAlias = dict[str, Any]
#: Whether an attribute of that name is asked for: what costs reads is left out else.
Wants: TypeAlias = Callable[[str], bool]

_BATCH = 100

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page:
    """Resources, and how many there are in all."""

    resources: list[Resource]
    total: int


class Source(Protocol):
    """The resources of one kind, of whatever organization the authority is for.

    Lists are in the order of ids. Raises Forbidden, and what the store does.
    """

    @property
    def type(self) -> ResourceType: ...

    @property
    def indexed(self) -> frozenset[str]:
        """The attributes by which one is found without looking at others."""

    def needs(self, organization: str, name: str, value: str) -> tuple[Key, ...]:
        """What `find` reads first, for who reads it with more besides."""

    def find(
        self,
        by: Authority,
        name: str,
        value: str,
        records: Mapping[Key, Record],
        wants: Wants,
        base: str,
    ) -> Resource | None:
        """The one with that value of an indexed attribute, by records read for `needs`."""

    def page(self, by: Authority, skipped: int, most: int, wants: Wants, base: str) -> Page:
        """At most so many, behind those skipped; fewer where they are large, but one at least."""

    def all(self, by: Authority, wants: Wants, base: str) -> Iterator[Resource]: ...

    def those(
        self, by: Authority, ids: Iterable[str], wants: Wants, base: str
    ) -> Iterator[Resource]:
        """The first of those with these ids that are there still, in that order; as many as a
        page holds."""


def total(recent: Recent, partition: str, skipped: int, shown: Sequence[Resource]) -> int:
    """How many there are in all, where these are those behind so many: the rest is counted."""
    if not shown:
        return recent.count(partition)
    return skipped + len(shown) + recent.count(partition, after=str(shown[-1]["id"]))


def batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """The same in lists of a hundred, the last one shorter."""
    some: list[Item] = []
    for item in items:
        some.append(item)
        if len(some) == _BATCH:
            yield some
            some = []
    if some:
        yield some
