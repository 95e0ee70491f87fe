"""Reads the simple index of another repository of Python packages.

An index is somebody else's: its pages are bounded, and what they name are texts that are still
to be parsed as file names and versions. A link may lead to any host, as the files of large
indexes do; the credentials for the index stay with its own origin.
"""

from packaging.utils import canonicalize_name

from app.importing.index_pages import (
    ACCEPT,
    BadPage,
    IndexFile,
    IndexProject,
    project_of,
    projects_of,
)
from app.outgoing import Answer, Client, Url

__all__ = ["BadPage", "IndexFile", "IndexProject", "SimpleIndex"]

#: A list of a few hundred thousand projects takes some 30 MB, and a project of ten thousand files
#: some 10 MB.
LIST_BYTES, PROJECT_BYTES = 64 * 1024 * 1024, 32 * 1024 * 1024


class SimpleIndex:
    """A simple index. Safe for as many threads as its client is."""

    def __init__(self, client: Client, root: Url) -> None:
        """`root` is the page that lists the projects."""
        self._client = client
        self._root = root.as_folder()

    def projects(self) -> list[str]:
        """The normalized names of all projects, each once, in the index's order.

        Raises:
            BadPage: it is no such page.
            OutgoingError: it can't be read.
        """
        return projects_of(self._page(self._root, LIST_BYTES))

    @property
    def root(self) -> Url:
        """The page that lists the projects."""
        return self._root

    def project(self, project: str) -> IndexProject:
        """What is said of a project, whose name may be normalized or not.

        Raises:
            BadPage: it is no page of a project, or one of its files makes no sense.
            Declined: with the status 404, where the index has no such project.
            OutgoingError: it can't be read.
        """
        at = self._root.join(f"./{canonicalize_name(project)}/")
        return project_of(self._page(at, PROJECT_BYTES))

    def _page(self, url: Url, limit: int) -> Answer:
        return self._client.get(url, accept=ACCEPT, limit=limit)
