"""Leases: who does a piece of background work, decided by a record that expires.

A lease is taken and renewed by conditional writes. Its fence is the version of the record: it
rises with every renewal and with every holder, and a holder whose write fails knows that
somebody else has taken over.
"""

from datetime import timedelta

from storage import keys
from storage.metadata import ConditionFailed, Metadata, Put


class LeaseLost(Exception):
    """The lease ran out and somebody else has it: the work is theirs now."""


class Lease:
    """A lease that is held by this process."""

    def __init__(
        self, metadata: Metadata, name: str, holder: str, lifetime: timedelta, fence: int
    ) -> None:
        self._metadata = metadata
        self._name = name
        self._holder = holder
        self._lifetime = lifetime
        self.fence = fence

    def renew(self, lifetime: timedelta | None = None) -> None:
        """Hold it for another lifetime, or for the one given. Raises LeaseLost."""
        key = keys.lease(self._name)
        expires = self._metadata.now() + (lifetime or self._lifetime)
        try:
            done = self._metadata.commit(
                Put(key, {"holder": self._holder}, at=self.fence, expires=expires)
            )
        except ConditionFailed as error:
            raise LeaseLost(self._name) from error
        self.fence = done.versions[key]


def take_lease(metadata: Metadata, name: str, holder: str, lifetime: timedelta) -> Lease | None:
    """Take a lease that nobody holds, or return None."""
    key = keys.lease(name)
    if key in metadata.get(key):
        return None
    try:
        done = metadata.commit(
            Put(key, {"holder": holder}, absent=True, expires=metadata.now() + lifetime)
        )
    except ConditionFailed:
        return None
    return Lease(metadata, name, holder, lifetime, done.versions[key])
