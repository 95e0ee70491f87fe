"""Answers lists: by an index where a filter allows it, by a page where there is none, else by
looking at all that there are (RFC 7644, sections 3.4.2 and 3.4.3)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from typing import Any

from app.scim.attributes import ResourceType
from app.scim.errors import InvalidFilter, InvalidPath, InvalidValue, Sensitive, TooMany
from app.scim.evaluating import Matcher, matcher, pinned
from app.scim.expressions import Filter, comparisons_in, names_in
from app.scim.filters import parse_filter
from app.scim.limits import COMPARED, LOOKED_AT
from app.scim.lists import list_response
from app.scim.paths import parse_attribute_path
from app.scim.projecting import Projection
from app.scim.queries import ListQuery
from app.scim.schemas import URNS
from app.scim.sorting import SortKey, sorter
from app.scim.sources import Resource, Source
from auth.principals import Authority
from storage.metadata import Key, Record

_SECRET = "password"  # noqa: S105 - the attribute's name


@dataclass(frozen=True, slots=True)
class _Part:
    """What is asked of one kind of resources; None: nothing."""

    source: Source
    projection: Projection
    fits: Matcher | None
    key: Callable[[Mapping[str, Any]], SortKey] | None
    pinned: tuple[str, str] | None  # an indexed attribute and its value
    looked_at: frozenset[str]  # names that filter and order depend on, in lower case
    comparisons: int  # that the filter makes of each value

    def wants(self, name: str) -> bool:
        """Whether an attribute has to be there, to be shown or to be looked at."""
        return self.projection.wants(name) or self.looks_at(name)

    def looks_at(self, name: str) -> bool:
        """Whether filter or order depend on an attribute."""
        return name.lower() in self.looked_at

    def show(self, resource: Resource) -> dict[str, Any]:
        """The resource as it was asked for."""
        return self.projection.show(resource)


class Finding:
    """One list that was asked for. Made before it is known who asks: it reads nothing.

    Raises:
        InvalidFilter, InvalidPath, InvalidValue, Sensitive.
    """

    def __init__(self, query: ListQuery, sources: Sequence[Source]) -> None:
        self._query = query
        filter_ = None if query.filter is None else parse_filter(query.filter, URNS)
        if filter_ is not None and query.by_url and _SECRET in names_in(filter_):
            raise Sensitive("a URL is written down on its way: no filter in one asks for passwords")
        self._parts = _parts(query, filter_, sources)

    def needs(self, organization: str) -> tuple[Key, ...]:
        """What is read first, for who reads it with more besides."""
        return tuple(
            key
            for part in self._parts
            if part.pinned is not None
            for key in part.source.needs(organization, *part.pinned)
        )

    def answer(self, by: Authority, records: Mapping[Key, Record], base: str) -> dict[str, Any]:
        """The list, as it is answered; `records` were read for `needs`. Raises TooMany."""
        query = self._query
        if all(part.pinned is not None for part in self._parts):
            found = [one for part in self._parts for one in _indexed(part, by, records, base)]
            total, shown = len(found), found[query.start - 1 :][: query.count]
        elif len(self._parts) == 1 and query.filter is None and query.sort_by is None:
            total, shown = self._page(self._parts[0], by, base)
        else:
            total, shown = self._looked_through(by, base)
        return list_response(shown, total, query.start)

    def _page(self, part: _Part, by: Authority, base: str) -> tuple[int, list[Resource]]:
        query, wants = self._query, part.projection.wants
        page = part.source.page(by, query.start - 1, query.count, wants, base)
        return page.total, list(map(part.show, page.resources))

    def _looked_through(self, by: Authority, base: str) -> tuple[int, list[Resource]]:
        """What fits, in its order. Looked at is no more of each than filter and order depend on,
        and kept are ids; those of the page are read once more, whole."""
        found = [
            (key, number, str(resource["id"]))
            for number, part in enumerate(self._parts)
            for key, resource in self._fitting(part, by, base)
        ]
        if self._query.sort_by is not None:
            found.sort(key=lambda one: one[0], reverse=self._query.descending)
        page = found[self._query.start - 1 :][: self._query.count]
        resources = {
            (number, resource["id"]): part.show(resource)
            for number, part in enumerate(self._parts)
            for resource in part.source.those(
                by, [id_ for _, at, id_ in page if at == number], part.projection.wants, base
            )
        }
        there = [resources.get((number, id_)) for _, number, id_ in page]
        return len(found), _unbroken(there)

    def _fitting(self, part: _Part, by: Authority, base: str) -> Iterator[tuple[SortKey, Resource]]:
        """The resources of a kind that fit, with their places in the order. Raises TooMany."""
        looked_at = compared = 0
        for resource in part.source.all(by, part.looks_at, base):
            looked_at += 1 + len(resource.get("members", ()))
            compared += part.comparisons * _values_in(resource)
            if looked_at > LOOKED_AT or compared > COMPARED:
                raise TooMany(
                    f"this looks at more than {LOOKED_AT} resources, or at too many values of"
                    " them: ask for one by userName, displayName, externalId or id, or for"
                    " pages without filter and order"
                )
            if part.fits is None or part.fits(resource):
                yield (True, None) if part.key is None else part.key(resource), resource


def _unbroken(page: Sequence[Resource | None]) -> list[Resource]:
    """The first of a page that are there, up to one that is not: who goes on behind as many as he
    was shown misses none."""
    there = dropwhile(lambda one: one is None, page)
    return [one for one in takewhile(lambda one: one is not None, there) if one is not None]


def _values_in(resource: Resource) -> int:
    """How many values a resource has at most of one attribute: each may be compared."""
    return max((len(one) for one in resource.values() if isinstance(one, list)), default=1)


def _indexed(
    part: _Part, by: Authority, records: Mapping[Key, Record], base: str
) -> Iterator[Resource]:
    """The one that has the value of an index, if all of the filter holds for it."""
    name, value = part.pinned or ("", "")
    found = part.source.find(by, name, value, records, part.wants, base)
    if found is not None and (part.fits is None or part.fits(found)):
        yield part.show(found)


def _parts(
    query: ListQuery, filter_: Filter | None, sources: Sequence[Source]
) -> tuple[_Part, ...]:
    """What is asked of each kind of resources. Of one that lacks an attribute that a filter or
    an order is about nothing is asked, but of all together something has to be."""
    parts: list[_Part] = []
    refused: list[InvalidFilter | InvalidPath] = []
    projections = _projections(query, [source.type for source in sources])
    for source, projection in zip(sources, projections, strict=True):
        try:
            parts.append(_part(query, filter_, source, projection))
        except (InvalidFilter, InvalidPath) as error:
            refused.append(error)
    if parts:
        return tuple(parts)
    first = refused[0]
    if isinstance(first, InvalidPath):  # a scimType that only PATCH has
        raise InvalidValue(f"'sortBy': {first}") from first
    raise first


def _projections(query: ListQuery, types: Sequence[ResourceType]) -> list[Projection]:
    """What is shown of each kind: of one that has no attribute of that name what is shown at all
    events, but one of them has to have it. Raises InvalidValue."""
    found: list[Projection] = []
    refused: list[InvalidPath] = []
    for type_ in types:
        try:
            found.append(Projection.parse(query.attributes, query.excluded, type_))
        except InvalidPath as error:
            refused.append(error)
            found.append(Projection.parse(query.attributes and "id", None, type_))
    if len(refused) == len(types):
        name = "attributes" if query.attributes else "excludedAttributes"
        raise InvalidValue(f"'{name}': {refused[0]}") from refused[0]
    return found


def _part(
    query: ListQuery, filter_: Filter | None, source: Source, projection: Projection
) -> _Part:
    type_ = source.type
    path = None if query.sort_by is None else parse_attribute_path(query.sort_by, URNS)
    looked_at = set() if filter_ is None else names_in(filter_)
    if path is not None:
        looked_at.add(path.name.lower())
    return _Part(
        source,
        projection,
        None if filter_ is None else matcher(filter_, type_),
        None if path is None else sorter(path, type_),
        None if filter_ is None else pinned(filter_, type_, source.indexed),
        frozenset(looked_at),
        0 if filter_ is None else comparisons_in(filter_),
    )
