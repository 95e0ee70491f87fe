"""Receives a body into a new blob, digests beside it, and never holds more than a window.

Nothing is committed here before every announced digest holds and the body was whole:
leaving on any other way aborts the upload.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from app.publishing.artifact import Held
from app.publishing.attaching import attach
from app.publishing.digests import Digester, Digesting
from app.publishing.errors import TooLate
from app.publishing.expectations import NO_EXPECTATIONS, Said
from app.publishing.place import Place
from app.repositories.layout import NOTHING, Read, Reading
from storage import keys
from storage.blobs import Blobs
from storage.metadata import Metadata, Put, Unavailable

#: Half of the least grace that a collection can have: an upload that began just before it is
#: told by its lease, and a shorter one has the other half to come to its commit.
LEASE_AFTER = timedelta(minutes=30)
LEASE_RENEWED = timedelta(minutes=30)
LEASE_LIFETIME = timedelta(hours=25)  # a day of grace behind the last renewal
LEASE_AGAIN = timedelta(minutes=1)  # after a renewal that failed
#: How long a blob may wait for its commit, from when it was completed: the other half. Who comes
#: later (a machine that stood still) can't tell whether its bytes are still there.
COMMITTED_WITHIN = timedelta(minutes=20)
#: How long a lease is tried for before the upload is given up: within the least grace, less what
#: is left of it to come to the commit.
LEASE_PATIENCE = timedelta(minutes=20)


_log = logging.getLogger(__name__)


class Body(Protocol):
    """The bytes that a client sends; `readinto` fills the view unless the body ends."""

    @property
    def length(self) -> int | None: ...

    def readinto(self, view: memoryview) -> int: ...


@dataclass(frozen=True, slots=True)
class Received:
    """A complete blob that nothing refers to yet; `blob` is None for an empty body.

    `until` is when its commit has to be made at the latest, where nothing else keeps
    collection from the blob. `facts` are what the format has read in it, and `attached` what is
    stored beside it.
    """

    blob: str | None
    size: int
    digests: dict[str, str]
    until: datetime | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    attached: Mapping[str, Held] = field(default_factory=dict)

    @property
    def blobs(self) -> tuple[str, ...]:
        """The keys of all that is stored of it."""
        own = () if self.blob is None else (self.blob,)
        return (*own, *(held.blob for held in self.attached.values()))


@dataclass(frozen=True, slots=True)
class Demands:
    """What is to be known of a body: digests besides SHA-256, and what reads it."""

    expectations: Said = NO_EXPECTATIONS
    algorithms: tuple[str, ...] = ()
    reading: Reading | None = None

    @classmethod
    def of(cls, place: Place, expectations: Said) -> "Demands":
        """What the format of a place demands, and the client expects."""
        layout = place.layout
        algorithms = (*layout.algorithms, *expectations.algorithms)
        return cls(expectations, algorithms, layout.reading(place.path))


class Receiver:
    """Takes bodies into the blob store."""

    def __init__(
        self,
        blobs: Blobs,
        metadata: Metadata,
        digester: Digester,
        clock: Callable[[], datetime] | None = None,
        in_flight: Callable[[int], None] = lambda _: None,
    ) -> None:
        """`clock` stands for the store's time."""
        self._blobs = blobs
        self._metadata = metadata
        self._digester = digester
        self._clock = clock or metadata.now
        self._in_flight = in_flight  # told +1 and -1

    def receive(
        self,
        organization: str,
        body: Body,
        demands: Demands = Demands(),
        gauge: Callable[[int], None] = lambda _: None,
    ) -> Received:
        """Take a whole body. `gauge` is told its size as it grows, and may raise.

        Raises:
            DigestMismatch: an announced digest does not hold; nothing is stored.
            Whatever the body, what reads it, the gauge and the blob store raise; nothing is
            stored either.
        """
        digesting = self._digester.start(demands.algorithms)
        if body.length == 0:
            received = Received(None, 0, digesting.finish(demands.expectations))
            return self._understood(organization, received, demands)
        self._in_flight(1)
        try:
            received = self._stream(organization, body, demands, digesting, gauge)
        finally:
            self._in_flight(-1)
        try:
            return self._understood(organization, received, demands)
        except BaseException:
            self.drop(received.blobs)
            raise

    def _stream(
        self,
        organization: str,
        body: Body,
        demands: Demands,
        digesting: Digesting,
        gauge: Callable[[int], None],
    ) -> Received:
        with self._blobs.create(organization, body.length) as writer:
            lease = _Lease(self._metadata, organization, writer.key, self._clock)
            while writer.offset != body.length:  # to the end, where there is no length
                window = writer.window()
                count = body.readinto(window)
                if not count:
                    break
                gauge(writer.offset + count)
                digesting.update(window[:count])
                if demands.reading is not None:
                    demands.reading.feed(window[:count])
                writer.filled(count)
                lease.renew()
            digests = digesting.finish(demands.expectations)
            if writer.offset == 0:
                return Received(None, 0, digests)
            until = self._clock() + COMMITTED_WITHIN
            writer.commit()
            return Received(writer.key, writer.offset, digests, until)

    def _understood(self, organization: str, received: Received, demands: Demands) -> Received:
        """What was received, with what the format makes of it, and what belongs to it stored.
        Raises what refuses it."""
        understood = NOTHING
        if demands.reading is not None:
            understood = demands.reading.finish(received.size, reader(self._blobs, received.blob))
        attached = {**understood.attached, **demands.expectations.attached}
        return replace(
            received,
            facts=understood.facts,
            attached=attach(self._blobs, organization, attached),
        )

    def require_timely(self, received: Received) -> None:
        """Return where its blob can't have been collected yet. Raises TooLate."""
        if received.until is not None and self._clock() >= received.until:
            raise TooLate("the bytes waited for too long after they had come: send them again")

    def drop(self, blobs: Sequence[str]) -> None:
        """Delete bytes that were received for nothing."""
        if blobs:
            self._blobs.delete(list(blobs))


def reader(blobs: Blobs, blob: str | None) -> Read:
    """Reads ranges of a complete blob."""

    def read(start: int, length: int) -> bytes:
        if blob is None or not length:
            return b""
        download = blobs.open(blob, start, length)
        try:
            return b"".join(download)
        finally:
            download.close()

    return read


class _Lease:
    """Tells the collection that an upload is alive, once it lasts over half an hour.

    A store that is away for a while costs nobody an upload of hours.
    """

    def __init__(
        self,
        metadata: Metadata,
        organization: str,
        key: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._metadata, self._clock = metadata, clock
        self._record = keys.upload(organization, key)
        self._due = clock() + LEASE_AFTER
        self._last = self._due + LEASE_PATIENCE

    def renew(self) -> None:
        """Renew it where that is due. Raises what the store raises, once it has for long."""
        now = self._clock()
        if now < self._due:
            return
        try:
            self._metadata.commit(
                Put(self._record, {"renewed": now.isoformat()}, expires=now + LEASE_LIFETIME)
            )
        except Unavailable as error:
            if now >= self._last:
                raise
            _log.warning("the lease of an upload could not be written yet: %s", error)
            self._due = now + LEASE_AGAIN
        else:
            self._due = now + LEASE_RENEWED
            self._last = self._due + LEASE_PATIENCE
