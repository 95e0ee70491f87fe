"""The routes of files: `PUT`, `GET`, `HEAD` and `DELETE` of a path. Folders: `raw.folders`,
uploads in pieces: `raw.uploads`.

The path is parsed once; what was parsed is what is authorized, read and served. What it means
is for the format of its repository to say (`dialects`). HEAD and GET are one function, so that
they cannot differ.
"""

from collections.abc import Mapping

from falcon import Request, Response

from app.dialects import Dialect
from app.python.form_requests import is_form
from app.python.uploads import Forms
from app.raw.terms import conditions_of, expectations_of, refuse_encodings
from app.raw.uploads import Uploads, is_about_an_upload
from app.repositories import ArtifactPath, Door, FolderPath, Format, RepositoryName, Visitor
from app.visitors import anonymous, visitor_of
from auth.principals import Action
from middleware.declarations import PUBLIC, by_method, on
from middleware.problems import Problem


class Files:
    """`/repositories/REPOSITORY/PATH`, with credentials."""

    needs = by_method(
        GET=on(Action.READ, Action.WRITE),  # who uploads may ask how far an upload is
        PUT=on(Action.WRITE),
        POST=on(Action.WRITE),
        PATCH=on(Action.WRITE),
        DELETE=on(Action.DELETE, Action.WRITE),  # or drop an upload
    )

    def __init__(
        self, door: Door, dialects: Mapping[Format, Dialect], uploads: Uploads, forms: Forms
    ) -> None:
        self._door = door
        self._dialects = dialects
        self.uploads = uploads
        self._forms = forms

    def on_get(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Send what is at a path; or tell how far an upload is."""
        if is_about_an_upload(req):
            self.uploads.show(req, resp, repository, path)
            return
        at = RepositoryName.parse(repository), ArtifactPath.parse(path)
        read(self._door, self._dialects, visitor_of(req), req, resp, at)

    on_head = on_get

    def on_put(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Take a file; or complete an upload."""
        if is_about_an_upload(req):
            self.uploads.complete(req, resp, repository, path)
            return
        if "HTTP_CONTENT_RANGE" in req.env:  # RFC 9110, section 14.5
            raise Problem(400, "Bad Request", "A PUT takes a whole file, without Content-Range.")
        refuse_encodings(req)
        name, address = RepositoryName.parse(repository), ArtifactPath.parse(path)
        terms = expectations_of(req), conditions_of(req).for_writing()
        opened = self._door.open(
            visitor_of(req),
            name,
            Action.WRITE,
            lambda found: self._dialects[found.format].needs_to_write(found, address),
        )
        self._dialects[opened.repository.format].put(req, resp, opened, address, terms)

    def on_delete(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Delete a file; or drop an upload."""
        if is_about_an_upload(req):
            self.uploads.drop(req, resp, repository, path)
            return
        name, address = RepositoryName.parse(repository), ArtifactPath.parse(path)
        precondition = conditions_of(req).for_writing()
        opened = self._door.open(
            visitor_of(req),
            name,
            Action.DELETE,
            lambda found: self._dialects[found.format].needs_to_write(found, address),
        )
        self._dialects[opened.repository.format].delete(req, resp, opened, address, precondition)

    def on_post(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Begin an upload in pieces; or take a form with a distribution."""
        if is_form(req) and not req.query_string:
            self._forms.take(req, resp, repository, FolderPath.parse(f"{path}/"))
            return
        self.uploads.begin(req, resp, repository, path)

    def on_patch(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Take a piece of an upload."""
        self.uploads.append(req, resp, repository, path)


class PublicFiles:
    """`/public/repositories/REPOSITORY/PATH`: anonymous reading of what was made public."""

    needs = by_method(GET=PUBLIC)

    def __init__(self, door: Door, dialects: Mapping[Format, Dialect]) -> None:
        self._door = door
        self._dialects = dialects

    def on_get(self, req: Request, resp: Response, repository: str, path: str) -> None:
        """Send what is at a path."""
        at = RepositoryName.parse(repository), ArtifactPath.parse(path)
        read(self._door, self._dialects, anonymous(req), req, resp, at)

    on_head = on_get


def read(
    door: Door,
    dialects: Mapping[Format, Dialect],
    visitor: Visitor,
    req: Request,
    resp: Response,
    requested: tuple[RepositoryName, ArtifactPath],
) -> None:
    """Answer a GET or HEAD of a path."""
    name, address = requested
    opened = door.open(
        visitor, name, Action.READ, lambda found: dialects[found.format].needs(found, address)
    )
    dialects[opened.repository.format].get(req, resp, opened, address)
