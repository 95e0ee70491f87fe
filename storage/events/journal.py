"""Writes events: as the witness of the commit that they tell of, under a keyed MAC.

The event is made anew at each attempt, so its time and id are those of the attempt that
took effect, and a commit whose answer was lost is decided by looking for it.
"""

import hashlib
import hmac
import json
import secrets as random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from storage import keys
from storage.events.event import Actor
from storage.events.seals import Notary
from storage.metadata import Add, Attempt, Delete, Key, Operation, Put, Record, Witness
from storage.metadata.operations import version_after

#: How long an event's address and agent are kept, where nobody says otherwise.
ADDRESS_DAYS = 90

_PERSON = b"strongroom-event"  # 16 bytes, the personalization of BLAKE2b

#: Families whose keys hold hashes of addresses or tokens, or are gone within days: history, which
#: is kept for longer, does not name them.
_UNNAMED = frozenset({"attempts", "seen", "mail", "resets", "reset-of"})


class Journal:
    """Makes the witnesses that commits carry.

    Args:
        secrets: the installation's secret keys; the first seals, all of them open.
        address_days: how long the side record of an event is kept.
    """

    def __init__(self, *secrets: bytes, address_days: int = ADDRESS_DAYS) -> None:
        if not secrets:
            raise ValueError("a journal needs a secret key")
        self.addresses_kept = timedelta(days=address_days)
        self.notary = Notary(*secrets)
        self._keys = tuple(
            hashlib.blake2b(secret, digest_size=32, person=_PERSON).digest() for secret in secrets
        )

    def event(self, organization: str, actor: Actor, action: str, **details: Any) -> Witness:
        """An event to pass to `commit`. `details` hold ids and figures, nothing personal."""
        return _EventWitness(self, organization, actor, action, details)

    def several(self, organization: str, happened: Sequence["Happened"]) -> Witness:
        """Events of one commit that tell of what happened before it, at least one of them."""
        return _SeveralWitness(self, organization, tuple(happened))

    def seal(self, key: Key, value: Mapping[str, Any]) -> str:
        """The MAC of a record of the feed, over its key and its value."""
        return self._mac(self._keys[0], key, value)

    def genuine(self, record: Record) -> bool:
        """Whether a record of the feed was written with one of the secret keys."""
        return self.key_of(record) is not None

    def key_of(self, record: Record) -> int | None:
        """Which of the secret keys it was written with, None where it was none."""
        value = dict(record.value)
        mac = value.pop("mac", "")
        if not isinstance(mac, str):
            return None
        for number, secret in enumerate(self._keys):
            made = self._mac(secret, record.key, value)
            if hmac.compare_digest(mac.encode(errors="surrogatepass"), made.encode()):
                return number
        return None

    @staticmethod
    def _mac(secret: bytes, key: Key, value: Mapping[str, Any]) -> str:
        text = json.dumps([key.partition, key.sort, value], sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode(), key=secret, digest_size=32).hexdigest()


@dataclass(frozen=True, slots=True)
class _EventWitness:
    journal: Journal
    organization: str
    actor: Actor
    action: str
    details: Mapping[str, Any]

    def puts(
        self, attempt: Attempt, operations: Sequence[Operation], fresh: int
    ) -> tuple[Put, ...]:
        stripe, sort = keys.stripe(attempt.id), f"{keys.time(attempt.at)}#{attempt.id}"
        key = Key(keys.events(self.organization, attempt.at, stripe), sort)
        named = [op for op in operations if _is_named(op.key)]
        value: dict[str, Any] = {
            "action": self.action,
            "user": self.actor.user,
            "credential": self.actor.credential,
            "request": self.actor.request,
            "details": dict(self.details),
            "puts": [[*op.key, version_after(op, fresh)] for op in named if isinstance(op, Put)],
            "deletes": [[*op.key, op.at] for op in named if isinstance(op, Delete)],
            "adds": [[*op.key, _changed(op)] for op in named if isinstance(op, Add)],
        }
        value["mac"] = self.journal.seal(key, value)
        event = Put(key, value, absent=True)
        if self.actor.address is None and self.actor.agent is None:
            return (event,)
        side = {
            "user": self.actor.user,
            "address": self.actor.address,
            "agent": (self.actor.agent or "")[:500] or None,
        }
        who = Key(keys.who(self.organization, attempt.at, stripe), sort)
        expires = attempt.at + self.journal.addresses_kept
        return (event, Put(who, side, absent=True, expires=expires))


@dataclass(frozen=True, slots=True)
class Happened:
    """What one of several events says; the time of its key is that of its writing."""

    actor: Actor
    action: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _SeveralWitness:
    journal: Journal
    organization: str
    happened: tuple[Happened, ...]

    def puts(
        self, attempt: Attempt, operations: Sequence[Operation], fresh: int
    ) -> tuple[Put, ...]:
        puts: list[Put] = []
        for number, one in enumerate(self.happened):
            witness = _EventWitness(
                self.journal, self.organization, one.actor, one.action, one.details
            )
            # The first one is looked for where the answer was lost, by the attempt's own id.
            own = attempt if number == 0 else replace(attempt, id=random.token_hex(16))
            puts += witness.puts(own, (), fresh)
        return tuple(puts)


def _is_named(key: Key) -> bool:
    return _UNNAMED.isdisjoint(key.partition.split("#", 2)[1:2])


def _changed(add: Add) -> dict[str, int]:
    """The counters that an operation changes: those that it only holds to a limit stay out."""
    return {name: amount for name, amount in add.amounts.items() if amount}
