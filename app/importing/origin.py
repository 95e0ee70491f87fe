"""Where files come from: a folder, or another index."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

from app.importing.candidate import Candidate, NotTaken, Unit
from app.importing.folder import walk
from app.importing.importer import Importer
from app.importing.local import opened
from app.importing.patience import Patience
from app.importing.report import Outcome, Tally
from app.importing.sorting import Sorting, Wanted
from app.importing.twins import require_alike
from app.python.paths import SIGNATURE_SUFFIX


class Origin(Protocol):
    """Gives the files of one import, once."""

    def units(self, importer: Importer, tally: Tally, patience: Patience) -> Iterator[Unit]:
        """What may be published, as it is met; all else has ended in the tally before.

        Raises OSError or OutgoingError where it can't be read at all, and what the stores raise.
        """


class FolderOrigin:
    """A folder on a disk."""

    def __init__(self, root: Path, sorting: Sorting) -> None:
        """`root` is resolved."""
        self._root = root
        self._sorting = sorting

    def units(self, importer: Importer, tally: Tally, patience: Patience) -> Iterator[Unit]:
        for files in walk(self._root):
            if patience.ending:
                return
            result = self._sorting.sort(files)
            for found, outcome in result.ended:
                tally.end(found.path, found.size, outcome)
            for found, reason in result.refused:
                tally.refuse(found.path, found.size, reason)
            for unit in result.units:
                candidates = [
                    candidate
                    for wanted in unit
                    if (candidate := _candidate(wanted, importer, tally)) is not None
                ]
                if candidates:
                    yield Unit(candidates)


def _candidate(wanted: Wanted, importer: Importer, tally: Tally) -> Candidate | None:
    """A file that is wanted, unless it ends here."""
    found, signature = wanted.found, wanted.signature
    try:
        if found.problem is not None:
            raise NotTaken(found.problem)
        place = importer.place(wanted.path, found.size)
    except NotTaken as error:
        tally.refuse(found.path, found.size, str(error))
        if signature is not None:
            tally.end(signature[0].path, signature[0].size, Outcome.LEFT_OUT)
        return None
    opening = partial(
        opened,
        found,
        checksums=wanted.checksums,
        attached={} if signature is None else {SIGNATURE_SUFFIX: signature[1]},
        alike=partial(require_alike, wanted, place),
    )
    beside = () if signature is None else ((signature[0].path, signature[0].size),)
    return Candidate(found.path, found.size, place, opening, beside=beside)
