"""The routes of folders, under the one address that ends in a slash: listed, and deleted."""

from urllib.parse import quote

from falcon import HTTP_301, Request, Response

from app.raw.deleting import FolderDeletes
from app.raw.listing import Listing
from app.repositories import Door, FolderPath, RepositoryName, Visitor
from app.visitors import anonymous, visitor_of
from auth.principals import Action
from middleware.declarations import Access


class Folders:
    """What can be done with a folder by whoever may read it."""

    def __init__(self, door: Door, listing: Listing) -> None:
        self._door = door
        self._listing = listing

    def on_get(self, req: Request, resp: Response, repository: str, path: str = "") -> None:
        """List a folder, or without a path the root of the repository."""
        name, folder = RepositoryName.parse(repository), FolderPath.parse(path)
        opened = self._door.open(self._visitor(req), name, Action.READ)
        self._listing.answer(req, resp, opened, folder)

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

    access = Access.SIGNED_IN

    def __init__(self, door: Door, listing: Listing, deletes: FolderDeletes) -> None:
        super().__init__(door, listing)
        self._deletes = deletes

    def on_delete(self, req: Request, resp: Response, repository: str, path: str = "") -> None:
        """Delete everything in a folder, with `?recursive=true`."""
        name, folder = RepositoryName.parse(repository), FolderPath.parse(path)
        self._deletes.answer(req, resp, name, folder)

    def _visitor(self, req: Request) -> Visitor:
        return visitor_of(req)


class PublicRawFolders(Folders):
    """`/public/repositories/REPOSITORY/FOLDER/`: anonymous reading of what was made public."""

    access = Access.PUBLIC

    def _visitor(self, req: Request) -> Visitor:
        return anonymous(req)


def add_slash(req: Request, resp: Response) -> None:
    """Answer with the address of a folder: links in a listing are relative to it."""
    resp.status = HTTP_301
    query = f"?{req.query_string}" if req.query_string else ""
    resp.set_header("Location", f"{quote(req.path)}/{query}")
