"""Goes through a folder and takes its files, several at once.

The unit of work is a folder, which is a version: one thread takes its files in turn, the POM
behind the others, so that who finds the version by its POM finds it whole.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from app.importing.copies import copies
from app.importing.folder import Found, walk
from app.importing.importer import Candidate, Importer, NotTaken
from app.importing.lookup import LookUp
from app.importing.names import checksum_of, is_left_out
from app.importing.report import Outcome, Tally, printable
from app.maven.paths import ALGORITHMS
from app.publishing import Contended, TooLate
from app.repositories import RepositoryMissing
from storage.blobs import BlobError, BlobsUnavailable, UploadMemorySpent
from storage.metadata import Conflict, MetadataError, Unavailable

_T = TypeVar("_T")

_LOOKED_UP = 100  # files: one read tells what is there of them
_WAITING = 4  # folders for each thread, read ahead
#: Between tries at what passes by itself; the stores have tried for a while already.
PAUSES = (1.0, 2.0, 4.0, 8.0)
_PASSES = (Contended, TooLate, Conflict, Unavailable, BlobsUnavailable)
#: What keeps every other file from being taken, too.
_ENDS = (BlobError, MetadataError, RepositoryMissing, Contended, TooLate)


class Import:
    """One import of a folder, run once.

    Attributes:
        stopped: why it ended before all files were looked at, None where it did not.
    """

    def __init__(
        self,
        importer: Importer,
        tally: Tally,
        *,
        jobs: int = 4,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        """`pause` stands for waiting so many seconds, or until it is told to stop."""
        self._importer = importer
        self._tally = tally
        self._jobs = jobs
        self._stop = threading.Event()
        self._pause = pause or self._stop.wait
        self._room = threading.Semaphore(jobs * _WAITING)
        self._fault: BaseException | None = None
        self.stopped: str | None = None

    @property
    def ending(self) -> bool:
        """Whether it was told to stop, and ends after the files under way."""
        return self._stop.is_set()

    def stop(self, why: str) -> None:
        """Begin no other file. May be called by any thread, and by a signal handler."""
        if self.stopped is None:
            self.stopped = why
        self._stop.set()

    def run(self, root: Path) -> None:
        """Take the files of a folder, which is resolved. What is the matter with the stores is
        not raised: `stopped` says it then, and running it again goes on.

        Raises OSError where the folder can't be read.
        """
        with ThreadPoolExecutor(self._jobs, thread_name_prefix="import") as pool:
            waiting: list[list[Candidate]] = []
            for found in walk(root):
                if self.ending:
                    break
                if version := self._sort_out(found):
                    waiting.append(version)
                if sum(map(len, waiting)) >= _LOOKED_UP:
                    self._hand_out(pool, waiting)
                    waiting = []
            self._hand_out(pool, waiting)
        if self._fault is not None:
            raise self._fault

    def _sort_out(self, files: Sequence[Found]) -> list[Candidate]:
        """Those files of a folder that may be published, POMs last; the others end here."""
        own = copies(found.path for found in files)
        beside = {found.name: found for found in files if found.path not in own}
        candidates = []
        for found in files:
            of = checksum_of(found.name)
            if found.path in own or is_left_out(found.path):
                self._tally.end(found.path, found.size, Outcome.LEFT_OUT)
            elif of is not None:
                compared = of[0] in beside and checksum_of(of[0]) is None
                outcome = Outcome.CHECKSUM if compared else Outcome.LEFT_OUT
                self._tally.end(found.path, found.size, outcome)
            else:
                try:
                    candidates.append(self._importer.candidate(found, _checksums(found, beside)))
                except NotTaken as error:
                    self._tally.refuse(found.path, found.size, str(error))
        return sorted(candidates, key=lambda one: one.found.name.endswith(".pom"))

    def _hand_out(self, pool: ThreadPoolExecutor, versions: Sequence[list[Candidate]]) -> None:
        """Give folders to the threads, and wait where they have enough."""
        if self.ending:
            return
        there = self._importer.look_up(one for version in versions for one in version)
        for version in versions:
            self._room.acquire()
            pool.submit(self._take_version, version, there).add_done_callback(self._ended)

    def _ended(self, future: Future[None]) -> None:
        fault = future.exception()
        if fault is not None:
            self._fault = self._fault or fault
            self.stop("a fault of the program")
        self._room.release()

    def _take_version(self, version: Iterable[Candidate], there: LookUp) -> None:
        for candidate in version:
            if self.ending:
                return
            self._take(candidate, there)

    def _take(self, candidate: Candidate, there: LookUp) -> None:
        path, size = candidate.found.path, candidate.found.size

        def moved(count: int) -> None:
            self._tally.moved(path, count)

        try:
            outcome = self._patiently(lambda: self._importer.take(candidate, there, moved))
        except NotTaken as error:
            self._tally.refuse(path, size, str(error))
        except _ENDS as error:
            self._tally.give_up(path)
            self.stop(f"{printable(path)}: {_words(error)}")
        else:
            self._tally.end(path, size, outcome)

    def _patiently(self, action: Callable[[], _T]) -> _T:
        """Try again what passes by itself, a few times; raises what does not."""
        pauses = iter(PAUSES)
        while True:
            try:
                return action()
            except UploadMemorySpent as error:
                # It is this process's, and other threads give it back: no matter how often.
                if self.ending:
                    raise
                self._pause(error.retry_after.total_seconds())
            except _PASSES:
                seconds = next(pauses, None)
                if seconds is None or self.ending:
                    raise
                self._pause(seconds)


def _checksums(found: Found, beside: Mapping[str, Found]) -> Iterable[tuple[str, Found]]:
    """The checksum files that lie beside a file, with their algorithms."""
    for algorithm in ALGORITHMS:
        checksum = beside.get(f"{found.name}.{algorithm}")
        if checksum is not None:
            yield algorithm, checksum


def _words(error: Exception) -> str:
    if isinstance(error, RepositoryMissing):
        return "the repository was deleted meanwhile"
    return str(error)
