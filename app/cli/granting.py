"""What `user grant` and `group grant` share: one place's actions, among all that is granted."""

from collections.abc import Sequence

from app.api.grants import ById, by_ids
from app.cli.output import CommandFailed
from app.cli.people import Office
from auth.patterns import is_pattern
from auth.principals import Action, Grants, names_of

PLACE = "a repository, or a pattern of names such as 'team-*'"
ACTIONS = f"of {', '.join(Action)}, with spaces or commas between them; none takes the grant away"


def parse_actions(texts: Sequence[str]) -> list[str]:
    """The actions of a command line. Raises CommandFailed."""
    wanted = [action for text in texts for action in text.split(",")]
    for action in wanted:
        if action not in [known.value for known in Action]:
            raise CommandFailed(f"there is no action {action!r}: {', '.join(Action)}")
    return wanted


def granted(at: Office, permissions: Grants, place: str, wanted: list[str]) -> ById:
    """Grants in which a place has these actions, and all others what they had.

    Raises InvalidField: there is no such place.
    """
    names = at.catalogue.names(at.by.organization, names_of([permissions]))
    given = {
        name: [action.value for action in actions]
        for name, actions in (
            (one if is_pattern(one) else names.get(one), actions)
            for one, actions in permissions.items()
        )
        if name is not None
    }
    given[place] = wanted
    found = by_ids(at.catalogue, at.by, "repository", given)  # that one has to be there
    return ById({one: some for one, some in found.grants.items() if some}, found.names)
