"""Reads the simple index of another repository of Python packages.

An index is somebody else's: its pages are bounded, and what they name are texts that are still
to be parsed as file names and versions. A link may lead to any host, as the files of large
indexes do; the credentials for the index stay with its own origin, and so do its pages. Some
indexes send on to another what they don't have, and a project that was to come from inside would
come from whoever has the name outside.
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
from app.outgoing import Answer, Client, InvalidUrl, Url, quoted

__all__ = ["BadPage", "IndexFile", "IndexProject", "SimpleIndex"]

#: A list of a few hundred thousand projects takes about as much, and a project of ten thousand
#: files a third of it.
PAGE_BYTES = 32 * 1024 * 1024


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
        return projects_of(self.root_page())

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
        return project_of(self.project_page(project))

    def root_page(self) -> Answer:
        """The page that lists the projects, not parsed. Raises as `projects`."""
        return self._page(self._root)

    def project_page(self, project: str) -> Answer:
        """The page of a project, not parsed. Raises as `project`."""
        try:
            at = self._root.join(f"./{canonicalize_name(project)}/")
        except InvalidUrl as error:
            raise BadPage(f"{self._root} has no page for {quoted(project)}: {error}") from error
        return self._page(at)

    def _page(self, url: Url) -> Answer:
        page = self._client.get(url, accept=ACCEPT, limit=PAGE_BYTES)
        known = (self._root.origin, ("https", self._root.host, 443))
        if page.url.origin not in known:
            raise BadPage(
                f"{url} redirects to another index, {page.url.scheme}://{page.url.authority}: where"
                " that is wanted, name it with --from"
            )
        return page
