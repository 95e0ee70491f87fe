"""The routes of raw files: `PUT`, `GET`, `HEAD` and `DELETE` of a path. Folders: `folders`,
uploads in pieces: `uploads`.

The path is parsed once; what was parsed is what is authorized, read and served. HEAD and
GET are one function, so that they cannot differ.
"""

from falcon import HTTP_200, HTTP_201, HTTP_204, Request, Response

from app.publishing import Artifact, Publication, Publisher, Remover
from app.publishing.place import Place
from app.raw.downloads import Downloads
from app.raw.folders import add_slash
from app.raw.listing import Listing
from app.raw.terms import (
    conditions_of,
    description,
    expectations_of,
    named,
    refuse_encodings,
)
from app.raw.uploads import Uploads, is_about_an_upload
from app.repositories import (
    ArtifactPath,
    Door,
    FolderPath,
    Opened,
    Repository,
    RepositoryName,
    Visitor,
)
from app.visitors import actor_of, anonymous, visitor_of
from auth.principals import Action
from middleware.body import open_body
from middleware.declarations import Access
from middleware.problems import Problem
from storage import keys
from storage.metadata import Key


class RawFiles:
    """`/repositories/REPOSITORY/PATH`, with credentials."""

    access = Access.SIGNED_IN

    def __init__(
        self,
        door: Door,
        publisher: Publisher,
        remover: Remover,
        downloads: Downloads,
        listing: Listing,
        uploads: Uploads,
    ) -> None:
        self._door = door
        self._publisher = publisher
        self._remover = remover
        self._downloads = downloads
        self._listing = listing
        self.uploads = uploads

    def on_get(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Send a file, or lead to the folder of that name; or tell how far an upload is."""
        if is_about_an_upload(req):
            self.uploads.show(req, resp, repository, path)
            return
        at = RepositoryName.parse(repository), ArtifactPath.parse(path)
        read(self._door, self._downloads, self._listing, visitor_of(req), req, resp, at)

    on_head = on_get

    def on_put(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Publish a file: 201 where it is new, 200 where it replaced another or is the same."""
        if is_about_an_upload(req):
            self.uploads.complete(req, resp, repository, path)
            return
        if "HTTP_CONTENT_RANGE" in req.env:  # RFC 9110, section 14.5
            raise Problem(400, "Bad Request", "A PUT takes a whole file, without Content-Range.")
        refuse_encodings(req)
        name, address = RepositoryName.parse(repository), ArtifactPath.parse(path)
        expectations = expectations_of(req)
        precondition = conditions_of(req).for_writing()
        opened = self._open(req, name, Action.WRITE, address)
        place = Place.at(opened.repository, address)
        published = self._publisher.publish(
            Publication(place, actor_of(req, named(opened)), expectations, precondition),
            open_body(req.env),
            opened.records,
        )
        resp.status = HTTP_201 if published.created else HTTP_200
        resp.set_header("ETag", published.artifact.etag)
        resp.media = description(address, published.artifact)

    def on_delete(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Delete a file; it stays restorable for the repository's `restore_days`."""
        if is_about_an_upload(req):
            self.uploads.drop(req, resp, repository, path)
            return
        name, address = RepositoryName.parse(repository), ArtifactPath.parse(path)
        precondition = conditions_of(req).for_writing()
        opened = self._open(req, name, Action.DELETE, address)
        actor = actor_of(req, named(opened))
        self._remover.remove(
            Place.at(opened.repository, address), actor, opened.records, precondition
        )
        resp.status = HTTP_204

    def on_post(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Begin an upload in pieces."""
        self.uploads.begin(req, resp, repository, path)

    def on_patch(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Take a piece of an upload."""
        self.uploads.append(req, resp, repository, path)

    def _open(
        self, req: Request, name: RepositoryName, action: Action, address: ArtifactPath
    ) -> Opened:
        return self._door.open(
            visitor_of(req), name, action, lambda found: Place.at(found, address).keys()
        )


class PublicRawFiles:
    """`/public/repositories/REPOSITORY/PATH`: anonymous reading of what was made public."""

    access = Access.PUBLIC

    def __init__(self, door: Door, downloads: Downloads, listing: Listing) -> None:
        self._door = door
        self._downloads = downloads
        self._listing = listing

    def on_get(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Send a file, or lead to the folder of that name."""
        at = RepositoryName.parse(repository), ArtifactPath.parse(path)
        read(self._door, self._downloads, self._listing, anonymous(req), req, resp, at)

    on_head = on_get


def read(
    door: Door,
    downloads: Downloads,
    listing: Listing,
    visitor: Visitor,
    req: Request,
    resp: Response,
    requested: tuple[RepositoryName, ArtifactPath],
) -> None:
    """Answer a GET or HEAD of a repository's file."""
    name, address = requested

    def wanted(found: Repository) -> tuple[Key, ...]:
        return (keys.artifact(found.organization, found.id, address.folder.key, address.name),)

    opened = door.open(visitor, name, Action.READ, wanted)
    for record in opened.records.values():
        downloads.answer(req, resp, opened.repository, address, Artifact.read(record))
        return
    folder = FolderPath((*address.folder.segments, address.name))
    if not listing.exists(opened.repository, folder):
        raise Problem(404, "Not Found", "There is no such file or folder in this repository.")
    add_slash(req, resp)
