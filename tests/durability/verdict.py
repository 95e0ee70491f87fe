"""What may be there at the end, by the clients' diaries alone.

An operation took effect, if it did, between its begin and its end; one without an answer has
no end. So whatever the order was, the last one that took effect is one of those that no
acknowledged one began after the end of.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import inf

from tests.durability.diary import Content, Deed, Kind

#: What a path may hold: the contents that could have been the last, None for nothing.
Possible = frozenset[Content | None]


def possible(deeds: Iterable[Deed]) -> dict[str, Possible]:
    """For every path that a diary names, what may be there."""
    by_path: dict[str, list[Deed]] = defaultdict(list)
    for deed in deeds:
        by_path[deed.path].append(deed)
    return {path: _last(found) for path, found in by_path.items()}


def _last(deeds: list[Deed]) -> Possible:
    changes = [deed for deed in deeds if deed.kind in (Kind.PUT, Kind.DELETE)]
    settled = [deed for deed in changes if settles(deed)]
    latest = max((deed.begun for deed in settled), default=-inf)
    last = [deed for deed in changes if settled_at(deed) >= latest]
    contents: set[Content | None] = {deed.content for deed in last}
    if not settled:
        contents.add(None)  # none of them has to have happened
    return frozenset(contents)


def settles(deed: Deed) -> bool:
    """Whether an answer says what was there at some moment between begin and end.

    A DELETE that found nothing does: nothing was there.
    """
    return deed.acknowledged or (deed.kind is Kind.DELETE and deed.status == 404)


def settled_at(deed: Deed) -> float:
    """Until when it may have taken effect."""
    return deed.ended if settles(deed) and deed.ended is not None else inf


def wrongs(found: Mapping[str, Content | None], deeds: list[Deed]) -> list[str]:
    """What is wrong with what was found under each path, and with answers on the way."""
    wrong = [f"{deed.id} {deed.path}: {deed.wrong}" for deed in deeds if deed.wrong]
    for path, contents in possible(deeds).items():
        if found.get(path) not in contents:
            history = [deed for deed in deeds if deed.path == path]
            wrong.append(f"{path} holds {found.get(path)}, not one of {contents}: {history}")
    return wrong
