"""The ledger of those who were erased: beside the records, so that it outlives a restore of them.

It lies in the blob store, under a reserved owner, and is found by listing. A record that led
to it would be gone just when it is needed: in a copy of the records from before. Each entry
has a name that follows from whom it is about, so writing it twice writes it once; entries are
only ever added. One holds ids, no name and no address, under a MAC of the installation's
secret key: who can write to the bucket could else have anybody erased.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auth.records import is_id, time_text
from storage.blobs import ERASED, BlobMissing, Blobs

_PERSON = b"strongroom-ledgr"  # 16 bytes, the personalization of BLAKE2b
_NAME_BYTES = 16
_MOST_BYTES = 4_096
FORMAT = 1


class NotOurs(Exception):
    """An entry that was not written with a secret key of this installation, or was changed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """That a person was erased. `at` is when, aware; the rest are ids, and what kind he was."""

    organization: str
    person: str
    kind: str
    request: str
    at: datetime

    def value(self) -> dict[str, Any]:
        """The entry as the blob holds it, but for its MAC."""
        return {
            "format": FORMAT,
            "organization": self.organization,
            "person": self.person,
            "kind": self.kind,
            "request": self.request,
            "at": time_text(self.at),
        }


class Ledger:
    """Reads and adds to the ledger of an installation."""

    def __init__(self, blobs: Blobs, *secrets: bytes) -> None:
        """`secrets` are the installation's: the first writes, all of them read."""
        self._blobs = blobs
        self._keys = tuple(
            hashlib.blake2b(secret, digest_size=32, person=_PERSON).digest() for secret in secrets
        )

    def name(self, organization: str, person: str) -> str:
        """The name that the entry of a person gets: it tells nobody of whom."""
        return self._name(self._keys[0], organization, person)

    def add(self, entry: Entry) -> str:
        """Add an entry, where there is no genuine one of that person; the name that it has.

        What somebody else put under that name is written over.

        Raises what the store raises. Nothing is known to be written then.
        """
        name = self.find(entry.organization, entry.person)
        if name is not None:
            return name
        name = self.name(entry.organization, entry.person)
        value = entry.value()
        text = json.dumps({**value, "mac": self._mac(self._keys[0], name, value)})
        data = text.encode()
        with self._blobs.create(ERASED, len(data), name) as writer:
            window = writer.window()
            window[: len(data)] = data
            writer.filled(len(data))
            writer.commit()
        return name

    def find(self, organization: str, person: str) -> str | None:
        """The name of a person's entry, under whichever of the keys; None where there is none
        that is genuine."""
        for secret in self._keys:
            name = self._name(secret, organization, person)
            try:
                self._blobs.settle(f"{ERASED}/{name}")
                entry = self.read(name)
            except (BlobMissing, NotOurs):
                continue
            if (entry.organization, entry.person) == (organization, person):
                return name
        return None

    def names(self) -> Iterator[str]:
        """The names of all entries: one call for a thousand."""
        after, first = f"{ERASED}/", len(ERASED) + 1
        while True:
            page = self._blobs.list(after)
            for found in page.entries:
                if not found.key.startswith(f"{ERASED}/"):
                    return
                yield found.key[first:]
            if page.next is None:
                return
            after = page.next

    def read(self, name: str) -> Entry:
        """An entry. Raises NotOurs, and what the store raises."""
        download = self._blobs.open(f"{ERASED}/{name}")
        try:
            if download.size > _MOST_BYTES:
                raise NotOurs(name)
            data = b"".join(download)
        finally:
            download.close()
        try:
            value = json.loads(data)
            mac = value.pop("mac")
            entry = Entry(
                organization=value["organization"],
                person=value["person"],
                kind=value["kind"],
                request=value["request"],
                at=datetime.fromisoformat(value["at"]),
            )
            genuine = self._is_genuine(name, value, mac)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise NotOurs(name) from error
        if not genuine or not is_id(entry.organization) or not is_id(entry.person):
            raise NotOurs(name)
        return entry

    def _is_genuine(self, name: str, value: Any, mac: str) -> bool:
        return any(
            hmac.compare_digest(mac.encode(), self._mac(secret, name, value).encode())
            for secret in self._keys
        )

    @staticmethod
    def _name(secret: bytes, organization: str, person: str) -> str:
        text = f"name\0{organization}\0{person}".encode()
        return hashlib.blake2b(text, key=secret, digest_size=_NAME_BYTES).hexdigest()

    @staticmethod
    def _mac(secret: bytes, name: str, value: Any) -> str:
        text = json.dumps(["entry", name, value], sort_keys=True)
        return hashlib.blake2b(text.encode(), key=secret, digest_size=32).hexdigest()
