"""Reads paths: those of PATCH (RFC 7644, section 3.5.2), and names of attributes by themselves,
as `attributes`, `excludedAttributes` and `sortBy` have them."""

from collections.abc import Collection

from app.scim.errors import InvalidFilter, InvalidPath
from app.scim.expressions import AttributePath, PatchPath
from app.scim.filters import take_value_filter
from app.scim.grammar import Cursor, is_schema


def parse_path(text: str, schemas: Collection[str] = ()) -> PatchPath:
    """The path that a text is; `schemas` are the URNs that are known, of the core's and of the
    extensions' schemas. One of these by itself is a path with an empty name.

    Raises:
        InvalidPath: not of the grammar, with its place, or over 8,192 characters.
        InvalidFilter: it is what stands in the brackets that is not. Whether that can be
            evaluated is told by `value_matcher`.
    """
    cursor = Cursor(text, InvalidPath)
    attribute = _take_attribute(cursor, schemas)
    if cursor.next != "[":
        _end(cursor)
        return PatchPath(attribute)
    if attribute.part is not None or not attribute.name:
        raise cursor.refused("brackets behind an attribute alone")
    try:
        found = take_value_filter(cursor, schemas)
    except InvalidPath as error:
        raise InvalidFilter(error.reason, error.place) from error
    part = cursor.take_part()
    _end(cursor)
    return PatchPath(attribute, found, part)


def parse_attribute_path(text: str, schemas: Collection[str] = ()) -> AttributePath:
    """The attribute, or the part of one, that a text names; or all attributes of a schema, by
    its URN and an empty name. Raises InvalidPath."""
    cursor = Cursor(text, InvalidPath)
    found = _take_attribute(cursor, schemas)
    _end(cursor)
    return found


def _take_attribute(cursor: Cursor, schemas: Collection[str]) -> AttributePath:
    place = cursor.place
    if is_schema(cursor.next, schemas):
        return AttributePath("", schema=cursor.take(), place=place)
    return cursor.take_attribute(schemas)


def _end(cursor: Cursor) -> None:
    if cursor.next:
        raise cursor.refused("the end")
