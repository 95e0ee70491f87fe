"""Uploads by a form, as twine and its kin send them: `POST` to the address of a repository.

The form is read as it comes: its file goes to the store whatever its size, and what the form says
of the file counts whether it stands before or behind it. How an error is told to who sends a form,
`app.errors` says.
"""

from collections.abc import Mapping
from hashlib import sha256

from falcon import HTTP_200, Request, Response

from app.publishing import Artifact, ArtifactExists, Publication, Publisher
from app.publishing.place import Place
from app.python.filenames import Distribution, InvalidDistribution, agree, parse_distribution
from app.python.form import FormFields, UploadForm
from app.python.paths import LEGACY, SIGNATURE_SUFFIX, SIMPLE, at
from app.raw.terms import description, named, refuse_encodings
from app.repositories import Door, FolderPath, Format, Opened, Refused, RepositoryName
from app.visitors import actor_of, visitor_of
from auth.principals import Action
from middleware.body import open_body
from middleware.problems import Problem
from storage.metadata import Metadata

#: Where a form may be sent, with a slash at its end or without.
_TARGETS = ((), (LEGACY,), (SIMPLE,))


class Forms:
    """Takes distributions by forms."""

    def __init__(self, door: Door, publisher: Publisher, metadata: Metadata) -> None:
        self._door = door
        self._publisher = publisher
        self._metadata = metadata

    def take(self, req: Request, resp: Response, repository: str, folder: FolderPath) -> None:
        """Publish what a form brings, or find it there already."""
        name = RepositoryName.parse(repository)
        opened = self._door.open(visitor_of(req), name, Action.WRITE)
        if opened.repository.format is not Format.PYTHON or folder.segments not in _TARGETS:
            raise Problem(
                405,
                "Method Not Allowed",
                f"A form uploads to the address of a Python repository, which /repositories/{name}/"
                f" {'is' if opened.repository.format is Format.PYTHON else 'is not'}. PUT sends a"
                " file to its path.",
                {"Allow": "GET, HEAD"},
            )
        refuse_encodings(req)
        self._publish(req, resp, opened)

    def _publish(self, req: Request, resp: Response, opened: Opened) -> None:
        form = UploadForm(req.content_type or "", open_body(req.env))
        distribution = parse_distribution(form.open_content())
        _compare(distribution, form.known)
        place = Place.at(opened.repository, at(distribution))
        said = _Form(form, distribution)
        publication = Publication(place, actor_of(req, named(opened)), said)
        try:
            published = self._publisher.publish(
                publication, said, self._metadata.get(*place.keys())
            )
        except ArtifactExists as error:
            raise _Exists(
                f"File already exists: {distribution.filename} is there with other bytes. A name"
                " is not used again: publish another version"
            ) from error
        said.require_signature(published.artifact)
        resp.status = HTTP_200  # some tools know no other
        resp.set_header("ETag", published.artifact.etag)
        resp.media = description(place.path, published.artifact)


class _Exists(Refused):
    """Other bytes are there."""


class _Form:
    """A form as the body of its file, and as what is said of it."""

    #: All of these are known before any field is: they may come behind the file.
    algorithms: tuple[str, ...] = ()
    length: int | None = None

    def __init__(self, form: UploadForm, distribution: Distribution) -> None:
        self._form = form
        self._distribution = distribution
        self._fields: FormFields | None = None

    def readinto(self, view: memoryview) -> int:
        """The bytes of the file. Raises Refused where the form is wrong, before it has said that
        there are no more."""
        count = self._form.readinto(view)
        if count < len(view) and self._fields is None:
            fields = self._form.fields
            agree(self._distribution, fields.name, fields.version)
            _check_kind(self._distribution, fields.filetype)
            self._fields = fields
        return count

    @property
    def digests(self) -> tuple[tuple[str, str], ...]:
        """What the form said, once it was read."""
        return self._read.digests

    @property
    def attached(self) -> Mapping[str, bytes]:
        """The signature, if one came."""
        signature = self._read.signature
        return {} if signature is None else {SIGNATURE_SUFFIX: signature}

    def require_signature(self, artifact: Artifact) -> None:
        """Return where the file has the signature that came. Raises Refused: it was there before,
        without it."""
        for suffix, signature in self.attached.items():
            held = artifact.attached.get(suffix)
            if held is None or held.sha256 != sha256(signature).hexdigest():
                raise _Exists(
                    f"File already exists: {self._distribution.filename} is there with these"
                    " bytes, and without this signature, which comes with its file or never"
                )

    @property
    def _read(self) -> FormFields:
        if self._fields is None:
            raise LookupError("the form was not read to its end")
        return self._fields


def _compare(distribution: Distribution, known: Mapping[str, str]) -> None:
    """Refuse before the file what the fields in front of it contradict."""
    if "name" in known and "version" in known:
        agree(distribution, known["name"], known["version"])
    if "filetype" in known:
        _check_kind(distribution, known["filetype"])


def _check_kind(distribution: Distribution, filetype: str) -> None:
    if filetype != distribution.kind:
        raise InvalidDistribution(
            f"{distribution.filename} is a {distribution.kind.value} by its name, and the form has"
            f" another filetype: sdist and bdist_wheel are taken"
        )
