"""Users: made, replaced, patched and deleted."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.privacy import Erasing
from app.scim.attributes import ResourceType
from app.scim.operations import Done, scim_names
from app.scim.patch_messages import read_patch
from app.scim.patching import patch
from app.scim.resources import read_resource
from app.scim.schemas import USER
from app.scim.user_resources import keeping, user_resource, user_version, wanted_user
from app.scim.versions import Condition
from auth.errors import ChangedMeanwhile
from auth.groups import Groups
from auth.left_memberships import LeftMemberships
from auth.membership_entries import parse_entry
from auth.principals import Authority
from auth.provisioned_users import ProvisionedUser, ProvisionedUsers, WantedUser
from storage.metadata import MetadataError, Operation

_log = logging.getLogger("strongroom")


class UserOperations:
    """The users of whatever organization the authority is for.

    `erasing` says what a deletion writes besides, so that what is left of the person goes too.
    """

    def __init__(
        self,
        users: ProvisionedUsers,
        groups: Groups,
        left: LeftMemberships,
        erasing: Erasing,
    ) -> None:
        self._users = users
        self._left = left
        self._groups = groups
        self._erasing = erasing

    @property
    def type(self) -> ResourceType:
        return USER

    def create(
        self, by: Authority, body: Mapping[str, Any], base: str, new_id: str | None = None
    ) -> Done:
        resource = read_resource(body, USER)
        with scim_names():
            return self._done(by, self._users.create(by, wanted_user(resource), new_id), base)

    def replace(
        self, by: Authority, id_: str, body: Mapping[str, Any], condition: Condition, base: str
    ) -> Done:
        resource = read_resource(body, USER)

        def decide(found: ProvisionedUser) -> WantedUser:
            condition.check(user_version(found.user))
            return wanted_user(keeping(resource, found), found)

        with scim_names():
            return self._done(by, self._users.change(by, id_, decide), base)

    def patch(
        self, by: Authority, id_: str, body: Mapping[str, Any], condition: Condition, base: str
    ) -> Done:
        operations = read_patch(body)

        def decide(found: ProvisionedUser) -> WantedUser:
            condition.check(user_version(found.user))
            present = user_resource(found, (), base)
            return wanted_user(patch(present, operations, USER), found)

        with scim_names():
            return self._done(by, self._users.change(by, id_, decide), base)

    def delete(self, by: Authority, id_: str, condition: Condition) -> None:
        groups: list[str] = []
        made: datetime | None = None

        def decide(found: ProvisionedUser) -> None:
            nonlocal groups, made
            condition.check(user_version(found.user))
            groups = [parse_entry(entry).group for entry in found.user.groups]
            made = found.user.created

        def erasing(organization: str, user_id: str) -> Sequence[Operation]:
            return self._erasing(organization, user_id, made)

        with scim_names():
            self._users.delete(by, id_, decide, erasing)
        # Else groups would tell of him until a worker has cleared that away, as one does if this
        # process ends here.
        try:
            self._left.of_user(by.organization, id_, groups)
        except (MetadataError, ChangedMeanwhile) as error:
            _log.warning("groups of a deleted user are left to the worker: %s", error)

    def _done(self, by: Authority, found: ProvisionedUser, base: str) -> Done:
        groups = self._groups.those(by.organization, found.user.groups)
        resource = user_resource(found, groups, base)
        return Done(found.user.id, resource, user_version(found.user))
