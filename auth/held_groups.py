"""Which groups somebody is in: what his record says of them, with the groups' own records."""

from collections.abc import Collection, Iterable, Mapping

from auth.membership_entries import parse_entry
from auth.records import Group, User, read_group
from storage import keys
from storage.metadata import Key, Record
from storage.metadata.operations import KEYS_PER_GET
from storage.metadata.recent import Recent


def group_places(organization: str, entries: Iterable[str]) -> list[Key]:
    """Where the groups lie that a user's record names."""
    return [keys.group(organization, parse_entry(one).group) for one in entries]


class HeldGroups:
    """Reads groups for who may know of them."""

    def __init__(self, recent: Recent) -> None:
        self._recent = recent

    def those(
        self, organization: str, entries: Iterable[str], records: Mapping[Key, Record]
    ) -> tuple[Group, ...]:
        """The groups of one user, by what his record says, in the order of their names: one read
        for 100 that `records` do not hold."""
        named = tuple(entries)
        return _held(organization, named, self._read(group_places(organization, named), records))

    def of_users(self, organization: str, users: Collection[User]) -> dict[str, tuple[Group, ...]]:
        """The groups of each of some users, by his id: one read for 100 groups of all together."""
        places = [place for user in users for place in group_places(organization, user.groups)]
        found = self._read(places, {})
        return {user.id: _held(organization, user.groups, found) for user in users}

    def _read(self, wanted: Iterable[Key], records: Mapping[Key, Record]) -> dict[Key, Record]:
        found = dict(records)
        missing = [key for key in dict.fromkeys(wanted) if key not in found]
        for start in range(0, len(missing), KEYS_PER_GET):
            found |= self._recent.get(*missing[start : start + KEYS_PER_GET])
        return found


def _held(
    organization: str, entries: Iterable[str], found: Mapping[Key, Record]
) -> tuple[Group, ...]:
    groups = []
    for entry in map(parse_entry, dict.fromkeys(entries)):
        record = found.get(keys.group(organization, entry.group))
        if record is not None and entry.holds(record.value):
            groups.append(read_group(record))
    return tuple(sorted(groups, key=lambda group: (group.name.casefold(), group.id)))
