"""What two grants both allow: never more than either, as far as ids and patterns can say it.

Pure. Where two patterns fit some names in common and neither fits all of the other's, no one
pattern says which, and what they have in common is left out.
"""

from collections.abc import Mapping

from auth.patterns import fits, is_pattern
from auth.principals import NOTHING, Action, Grants


def in_both(one: Grants, other: Grants, names: Mapping[str, str]) -> dict[str, frozenset[Action]]:
    """What is granted by both. `names` are those of the repositories whose ids are in them."""
    common: dict[str, frozenset[Action]] = {}
    for place, actions in one.items():
        for place_there, actions_there in _meeting(place, other):
            met = _met(place, place_there, names)
            both = actions & actions_there
            if met is not None and both:
                common[met] = common.get(met, NOTHING) | both
    return common


def _meeting(place: str, other: Grants) -> list[tuple[str, frozenset[Action]]]:
    """What of other grants can have anything in common with a place."""
    if is_pattern(place):
        return list(other.items())
    found = [(there, actions) for there, actions in other.items() if is_pattern(there)]
    return [*found, (place, other[place])] if place in other else found


def _met(one: str, other: str, names: Mapping[str, str]) -> str | None:
    """The place that is in both, None where there is none that can be said."""
    if one == other:
        return one
    if not is_pattern(one):
        return one if is_pattern(other) and fits(other, names.get(one, "")) else None
    if not is_pattern(other):
        return other if fits(one, names.get(other, "")) else None
    # A pattern that fits the other's text, its stars taken as they are, fits all that it fits.
    if fits(other, one):
        return one
    return other if fits(one, other) else None
