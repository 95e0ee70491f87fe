"""The routes of folders, under the one address that ends in a slash: listed, and deleted."""

from collections.abc import Mapping

from falcon import Request, Response

from app.dialects import Dialect
from app.python.uploads import Forms
from app.raw.deleting import FolderDeletes
from app.raw.slash import add_slash
from app.repositories import Door, FolderPath, Format, RepositoryName, Visitor
from app.visitors import anonymous, visitor_of
from auth.principals import Action
from middleware.declarations import PUBLIC, by_method, on


class Folders:
    """What can be done with a folder by whoever may read it."""

    def __init__(self, door: Door, dialects: Mapping[Format, Dialect]) -> None:
        self._door = door
        self._dialects = dialects

    def on_get(self, req: Request, resp: Response, repository: str, path: str = "") -> None:
        """List a folder, or without a path the root of the repository."""
        name, folder = RepositoryName.parse(repository), FolderPath.parse(path)
        opened = self._door.open(self._visitor(req), name, Action.READ)
        self._dialects[opened.repository.format].get_folder(req, resp, opened, folder)

    on_head = on_get

    def on_get_root(self, req: Request, resp: Response, repository: str) -> None:
        """Lead from the address of a repository to that of its root."""
        self._door.open(self._visitor(req), RepositoryName.parse(repository), Action.READ)
        add_slash(req, resp)

    on_head_root = on_get_root

    def _visitor(self, req: Request) -> Visitor:
        raise NotImplementedError


class RawFolders(Folders):
    """`/repositories/REPOSITORY/FOLDER/`, with credentials."""

    needs = by_method(
        GET=on(Action.READ),
        POST=on(Action.WRITE),
        DELETE=on(Action.DELETE),
    )

    def __init__(
        self,
        door: Door,
        dialects: Mapping[Format, Dialect],
        deletes: FolderDeletes,
        forms: Forms,
    ) -> None:
        super().__init__(door, dialects)
        self._deletes = deletes
        self._forms = forms

    def on_delete(self, req: Request, resp: Response, repository: str, path: str = "") -> None:
        """Delete everything in a folder, with `?recursive=true`."""
        name, folder = RepositoryName.parse(repository), FolderPath.parse(path)
        self._deletes.answer(req, resp, name, folder)

    def on_post(self, req: Request, resp: Response, repository: str, path: str = "") -> None:
        """Take a form with a distribution."""
        self._forms.take(req, resp, repository, FolderPath.parse(path))

    def on_post_root(self, req: Request, resp: Response, repository: str) -> None:
        """The same: whoever sends a form follows no redirect."""
        self._forms.take(req, resp, repository, FolderPath(()))

    def _visitor(self, req: Request) -> Visitor:
        return visitor_of(req)


class PublicRawFolders(Folders):
    """`/public/repositories/REPOSITORY/FOLDER/`: anonymous reading of what was made public."""

    needs = by_method(GET=PUBLIC)

    def _visitor(self, req: Request) -> Visitor:
        return anonymous(req)
