"""Seals: what was written down of the events of a closed minute, so that a later change shows.

A seal covers the time from the end of the one before to the end of its own minute. All of its
events lie in that last minute; before it nothing happened, which is sealed as well. It holds
the hash of each event's record (a leaf) or, of very many, the hash of these hashes alone, and
the hash of the seal before: who changes one would have to change all that follow, and to know
the secret key for each of them.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from storage.metadata import Record

MINUTE = timedelta(minutes=1)
FIRST = ""  # what the first seal names as the one before

#: An event's record: its stripe and what its sort key holds behind the minute, and its hash.
Leaf: TypeAlias = tuple[str, str]

_PERSON = b"strongroom-audit"  # 16 bytes, the personalization of BLAKE2b
_LEAF_BYTES = 20
_MINUTE_CHARACTERS = len("20261123T1158")


class InvalidSeal(ValueError):
    """A record or a line that is no seal."""


@dataclass(frozen=True, slots=True)
class Seal:
    """One seal of an organization's chain; its number is one more than that of the one before.

    `leaves` are in the order of their events, or None where there were too many to be kept
    with it. Times are aware, and whole minutes.
    """

    number: int
    start: datetime
    end: datetime
    count: int
    root: str
    previous: str
    mac: str = ""
    leaves: tuple[Leaf, ...] | None = ()

    @property
    def minute(self) -> str:
        """The minute that all of its events lie in, as keys hold it."""
        return minute_text(self.end - MINUTE)

    @property
    def hash(self) -> str:
        """What the next seal names this one by."""
        return hashlib.blake2b(_text(self._core()), digest_size=32).hexdigest()

    def value(self) -> dict[str, Any]:
        """The seal as a record, or a line of a copy, holds it."""
        leaves = None if self.leaves is None else [list(leaf) for leaf in self.leaves]
        return {**self._core(), "mac": self.mac, "leaves": leaves}

    def without_leaves(self) -> "Seal":
        return replace(self, leaves=None)

    def _core(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "from": minute_text(self.start),
            "to": minute_text(self.end),
            "count": self.count,
            "root": self.root,
            "previous": self.previous,
        }

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> "Seal":
        """The seal that `value` wrote. Raises InvalidSeal."""
        try:
            leaves = value["leaves"]
            seal = cls(
                number=int(value["number"]),
                start=parse_minute(value["from"]),
                end=parse_minute(value["to"]),
                count=int(value["count"]),
                root=str(value["root"]),
                previous=str(value["previous"]),
                mac=str(value["mac"]),
                leaves=None if leaves is None else tuple((str(n), str(h)) for n, h in leaves),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidSeal("this is no seal") from error
        if seal._core() != {name: value[name] for name in seal._core()}:
            raise InvalidSeal("this is no seal as one is written")
        return seal


class Notary:
    """Signs seals, and what is said of them, with the installation's secret keys.

    Args:
        secrets: the first signs, all of them are taken.
    """

    def __init__(self, *secrets: bytes) -> None:
        self._keys = tuple(
            hashlib.blake2b(secret, digest_size=32, person=_PERSON).digest() for secret in secrets
        )

    def seal(self, organization: str, seal: Seal) -> Seal:
        """The seal with its MAC."""
        return replace(seal, mac=self.sign(organization, "seal", seal._core()))

    def sealed(self, organization: str, seal: Seal) -> bool:
        """Whether a seal was made with one of the secret keys, for that organization."""
        return self.key_of(organization, seal) is not None

    def key_of(self, organization: str, seal: Seal) -> int | None:
        """Which of the secret keys a seal was made with, None where it was none."""
        return self._key_of(seal.mac, organization, "seal", seal._core())

    def sign(self, organization: str, kind: str, value: Mapping[str, Any]) -> str:
        """The MAC of a value, which is good for no other kind and no other organization."""
        return self._mac(self._keys[0], organization, kind, value)

    def signed(self, mac: str, organization: str, kind: str, value: Mapping[str, Any]) -> bool:
        """Whether a MAC is one of that value, by any of the secret keys."""
        return self._key_of(mac, organization, kind, value) is not None

    def _key_of(
        self, mac: str, organization: str, kind: str, value: Mapping[str, Any]
    ) -> int | None:
        for number, secret in enumerate(self._keys):
            made = self._mac(secret, organization, kind, value)
            if hmac.compare_digest(mac.encode(errors="surrogatepass"), made.encode()):
                return number
        return None

    @staticmethod
    def _mac(secret: bytes, organization: str, kind: str, value: Mapping[str, Any]) -> str:
        text = _text([organization, kind, value])
        return hashlib.blake2b(text, key=secret, digest_size=32).hexdigest()


def leaf_of(record: Record) -> Leaf:
    """The leaf of an event's record."""
    key = record.key
    text = _text([key.partition, key.sort, record.value])
    digest = hashlib.blake2b(text, digest_size=_LEAF_BYTES).hexdigest()
    return key.partition[-1] + key.sort[_MINUTE_CHARACTERS:], digest


def root_of(leaves: Iterable[Leaf]) -> str:
    """The hash of all leaves of a seal, in their order."""
    root = hashlib.blake2b(digest_size=32)
    for name, digest in leaves:
        root.update(_text([name, digest]) + b"\n")
    return root.hexdigest()


def minute_of(sort: str) -> str:
    """The minute that an event's sort key begins with."""
    return sort[:_MINUTE_CHARACTERS]


def minute_text(moment: datetime) -> str:
    """A minute as keys hold it."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M")


def parse_minute(text: str) -> datetime:
    """The beginning of a minute. Raises ValueError."""
    return datetime.strptime(text, "%Y%m%dT%H%M").replace(tzinfo=UTC)


def _text(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False).encode(errors="surrogatepass")
