"""Uses a link: whoever has its token sets a password, once.

A token that is good for nothing costs the same whatever is wrong with it: one read of the link,
one of its user, one commit that counts the failure by address, and no slow hash.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from auth import links
from auth.callers import epoch_of
from auth.decisions import decided
from auth.emails import EmailAddress
from auth.errors import LinkEnded
from auth.fields import parse_name
from auth.links import Kind
from auth.notices import notice
from auth.outbox import Outbox
from auth.password_rules import require_strong
from auth.passwords import Parameters, hash_password
from auth.rates import Rate, Rates, network_of
from auth.records import time_text
from auth.slow_hashes import SlowHashes
from auth.standing import Standing
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import Operation, Put, Record
from storage.metadata.recent import Recent

#: Wrong tokens from an address. They cannot be guessed; this bounds what trying costs us.
WRONG_TOKENS: Final = Rate("wrong tokens", 30, timedelta(minutes=1))
#: What a use is called in history, by the kind of its link.
_ACTIONS = {"reset": "password.reset", "invitation": "invitation.accept"}


@dataclass(frozen=True, slots=True)
class Use:
    """A token as somebody sent it, with what he wants; `name` None leaves the name."""

    kind: Kind
    token: str = field(repr=False)
    password: str = field(repr=False)
    name: str | None = field(default=None, repr=False)


class LinkUses:
    """Uses links. Safe for many threads."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        outbox: Outbox,
        rates: Rates,
        slow_hashes: SlowHashes,
        parameters: Parameters,
        clock: Callable[[], datetime],
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._outbox = outbox
        self._rates = rates
        self._slow_hashes = slow_hashes
        self._parameters = parameters
        self._clock = clock

    def use(self, standing: Standing, use: Use, actor: Actor) -> None:
        """Set the password of the user whom a link stands for, and end what he had signed in to.

        His sessions and verified passwords end with the epoch; his API keys and his second
        factor stay. A mail tells him that a password was reset.

        Raises:
            Missing, Suspended: the organization is not served.
            TooManyAsked: too many wrong tokens came from this address.
            LinkEnded: the token is good for nothing; nothing tells why.
            InvalidField: the password or the name; the token stays good.
            Busy: no slow hash could be had in time; the token stays good.
        """
        name = None if use.name is None else parse_name(use.name)
        hashed: list[str] = []  # once, however often the commit has to be decided anew

        def hash_once(email: EmailAddress) -> str:
            require_strong(use.password, email)
            if not hashed:
                with self._slow_hashes.slot():
                    hashed.append(hash_password(use.password, self._parameters))
            return hashed[0]

        decided(lambda: self._use(standing, use, name, hash_once, actor))

    def _use(
        self,
        standing: Standing,
        use: Use,
        name: str | None,
        hash_once: Callable[[EmailAddress], str],
        actor: Actor,
    ) -> None:
        organization, now = standing.organization, self._clock()
        token_hash = links.token_hash(use.token)
        key = keys.reset(organization, token_hash)
        network = network_of(actor.address or "")
        wrong = self._rates.tally(organization, WRONG_TOKENS, network, now)
        records = self._recent.get(standing.key, key, wrong.key)
        standing.check(records)
        wrong.judge(records)
        link = records.get(key)
        # Of a token that is nobody's, an id that nobody has: so the reads are the same.
        user_key = keys.user(organization, links.owner_of(link) or token_hash)
        found = self._recent.get(user_key).get(user_key)
        try:
            user, email, using = links.used(organization, link, found, use.kind, now)
        except LinkEnded:
            self._recent.commit(wrong.counted())
            raise
        value = _with_password(user, hash_once(email), name, now)
        event = self._journal.event(
            organization, actor, _ACTIONS[use.kind], subject=user.key.sort, epoch=value["epoch"]
        )
        told: tuple[Operation, ...] = ()
        if use.kind == "reset":  # of an invitation's first password there is nothing to tell
            told = notice(self._outbox, organization, user, "password")
        put = Put(user.key, value, at=user.version)
        self._recent.commit(put, *using, *told, witness=event)


def _with_password(user: Record, password: str, name: str | None, now: datetime) -> dict[str, Any]:
    value = {
        **user.value,
        "password": password,
        "epoch": epoch_of(user) + 1,
        "updated": time_text(now),
    }
    value.pop("invited_until", None)
    if name is not None:
        value["name"] = name
    return value
