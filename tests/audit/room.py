"""An organization whose history a test writes, seals, tampers with and verifies."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.audit import Anchor, Chain, Problem, Report, Verification
from app.audit.sealing import Sealed
from app.installation import Installation
from auth.organizations import founding
from storage import keys
from storage.events import Actor, Feed, Happened
from storage.metadata import Attempt, Delete, Key, Metadata, Put, Record
from storage.metadata.recent import Recent
from tests.faults.metadata import Faults

ORG = "org1"
START = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
ACTOR = Actor("user1", "key1", "request1", "192.0.2.7", "curl/8")


class Standing(Faults):
    """An engine whose time stands still until a test moves it on."""

    moment = START

    def now(self) -> datetime:
        return self.moment


class Room:
    """One organization, made at START. Time passes when a test says so."""

    def __init__(self, at: Installation, organization: str = ORG) -> None:
        self.engine = Standing(at.engine)
        metadata = Metadata(self.engine, clock=self.engine.now, sleep=lambda _: None)
        self.at = replace(at, metadata=metadata, recent=Recent(metadata))
        self.organization = organization
        self.random = random.Random(4711)
        metadata.commit(*founding(f"name-{organization}", organization, START.isoformat(), []))

    @property
    def now(self) -> datetime:
        return self.engine.moment

    def wait(self, **duration: float) -> None:
        self.engine.moment += timedelta(**duration)

    def write(
        self, at: datetime | None = None, action: str = "test", actor: Actor = ACTOR, **details: Any
    ) -> Key:
        """Write an event of a moment, as a process did then."""
        return self.write_all(at or self.now, [Happened(actor, action, details)])[0]

    def write_all(self, at: datetime, happened: Sequence[Happened]) -> list[Key]:
        """Several events of a moment, in one commit."""
        attempt = Attempt(at, f"{self.random.getrandbits(128):032x}")
        witness = self.at.journal.several(self.organization, happened)
        # Side records of the past would have expired before they are looked at.
        puts = [replace(put, expires=None) for put in witness.puts(attempt, (), 1)]
        self.at.metadata.commit(*puts)
        return [put.key for put in puts if "#events#" in put.key.partition]

    def seal(self, at: Installation | None = None) -> Sealed:
        return self.chain(at).go_on(lambda: None)

    def chain(self, at: Installation | None = None) -> Chain:
        return Chain(at or self.at, self.organization)

    def verify(
        self,
        since: datetime | None = None,
        at: Installation | None = None,
        expected: Anchor | None = None,
    ) -> tuple[Report, list[Problem]]:
        found: list[Problem] = []
        verification = Verification(
            at or self.at, self.organization, found.append, expected=expected
        )
        report = verification.run(since)
        assert sum(report.problems.values()) == len(found)
        return report, found

    def problems(self, since: datetime | None = None) -> set[tuple[str, object]]:
        """What is wrong, each by its kind and what it is about."""
        found = self.verify(since)[1]
        named = [(one.kind, one.record or one.blob or one.seal) for one in found]
        assert len(set(named)) == len(named), "nothing is named twice"
        return set(named)

    def record(self, key: Key) -> Record:
        return self.at.metadata.get(key)[key]

    def put(self, key: Key, value: Mapping[str, Any]) -> None:
        """Write a record as whoever can write to the table does."""
        self.at.metadata.commit(Put(key, value))

    def change(self, key: Key, **values: Any) -> None:
        self.put(key, {**self.record(key).value, **values})

    def delete(self, *gone: Key) -> None:
        self.at.metadata.commit(*map(Delete, gone))

    def seals(self) -> list[Record]:
        return list(self.at.metadata.query_all(keys.seals(self.organization)))

    def copies(self) -> list[str]:
        prefix = f"{self.organization}0seals/"
        return [e.key for e in self.at.blobs.list().entries if e.key.startswith(prefix)]

    def read_feed(self) -> None:
        """Let the reader of the feed pass all that there is."""
        feed = Feed(self.at.metadata, self.at.journal, self.organization, lambda: self.now)
        cursor = feed.start(self.now)
        key = keys.reader(self.organization, "feed")
        self.put(key, {"cursor": cursor.encode()})
