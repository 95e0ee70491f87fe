"""Grants and scopes: names of repositories outside, their ids inside.

A grant holds the id, so that a repository made later under the same name is not granted by
it; a pattern such as `team-*` is kept as it is, for whatever fits it now or later. A name that
is not there is an error: a misspelt grant must not be silently without effect. One that the
caller may not know of gets the same words, so that nobody can try names out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.api.reading import Fields
from app.repositories import Catalogue, InvalidName, RepositoryName
from auth.errors import InvalidField
from auth.fields import GRANTS_MOST, parse_action
from auth.patterns import is_pattern, parse_pattern
from auth.principals import Action, Authority


@dataclass(frozen=True, slots=True)
class ById:
    """Grants by the ids of repositories or patterns, and the names of those by their ids."""

    grants: Mapping[str, list[Action]]
    names: Mapping[str, str]


def by_ids(catalogue: Catalogue, by: Authority, field: str, given: Mapping[str, list[str]]) -> ById:
    """What was given, by ids: of repositories that this authority may know of.

    Costs one read for a hundred names, and none for none. Raises InvalidField.
    """
    if len(given) > GRANTS_MOST:
        raise InvalidField(field, f"may name at most {GRANTS_MOST} repositories")
    patterns = {
        parse_pattern(name, field): [parse_action(action, field) for action in actions]
        for name, actions in given.items()
        if is_pattern(name)
    }
    asked = {name: _parse(name, field) for name in given if not is_pattern(name)}
    found = catalogue.named(by.organization, asked.values())
    grants: dict[str, list[Action]] = patterns
    names: dict[str, str] = {}
    for name, parsed in asked.items():
        repository = found.get(parsed)
        if repository is None or not by.knows(repository):
            raise _not_there(field)
        grants[repository.id] = [parse_action(action, field) for action in given[name]]
        names[repository.id] = name
    return ById(grants, names)


def read_permissions(catalogue: Catalogue, by: Authority, fields: Fields) -> ById:
    """`permissions` of a new user or group, in the form of `PUT …/permissions`."""
    inner = fields.object("permissions")
    if inner is None:
        return ById({}, {})
    try:
        given = inner.actions("repositories") or {}
        inner.finish()
        return by_ids(catalogue, by, "repositories", given)
    except InvalidField as error:
        raise InvalidField(f"permissions.{error.field}", error.reason) from error


def _parse(name: str, field: str) -> RepositoryName:
    try:
        return RepositoryName.parse(name)
    except InvalidName as error:
        raise _not_there(field) from error


def _not_there(field: str) -> InvalidField:
    return InvalidField(field, "names a repository that is not there")
