"""Writes events: as the witness of the commit that they tell of, under a keyed MAC.

The event is made anew at each attempt, so its time and id are those of the attempt that
took effect, and a commit whose answer was lost is decided by looking for it.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from storage import keys
from storage.events.event import Actor
from storage.metadata import Add, Attempt, Delete, Key, Operation, Put, Record, Witness
from storage.metadata.operations import version_after

_PERSON = b"strongroom-event"  # 16 bytes, the personalization of BLAKE2b


class Journal:
    """Makes the witnesses that commits carry.

    Args:
        secrets: the installation's secret keys; the first seals, all of them open.
    """

    def __init__(self, *secrets: bytes) -> None:
        if not secrets:
            raise ValueError("a journal needs a secret key")
        self._keys = tuple(
            hashlib.blake2b(secret, digest_size=32, person=_PERSON).digest() for secret in secrets
        )

    def event(self, organization: str, actor: Actor, action: str, **details: Any) -> Witness:
        """An event to pass to `commit`. `details` hold ids and figures, nothing personal."""
        return _EventWitness(self, organization, actor, action, details)

    def seal(self, key: Key, value: Mapping[str, Any]) -> str:
        """The MAC of a record of the feed, over its key and its value."""
        return self._mac(self._keys[0], key, value)

    def genuine(self, record: Record) -> bool:
        """Whether a record of the feed was written with one of the secret keys."""
        value = dict(record.value)
        mac = value.pop("mac", "")
        return isinstance(mac, str) and any(
            hmac.compare_digest(mac.encode(), self._mac(secret, record.key, value).encode())
            for secret in self._keys
        )

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
        value: dict[str, Any] = {
            "action": self.action,
            "user": self.actor.user,
            "credential": self.actor.credential,
            "request": self.actor.request,
            "details": dict(self.details),
            "puts": [
                [*op.key, version_after(op, fresh)] for op in operations if isinstance(op, Put)
            ],
            "deletes": [[*op.key, op.at] for op in operations if isinstance(op, Delete)],
            "adds": [[*op.key, _changed(op)] for op in operations if isinstance(op, Add)],
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
        return (event, Put(who, side, absent=True))


def _changed(add: Add) -> dict[str, int]:
    """The counters that an operation changes: those that it only holds to a limit stay out."""
    return {name: amount for name, amount in add.amounts.items() if amount}
