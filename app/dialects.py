"""What a request about a path means is for the format of its repository to say."""

from typing import Protocol

from falcon import Request, Response

from app.publishing import Expectations
from app.publishing.expectations import Precondition
from app.repositories import ArtifactPath, FolderPath, Opened, Repository
from storage.metadata import Key


class Dialect(Protocol):
    """How the repositories of a format answer. Of what it raises, `app.errors` has the answers.

    Whoever calls has opened the repository, and read what the dialect needs in that read.
    """

    def needs(self, repository: Repository, path: ArtifactPath) -> tuple[Key, ...]:
        """The records that answering a GET needs."""

    def get(self, req: Request, resp: Response, opened: Opened, path: ArtifactPath) -> None:
        """Send what is there. HEAD is the same."""

    def get_folder(self, req: Request, resp: Response, opened: Opened, folder: FolderPath) -> None:
        """Send what there is at an address that ends in a slash."""

    def needs_to_write(self, repository: Repository, path: ArtifactPath) -> tuple[Key, ...]:
        """The records that answering a PUT or DELETE needs."""

    def put(
        self,
        req: Request,
        resp: Response,
        opened: Opened,
        path: ArtifactPath,
        terms: tuple[Expectations, Precondition],
    ) -> None:
        """Take what is sent."""

    def delete(
        self,
        req: Request,
        resp: Response,
        opened: Opened,
        path: ArtifactPath,
        precondition: Precondition,
    ) -> None:
        """Delete what is there."""
