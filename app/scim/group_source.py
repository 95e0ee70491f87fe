"""Where lists of groups come from."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from app.scim.attributes import ResourceType
from app.scim.group_resources import group_resource
from app.scim.limits import GROUPS_WITH_MEMBERS, MEMBERS_SHOWN
from app.scim.schemas import GROUP
from app.scim.sources import Page, Resource, Wants, batches, total
from auth.errors import Missing
from auth.principals import Authority
from auth.provisioned_group_reading import PAGE_MOST
from auth.provisioned_groups import ProvisionedGroups
from auth.records import Group
from storage import keys
from storage.metadata import Key, Record
from storage.metadata.recent import Recent


class GroupSource:
    """Groups."""

    indexed = frozenset({"id", "displayName", "externalId"})

    def __init__(self, recent: Recent, groups: ProvisionedGroups) -> None:
        self._recent = recent
        self._groups = groups

    @property
    def type(self) -> ResourceType:
        return GROUP

    def needs(self, organization: str, name: str, value: str) -> tuple[Key, ...]:
        if name == "id":
            return self._groups.needs(organization, value)
        if name == "displayName":
            return self._groups.name_needs(organization, value)
        return self._groups.external_id_needs(organization, value)

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
        return None if found is None else self._show(by, found, wants, base)

    def page(self, by: Authority, skipped: int, most: int, wants: Wants, base: str) -> Page:
        partition = keys.groups(by.organization)
        after = self._recent.skip(partition, skipped) if most else None
        groups = () if after is None else islice(self._behind(by, after, most), most)
        shown = list(self._bounded(by, groups, wants, base))
        return Page(shown, total(self._recent, partition, skipped, shown))

    def all(self, by: Authority, wants: Wants, base: str) -> Iterator[Resource]:
        for group in self._behind(by, "", PAGE_MOST):
            resource = self._show(by, group, wants, base)
            if resource is not None:
                yield resource

    def those(
        self, by: Authority, ids: Iterable[str], wants: Wants, base: str
    ) -> Iterator[Resource]:
        groups = (group for some in batches(ids) for group in self._groups.those(by, some))
        return self._bounded(by, groups, wants, base)

    def _behind(self, by: Authority, after: str, at_once: int) -> Iterator[Group]:
        """All groups behind an id, read by pages of so many as they are taken."""
        following: str | None = after
        while following is not None:
            page = self._groups.list(by, following, at_once)
            yield from page.items
            following = page.next

    def _bounded(
        self, by: Authority, groups: Iterable[Group], wants: Wants, base: str
    ) -> Iterator[Resource]:
        """What one answer shows of groups: with members fewer, in all, but one at least."""
        if wants("members"):
            groups = islice(groups, GROUPS_WITH_MEMBERS)
        members = 0
        for group in groups:
            resource = self._show(by, group, wants, base)
            if resource is not None:
                before, members = members, members + len(resource.get("members", ()))
                if before and members > MEMBERS_SHOWN:
                    return
                yield resource

    def _find(
        self, by: Authority, name: str, value: str, records: Mapping[Key, Record]
    ) -> Group | None:
        if name == "displayName":
            return self._groups.find_by_name(by, value, records)
        if name == "externalId":
            return self._groups.find_by_external_id(by, value, records)
        try:
            return self._groups.get(by, value, records)
        except Missing:
            return None

    def _show(self, by: Authority, group: Group, wants: Wants, base: str) -> Resource | None:
        """A group, with its members where these are wanted; None where it is gone meanwhile."""
        if not wants("members"):
            return group_resource(group, None, base)
        try:
            group, members = self._groups.members(by, group.id)
        except Missing:
            return None
        return group_resource(group, members, base)
