"""Groups: made, replaced, patched and deleted, with their members."""

from collections.abc import Callable, Mapping
from typing import Any

from app.scim.attributes import ResourceType
from app.scim.errors import TooMany
from app.scim.group_resources import group_resource
from app.scim.limits import MOST_MEMBERS
from app.scim.member_patches import member_changes
from app.scim.operations import Done, scim_names
from app.scim.patch_messages import read_patch
from app.scim.patching import patch
from app.scim.resources import read_resource
from app.scim.schemas import GROUP
from app.scim.versions import Condition, version_tag
from auth.principals import Authority
from auth.provisioned_groups import ProvisionedGroups, WantedChange, WantedGroup
from auth.records import Group


class GroupOperations:
    """The groups of whatever organization the authority is for."""

    def __init__(self, groups: ProvisionedGroups) -> None:
        self._groups = groups

    @property
    def type(self) -> ResourceType:
        return GROUP

    def create(
        self, by: Authority, body: Mapping[str, Any], base: str, new_id: str | None = None
    ) -> Done:
        resource = read_resource(body, GROUP)
        members = _members_in(resource)
        wanted = WantedGroup(
            name=resource["displayName"],
            external_id=resource.get("externalId"),
            members=members,
        )
        with scim_names():
            group = self._groups.create(by, wanted, new_id)
        return _done(group, group_resource(group, sorted(members), base))

    def replace(
        self, by: Authority, id_: str, body: Mapping[str, Any], condition: Condition, base: str
    ) -> Done:
        resource = read_resource(body, GROUP)
        members = _members_in(resource)

        def decide(group: Group, _load: Callable[[], frozenset[str]]) -> WantedChange:
            condition.check(version_tag(group.version))
            external = resource.get("externalId")
            return WantedChange(resource["displayName"], external, whole=members)

        with scim_names():
            group = self._groups.change(by, id_, decide)
        return _done(group, group_resource(group, sorted(members), base))

    def patch(
        self, by: Authority, id_: str, body: Mapping[str, Any], condition: Condition, base: str
    ) -> Done:
        """Only the members that it speaks of are looked at, and none are answered: whoever
        changes one of 10,000 waits for one."""
        others, changes = member_changes(read_patch(body), GROUP)

        def decide(group: Group, load: Callable[[], frozenset[str]]) -> WantedChange:
            condition.check(version_tag(group.version))
            resource = patch(group_resource(group, None, base), others, GROUP)
            change = changes.apply(load() if changes.needs_all else None)
            return WantedChange(
                resource["displayName"],
                resource.get("externalId"),
                add=change.add,
                remove=change.remove,
                whole=change.whole,
            )

        with scim_names():
            group = self._groups.change(by, id_, decide)
        return _done(group, None)

    def delete(self, by: Authority, id_: str, condition: Condition) -> None:
        def decide(group: Group) -> None:
            condition.check(version_tag(group.version))

        with scim_names():
            self._groups.delete(by, id_, decide)


def _members_in(resource: Mapping[str, Any]) -> frozenset[str]:
    """The ids of the members that a resource names. Raises TooMany."""
    members = frozenset(str(one["value"]) for one in resource.get("members", ()))
    if len(members) > MOST_MEMBERS:
        raise TooMany(f"a group has at most {MOST_MEMBERS} members")
    return members


def _done(group: Group, resource: Mapping[str, Any] | None) -> Done:
    return Done(group.id, resource, version_tag(group.version))
