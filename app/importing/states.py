"""Takes over the state that another index tells of a project (PEP 792).

Only where the project is active here: no other state that somebody gave it here is changed.
"""

from app.importing.candidate import NotTaken
from app.publishing.place import is_listed
from app.publishing.projects import State
from app.python.documents import ProjectStatus, Status
from app.python.paths import FILES, files_of
from app.repositories import FolderPath, Repository
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import Add, ConditionFailed, Metadata, Put

#: Those that take no new files: the files have to be there before.
_CLOSED = (Status.ARCHIVED, Status.QUARANTINED)


class States:
    """The states of the projects of one repository. Safe for many threads."""

    def __init__(
        self, metadata: Metadata, journal: Journal, repository: Repository, actor: Actor
    ) -> None:
        self._metadata = metadata
        self._journal = journal
        self._repository = repository
        self._actor = actor

    def take_over(self, project: str, status: ProjectStatus, *, all_there: bool) -> None:
        """Give a project a state, if it has files and is active.

        Raises:
            NotTaken: files of it are missing still, and could not come any more.
            What the store raises.
        """
        organization, repository = self._repository.organization, self._repository.id
        key = keys.project(organization, repository, project)
        folder = keys.subfolder(organization, repository, FolderPath((FILES,)).key, project)
        found = self._metadata.get(key, folder)
        if key in found or not is_listed(found.get(folder)):
            return
        if status.status in _CLOSED and not all_there:
            raise NotTaken(
                f"the project is {status.status} there, and not here: files of it were refused,"
                " and it would take no others"
            )
        shown = keys.revision(organization, repository, files_of(project).key, project)
        try:
            self._metadata.commit(
                Put(key, State(status).value(), absent=True),
                Add(shown, {"revision": 1}, create=True),
                witness=self._journal.event(
                    organization,
                    self._actor,
                    "project.status",
                    repository=repository,
                    project=project,
                    status=status.status.value,
                    reason=status.reason,
                ),
            )
        except ConditionFailed:
            return  # somebody gave it one in this moment
