"""What comes from people and programs, parsed once: names, roles, actions, grants.

Errors name the field and the rule, never the value.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import TypeAlias

from auth.errors import InvalidField
from auth.patterns import is_pattern, parse_pattern
from auth.principals import Action, Grants, Role

NAME_CHARACTERS_MOST = 200
#: Grants of a user are read with each of his requests, so they stay small (about 30 KB).
GRANTS_MOST = 500

#: Grants as a caller gives them: for ids of repositories or patterns, texts or actions.
GivenGrants: TypeAlias = Mapping[str, Iterable[str]]


def parse_name(text: str, field: str = "name") -> str:
    """A name to show: NFC, without blanks around it, 1 to 200 characters, none a control."""
    if len(text) > 4 * NAME_CHARACTERS_MOST:  # NFC joins up to four code points to one
        raise InvalidField(field, f"must have 1 to {NAME_CHARACTERS_MOST} characters")
    name = unicodedata.normalize("NFC", text).strip()
    if not 1 <= len(name) <= NAME_CHARACTERS_MOST:
        raise InvalidField(field, f"must have 1 to {NAME_CHARACTERS_MOST} characters")
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in name):
        raise InvalidField(field, "must hold no control characters")
    return name


def parse_role(text: str, field: str = "role") -> Role:
    try:
        return Role(text)
    except ValueError as error:
        raise InvalidField(field, f"must be one of {', '.join(Role)}") from error


def parse_action(text: str, field: str = "permissions") -> Action:
    try:
        return Action(text)
    except ValueError as error:
        raise InvalidField(field, f"takes the actions {', '.join(Action)}") from error


def parse_grants(given: GivenGrants, existing: Collection[str], field: str) -> Grants:
    """Grants on repositories that exist, or on whatever fits a pattern.

    Args:
        given: for ids of repositories or patterns of names, the actions allowed there.
        existing: ids of repositories that there are, those of `given` at least.
        field: what errors call it.

    Raises:
        InvalidField: too many, a repository that is not there, or an unknown action.
    """
    if len(given) > GRANTS_MOST:
        raise InvalidField(field, f"may name at most {GRANTS_MOST} repositories")
    if not all(place in existing for place in given if not is_pattern(place)):
        raise InvalidField(field, "names a repository that does not exist")
    return {
        parse_pattern(place, field) if is_pattern(place) else place: frozenset(
            parse_action(text, field) for text in texts
        )
        for place, texts in given.items()
    }


def parse_expiry(expires: datetime | None, now: datetime, field: str = "expires") -> None:
    """Return if a key may end then. Raises InvalidField: without a time zone, or past."""
    if expires is None:
        return
    if expires.tzinfo is None:
        raise InvalidField(field, "must have a time zone")
    if expires <= now:
        raise InvalidField(field, "must lie in the future")
