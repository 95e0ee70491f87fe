"""Another index of Python packages, as where files come from.

Its pages are read some ahead of the files, side by side: a project of one file costs two answers
of another server, and nobody waits for the first of them. What is read ahead is bytes: parsed is
one page at a time, because that takes many times their memory.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial
from http import HTTPStatus

from app.importing.candidate import Candidate, NotTaken, Unit
from app.importing.distributions import distribution_of
from app.importing.importer import Importer
from app.importing.index import IndexFile, IndexProject, SimpleIndex
from app.importing.index_pages import project_of, projects_of
from app.importing.patience import Patience
from app.importing.remote import Remote
from app.importing.report import Counts, Outcome, Tally
from app.importing.states import States
from app.maven.paths import shortened
from app.outgoing import Answer, BadAnswer, Client, Declined, OutgoingError, Url
from app.publishing.place import Place
from app.python.documents import ProjectStatus, Status
from app.python.filenames import Distribution, InvalidDistribution
from app.python.layout import YANKED
from app.python.paths import SIGNATURE_SUFFIX, at

#: Pages read ahead, and at once: of the largest that are read, 256 MiB.
_AHEAD, _AT_ONCE = 8, 4
_LOOK_SECONDS = 0.1  # how often it is looked whether it is to end, while a page is waited for
#: So many pages in a row, each tried for a while, that the index did not give.
GIVEN_UP = 8
#: Of why a file was yanked, or a project has its status: what is taken over at most.
REASON_CHARACTERS = 500
#: What tells bytes from others that somebody made for that.
_STRONG = frozenset({"sha224", "sha256", "sha384", "sha512"})


class IndexOrigin:
    """All projects of an index, or some of them."""

    def __init__(
        self,
        client: Client,
        index: SimpleIndex,
        states: States,
        projects: Sequence[str] = (),
    ) -> None:
        """`projects` are normalized names; none stand for all."""
        self._client = client
        self._index = index
        self._states = states
        self._only = projects
        self._counts = Counts()
        self._unreachable = 0
        self._complete = False

    @property
    def total(self) -> tuple[int, int] | None:
        """All files and their bytes, as far as the index tells, once every page was read."""
        return (self._counts.files, self._counts.bytes) if self._complete else None

    def units(self, importer: Importer, tally: Tally, patience: Patience) -> Iterator[Unit]:
        waiting: deque[tuple[str, Future[Answer]]] = deque()
        pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="index")
        try:
            names = deque(self._only or self._projects(pool, patience))
            while (names or waiting) and not patience.ending:
                while names and len(waiting) < _AHEAD:
                    name = names.popleft()
                    reading = partial(self._index.project_page, name)
                    waiting.append((name, pool.submit(patience, reading)))
                name, page = waiting.popleft()
                project = self._read(name, page, tally) if _came(page, patience) else None
                if project is not None:
                    yield from self._units_of(name, project, importer, tally)
            self._complete = not patience.ending
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _projects(self, pool: ThreadPoolExecutor, patience: Patience) -> list[str]:
        page = pool.submit(patience, self._index.root_page)
        try:
            return projects_of(page.result()) if _came(page, patience) else []
        except Declined as error:
            self._require_entry(error)
            raise

    def _read(self, name: str, page: Future[Answer], tally: Tally) -> IndexProject | None:
        """A project's page; None where it can't be had, which is told.

        Raises OutgoingError where no other can be had.
        """
        try:
            project = project_of(page.result())
        except OutgoingError as error:
            self._require_entry(error)
            self._unreachable += error.passes
            if self._unreachable >= GIVEN_UP:
                raise
            self._counts = self._counts.plus(0)
            tally.refuse(f"{shortened(name)}/", 0, str(error))
            return None
        self._unreachable = 0
        return project

    def _require_entry(self, error: OutgoingError) -> None:
        """Raise BadAnswer where the index lets in nobody, or somebody else."""
        if isinstance(error, Declined) and error.status == HTTPStatus.UNAUTHORIZED:
            if error.url.origin != self._index.root.origin:
                raise BadAnswer(
                    f"{self._index.root} redirects to {error.url}, which asks for credentials, and"
                    " they stay with the origin that they are for: name that one with --from"
                ) from error
            known = self._index.root.credentials is not None
            what = "refuses these credentials" if known else "asks for credentials"
            raise BadAnswer(
                f"{self._index.root} {what}: give them in a file, as USER:PASSWORD, by"
                " --credentials FILE"
            ) from error

    def _units_of(
        self, name: str, project: IndexProject, importer: Importer, tally: Tally
    ) -> Iterator[Unit]:
        """The files of a project; those of which only one may be there in turn, as the index has
        them."""
        if not project.files and name in self._only:
            tally.refuse(
                f"{shortened(name)}/",
                0,
                f"the page of {shortened(name)} at {self._index.root} names no files: is that URL"
                " the page that lists the projects?",
            )
        units: dict[str, list[Candidate]] = {}
        met: dict[str, IndexFile] = {}
        for file in project.files:
            size = file.size or 0
            self._counts = self._counts.plus(size)
            shown = f"{shortened(name)}/{file.filename}"
            try:
                distribution = _distribution(name, file, met)
                if distribution is None:
                    tally.end(shown, size, Outcome.LEFT_OUT)
                    continue
                require_trust(self._index.root, file)
                place = importer.place(str(at(distribution)), file.size)
            except (NotTaken, InvalidDistribution) as error:
                tally.refuse(shown, size, str(error))
                continue
            units.setdefault(distribution.identity, []).append(
                self._candidate(shown, file, place, tally)
            )
        yield from self._closing(name, _bounded(project.status), units.values(), importer.dry)

    def _closing(
        self,
        name: str,
        status: ProjectStatus,
        units: Iterable[Sequence[Candidate]],
        dry: bool,
    ) -> Iterator[Unit]:
        """The files of a project, and its status behind them."""
        if status.status is Status.ACTIVE or dry:
            yield from map(Unit, units)
            return

        def close(all_there: bool) -> None:
            self._states.take_over(name, status, all_there=all_there)

        # All in turn: where it takes no new files, the last of them has to be there before.
        of = f"{shortened(name)}/"
        yield Unit([candidate for unit in units for candidate in unit], close, of)

    def _candidate(self, shown: str, file: IndexFile, place: Place, tally: Tally) -> Candidate:
        signature = f"{shown}{SIGNATURE_SUFFIX}"
        remote = Remote(self._client, file, lambda why: tally.refuse(signature, 0, why))
        marks = {} if file.yanked is None else {YANKED: _one_line(file.yanked)}
        return Candidate(shown, file.size, place, remote.open, marks)


def _came(page: Future[Answer], patience: Patience) -> bool:
    """Wait for a page; whether it is there, or failed, before all is to end."""
    while not wait((page,), _LOOK_SECONDS).done:
        if patience.ending:
            return False
    return True


def require_trust(index: Url, file: IndexFile) -> None:
    """Refuse what anybody on its way could exchange, where the index itself can't be. Raises
    NotTaken."""
    downgraded = index.scheme == "https" and file.url.scheme == "http"
    if downgraded and not file.hashes.keys() & _STRONG:
        raise NotTaken(f"{file.url} is not encrypted, and the index tells no SHA-2 of it")


def _distribution(project: str, file: IndexFile, met: dict[str, IndexFile]) -> Distribution | None:
    """The distribution that a file on a project's page is, if it is one; those that were `met`
    before on the page are none again.

    Raises InvalidDistribution, and NotTaken where it has no business on this page.
    """
    distribution = distribution_of(file.filename)
    if distribution is None:
        return None
    if distribution.project != project:
        raise NotTaken(
            f"it is a file of the project {distribution.project}, and on the page of {project}"
        )
    first = met.setdefault(file.filename, file)
    if first is file:
        return distribution
    if first.hashes != file.hashes:
        raise NotTaken("the index has it twice, with different digests: the first one counts")
    return None


def _bounded(status: ProjectStatus) -> ProjectStatus:
    return replace(status, reason=_one_line(status.reason or "") or None)


def _one_line(text: str) -> str:
    """What somebody else wrote, as it may stand in an index."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return shown[:REASON_CHARACTERS].strip()
