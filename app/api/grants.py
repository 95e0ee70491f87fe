"""Grants and scopes: names of repositories outside, their ids inside.

A grant holds the id, so that a repository made later under the same name is not granted by
it. A name that is not there is an error: a misspelt grant must not be silently without effect.
One that the caller may not know of gets the same words, so that nobody can try names out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from app.repositories import Catalogue, InvalidName, RepositoryName
from auth.errors import InvalidField
from auth.fields import GRANTS_MOST, parse_action
from auth.principals import Action, Authority


@dataclass(frozen=True, slots=True)
class ById:
    """Grants by the ids of repositories, and the names of those by their ids."""

    grants: Mapping[str, list[Action]]
    names: Mapping[str, str]


def by_ids(catalogue: Catalogue, by: Authority, field: str, given: Mapping[str, list[str]]) -> ById:
    """What was given, by ids: of repositories that this authority may know of.

    Costs one read for a hundred names, and none for none. Raises InvalidField.
    """
    if len(given) > GRANTS_MOST:
        raise InvalidField(field, f"may name at most {GRANTS_MOST} repositories")
    asked = {name: _parse(name, field) for name in given}
    found = catalogue.named(by.organization, asked.values())
    grants: dict[str, list[Action]] = {}
    names: dict[str, str] = {}
    for name, actions in given.items():
        repository = found.get(asked[name])
        if repository is None or not by.knows(repository.id):
            raise _not_there(field)
        grants[repository.id] = [parse_action(action, field) for action in actions]
        names[repository.id] = name
    return ById(grants, names)


def _parse(name: str, field: str) -> RepositoryName:
    try:
        return RepositoryName.parse(name)
    except InvalidName as error:
        raise _not_there(field) from error


def _not_there(field: str) -> InvalidField:
    return InvalidField(field, "names a repository that is not there")
