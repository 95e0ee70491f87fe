"""Clears away who was in groups, where a group or a user was deleted, by what the feed tells; and
ends changes of very many members that whoever made them has left behind."""

from collections.abc import Sequence

from auth.left_memberships import LeftMemberships
from auth.membership_healing import MembershipHealing
from storage.events import Event, Journal
from storage.metadata.recent import Recent


class LeftMembers:
    """A reader of the feed."""

    def __init__(self, recent: Recent, journal: Journal) -> None:
        self._left = LeftMemberships(recent, journal)
        self._healing = MembershipHealing(recent, journal)

    def take(self, organization: str, events: Sequence[Event]) -> None:
        """Look at what was deleted. May be called twice with the same."""
        for event in events:
            if event.action == "group.delete":
                self._left.of_group(organization, str(event.details["subject"]))
            elif event.action == "user.delete":
                groups = event.details.get("groups", ())
                self._left.of_user(organization, str(event.details["subject"]), groups)
        # No event tells that nothing went on: it is one query, in each round of the feed.
        self._healing.left(organization)
