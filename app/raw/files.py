"""The routes of raw files: `PUT`, `GET`, `HEAD` and `DELETE` of a path. Folders: `folders`.

The path is parsed once; what was parsed is what is authorized, read and served. HEAD and
GET are one function, so that they cannot differ.
"""

from datetime import UTC
from typing import Any

from falcon import HTTP_200, HTTP_201, HTTP_204, Request, Response

from app.publishing import Artifact, Publication, Publisher, Remover
from app.publishing.place import Place
from app.raw.announcements import parse_announcements
from app.raw.conditions import Conditions, parse_conditions
from app.raw.downloads import Downloads
from app.raw.folders import add_slash
from app.raw.listing import Listing
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
from auth.principals import Action, Principal
from middleware.body import open_body
from middleware.declarations import Access
from middleware.problems import Problem
from storage import keys
from storage.metadata import Key

_ANNOUNCEMENTS = {
    f"HTTP_{name.replace('-', '_')}": name
    for name in (
        "CONTENT-MD5",
        "CONTENT-DIGEST",
        "REPR-DIGEST",
        "X-CHECKSUM-MD5",
        "X-CHECKSUM-SHA1",
        "X-CHECKSUM-SHA256",
        "X-CHECKSUM-SHA512",
    )
}


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
    ) -> None:
        self._door = door
        self._publisher = publisher
        self._remover = remover
        self._downloads = downloads
        self._listing = listing

    def on_get(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Send a file, or lead to the folder of that name."""
        at = RepositoryName.parse(repository), ArtifactPath.parse(path)
        read(self._door, self._downloads, self._listing, visitor_of(req), req, resp, at)

    on_head = on_get

    def on_put(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Publish a file: 201 where it is new, 200 where it replaced another or is the same."""
        _refuse_encodings(req)
        name, address = RepositoryName.parse(repository), ArtifactPath.parse(path)
        expectations = parse_announcements(
            {
                name: req.env[variable]
                for variable, name in _ANNOUNCEMENTS.items()
                if variable in req.env
            }
        )
        precondition = conditions_of(req).for_writing()
        opened = self._open(req, name, Action.WRITE, address)
        place = _place(opened.repository, address)
        published = self._publisher.publish(
            Publication(place, actor_of(req, _named(opened)), expectations, precondition),
            open_body(req.env),
            opened.records,
        )
        resp.status = HTTP_201 if published.created else HTTP_200
        resp.set_header("ETag", published.artifact.etag)
        resp.media = description(address, published.artifact)

    def on_delete(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Delete a file; it stays restorable for the repository's `restore_days`."""
        name, address = RepositoryName.parse(repository), ArtifactPath.parse(path)
        precondition = conditions_of(req).for_writing()
        opened = self._open(req, name, Action.DELETE, address)
        actor = actor_of(req, _named(opened))
        self._remover.remove(
            _place(opened.repository, address), actor, opened.records, precondition
        )
        resp.status = HTTP_204

    def _open(
        self, req: Request, name: RepositoryName, action: Action, address: ArtifactPath
    ) -> Opened:
        return self._door.open(
            visitor_of(req), name, action, lambda found: _place(found, address).keys()
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


def conditions_of(req: Request) -> Conditions:
    """The conditional headers of a request."""
    env = req.env
    return parse_conditions(
        env.get("HTTP_IF_MATCH"),
        env.get("HTTP_IF_NONE_MATCH"),
        env.get("HTTP_IF_MODIFIED_SINCE"),
        env.get("HTTP_IF_UNMODIFIED_SINCE"),
    )


def description(path: ArtifactPath, artifact: Artifact) -> dict[str, Any]:
    """A file as JSON."""
    return {
        "path": str(path),
        "size": artifact.size,
        "modified": artifact.modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "digests": dict(artifact.digests),
    }


def _place(repository: Repository, address: ArtifactPath) -> Place:
    return Place(
        repository.organization,
        repository.id,
        address,
        repository.overwrite,
        repository.restore_days,
    )


def _named(opened: Opened) -> Principal:
    if opened.principal is None:
        raise LookupError("a change was opened without a principal")
    return opened.principal


def _refuse_encodings(req: Request) -> None:
    """Refuse what would be stored as something other than what it is (RFC 9110, 14.5, 8.4)."""
    if "HTTP_CONTENT_RANGE" in req.env:
        raise Problem(400, "Bad Request", "A PUT takes a whole file, without Content-Range.")
    if req.env.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() != "identity":
        raise Problem(
            415,
            "Unsupported Media Type",
            "Send the file as it is, without Content-Encoding: it is stored as it comes.",
        )
