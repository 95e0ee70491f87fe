"""The index as JSON (PEP 691, with what 700, 714 and 792 added).

A file's object is put together as text, and only what is text of its own goes through the
encoder: for 5,000 files that takes half the time of a list of dicts.
"""

from collections.abc import Iterable, Sequence
from json import JSONEncoder

from app.python.documents import (
    API_VERSION,
    IndexFile,
    ProjectStatus,
    file_url,
    moment,
    releases,
)

_META = {"api-version": API_VERSION}
_encode = JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def project_json(
    name: str, files: Sequence[IndexFile], status: ProjectStatus, files_at: str
) -> bytes:
    """A project's page, its files by version and then by name.

    `name` is normalized; `files_at` is the URL of the folder that the files are in, relative to
    the page or not, and ends with a slash.
    """
    found = releases(files, status)
    marker = {"status": status.status, "reason": status.reason}
    head = _encode(
        {
            "meta": _META,
            "name": name,
            "project-status": {key: value for key, value in marker.items() if value},
            "versions": [str(version) for version in found],
        }
    )
    listed = ",".join(_file(file, files_at) for release in found.values() for file in release)
    return as_bytes(f'{head[:-1]},"files":[{listed}]}}')


def projects_json(names: Iterable[str]) -> bytes:
    """The list of projects, by name."""
    return json_bytes({"meta": _META, "projects": [{"name": name} for name in sorted(names)]})


def json_bytes(document: object) -> bytes:
    """A document of dicts and lists as it is sent."""
    return as_bytes(_encode(document))


def as_bytes(text: str) -> bytes:
    """In UTF-8. Half a surrogate pair, which a reason that came as JSON may hold, is a question
    mark: one escaped would break the whole document for parsers that are strict."""
    return text.encode("utf-8", "replace")


def _file(file: IndexFile, files_at: str) -> str:
    """Keys are there without a value too, as on PyPI, where clients came to expect them.

    The metadata has the two names under which PyPI has it. It has a third in PEP 691,
    `dist-info-metadata`, which is left out: pip 23.0 fails where that is an object (PEP 714).
    """
    metadata = f'{{"sha256":"{file.core_metadata}"}}' if file.core_metadata else "false"
    python = _encode(file.requires_python) if file.requires_python else "null"
    signed = "" if file.signed is None else f',"gpg-sig":{"true" if file.signed else "false"}'
    return (
        f'{{"filename":{_encode(file.filename)}'
        f',"url":{_encode(file_url(file.filename, files_at))}'
        f',"hashes":{{"sha256":"{file.sha256}"}}'
        f',"requires-python":{python}'
        f',"size":{file.size}'
        f',"upload-time":"{moment(file.uploaded)}"'
        f',"yanked":{_yanked(file.yanked)}'
        f',"core-metadata":{metadata}'
        f',"data-dist-info-metadata":{metadata}'
        f"{signed}}}"
    )


def _yanked(reason: str | None) -> str:
    # An empty text would say that it is not.
    if reason is None:
        return "false"
    return _encode(reason) if reason else "true"
