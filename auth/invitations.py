"""Inviting people: a user without a password, and a link by which he sets one.

The user is there from the start, so what he may do can be granted before he comes. The link is
good for seven days; disabling or deleting him, another address, or a password that an
administrator sets withdraws it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from auth import links
from auth.callers import epoch_of
from auth.decisions import decided
from auth.emails import parse_email
from auth.errors import Missing, NothingToInviteTo
from auth.key_access import require_to_last
from auth.link_uses import LinkUses, Use
from auth.outbox import Letter, Outbox
from auth.passwords import STRONG, Parameters
from auth.principals import Authority
from auth.rates import Rates
from auth.records import User, is_id, read_password, read_user, time_text
from auth.slow_hashes import SlowHashes
from auth.standing import Standing
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import Operation, Put, Record
from storage.metadata.recent import Recent

#: Where the link in the mail leads to, before its token.
PATH = "/auth/invitation/"


class Invitations:
    """Invites again, and accepts. Safe for many threads."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        outbox: Outbox,
        rates: Rates,
        slow_hashes: SlowHashes,
        parameters: Parameters = STRONG,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._outbox = outbox
        self._uses = LinkUses(recent, journal, outbox, rates, slow_hashes, parameters, clock)
        self._clock = clock

    def invite(self, by: Authority, user_id: str) -> User:
        """Mail a user an invitation; one that he had ends.

        Raises:
            Missing, Forbidden: as the authority allows; not by a key that ends.
            NothingToInviteTo.
        """
        by.require_admin()
        require_to_last(by)
        if not is_id(user_id):
            raise Missing("user")
        return decided(lambda: self._invite(by, user_id))

    def accept(
        self, standing: Standing, token: str, password: str, name: str | None, actor: Actor
    ) -> None:
        """Set the first password (and another name, where there is one) by a link's token,
        once; see `LinkUses.use`."""
        self._uses.use(standing, Use("invitation", token, password, name), actor)

    def _invite(self, by: Authority, user_id: str) -> User:
        organization = by.organization
        key, holder = keys.user(organization, user_id), keys.reset_of(organization, user_id)
        records = self._recent.get(key, holder)
        user = records.get(key)
        if user is None:
            raise Missing("user")
        if read_password(user) is not None or user.value.get("active") is not True:
            raise NothingToInviteTo
        if user.value.get("email") is None:
            raise NothingToInviteTo
        now = self._clock()
        value = {**user.value, "updated": time_text(now)}
        current = records.get(holder)
        operations = inviting(self._outbox, organization, value, now, epoch_of(user), current)
        put = Put(key, value, at=user.version)
        event = self._journal.event(organization, by.actor, "invitation.create", subject=user_id)
        committed = self._recent.commit(put, *operations, witness=event)
        return read_user(Record(key, value, committed.versions[key]))


def inviting(
    outbox: Outbox,
    organization: str,
    user: dict[str, Any],
    now: datetime,
    epoch: int = 0,
    current: Record | None = None,
) -> tuple[Operation, ...]:
    """What invites a user, to be written with his record, which gets to say until when.

    Args:
        outbox: where the mail waits.
        organization: its id.
        user: what his record is to hold.
        now: aware.
        epoch: what it holds of his epoch.
        current: the record of the link that he has (`keys.reset_of`).
    """
    email = parse_email(user["email"])
    link = links.made(organization, user["id"], email, epoch, "invitation", now, current)
    user["invited_until"] = time_text(link.until)
    fields = {"name": user["name"], "path": PATH + link.token}
    letter = Letter("invitation", user["email"], fields, about=user["id"])
    return (*link.operations, *outbox.waiting(organization, letter))
