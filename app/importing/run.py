"""Takes the files of an origin, several at once.

The unit of work is what belongs together: one thread takes its files in turn.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from app.importing.candidate import Candidate, NotTaken, Unit
from app.importing.importer import Importer
from app.importing.lookup import LookUp
from app.importing.origin import Origin
from app.importing.patience import Patience
from app.importing.report import Outcome, Tally
from app.outgoing import OutgoingError, printable
from app.publishing import Contended, TooLate
from app.repositories import RepositoryMissing
from storage.blobs import BlobError
from storage.metadata import MetadataError

_LOOKED_UP = 100  # files: one read tells what is there of them
_WAITING = 4  # units for each thread, read ahead
#: What keeps every other file from being taken, too.
_ENDS = (BlobError, MetadataError, RepositoryMissing, Contended, TooLate)
#: So many files in a row, each tried for a while, that another server did not give.
GIVEN_UP = 8


class Import:
    """One import, run once.

    Attributes:
        stopped: why it ended before all files were looked at, None where it did not.
        again: whether it helps to run it again as it is.
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
        self._patiently = Patience(pause or self._stop.wait, self._stop.is_set)
        self._room = threading.Semaphore(jobs * _WAITING)
        self._fault: BaseException | None = None
        self._unreachable = 0
        self.stopped: str | None = None
        self.again = True

    @property
    def ending(self) -> bool:
        """Whether it was told to stop, and ends after the files under way."""
        return self._stop.is_set()

    def stop(self, why: str) -> None:
        """Begin no other file. May be called by any thread, and by a signal handler."""
        self._end(why, again=True)

    def _end(self, why: str, *, again: bool) -> None:
        if self.stopped is None:
            self.again = again
            self.stopped = printable(why)
        self._stop.set()

    def run(self, origin: Origin) -> None:
        """Take the files of an origin. What is the matter with the stores, or another server, is
        not raised: `stopped` says it then, and running it again goes on.

        Raises OSError where a folder can't be read.
        """
        units = origin.units(self._importer, self._tally, self._patiently)
        with ThreadPoolExecutor(self._jobs, thread_name_prefix="import") as pool:
            try:
                self._hand_out_all(pool, units)
            except OutgoingError as error:
                self._end(str(error), again=error.passes)
            except BaseException:
                self._stop.set()  # the pool waits for its threads
                raise
        if self._fault is not None:
            raise self._fault

    def _hand_out_all(self, pool: ThreadPoolExecutor, units: Iterator[Unit]) -> None:
        waiting: list[Unit] = []
        for unit in units:
            if self.ending:
                return
            waiting.append(unit)
            if sum(len(one.candidates) for one in waiting) >= _LOOKED_UP:
                self._hand_out(pool, waiting)
                waiting = []
        self._hand_out(pool, waiting)

    def _hand_out(self, pool: ThreadPoolExecutor, units: Sequence[Unit]) -> None:
        """Give units to the threads, and wait where they have enough."""
        if self.ending:
            return
        there = self._importer.look_up(one for unit in units for one in unit.candidates)
        for unit in units:
            self._room.acquire()
            pool.submit(self._take_unit, unit, there).add_done_callback(self._ended)

    def _ended(self, future: Future[None]) -> None:
        fault = future.exception()
        if fault is not None:
            self._fault = self._fault or fault
            self.stop("a fault of the program")
        self._room.release()

    def _take_unit(self, unit: Unit, there: LookUp) -> None:
        all_there = True
        for candidate in unit.candidates:
            if self.ending:
                return
            all_there = self._take(candidate, there) and all_there
        if unit.behind is not None and not self.ending:
            self._finish(unit, unit.behind, all_there)

    def _take(self, candidate: Candidate, there: LookUp) -> bool:
        """Take a file; whether it is there then."""
        tally, name = self._tally, candidate.name

        def moved(count: int) -> None:
            tally.moved(name, count)

        try:
            outcome = self._patiently(lambda: self._importer.take(candidate, there, moved))
        except (NotTaken, OutgoingError) as error:
            outcome = Outcome.REFUSED
            tally.refuse(name, candidate.size, str(error))
            self._reach(error)
        except _ENDS as error:
            tally.give_up(name)
            self._end_for(name, error)
            return False
        else:
            tally.end(name, candidate.size, outcome)
            self._unreachable = 0
        refused = outcome is Outcome.REFUSED
        for beside, size in candidate.beside:
            tally.end(beside, size, Outcome.LEFT_OUT if refused else outcome)
        return not refused

    def _finish(self, unit: Unit, behind: Callable[[bool], None], all_there: bool) -> None:
        """Do what comes behind the files of a unit."""
        try:
            self._patiently(lambda: behind(all_there))
        except NotTaken as error:
            self._tally.refuse(unit.name, 0, str(error))
        except _ENDS as error:
            self._end_for(unit.name, error)

    def _end_for(self, name: str, error: Exception) -> None:
        gone = isinstance(error, RepositoryMissing)
        self._end(f"{name}: {_words(error)}", again=not gone)

    def _reach(self, error: Exception) -> None:
        """End where another server is away, or gives nothing, rather than wait for it at each of
        many files."""
        if not (isinstance(error, OutgoingError) and error.passes):
            return
        self._unreachable += 1
        if self._unreachable >= GIVEN_UP:
            self.stop(f"{GIVEN_UP} files in a row did not come; the last one: {error}")


def _words(error: Exception) -> str:
    if isinstance(error, RepositoryMissing):
        return "the repository was deleted meanwhile"
    return str(error)
