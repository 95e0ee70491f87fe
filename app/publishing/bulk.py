"""Changes many files with few commits: as many in one as it takes, each decided for itself.

Where the condition of some does not hold, those are decided anew and the others are not
held up. Files are put together by the stripe of counters that they count in, so that a
commit touches few of the records that publishes elsewhere in the repository touch.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, Self, TypeVar

from app.publishing.artifact import Artifact
from app.publishing.changes import Changes
from app.publishing.errors import Contended
from app.publishing.place import Place
from storage.events import Actor, Journal
from storage.metadata import ConditionFailed, Key, Metadata, Record
from storage.metadata.operations import OPERATIONS

ROOM = OPERATIONS - 2  # for the event and the record of whose it was
DECISIONS = 8  # in a row, about the files of one commit


class FileChange(Protocol):
    """One file's share of a commit, decided by what was read of it."""

    @property
    def place(self) -> Place: ...

    @property
    def artifact(self) -> Artifact: ...

    def write(self, changes: Changes) -> None:
        """Say what changes."""

    def anew(self, found: Mapping[Key, Record | None]) -> Self | None:
        """The change after a failed commit found these in its way: itself where none of them
        is its own, None where nothing is left to do."""


C = TypeVar("C", bound=FileChange)


class Bulk:
    """Carries out changes of files of one repository, and writes an event with each commit."""

    def __init__(self, metadata: Metadata, journal: Journal) -> None:
        self._metadata = metadata
        self._journal = journal

    def carry_out(
        self,
        action: str,
        organization: str,
        actor: Actor,
        changes: Iterable[C],
        **details: Any,
    ) -> list[C]:
        """Carry out changes and return those that were, as they were decided in the end.

        They are of one repository. `details` are said in their events besides.

        Raises:
            Contended: others change the same files again and again; some are done, and the
                same call can be made again with what is read then.
            Whatever the store raises; the same holds.
        """
        waiting = deque(sorted(changes, key=lambda change: change.place.counters.keys))
        done: list[C] = []
        failures = 0
        while waiting:
            batch = _batch(waiting)
            try:
                self._commit(action, organization, actor, batch, details)
            except ConditionFailed as error:
                failures += 1
                if failures == DECISIONS:
                    raise Contended("the files are being changed by others") from error
                decided = [change.anew(error.found) for change in batch]
                if decided == batch:
                    raise  # it was no file's record that stood in the way
                waiting.extendleft(change for change in reversed(decided) if change is not None)
            else:
                failures = 0
                done += batch
        return done

    def _commit(
        self,
        action: str,
        organization: str,
        actor: Actor,
        batch: Sequence[FileChange],
        more: Mapping[str, Any],
    ) -> None:
        changes = Changes()
        for change in batch:
            change.write(changes)
        details: dict[str, Any] = {**more, "repository": batch[0].place.repository}
        if len(batch) == 1:  # as the event of a file that is changed alone
            details["sha256"] = batch[0].artifact.sha256
        else:
            details["files"] = len(batch)
        details["size"] = size_of(batch)
        self._metadata.commit(
            *changes.operations(),
            witness=self._journal.event(organization, actor, action, **details),
        )


def size_of(changes: Iterable[FileChange]) -> int:
    """The bytes of the files that are changed."""
    return sum(change.artifact.stored for change in changes)


def _batch(waiting: deque[C]) -> list[C]:
    """Take the next changes that fit into one commit, at least one."""
    batch = [waiting.popleft()]
    changes = Changes()
    batch[0].write(changes)
    while waiting:
        waiting[0].write(changes)
        if len(changes.operations()) > ROOM:
            break
        batch.append(waiting.popleft())
    return batch
