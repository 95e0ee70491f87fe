"""Where lists of users come from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from app.scim.attributes import ResourceType
from app.scim.schemas import USER
from app.scim.sources import Page, Resource, Wants, batches, total
from app.scim.user_resources import user_resource
from auth.errors import Missing
from auth.groups import Groups
from auth.principals import Authority
from auth.provisioned_users import ProvisionedUser, ProvisionedUsers
from auth.records import Group
from storage import keys
from storage.metadata import Key, Record
from storage.metadata.recent import Recent


class UserSource:
    """Users."""

    indexed = frozenset({"id", "userName", "externalId"})

    def __init__(self, recent: Recent, users: ProvisionedUsers, groups: Groups) -> None:
        self._recent = recent
        self._users = users
        self._groups = groups

    @property
    def type(self) -> ResourceType:
        return USER

    def needs(self, organization: str, name: str, value: str) -> tuple[Key, ...]:
        if name == "id":
            return self._users.needs(organization, value)
        if name == "userName":
            return self._users.name_needs(organization, value)
        return self._users.external_id_needs(organization, value)

    def find(
        self,
        by: Authority,
        name: str,
        value: str,
        records: Mapping[Key, Record],
        wants: Wants,
        base: str,
    ) -> Resource | None:
        found = self._find(by, name, value, records)
        return None if found is None else next(self._show(by, [found], wants, base))

    def page(self, by: Authority, skipped: int, most: int, wants: Wants, base: str) -> Page:
        partition = keys.users(by.organization)
        after = self._recent.skip(partition, skipped) if most else None
        found: list[ProvisionedUser] = []
        while after is not None and len(found) < most:  # a page of the store may be short
            some = self._users.page(by, after, most - len(found))
            found += some.items
            after = some.next
        shown = list(self._show(by, found, wants, base))
        return Page(shown, total(self._recent, partition, skipped, shown))

    def all(self, by: Authority, wants: Wants, base: str) -> Iterator[Resource]:
        for some in batches(self._users.all(by)):
            yield from self._show(by, some, wants, base)

    def those(
        self, by: Authority, ids: Iterable[str], wants: Wants, base: str
    ) -> Iterator[Resource]:
        for some in batches(ids):
            yield from self._show(by, self._users.those(by, some), wants, base)

    def _find(
        self, by: Authority, name: str, value: str, records: Mapping[Key, Record]
    ) -> ProvisionedUser | None:
        if name == "userName":
            return self._users.find_by_name(by, value, records)
        if name == "externalId":
            return self._users.find_by_external_id(by, value, records)
        try:
            return self._users.get(by, value, records)
        except Missing:
            return None

    def _show(
        self, by: Authority, users: Sequence[ProvisionedUser], wants: Wants, base: str
    ) -> Iterator[Resource]:
        """Users with their groups, whose names are one read for a hundred of them."""
        groups: Mapping[str, Sequence[Group]] = {}
        if wants("groups"):
            groups = self._groups.of_users(by.organization, [one.user for one in users])
        for one in users:
            yield user_resource(one, groups.get(one.user.id, ()), base)
