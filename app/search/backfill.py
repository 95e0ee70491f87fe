"""Makes the entries of a repository what they have to be, whatever they are.

Files that were published before there were entries have none: this writes them, and removes
what belongs to no file. It may run beside publishers, may be killed, and may be done again.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from app.publishing import Artifact
from app.publishing.entries import Entry, Order, entries
from app.publishing.place import Place
from app.repositories import ArtifactPath
from app.search.walk import walk
from storage import keys
from storage.metadata import Check, ConditionFailed, Delete, Key, Metadata, Operation, Put, Record
from storage.metadata.operations import KEYS_PER_GET, OPERATIONS

_FILES = KEYS_PER_GET // len(Order)  # looked at in one read
_OPERATIONS = OPERATIONS - 1  # beside the commit's token
_ORDERS = tuple(Order)


@dataclass(frozen=True, slots=True)
class Progress:
    """What a step did, and where the next one goes on: None where all is done."""

    position: str | None
    looked: int = 0
    written: int = 0
    removed: int = 0


class Backfill:
    """Goes over a repository in steps: first its files, then its entries in each order."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def step(self, organization: str, repository_id: str, position: str = "") -> Progress:
        """Do the next piece; `position` is empty for the first, else the last step's."""
        stage, after = json.loads(position) if position else (0, "")
        if stage == 0:
            return self._add(organization, repository_id, after)
        return self._remove(organization, repository_id, stage, after)

    def _add(self, organization: str, repository_id: str, after: str) -> Progress:
        """Write the entries that some files lack."""
        behind = ArtifactPath.parse(after) if after else None
        files = list(islice(walk(self._metadata, organization, repository_id, behind), _FILES))
        wanted: dict[Key, dict[Key, Put]] = {}
        versions: dict[Key, int] = {}
        for path, record in files:
            versions[record.key] = record.version
            found = entries(_place(organization, repository_id, path), Artifact.read(record))
            wanted[record.key] = {key: Put(key, value) for key, value in found.items()}
        there = self._get([key for puts in wanted.values() for key in puts])
        written = 0
        changes: list[list[Operation]] = []
        for artifact, puts in wanted.items():
            missing = [put for key, put in puts.items() if not _is(there.get(key), put)]
            if missing:
                changes.append([Check(artifact, at=versions[artifact]), *missing])
                written += len(missing)
        self._carry_out(changes)
        if len(files) < _FILES:
            return Progress(_text(1, ""), len(files), written)
        return Progress(_text(0, str(files[-1][0])), len(files), written)

    def _remove(self, organization: str, repository_id: str, stage: int, after: str) -> Progress:
        """Remove those entries of an order that are no file's."""
        order = _ORDERS[stage - 1]
        partition = keys.finding(organization, repository_id, order.value)
        page = self._metadata.query(partition, "", after, KEYS_PER_GET)
        places = {
            record.key: _place(
                organization, repository_id, ArtifactPath.parse(Entry.read(record).path)
            )
            for record in page.records
        }
        artifacts = self._get([place.key for place in places.values()])
        changes: list[list[Operation]] = []
        for record in page.records:
            place = places[record.key]
            found = artifacts.get(place.key)
            if found is None:
                changes.append([Check(place.key, absent=True), Delete(record.key)])
            elif record.key not in entries(place, Artifact.read(found)):
                changes.append([Check(place.key, at=found.version), Delete(record.key)])
        self._carry_out(_by_check(changes))
        following: str | None = None
        if page.next is not None:
            following = _text(stage, page.next)
        elif stage < len(_ORDERS):
            following = _text(stage + 1, "")
        return Progress(following, len(page.records), removed=len(changes))

    def _carry_out(self, changes: Sequence[Sequence[Operation]]) -> None:
        """Commit changes, each a check of an artifact and what follows from it. Where one does
        not hold, its file was changed meanwhile, and its entries with it."""
        waiting = list(changes)
        while waiting:
            batch: list[Operation] = []
            taken = 0
            for change in waiting:
                if len(batch) + len(change) > _OPERATIONS:
                    break
                batch += change
                taken += 1
            try:
                self._metadata.commit(*batch)
            except ConditionFailed as error:
                waiting = [change for change in waiting if change[0].key not in error.found]
            else:
                waiting = waiting[taken:]

    def _get(self, wanted: Sequence[Key]) -> Mapping[Key, Record]:
        return self._metadata.get(*wanted) if wanted else {}


def _by_check(changes: Sequence[Sequence[Operation]]) -> list[list[Operation]]:
    """Changes with the same check in one: a commit names each key once."""
    found: dict[Key, list[Operation]] = {}
    for check, *rest in changes:
        found.setdefault(check.key, [check]).extend(rest)
    return list(found.values())


def _place(organization: str, repository_id: str, path: ArtifactPath) -> Place:
    return Place(organization, repository_id, path, overwrite=False, restore_days=0)


def _is(record: Record | None, put: Put) -> bool:
    return record is not None and record.value == put.value


def _text(stage: int, after: str) -> str:
    return json.dumps([stage, after], ensure_ascii=False)
