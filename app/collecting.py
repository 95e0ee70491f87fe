"""The collection as duties of the worker.

What can be told without looking at every blob is collected every hour. Looking at all of them
costs a request for each thousand and a read for each fifty, so it is done once a day; how far
it is lies in a record, and a worker that follows one that was killed goes on from there.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import timedelta

from app.collection import GRACE, Collection, Found
from app.installation import Installation
from app.publishing.emptied import EmptiedFolders
from app.repositories import Catalogue
from app.work.duty import Shift
from auth.key_sweep import KeySweep
from storage import keys
from storage.metadata import Delete

_SAVED_EVERY = 1_000  # blobs

_log = logging.getLogger("strongroom.worker")


class CollectDuty:
    """Removes unfinished uploads, blobs that lost their last reference, expired records, folders
    that were made for files that never came, and keys that ended long ago."""

    name = "collect"
    every = timedelta(hours=1)

    def __init__(self, installation: Installation, grace: timedelta = GRACE) -> None:
        self._installation = installation
        self._grace = grace
        self._folders = EmptiedFolders(
            installation.metadata, Catalogue(installation.recent, installation.journal).format_of
        )
        self._keys = KeySweep(installation.metadata, installation.journal)

    def run(self, shift: Shift) -> None:
        shift.again = self.every  # what can't be deleted now is not worth a look each minute
        collection = Collection(self._installation, self._grace, failures=shift.failures)
        with shift.part("the store of the blobs"):
            _collect(shift, collection.leftovers())
        expired = 0
        for swept in collection.expired():
            expired += swept
            shift.go_on()
        _log.info("removed %d expired records", expired)
        for organization in shift.organizations():
            with shift.part(f"the folders of {organization}"):
                self._folders.look_again(organization, shift.began - self._grace, shift.go_on)
            with shift.part(f"the keys of {organization}"):
                self._keys.run(organization, shift.began, shift.go_on)


class ScanDuty:
    """Removes blobs whose commit never came."""

    name = "scan"
    every = timedelta(days=1)

    def __init__(self, installation: Installation, grace: timedelta = GRACE) -> None:
        self._installation = installation
        self._grace = grace
        self._metadata = installation.metadata

    def run(self, shift: Shift) -> None:
        shift.again = self.every  # what can't be deleted is not worth another look at all
        found = self._metadata.get(keys.SCAN).get(keys.SCAN)
        after = "" if found is None else str(found.value["after"])
        version = None if found is None else found.version
        collection = Collection(self._installation, self._grace, failures=shift.failures)
        _collect(shift, self._saved(shift, collection.scan(after), version))

    def _saved(self, shift: Shift, scan: Iterable[Found], version: int | None) -> Iterable[Found]:
        """Write down from time to time how far the scan is, and forget it at the end."""
        looked = 0
        for found in scan:
            yield found
            looked += found.looked
            if looked >= _SAVED_EVERY:
                version = shift.keep(keys.SCAN, {"after": found.last}, version)
                looked = 0
        if version is not None:
            self._metadata.commit(Delete(keys.SCAN, at=version))


def _collect(shift: Shift, collection: Iterable[Found]) -> None:
    """Collect batch by batch, and leave a report to every organization that had something,
    however the run ends."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    foreign = 0
    try:
        for found in collection:
            counts[found.organization].update(
                uploads=found.uploads, blobs=found.blobs, bytes=found.bytes
            )
            foreign += found.foreign
            shift.go_on()
    finally:
        _report(shift, counts)
    if foreign:
        _log.warning(
            "%d blobs belong to no organization of this installation and were left alone:"
            " is this the right metadata store?",
            foreign,
        )


def _report(shift: Shift, counts: defaultdict[str, Counter[str]]) -> None:
    for organization, counted in counts.items():
        if any(counted.values()):
            _log.info(
                "collected of %s: %d unfinished uploads, %d unreferenced blobs",
                organization,
                counted["uploads"],
                counted["blobs"],
            )
            with shift.part(f"the report to {organization}"):
                shift.report(organization, counted)
