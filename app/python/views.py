"""The documents of a Python repository's index, computed of its records (`app/computed`)."""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from packaging.version import Version

from app.computed import Rendered, View, Views
from app.publishing import Artifact
from app.publishing.receiving import reader
from app.python.details import current_version, project_details, release_details
from app.python.documents import IndexFile
from app.python.filenames import METADATA_SUFFIX
from app.python.html_documents import project_html, projects_html
from app.python.json_documents import project_json, projects_json
from app.python.metadata import CoreMetadata, read_metadata
from app.python.names import parse_version, release_text
from app.python.negotiation import Form
from app.python.paths import FILES, SIMPLE, Details, Page, files_of
from app.python.projects import Projects
from app.repositories import FolderPath, Repository
from storage import keys
from storage.blobs import Blobs
from storage.metadata import Metadata

#: Larger ones are compressed in a hurry: nobody is to wait for the last tenth.
_LARGE_BYTES = 256 * 1024
_JSON = "application/json"


@dataclass(frozen=True)
class IndexRendered(Rendered):
    """A document with its type, and as it is sent to who takes gzip."""

    content_type: str = _JSON

    @property
    def packed(self) -> bytes:
        """The body in gzip's coding, made once: by no `cached_property`, because those of Python
        3.11 have one lock for all documents."""
        packed: bytes | None = self.__dict__.get("_packed")
        if packed is None:
            level = 1 if len(self.body) > _LARGE_BYTES else 6
            packed = self.__dict__["_packed"] = gzip.compress(self.body, level, mtime=0)
        return packed

    @cached_property
    def etag(self) -> str:
        """The strong entity tag, quotes included: of this form of the document alone."""
        said = hashlib.blake2b(self.content_type.encode() + self.body, digest_size=8).hexdigest()
        return f'"revision:{self.revision}{said}"'

    @cached_property
    def packed_etag(self) -> str:
        """The entity tag of the body in gzip's coding: another one than the plain body's."""
        return f'{self.etag[:-1]}:gzip"'

    @property
    def weight(self) -> int:
        """About how many bytes of memory it takes, both bodies together."""
        return len(self.body) * 5 // 4


class Index:
    """Finds the documents of Python repositories. Safe for many threads."""

    def __init__(self, metadata: Metadata, blobs: Blobs, views: Views) -> None:
        self._metadata = metadata
        self._read = Projects(metadata)
        self._blobs = blobs
        self._views = views

    def page(self, repository: Repository, page: Page, form: Form) -> IndexRendered | None:
        """A page of the index in a form, None where there is no such project."""
        # The two forms of HTML differ in their name alone.
        name = page.project
        if name is None:
            folder, render = FolderPath((FILES,)), self._projects(repository, page, form)
        else:
            files_at = f"{page.to_root}{files_of(name)}"
            folder, render = files_of(name), self._project(repository, name, form, files_at)
        view = View(repository, folder.key, f"{form}:{len(page.segments)}")
        return self._found(view, render, unwritten=name is None)

    def details(self, repository: Repository, details: Details, root: str) -> IndexRendered | None:
        """What PyPI tells of a project, None where there is no such. `root` is the address of the
        repository."""
        folder = files_of(details.project)
        # However the version is spelled.
        release = "" if details.version is None else release_text(parse_version(details.version))
        view = View(repository, folder.key, f"details:{release}:{root}")

        def render(revision: str) -> IndexRendered | None:
            body = self._details(repository, details, f"{root}{folder}")
            now = self._metadata.now()
            return None if body is None else IndexRendered(body, revision, now)

        return self._found(view, render)

    def _found(
        self,
        view: View,
        render: Callable[[str], IndexRendered | None],
        *,
        unwritten: bool = False,
    ) -> IndexRendered | None:
        rendered = self._views.find(view, render, unwritten=unwritten)
        return rendered if isinstance(rendered, IndexRendered) else None

    def _projects(
        self, repository: Repository, page: Page, form: Form
    ) -> Callable[[str], IndexRendered | None]:
        def render(revision: str) -> IndexRendered:
            names = self._read.names(repository)
            # At the root a project called as one of the folders there would not be found.
            projects_at = "" if page.within else f"{SIMPLE}/"
            body = projects_json(names) if form is Form.JSON else projects_html(names, projects_at)
            return IndexRendered(body, revision, self._metadata.now(), _type(form))

        return render

    def _project(
        self, repository: Repository, name: str, form: Form, files_at: str
    ) -> Callable[[str], IndexRendered | None]:
        def render(revision: str) -> IndexRendered | None:
            state = self._read.state(repository, name)
            files = list(self._read.files(repository, name))
            if not files:
                return None
            write = project_json if form is Form.JSON else project_html
            body = write(name, files, state.status, files_at)
            return IndexRendered(body, revision, self._metadata.now(), _type(form))

        return render

    def _details(self, repository: Repository, details: Details, files_at: str) -> bytes | None:
        name = details.project
        state, files = self._read.state(repository, name), list(self._read.files(repository, name))
        version = current_version(files)
        if details.version is not None:
            version = parse_version(details.version)
        own = [file for file in files if parse_version(file.version) == version]
        if version is None or not own:
            return None
        core = None if state.is_quarantined else self._core(repository, name, own)
        write = project_details if details.version is None else release_details
        return write(
            core or _nothing(name, version),
            files,
            state.status,
            files_at,
            self._serial(repository, name),
        )

    def _core(self, repository: Repository, name: str, own: list[IndexFile]) -> CoreMetadata | None:
        """What a release says of itself: in a wheel, or else in its sdist."""
        folder = files_of(name).key
        at = repository.organization, repository.id
        for file in sorted(own, key=lambda file: not file.filename.endswith(".whl")):
            key = keys.artifact(*at, folder, file.filename)
            record = self._metadata.get(key).get(key)
            held = None
            if record is not None:
                held = Artifact.read(record).attached.get(METADATA_SUFFIX)
            if held is not None:
                data = reader(self._blobs, held.blob)(0, held.size)
                return read_metadata(data, f"the metadata of {file.filename}")
        return None

    def _serial(self, repository: Repository, name: str) -> int:
        """A number that grows with each change of a project."""
        partition = keys.revisions(repository.organization, repository.id)
        page = self._metadata.query(partition, f"{files_of(name).key}:")
        return sum(record.value["revision"] for record in page.records)


def _nothing(name: str, version: Version) -> CoreMetadata:
    """What a release says that says nothing of itself."""
    said = f"Metadata-Version: 1.0\nName: {name}\nVersion: {version}\n"
    return read_metadata(said.encode(), "nothing")


def _type(form: Form) -> str:
    return "text/html; charset=utf-8" if form is Form.HTML else form.value
