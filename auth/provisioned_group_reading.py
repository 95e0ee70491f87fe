"""How groups are found and listed for a provisioning service, in as few reads as go."""

import time
from collections.abc import Callable, Iterable, Mapping

from auth.errors import InvalidField
from auth.external_ids import group_external_id_key, parse_external_id
from auth.fields import parse_name
from auth.group_names import name_key
from auth.group_records import found_group, require_group_id
from auth.index_memory import IndexMemory
from auth.membership_lists import MembershipLists
from auth.principals import Authority
from auth.records import Group, Listing, is_id, read_group
from storage import keys
from storage.metadata import Key, Record
from storage.metadata.operations import KEYS_PER_GET
from storage.metadata.recent import Recent

PAGE_MOST = 1000


class ProvisionedGroupReading:
    """Finds the groups of whatever organization the authority is for.

    Every method but `needs` and its kin raises Forbidden where that may not provision.
    """

    def __init__(self, recent: Recent, sleep: Callable[[float], None] = time.sleep) -> None:
        self._recent = recent
        self._lists = MembershipLists(recent, sleep)
        self._indexes = IndexMemory(recent)

    def needs(self, organization: str, group_id: str) -> tuple[Key, ...]:
        """What `get` rests on, for who reads it with more besides."""
        return (keys.group(organization, group_id),) if is_id(group_id) else ()

    def get(
        self, by: Authority, group_id: str, records: Mapping[Key, Record] | None = None
    ) -> Group:
        """A group; `records` are those of `needs` that exist, where they were read afresh.

        Raises Missing, Forbidden.
        """
        by.require_provisioning()
        require_group_id(group_id)
        key = keys.group(by.organization, group_id)
        found = self._recent.get(key) if records is None else records
        return read_group(found_group(found.get(key)))

    def name_needs(self, organization: str, name: str) -> tuple[Key, ...]:
        """What `find_by_name` reads first."""
        try:
            index = name_key(organization, parse_name(name))
        except InvalidField:
            return ()  # no group has such a name
        return self._indexes.needs(index)

    def external_id_needs(self, organization: str, external_id: str) -> tuple[Key, ...]:
        """What `find_by_external_id` reads first."""
        try:
            index = group_external_id_key(organization, parse_external_id(external_id))
        except InvalidField:
            return ()
        return self._indexes.needs(index)

    def find_by_name(
        self, by: Authority, name: str, records: Mapping[Key, Record] | None = None
    ) -> Group | None:
        """The group of that name, in whatever case; `records` are those of `name_needs` that
        exist, where they were read afresh. Raises Forbidden."""
        by.require_provisioning()
        return self._find(by, self.name_needs(by.organization, name), records)

    def find_by_external_id(
        self, by: Authority, external_id: str, records: Mapping[Key, Record] | None = None
    ) -> Group | None:
        """The group that the service calls so, as `find_by_name`. Raises Forbidden."""
        by.require_provisioning()
        return self._find(by, self.external_id_needs(by.organization, external_id), records)

    def list(self, by: Authority, after: str = "", limit: int = 100) -> Listing[Group]:
        """Groups in the order of their ids. Raises Forbidden."""
        by.require_provisioning()
        if not 1 <= limit <= PAGE_MOST:
            raise InvalidField("limit", f"lies between 1 and {PAGE_MOST}")
        page = self._recent.query(keys.groups(by.organization), "", after, limit)
        return Listing(tuple(read_group(record) for record in page.records), page.next)

    def those(self, by: Authority, ids: Iterable[str]) -> tuple[Group, ...]:
        """Those groups that are there, in the order of the ids: one read for 100. Raises
        Forbidden."""
        by.require_provisioning()
        wanted = [keys.group(by.organization, one) for one in dict.fromkeys(ids) if is_id(one)]
        found: dict[Key, Record] = {}
        for start in range(0, len(wanted), KEYS_PER_GET):
            found |= self._recent.get(*wanted[start : start + KEYS_PER_GET])
        return tuple(read_group(found[key]) for key in wanted if key in found)

    def members(self, by: Authority, group_id: str) -> tuple[Group, tuple[str, ...]]:
        """A group and the ids of all who are in it, in order, as both were at one moment.

        A user who was deleted is among them until that is cleared away. Raises Missing, Forbidden,
        ChangedMeanwhile: it changes more quickly than it is read.
        """
        by.require_provisioning()
        require_group_id(group_id)
        found = self._lists.all(by.organization, group_id)
        return read_group(found.group), found.users

    def _find(
        self, by: Authority, needs: tuple[Key, ...], records: Mapping[Key, Record] | None
    ) -> Group | None:
        if not needs:
            return None
        read = self._recent.get(*needs) if records is None else records
        index = read.get(needs[0])
        if index is None:
            return None
        key = keys.group(by.organization, str(index.value["group"]))
        record = self._indexes.follow(index.key, (key,), read).get(key)
        return None if record is None else read_group(record)
