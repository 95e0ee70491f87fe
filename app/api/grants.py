"""Grants and scopes: names of repositories outside, their ids inside.

A grant holds the id, so that a repository made later under the same name is not granted by
it. A name that is not there is an error: a misspelt grant must not be silently without effect.
"""

from app.repositories import Catalogue
from auth.errors import InvalidField
from auth.fields import GivenGrants


def by_ids(
    catalogue: Catalogue, organization: str, field: str, given: dict[str, list[str]]
) -> tuple[GivenGrants, list[str]]:
    """What was given, by the ids of repositories, and those ids. Raises InvalidField."""
    ids = {name: repository for repository, name in catalogue.names(organization).items()}
    for name in given:
        if name not in ids:
            raise InvalidField(field, "names a repository that is not there")
    grants = {ids[name]: actions for name, actions in given.items()}
    return grants, list(grants)
