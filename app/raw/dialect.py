"""Files under paths, as they come: what every format does with a file that is nothing else."""

from falcon import HTTP_200, HTTP_201, HTTP_204, Request, Response

from app.publishing import Artifact, Expectations, Publication, Publisher, Remover
from app.publishing.expectations import Precondition
from app.publishing.place import Place
from app.raw.downloads import Downloads
from app.raw.listing import Listing
from app.raw.slash import add_slash
from app.raw.terms import description, named
from app.repositories import ArtifactPath, FolderPath, Opened, Repository
from app.visitors import actor_of
from middleware.body import open_body
from middleware.problems import PROBLEM_JSON, Problem
from storage import keys
from storage.metadata import Key


class RawDialect:
    """Answers for raw repositories."""

    def __init__(
        self,
        publisher: Publisher,
        remover: Remover,
        downloads: Downloads,
        listing: Listing,
        missing_type: str = PROBLEM_JSON,
    ) -> None:
        """`missing_type` is of the answer that there is nothing."""
        self._publisher = publisher
        self._remover = remover
        self._downloads = downloads
        self._listing = listing
        self._missing_type = missing_type

    def needs(self, repository: Repository, path: ArtifactPath) -> tuple[Key, ...]:
        """The file's record."""
        return (keys.artifact(repository.organization, repository.id, path.folder.key, path.name),)

    def get(self, req: Request, resp: Response, opened: Opened, path: ArtifactPath) -> None:
        """Send a file, or lead to the folder of that name."""
        for record in opened.records.values():
            self._downloads.answer(req, resp, opened.repository, path, Artifact.read(record))
            return
        folder = FolderPath((*path.folder.segments, path.name))
        if not self._listing.exists(opened.repository, folder):
            raise self.missing()
        add_slash(req, resp)

    def get_folder(self, req: Request, resp: Response, opened: Opened, folder: FolderPath) -> None:
        """List a folder."""
        self._listing.answer(req, resp, opened, folder)

    def missing(self) -> Problem:
        """That there is nothing."""
        detail = "There is no such file or folder in this repository."
        return Problem(404, "Not Found", detail, media_type=self._missing_type)

    def needs_to_write(self, repository: Repository, path: ArtifactPath) -> tuple[Key, ...]:
        """What decides whether the file may change, and how."""
        return Place.at(repository, path).keys()

    def put(
        self,
        req: Request,
        resp: Response,
        opened: Opened,
        path: ArtifactPath,
        terms: tuple[Expectations, Precondition],
    ) -> None:
        """Publish a file: 201 where it is new, 200 where it replaced another or is the same."""
        published = self._publisher.publish(
            Publication(Place.at(opened.repository, path), actor_of(req, named(opened)), *terms),
            open_body(req.env),
            opened.records,
        )
        resp.status = HTTP_201 if published.created else HTTP_200
        resp.set_header("ETag", published.artifact.etag)
        resp.media = description(path, published.artifact)

    def delete(
        self,
        req: Request,
        resp: Response,
        opened: Opened,
        path: ArtifactPath,
        precondition: Precondition,
    ) -> None:
        """Delete a file; it stays restorable for the repository's `restore_days`."""
        place, actor = Place.at(opened.repository, path), actor_of(req, named(opened))
        self._remover.remove(place, actor, opened.records, precondition)
        resp.status = HTTP_204
