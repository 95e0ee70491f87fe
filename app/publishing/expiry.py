"""Purges deleted and overwritten files when their time is up, found by the day of it."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.publishing.bulk import Bulk, size_of
from app.publishing.changes import Restorable
from app.publishing.purging import Purge
from app.work.duty import Shift
from storage import keys
from storage.events import SYSTEM
from storage.metadata import Check, ConditionFailed, Delete, Key, Metadata, Record
from storage.metadata.operations import KEYS_PER_GET

DUTY = "expire"
_DAY = timedelta(days=1)
#: A file may be found under a day that has just ended: its commit took a while.
_SETTLED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Expired:
    """What was purged: versions of files, and their bytes."""

    purged: int
    bytes: int


class Expiry:
    """Goes through the days, each in 16 stripes. What it does may be done twice, by two."""

    def __init__(self, metadata: Metadata, bulk: Bulk) -> None:
        self._metadata = metadata
        self._bulk = bulk

    def run(
        self,
        organization: str,
        since: datetime,
        now: datetime,
        go_on: Callable[[], None] = lambda: None,
    ) -> Expired:
        """Purge everything whose time was up between two moments."""
        purged, size = 0, 0
        for due in self._due(organization, since, now):
            go_on()
            done = self._purge(organization, due)
            purged += len(done)
            size += size_of(done)
        return Expired(purged, size)

    def settled(self, now: datetime) -> datetime:
        """Since when to look the next time, after a run until `now`."""
        return (now - _SETTLED).astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def _due(self, organization: str, since: datetime, now: datetime) -> Iterator[list[Record]]:
        """The records of what is due, a hundred at a time."""
        day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        while day <= now:
            for stripe in range(keys.STRIPES):
                partition = keys.due(organization, day, f"{stripe:x}")
                following: str | None = ""
                while following is not None:
                    page = self._metadata.query(partition, "", following, KEYS_PER_GET)
                    due = [r for r in page.records if r.key.sort < keys.time(now)]
                    if due:
                        yield due
                    following = page.next if len(due) == len(page.records) else None
            day += _DAY

    def _purge(self, organization: str, due: Sequence[Record]) -> list[Purge]:
        wanted = {Key(one.value["partition"], one.value["sort"]): one for one in due}
        found = self._metadata.get(*wanted)
        by_repository: dict[str, list[Purge]] = defaultdict(list)
        for record in found.values():
            purge = Purge.of(organization, Restorable.read(record))
            by_repository[purge.place.repository].append(purge)
        done: list[Purge] = []
        for purges in by_repository.values():
            done += self._bulk.carry_out("artifact.purge", organization, SYSTEM, purges)
        for key, one in wanted.items():
            if key not in found:
                # Its file was restored or purged, and this should have gone with it; or half of
                # the commit that both came with was seen.
                with suppress(ConditionFailed):
                    self._metadata.commit(Delete(one.key), Check(key, absent=True))
        return done


class ExpireDuty:
    """The expiry as a duty of the worker; how far it is lies in a record of each organization."""

    name = DUTY
    every = timedelta(hours=1)

    def __init__(self, metadata: Metadata, expiry: Expiry) -> None:
        self._metadata = metadata
        self._expiry = expiry

    def run(self, shift: Shift) -> None:
        """Purge what is due in every organization."""
        for organization in shift.organizations():
            with shift.part(organization):
                self._expire(organization, shift)

    def _expire(self, organization: str, shift: Shift) -> None:
        now = self._metadata.agreed_time()
        key, made = keys.reader(organization, DUTY), keys.organization(organization)
        found = self._metadata.get(key, made)
        position = found.get(key)
        if position is None:
            since = datetime.fromisoformat(found[made].value["created"])
        else:
            since = datetime.fromisoformat(position.value["day"])
        expired = self._expiry.run(organization, since, now, shift.go_on)
        settled = self._expiry.settled(now)
        if settled > since:
            version = None if position is None else position.version
            shift.keep(key, {"day": settled.isoformat()}, version)
        if expired.purged:
            shift.report(organization, {"purged": expired.purged, "bytes": expired.bytes})
