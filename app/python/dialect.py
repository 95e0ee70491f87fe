"""How Python repositories answer: files, what lies beside them, and the index computed of them."""

from urllib.parse import quote

from falcon import HTTP_301, Request, Response

from app.publishing import Artifact, Expectations
from app.publishing.expectations import Precondition
from app.publishing.projects import State
from app.python.negotiation import accepts_gzip, negotiate
from app.python.paths import Details, Page, Stored, meaning, page_at
from app.python.views import Index, IndexRendered
from app.raw.computed import Computed, send
from app.raw.dialect import RawDialect
from app.raw.downloads import Downloads
from app.repositories import ArtifactPath, FolderPath, Opened, Repository
from middleware.problems import Problem
from middleware.response_headers import put_headers
from storage import keys
from storage.metadata import Key

#: Nothing of a page runs or is loaded, and it can't be put in a frame.
_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

#: A shared cache may keep it, and asks for it each time, with the credentials of who wants it now
#: (RFC 9111 section 3.5). PDM's cache says that it is one, and keeps nothing that is private.
_CACHING = "no-cache, must-revalidate"


class PythonDialect:
    """Answers for Python repositories."""

    def __init__(
        self, index: Index, raw: RawDialect, downloads: Downloads, base_url: str | None
    ) -> None:
        """`base_url` is what all absolute addresses begin with, where that is known."""
        self._index = index
        self._raw = raw
        self._downloads = downloads
        self._base_url = (base_url or "").rstrip("/")

    def needs(self, repository: Repository, path: ArtifactPath) -> tuple[Key, ...]:
        """The records of a file and of its project's state."""
        match meaning(path):
            case Stored() as file:
                return (*self._raw.needs(repository, file.path), _state_key(repository, file))
            case None:
                return self._raw.needs(repository, path)
            case _:
                return ()

    def get(self, req: Request, resp: Response, opened: Opened, path: ArtifactPath) -> None:
        """Send a file or what lies beside it, or what PyPI tells of a project; lead to a page."""
        match meaning(path):
            case Stored() as file:
                self._send_file(req, resp, opened, file)
            case Details() as details:
                root = f"{self._base_url}{_root(req, opened.repository)}"
                self._send(req, resp, opened, self._index.details(opened.repository, details, root))
            case Page() as page:
                _lead(req, resp, opened.repository, page)
            case _:
                self._raw.get(req, resp, opened, path)

    def get_folder(self, req: Request, resp: Response, opened: Opened, folder: FolderPath) -> None:
        """Send a page of the index; list the folders of the files."""
        page = page_at(folder)
        if page is None:
            self._raw.get_folder(req, resp, opened, folder)
            return
        if page.name != page.project:
            _lead(req, resp, opened.repository, page)
            return
        form = negotiate(req.env.get("HTTP_ACCEPT"))
        self._send(req, resp, opened, self._index.page(opened.repository, page, form))

    def needs_to_write(self, repository: Repository, path: ArtifactPath) -> tuple[Key, ...]:
        """What decides whether the file may change, and how."""
        return self._raw.needs_to_write(repository, path)

    def put(
        self,
        req: Request,
        resp: Response,
        opened: Opened,
        path: ArtifactPath,
        terms: tuple[Expectations, Precondition],
    ) -> None:
        """Publish a distribution at its path. Raises Refused."""
        self._raw.put(req, resp, opened, path, terms)

    def delete(
        self,
        req: Request,
        resp: Response,
        opened: Opened,
        path: ArtifactPath,
        precondition: Precondition,
    ) -> None:
        """Delete a distribution, and with it what lies beside it."""
        match meaning(path):
            case Stored(suffix=""):
                self._raw.delete(req, resp, opened, path, precondition)
            case None:
                raise self._raw.missing()
            case _:
                raise Problem(
                    405,
                    "Method Not Allowed",
                    "This is computed here, and goes with the files that it tells of: delete"
                    " those.",
                    {"Allow": "GET, HEAD"},
                )

    def _send_file(self, req: Request, resp: Response, opened: Opened, file: Stored) -> None:
        repository = opened.repository
        (key,) = self._raw.needs(repository, file.path)
        record = opened.records.get(key)
        if record is None:
            raise self._raw.missing()
        _require_offered(file, State.read(opened.records.get(_state_key(repository, file))))
        artifact, path = Artifact.read(record), file.path
        if file.suffix:
            held = artifact.attached.get(file.suffix)
            if held is None:
                raise self._raw.missing()
            digests = {"sha256": held.sha256}
            artifact = Artifact(held.blob, held.size, digests, artifact.modified, artifact.user)
            path = ArtifactPath(path.folder, f"{path.name}{file.suffix}")
        self._downloads.answer(req, resp, repository, path, artifact, counted=not file.suffix)

    def _send(
        self, req: Request, resp: Response, opened: Opened, rendered: IndexRendered | None
    ) -> None:
        """Answer with a document, compressed for who takes that."""
        if rendered is None:
            raise Problem(404, "Not Found", "There is no such project in this repository.")
        headers = {
            "content-type": rendered.content_type,
            "x-content-type-options": "nosniff",
            "content-security-policy": _POLICY,
        }
        body, etag = rendered.body, rendered.etag
        put_headers(resp, {"vary": "Accept, Accept-Encoding"})
        if accepts_gzip(req.env.get("HTTP_ACCEPT_ENCODING")):
            body, etag = rendered.packed, rendered.packed_etag
            headers["content-encoding"] = "gzip"
        computed = Computed("", body, etag, rendered.modified, headers, _CACHING)
        send(req, resp, opened.repository, computed)


def _state_key(repository: Repository, file: Stored) -> Key:
    return keys.project(repository.organization, repository.id, file.distribution.project)


def _require_offered(file: Stored, state: State) -> None:
    """Return where a file may be had (PEP 792). Raises Problem."""
    if state.is_quarantined:
        why = f": {state.status.reason}" if state.status.reason else ""
        raise Problem(
            403,
            "Forbidden",
            f"The project {file.distribution.project} is in quarantine, and none of its files is"
            f" to be had{why}.",
        )


def _root(req: Request, repository: Repository) -> str:
    """The address of a repository as it was asked for: with credentials or publicly."""
    public = "/public" if req.path.startswith("/public/") else ""
    return f"{public}/repositories/{repository.name}/"


def _lead(req: Request, resp: Response, repository: Repository, page: Page) -> None:
    """Answer with the address of a page: the project's name as it is spelled, and a slash."""
    address = f"{_root(req, repository)}{FolderPath(page.segments)}"
    query = f"?{req.query_string}" if req.query_string else ""
    resp.status = HTTP_301
    resp.set_header("Location", f"{quote(address)}{query}")
