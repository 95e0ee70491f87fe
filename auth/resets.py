"""Resetting a forgotten password: asked for by anybody, used by who reads the mail.

Nothing tells whether there is an account. Asking costs the same for everyone: one read of the
address and the rates, one of the user and his link, and one commit that counts and writes a link
and a mail. Where there is nobody to mail (no such address, a disabled user, one without a
password), the same is written of a stand-in, whose token nobody gets. All of that goes by itself:
history is told by who delivers the mail, and only of those that somebody gets, so that whoever
likes can't fill it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from auth import links
from auth.callers import epoch_of
from auth.decisions import decided
from auth.emails import EmailAddress, email_key, parse_email
from auth.link_uses import LinkUses, Use
from auth.outbox import Asked, Letter, Outbox
from auth.passwords import STRONG, Parameters
from auth.rates import Rate, Rates, network_of
from auth.records import read_owner, read_password
from auth.slow_hashes import SlowHashes
from auth.standing import Standing
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import Record
from storage.metadata.recent import Recent

#: Where the link in the mail leads to, before its token.
PATH = "/auth/reset/"
# Each mail voids the one before, so whoever asks in another's name can do so only a few times.
ASKED_BY_ACCOUNT: Final = Rate("resets of an account", 5, timedelta(hours=1))
# An office behind one address.
ASKED_BY_ADDRESS: Final = Rate("resets from an address", 20, timedelta(hours=1))
# Whoever has many addresses: of a company's people no more forget theirs in an hour.
ASKED_OF_ALL: Final = Rate("resets of an organization", 500, timedelta(hours=1))


class Resets:
    """Asks for and uses links that reset a password. Safe for many threads."""

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
        self._outbox = outbox
        self._rates = rates
        self._uses = LinkUses(recent, journal, outbox, rates, slow_hashes, parameters, clock)
        self._clock = clock

    def ask(self, standing: Standing, email: str, actor: Actor) -> None:
        """Mail a link to the user with that address, if there is one who can sign in with a
        password; the link that he had before ends. What is answered must not depend on it.

        Args:
            standing: the organization that the request is for.
            email: as it came in.
            actor: nobody by name, with the request and its network address.

        Raises:
            InvalidField: it is no address.
            Missing, Suspended: the organization is not served.
            TooManyAsked: for this account, from this address, or of all together.
        """
        address = parse_email(email)
        decided(lambda: self._ask(standing, address, actor))

    def use(self, standing: Standing, token: str, password: str, actor: Actor) -> None:
        """Set a new password by a link's token, once; see `LinkUses.use`."""
        self._uses.use(standing, Use("reset", token, password), actor)

    def _ask(self, standing: Standing, email: EmailAddress, actor: Actor) -> None:
        organization, now = standing.organization, self._clock()
        key, network = email_key(organization, email), network_of(actor.address or "")
        tallies = (
            self._rates.tally(organization, ASKED_BY_ACCOUNT, email.compared, now),
            self._rates.tally(organization, ASKED_BY_ADDRESS, network, now),
            self._rates.share(organization, ASKED_OF_ALL, network, now),
        )
        records = self._recent.get(standing.key, key, *(tally.key for tally in tallies))
        standing.check(records)
        for tally in tallies:
            tally.judge(records)
        account = self._account(organization, email, records.get(key))
        letter_to = None if account.user is None else str(account.user.value["email"])
        name = "" if account.user is None else str(account.user.value["name"])
        epoch = 0 if account.user is None else epoch_of(account.user)
        link = links.made(organization, account.id, email, epoch, "reset", now, account.current)
        fields = {"name": name, "path": PATH + link.token}
        letter = Letter("reset", letter_to, fields, Asked(account.id, actor))
        self._recent.commit(
            *(tally.counted() for tally in tallies),
            *link.operations,
            *self._outbox.waiting(organization, letter),
        )

    def _account(
        self, organization: str, email: EmailAddress, address: Record | None
    ) -> "_Account":
        """Whom to mail, or the stand-in for whoever has that address: by one read."""
        stand_in = self._rates.stand_in(organization, email, "link")
        if address is None:
            user_id = self._rates.stand_in(organization, email, "user")
        else:
            user_id = read_owner(address)
        user_key = keys.user(organization, user_id)
        of_user = keys.reset_of(organization, user_id)
        of_stand_in = keys.reset_of(organization, stand_in)
        records = self._recent.get(user_key, of_user, of_stand_in)
        user = records.get(user_key)
        if user is None or not _may_reset(user, email):
            return _Account(stand_in, None, records.get(of_stand_in))
        return _Account(user_id, user, records.get(of_user))


@dataclass(frozen=True, slots=True)
class _Account:
    """Under which id a link is written, of which user if of any, and the record of his link."""

    id: str
    user: Record | None
    current: Record | None


def _may_reset(user: Record, email: EmailAddress) -> bool:
    """Whether a user has a password to reset. Raises CorruptRecord."""
    address = user.value.get("email")
    # It may be another's by now, or what he signs in by alone.
    is_his = isinstance(address, str) and parse_email(address) == email
    return is_his and read_password(user) is not None and user.value.get("active") is True
