"""What may be there at the end, by the clients' diaries alone.

An operation took effect, if it did, between its begin and its end; one without an answer has
no end. So whatever the order was, the last one that took effect is one of those that no
acknowledged one began after the end of.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import inf

from tests.durability.diary import Content, Deed, Kind
from tests.durability.own import Possible


def possible(deeds: Iterable[Deed]) -> dict[str, Possible]:
    """For every path of a file that a diary names, what may be there."""
    by_path: dict[str, list[Deed]] = defaultdict(list)
    of_folders = []
    for deed in deeds:
        if deed.kind.is_of_a_folder:
            of_folders.append(deed)
        else:
            by_path[deed.path].append(deed)
    for path, found in by_path.items():
        found += [deed for deed in of_folders if path.startswith(deed.path)]
    return {path: _last(found) for path, found in by_path.items()}


def _last(deeds: list[Deed]) -> Possible:
    changes = [deed for deed in deeds if deed.changes and not deed.is_refused]
    settled = [deed for deed in changes if deed.settles]
    latest = max((deed.begun for deed in settled), default=-inf)
    contents: set[Content | None] = set()
    for deed in changes:
        if settled_at(deed) >= latest:
            contents |= _left_by(deed, deeds)
    if not settled:
        contents.add(None)  # none of them has to have happened
    return frozenset(contents)


def _left_by(deed: Deed, deeds: list[Deed]) -> Possible:
    """What may be under a path once a deed took effect there."""
    if not deed.kind.brings_back:
        return frozenset({deed.content})
    # Anything that was there before, and something for sure, unless it may have been purged.
    uploads = [other for other in deeds if other.changes and other.content is not None]
    contents: set[Content | None] = {other.content for other in uploads}
    certain = any(other.settles and settled_at(other) < deed.begun for other in uploads)
    purged = any(other.kind is Kind.PURGE for other in deeds)
    if deed.kind is Kind.RECOVER and (purged or not certain):
        contents.add(None)
    return frozenset(contents)


def settled_at(deed: Deed) -> float:
    """Until when it may have taken effect."""
    return deed.ended if deed.settles and deed.ended is not None else inf


def wrongs(found: Mapping[str, Content | None], deeds: list[Deed]) -> list[str]:
    """What is wrong with what was found under each path, and with answers on the way."""
    wrong = [f"{deed.id} {deed.path}: {deed.wrong}" for deed in deeds if deed.wrong]
    for path, contents in possible(deeds).items():
        if found.get(path) not in contents:
            history = [
                deed
                for deed in deeds
                if deed.path == path or (deed.kind.is_of_a_folder and path.startswith(deed.path))
            ]
            wrong.append(f"{path} holds {found.get(path)}, not one of {contents}: {history}")
    return wrong
