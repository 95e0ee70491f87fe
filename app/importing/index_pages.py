"""The pages of a simple index, in JSON (PEP 691, 700, 792) and in HTML (PEP 503)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import InvalidName, canonicalize_name

from app.importing.index_links import Link, Links, MalformedLinks, read_links
from app.outgoing import Answer, BadAnswer, InvalidUrl, Url, quoted
from app.python.documents import ProjectStatus, Status

_JSON = "application/vnd.pypi.simple.v1+json"
_HTML = "application/vnd.pypi.simple.v1+html"
#: JSON where it is to be had: only there are sizes.
ACCEPT = f"{_JSON}, {_HTML};q=0.2, text/html;q=0.1"

#: Of a project; the largest there are have some ten thousand.
MOST_FILES = 50_000
#: What JSON becomes takes up to a hundred times its memory: objects and lists most, and then every
#: other value.
MOST_NESTS, MOST_VALUES = 400_000, 2_000_000
#: The largest object of S3; no file of any index has a thousandth of it.
MOST_BYTES = 5 * 1024**4
#: What file systems take for a name.
NAME_BYTES = 255

_MAJOR = "1"
_STATUS = "pypi:project-status"
#: The digests that are compared, and how many hexadecimal digits they have.
_DIGITS = {
    "md5": 32,
    "sha1": 40,
    "sha224": 56,
    "sha256": 64,
    "sha384": 96,
    "sha512": 128,
}
#: How the names of files end, and a project's hardly ever.
_PACKED = (".whl", ".tar.gz", ".zip")
_HEX = re.compile(r"[0-9a-f]+")


class BadPage(BadAnswer):
    """A page that is none of a simple index; the message names it."""


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A file that an index names.

    Attributes:
        filename: as the index has it; it is no path, and nothing else is checked.
        url: where it lies, with the credentials for it where it is at the index's origin.
        hashes: hexadecimal digests in lower case, by the names that hashlib has for them.
        requires_python: the versions of Python, not parsed; None where it does not say.
        yanked: the reason, "" for one without, None where it is not yanked.
        size: in bytes, None where the index does not say.
        has_metadata: whether `METADATA` can be had by itself (PEP 658, 714).
        signed: whether a signature lies beside it, under its URL and `.asc`.
    """

    filename: str
    url: Url
    hashes: Mapping[str, str]
    requires_python: str | None = None
    yanked: str | None = None
    size: int | None = None
    has_metadata: bool = False
    signed: bool = False


@dataclass(frozen=True, slots=True)
class IndexProject:
    """The page of a project. Its status has a reason of any text, where there is one."""

    files: tuple[IndexFile, ...]
    status: ProjectStatus


def projects_of(page: Answer) -> list[str]:
    """The projects that the root of an index lists, each once. Raises BadPage."""
    if _is_json(page):
        document = _document(page)
        if "projects" not in document and "files" in document:
            raise _of_one_project(page)
        entries = _listed(page, document, "projects")
        names = [_project(page, _text(page, entry, "name")) for entry in entries]
        return list(dict.fromkeys(names))
    links = _links(page).links
    if links and all(_last(link).endswith(_PACKED) for link in links):
        raise _of_one_project(page)
    found = dict.fromkeys(map(_linked_project, links))
    projects = [name for name in found if name is not None]
    if not projects:
        raise BadPage(f"{page.url} names no projects: is it the root of a simple index?")
    return projects


def project_of(page: Answer) -> IndexProject:
    """What the page of a project says. Raises BadPage."""
    if _is_json(page):
        document = _document(page)
        entries = _listed(page, document, "files")
        _bound(page, len(entries), MOST_FILES, "files")
        files = tuple(_json_file(page, entry) for entry in entries)
        marker = document.get("project-status")
        said = marker if isinstance(marker, dict) else {}
        return IndexProject(files, _status(said.get("status"), said.get("reason")))
    found = _links(page)
    base = page.url if found.base is None else _url(page, page.url, found.base, "its base")
    links = [link for link in found.links if _is_file(link)]
    _bound(page, len(links), MOST_FILES, "files")
    files = tuple(_html_file(page, base, link) for link in links)
    status, reason = (found.meta.get(name) for name in (_STATUS, f"{_STATUS}-reason"))
    return IndexProject(files, _status(status, reason))


def _of_one_project(page: Answer) -> BadPage:
    return BadPage(
        f"{page.url} is the page of one project: name the one above it, which lists the projects"
    )


def _is_json(page: Answer) -> bool:
    """Whether it is in JSON, and otherwise in HTML. Raises BadPage where it is in neither."""
    said = page.headers.get("content-type", "of no type")
    kind = said.partition(";")[0].strip().lower()
    if kind not in (_JSON, _HTML, "text/html"):
        raise BadPage(f"{page.url} is {quoted(said)}, which is no page of a simple index")
    return kind == _JSON


def _status(status: object, reason: object) -> ProjectStatus:
    """A project's status; one that nobody knows is none (PEP 792)."""
    if not isinstance(status, str) or status not in tuple(Status):
        return ProjectStatus()
    text = _storable(reason) if isinstance(reason, str) else ""
    return ProjectStatus(Status(status), text or None)


def _document(page: Answer) -> dict[str, Any]:
    """A page in JSON, whose values are counted before there are any; those in texts count, too."""
    _bound(page, page.body.count(b"{") + page.body.count(b"["), MOST_NESTS, "objects and lists")
    _bound(page, page.body.count(b","), MOST_VALUES, "values")
    try:
        document = json.loads(page.body)
    except (ValueError, RecursionError) as error:
        raise BadPage(f"{page.url} is no JSON that can be read") from error
    meta = document.get("meta") if isinstance(document, dict) else None
    version = meta.get("api-version") if isinstance(meta, dict) else None
    known = isinstance(version, str) and version.partition(".")[0] == _MAJOR
    if not isinstance(document, dict) or not known:
        raise BadPage(f"{page.url} is no page of version 1 of the simple API")
    return document


def _bound(page: Answer, count: int, most: int, what: str) -> None:
    """Raises BadPage where there are more."""
    if count > most:
        raise BadPage(
            f"{page.url} has more than {most:,} {what}, the most that are read of a page:"
            " where it is the list of all projects, name those you want with --project"
        )


def _listed(page: Answer, document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in a list of it."""
    entries = document.get(name)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BadPage(f"{page.url} has no list of objects under {name!r}")
    return entries


def _json_file(page: Answer, entry: Mapping[str, Any]) -> IndexFile:
    filename = _filename(page, _text(page, entry, "filename"))
    size = entry.get("size")
    if size is not None and (type(size) is not int or not 0 <= size <= MOST_BYTES):
        raise BadPage(f"{page.url} has a size for {quoted(filename)} that is none")
    hashes = entry.get("hashes")
    if not isinstance(hashes, dict):
        raise BadPage(f"{page.url} has no object of hashes for {quoted(filename)}")
    requires = entry.get("requires-python")
    if requires is not None and not isinstance(requires, str):
        raise BadPage(f"{page.url} has a requires-python for {quoted(filename)} that is no text")
    yanked = entry.get("yanked", False)
    reason = _storable(yanked) if isinstance(yanked, str) else ""
    return IndexFile(
        filename,
        _url(page, page.url, _text(page, entry, "url"), filename),
        _hashes(page, filename, hashes),
        _storable(requires or "") or None,
        # A text is a reason, also where it is empty.
        reason if yanked or isinstance(yanked, str) else None,
        size,
        # PEP 714: the older name counts where the newer one is missing.
        bool(entry.get("core-metadata", entry.get("dist-info-metadata", False))),
        entry.get("gpg-sig") is True,
    )


def _html_file(page: Answer, base: Url, link: Link) -> IndexFile:
    filename = _filename(page, _last(link))
    older = link.attributes.get("data-dist-info-metadata", "false")
    algorithm, _, digest = link.fragment.partition("&")[0].partition("=")
    return IndexFile(
        filename,
        _url(page, base, link.reference, filename),
        _hashes(page, filename, {algorithm: digest}),
        link.attributes.get("data-requires-python") or None,
        link.attributes.get("data-yanked"),
        None,
        link.attributes.get("data-core-metadata", older).lower() != "false",
        link.attributes.get("data-gpg-sig", "").lower() == "true",
    )


def _links(page: Answer) -> Links:
    try:
        return read_links(page.body)
    except MalformedLinks as error:
        raise BadPage(f"{page.url} {error}") from error


def _linked_project(link: Link) -> str | None:
    """The project that a link leads to; None for others, such as to the folder above.

    It is taken from where the link leads, because long names are cut where folders are listed.
    """
    try:
        return canonicalize_name(_last(link), validate=True)
    except InvalidName:
        return None


def _is_file(link: Link) -> bool:
    """Whether a link is a file's, and none to a folder or to what is not fetched."""
    try:
        parts = urlsplit(link.reference)
    except ValueError:
        return True  # and it will be found to be no URL
    last = parts.path.rpartition("/")[2]
    return parts.scheme in ("", "http", "https") and last not in ("", ".", "..")


def _last(link: Link) -> str:
    """The last segment of a link's path, decoded."""
    try:
        path = urlsplit(link.reference).path
    except ValueError:
        path = link.reference
    return unquote(path.rstrip("/").rpartition("/")[2])


def _project(page: Answer, name: str) -> str:
    try:
        return canonicalize_name(name, validate=True)
    except InvalidName as error:
        raise BadPage(f"{page.url} names a project {quoted(name)}, which is no name") from error


def _filename(page: Answer, name: str) -> str:
    if not name.isprintable():
        raise BadPage(f"{page.url} names a file with control characters in its name")
    if len(name.encode("utf-8", "replace")) > NAME_BYTES:
        raise BadPage(f"{page.url} names a file {quoted(name)}, which is too long for a name")
    if not name.strip(".") or "/" in name or "\\" in name:
        raise BadPage(f"{page.url} names a file {quoted(name)}, which is no name of a file")
    return name


def _url(page: Answer, base: Url, reference: str, what: str) -> Url:
    try:
        return base.join(reference)
    except InvalidUrl as error:
        raise BadPage(f"{page.url}: {quoted(what)} leads nowhere: {error}") from error


def _hashes(page: Answer, filename: str, given: Mapping[str, Any]) -> dict[str, str]:
    """Those of known algorithms; the others say nothing to anybody here."""
    hashes = {}
    for algorithm in given.keys() & _DIGITS.keys():
        said = given[algorithm]
        digest = said.lower() if isinstance(said, str) else ""
        if len(digest) != _DIGITS[algorithm] or not _HEX.fullmatch(digest):
            raise BadPage(f"{page.url} has a {algorithm} of {quoted(filename)} that is none")
        hashes[algorithm] = digest
    return hashes


def _text(page: Answer, entry: Mapping[str, Any], name: str) -> str:
    text = entry.get(name)
    if not isinstance(text, str) or not text.isprintable() or not text:
        raise BadPage(f"{page.url} has an entry without a proper text under {name!r}")
    return text


def _storable(text: str) -> str:
    """Without lone surrogates, which JSON can have and UTF-8 can't."""
    return text.encode("utf-8", "replace").decode("utf-8")
