"""Clears away who was in groups, where a group or a user was deleted, by what the feed tells."""

from collections.abc import Sequence

from auth.left_memberships import LeftMemberships
from storage.events import Event
from storage.metadata.recent import Recent


class LeftMembers:
    """A reader of the feed."""

    def __init__(self, recent: Recent) -> None:
        self._left = LeftMemberships(recent)

    def take(self, organization: str, events: Sequence[Event]) -> None:
        """Look at what was deleted. May be called twice with the same."""
        for event in events:
            if event.action == "group.delete":
                self._left.of_group(organization, str(event.details["subject"]))
            elif event.action == "user.delete":
                groups = event.details.get("groups", ())
                self._left.of_user(organization, str(event.details["subject"]), groups)
