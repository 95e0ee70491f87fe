"""Documents that are computed of a repository's records, each under a revision.

Every change of a file raises a counter of the folders whose documents tell of it, in the same
commit. What the counters of a folder say is the revision of its document: it is read first, and
where it is that of a document in memory, that is the answer. Else the document is computed, by one
of those who ask for it: it is the answer to all who came before he began.

DynamoDB shows the records of a commit one by one, within moments, so that a counter may be seen
before the entry that it tells of. So a document is final only if its revision had been seen for a
while when it was computed; until then it is given to those alone who were waiting for it.
"""

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from app.repositories import Repository
from storage import keys
from storage.metadata import Metadata, Unavailable

#: Of rendered documents that are remembered in a process.
MOST_BYTES = 64 * 1024 * 1024
#: For how long a revision has to be seen before its document is taken for final.
SETTLED_SECONDS = 2.0
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Rendered:
    """A document as it is sent. `revision` tells it from what it was and will be."""

    body: bytes
    revision: str
    modified: datetime

    @cached_property
    def etag(self) -> str:
        """The strong entity tag, quotes included. It has the body's digest too: what was
        computed a moment too early has another one."""
        said = hashlib.blake2b(self.body, digest_size=8).hexdigest()
        return f'"revision:{self.revision}{said}"'

    @property
    def weight(self) -> int:
        """About how many bytes of memory it takes."""
        return len(self.body)


@dataclass(frozen=True, slots=True)
class View:
    """One document: of which repository, by the counters of which folder (as record keys hold
    it), and in which of several forms."""

    repository: Repository
    folder: str
    form: str = ""

    @property
    def where(self) -> tuple[str, str, str]:
        """What it is remembered by."""
        return self.repository.id, self.folder, self.form


@dataclass(frozen=True, slots=True)
class _Known:
    """A document in memory. `seen` is when its revision was seen first, `began` when it began to
    be computed, by a clock that never goes back."""

    revision: str
    seen: float
    began: float
    rendered: Rendered | None

    def serves(self, revision: str, arrived: float) -> bool:
        """Whether it is the answer to who came then: begun since, or of the revision that he
        has read, where that is final."""
        settled = self.began - self.seen >= SETTLED_SECONDS
        return self.began >= arrived or (settled and self.revision == revision)


@dataclass(slots=True)
class _Flight:
    """A document that is being computed; `known` is what came of it."""

    done: bool = False
    known: _Known | None = None


class Views:
    """Finds and remembers documents of all formats. Safe for many threads."""

    def __init__(self, metadata: Metadata, most_bytes: int = MOST_BYTES) -> None:
        self._metadata = metadata
        self._most_bytes = most_bytes
        self._bytes = 0
        self._remembered: OrderedDict[tuple[str, str, str], _Known] = OrderedDict()
        self._flights: dict[tuple[str, str, str], _Flight] = {}
        self._landed = threading.Condition()  # guards all of it

    def find(
        self, view: View, render: Callable[[str], Rendered | None], *, unwritten: bool = False
    ) -> Rendered | None:
        """A document as it is now, or None where there is nothing to say.

        Args:
            view: which one.
            render: computes it, to be of the revision that it is given.
            unwritten: whether there is something to say where nothing has ever been there.

        Raises:
            Unavailable: another computes it for longer than anybody can wait: then the store is
                ill, and those who wait must not fail one after the other.
        """
        arrived = time.monotonic()
        revision = self._revision(view)
        if not revision and not unwritten:
            return None
        known = self._known(view, revision, arrived)
        if known is None:
            known = self._wait(view, revision, arrived)
        if known is None:
            known = self._compute(view, revision, render)
        return known.rendered

    def _known(self, view: View, revision: str, arrived: float) -> _Known | None:
        """The document in memory, where it is the answer."""
        with self._landed:
            return self._serving(view, revision, arrived)

    def _serving(self, view: View, revision: str, arrived: float) -> _Known | None:
        known = self._remembered.get(view.where)
        if known is None or not known.serves(revision, arrived):
            return None
        self._remembered.move_to_end(view.where)
        return known

    def _wait(self, view: View, revision: str, arrived: float) -> _Known | None:
        """What others compute, where that is the answer; None where it is the caller's turn."""
        due = arrived + _PATIENCE_SECONDS
        with self._landed:
            while (flight := self._flights.get(view.where)) is not None:
                if not self._landed.wait_for(lambda: flight.done, due - time.monotonic()):
                    raise Unavailable("a document is being computed for longer than one can wait")
                if flight.known is not None and flight.known.serves(revision, arrived):
                    return flight.known
            # One that landed while this thread was waking up may be the answer, too.
            known = self._serving(view, revision, arrived)
            if known is None:
                self._flights[view.where] = _Flight()
            return known

    def _compute(
        self, view: View, revision: str, render: Callable[[str], Rendered | None]
    ) -> _Known:
        """Compute a document that was read to be of a revision; it may tell of more already."""
        made: _Known | None = None
        try:
            began = time.monotonic()
            with self._landed:
                known = self._remembered.get(view.where)
            seen = known.seen if known is not None and known.revision == revision else began
            made = _Known(revision, seen, began, render(revision or "0"))
            return made
        finally:
            with self._landed:
                flight = self._flights.pop(view.where)
                flight.done, flight.known = True, made
                if made is not None and made.rendered is not None:  # an absence never is
                    self._remember(view, made)
                self._landed.notify_all()

    def _revision(self, view: View) -> str:
        """What the counters of a folder say, or nothing where there are none."""
        partition = keys.revisions(view.repository.organization, view.repository.id)
        page = self._metadata.query(partition, f"{view.folder}:")  # a few at most
        if not page.records:
            return ""
        said = ",".join(f"{one.key.sort[-1]}{one.value['revision']}" for one in page.records)
        return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()

    def _remember(self, view: View, known: _Known) -> None:
        where = view.where
        self._forget(where)
        self._remembered[where] = known
        self._bytes += _weight(where, known)
        while self._bytes > self._most_bytes:
            self._forget(next(iter(self._remembered)))

    def _forget(self, where: tuple[str, str, str]) -> None:
        known = self._remembered.pop(where, None)
        if known is not None:
            self._bytes -= _weight(where, known)


def _weight(where: tuple[str, str, str], known: _Known) -> int:
    """About what is held of a document, with what it is found by."""
    return 1_000 + sum(map(len, where)) + (known.rendered.weight if known.rendered else 0)
