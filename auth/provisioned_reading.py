"""How provisioned accounts are found and listed: each with his profile, in as few reads as go.

A page is two queries, of users and of profiles, which are in the same order: joined as they come.
What a list shows of one user may be a moment older than what it shows of another.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from auth.errors import InvalidField, Missing
from auth.external_ids import parse_external_id, user_external_id_key
from auth.index_memory import IndexMemory
from auth.principals import Authority, Principal
from auth.provisioned_user import ProvisionedUser, provisioned
from auth.records import Listing, is_id, read_owner
from auth.user_attempts import found_user
from auth.user_names import parse_user_name, user_name_key
from storage import keys
from storage.metadata import Key, Record
from storage.metadata.operations import KEYS_PER_GET
from storage.metadata.recent import Recent

PAGE_MOST = 1000
_USERS_PER_GET = KEYS_PER_GET // 2  # and their profiles


class ProvisionedReading:
    """Finds the users of whatever organization the authority is for.

    Every method but `needs`, its kin and `own` raises Forbidden where that may not provision.
    """

    def __init__(self, recent: Recent) -> None:
        self._recent = recent
        self._indexes = IndexMemory(recent)

    def needs(self, organization: str, user_id: str) -> tuple[Key, ...]:
        """What `get` rests on, for who reads it with more besides: the user and his profile."""
        if not is_id(user_id):
            return ()
        return (keys.user(organization, user_id), keys.profile(organization, user_id))

    def name_needs(self, organization: str, user_name: str) -> tuple[Key, ...]:
        """What `find_by_name` reads first; nothing where it is no name."""
        try:
            index = user_name_key(organization, parse_user_name(user_name))
        except InvalidField:
            return ()
        return self._indexes.needs(index)

    def external_id_needs(self, organization: str, external_id: str) -> tuple[Key, ...]:
        """What `find_by_external_id` reads first; nothing where it is no id."""
        try:
            index = user_external_id_key(organization, parse_external_id(external_id))
        except InvalidField:
            return ()
        return self._indexes.needs(index)

    def get(
        self, by: Authority, user_id: str, records: Mapping[Key, Record] | None = None
    ) -> ProvisionedUser:
        """A user; `records` are those of `needs` that exist, where they were read afresh.

        Raises Missing.
        """
        by.require_provisioning()
        wanted = self.needs(by.organization, user_id)
        if not wanted:
            raise Missing("user")
        found = self._recent.get(*wanted) if records is None else records
        user, profile = (found.get(key) for key in wanted)
        return provisioned(found_user(user), profile)

    def own(self, by: Authority, records: Mapping[Key, Record]) -> ProvisionedUser:
        """The user who asks himself, whoever he is; what `records` lack is read.

        Raises Missing: it is no user who asks.
        """
        holder = by.holder
        if not isinstance(holder, Principal) or holder.kind != "member":
            raise Missing("user")
        wanted = self.needs(by.organization, holder.user_id)
        missing = [key for key in wanted if key not in records]
        found = {**records, **self._recent.get(*missing)} if missing else records
        user, profile = (found.get(key) for key in wanted)
        return provisioned(found_user(user), profile)

    def find_by_name(
        self, by: Authority, user_name: str, records: Mapping[Key, Record] | None = None
    ) -> ProvisionedUser | None:
        """The user of that user name, in whatever case, or None; not by an address that is
        another than his user name. `records` are those of `name_needs` that exist."""
        by.require_provisioning()
        found = self._led_to(by, self.name_needs(by.organization, user_name), records)
        if found is None:
            return None
        compared = parse_user_name(user_name).compared
        return found if parse_user_name(found.user_name).compared == compared else None

    def find_by_external_id(
        self, by: Authority, external_id: str, records: Mapping[Key, Record] | None = None
    ) -> ProvisionedUser | None:
        """The user of that external id, or None. `records` are those of `external_id_needs`."""
        by.require_provisioning()
        found = self._led_to(by, self.external_id_needs(by.organization, external_id), records)
        return found if found is not None and found.external_id == external_id else None

    def page(self, by: Authority, after: str, limit: int) -> Listing[ProvisionedUser]:
        """Users in the order of their ids: a query of theirs, and one of their profiles."""
        by.require_provisioning()
        if not 1 <= limit <= PAGE_MOST:
            raise InvalidField("limit", f"lies between 1 and {PAGE_MOST}")
        page = self._recent.query(keys.users(by.organization), "", after, limit)
        profiles = self._profiles(by.organization, after, limit)
        return Listing(tuple(_joined(page.records, profiles)), page.next)

    def all(self, by: Authority) -> Iterator[ProvisionedUser]:
        """All users in the order of their ids, page by page as they are taken."""
        by.require_provisioning()
        users = self._recent.query_all(keys.users(by.organization))
        return _joined(users, self._profiles(by.organization, "", PAGE_MOST))

    def those(self, by: Authority, ids: Iterable[str]) -> list[ProvisionedUser]:
        """The users with these ids that are there, in that order: one read for fifty."""
        by.require_provisioning()
        wanted = [one for one in dict.fromkeys(ids) if is_id(one)]
        found: list[ProvisionedUser] = []
        for start in range(0, len(wanted), _USERS_PER_GET):
            some = wanted[start : start + _USERS_PER_GET]
            needed = [self.needs(by.organization, one) for one in some]
            records = self._recent.get(*(key for pair in needed for key in pair))
            found += (
                provisioned(records[user], records.get(profile))
                for user, profile in needed
                if user in records
            )
        return found

    def _led_to(
        self, by: Authority, needs: Sequence[Key], records: Mapping[Key, Record] | None
    ) -> ProvisionedUser | None:
        """The user whom an index leads to: by one read besides it, where it was not known to."""
        if not needs:
            return None
        read = self._recent.get(*needs) if records is None else records
        index = read.get(needs[0])
        if index is None:
            return None
        wanted = self.needs(by.organization, read_owner(index))
        try:
            found = self._indexes.follow(index.key, wanted, read)
            return self.get(by, read_owner(index), found)
        except Missing:
            return None  # deleted between the two reads

    def _profiles(self, organization: str, after: str, limit: int) -> Iterator[Record]:
        """Profiles in the order of their users' ids, behind one."""
        following: str | None = after
        while following is not None:
            page = self._recent.query(keys.profiles(organization), "", following, limit)
            yield from page.records
            following = page.next


def _joined(users: Iterable[Record], profiles: Iterator[Record]) -> Iterator[ProvisionedUser]:
    """Users with their profiles, both in the order of ids; no more profiles are taken than the
    users need."""
    profile = None
    for user in users:
        while profile is None or profile.key.sort < user.key.sort:
            profile = next(profiles, None)
            if profile is None:
                break
        is_his = profile is not None and profile.key.sort == user.key.sort
        yield provisioned(user, profile if is_his else None)
