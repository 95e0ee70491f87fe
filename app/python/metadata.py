"""Core metadata: what METADATA in a wheel and PKG-INFO in an sdist say.

The file has the form of a mail: fields, an empty line, a description. It is read with the
library's own parser of mail headers and not with `packaging.metadata.parse_email`, which goes
through all fields once more for each distinct name and takes the description apart where a
field says that it is MIME. Strict is what a repository acts on: who it is, which version it
has, and which Python it asks for. All else was written by many tools over many years, and is
taken as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from email.policy import compat32
from types import MappingProxyType

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from app.maven.paths import shortened
from app.python.names import (
    InvalidProject,
    InvalidVersion,
    parse_project,
    parse_version,
    shown,
)
from app.repositories.refused import Refused

METADATA_BYTES = 1024 * 1024
#: Where a description is a field, as in 1.x, each of its lines is a line of the header.
HEADER_LINES = 20_000
#: It is repeated for each file of an index.
REQUIRES_PYTHON_CHARACTERS = 500
#: All that there are. 2.0 was never adopted, but years of wheels say that they are of it.
METADATA_VERSIONS = ("1.0", "1.1", "1.2", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6")

#: What distutils wrote where an author had said nothing.
_NOTHING = "UNKNOWN"
#: What stands before each further line of a longer text: by distutils, and by PEP 345.
_INDENTS = (" " * 8, " " * 7 + "|")


class InvalidMetadata(Refused):
    """Core metadata that can't be read or that a repository can't act on."""


@dataclass(frozen=True, slots=True)
class CoreMetadata:
    """What a distribution says of itself; "" and () for what is not there.

    `name` is as written, and valid. `requires_python` is as written but for line ends, and a
    valid set of specifiers. Nothing else is checked. `keywords` is one text, separated as the
    author did. `project_urls` has the first URL of each label.
    """

    metadata_version: str
    name: str
    version: Version
    requires_python: str | None
    summary: str
    description: str
    description_content_type: str
    keywords: str
    author: str
    author_email: str
    maintainer: str
    maintainer_email: str
    license: str
    license_expression: str
    license_files: tuple[str, ...]
    home_page: str
    download_url: str
    project_urls: Mapping[str, str]
    classifiers: tuple[str, ...]
    platforms: tuple[str, ...]
    requires_dist: tuple[str, ...]
    provides_extra: tuple[str, ...]
    dynamic: tuple[str, ...]


def read_metadata(data: bytes, what: str) -> CoreMetadata:
    """Read a METADATA or PKG-INFO.

    `what` is what a message calls it, as in 'METADATA of foo-1.0-py3-none-any.whl'.

    Raises:
        InvalidMetadata: too long, not UTF-8, of an unknown version; without a valid name and
            version, with an invalid Requires-Python; with a field twice that is there once.
    """
    fields = _Fields(data, shortened(what))
    return CoreMetadata(
        metadata_version=fields.metadata_version(),
        name=fields.name(),
        version=fields.version(),
        requires_python=fields.requires_python(),
        summary=fields.line("Summary"),
        description=fields.description(),
        description_content_type=fields.line("Description-Content-Type"),
        keywords=fields.line("Keywords"),
        author=fields.line("Author"),
        author_email=fields.line("Author-email"),
        maintainer=fields.line("Maintainer"),
        maintainer_email=fields.line("Maintainer-email"),
        license=fields.text("License"),
        license_expression=fields.line("License-Expression"),
        license_files=fields.lines("License-File"),
        home_page=fields.line("Home-page"),
        download_url=fields.line("Download-URL"),
        project_urls=fields.project_urls(),
        classifiers=fields.lines("Classifier"),
        platforms=fields.lines("Platform"),
        requires_dist=fields.lines("Requires-Dist"),
        provides_extra=fields.lines("Provides-Extra"),
        dynamic=fields.lines("Dynamic"),
    )


class _Fields:
    """The fields by their names in lower case, with line ends as they were."""

    def __init__(self, data: bytes, what: str) -> None:
        self._what = what
        text = self._decoded(data)
        message = HeaderParser(policy=compat32).parsestr(text)
        self._values: dict[str, list[str]] = {}
        for name, value in message.items():
            self._values.setdefault(name.lower(), []).append(value)
        self._body = str(message.get_payload())

    def metadata_version(self) -> str:
        version = self._required("Metadata-Version")
        if version not in METADATA_VERSIONS:
            raise self._refusal(
                f"Metadata-Version is {shown(version)}, and this repository knows"
                f" {', '.join(METADATA_VERSIONS)}"
            )
        return version

    def name(self) -> str:
        name = self._required("Name")
        try:
            parse_project(name)
        except InvalidProject as error:
            raise self._refusal(f"Name: {error}") from error
        return name

    def version(self) -> Version:
        try:
            return parse_version(self._required("Version"))
        except InvalidVersion as error:
            raise self._refusal(f"Version: {error}") from error

    def requires_python(self) -> str | None:
        text = self.line("Requires-Python")
        if not text:
            return None
        if len(text) > REQUIRES_PYTHON_CHARACTERS:
            raise self._refusal(
                f"Requires-Python has more than {REQUIRES_PYTHON_CHARACTERS} characters"
            )
        try:
            if text.isascii() and text.isprintable():
                SpecifierSet(text)
                return text
        except InvalidSpecifier:
            pass
        raise self._refusal(
            f"Requires-Python is {shown(text)}, which is no set of version specifiers by PEP 440,"
            " such as '>=3.9' or '>=3.9,<4'"
        )

    def description(self) -> str:
        """The body, or the field where there is none."""
        field = self.text("Description")
        return self._body if _said(self._body.strip()) else field

    def project_urls(self) -> Mapping[str, str]:
        urls: dict[str, str] = {}
        for line in self.lines("Project-URL"):
            label, _, url = line.partition(",")
            if url.strip():
                urls.setdefault(label.strip(), url.strip())
        return MappingProxyType(urls)

    def text(self, name: str) -> str:
        """A field that may have several lines, without what stands before them."""
        first, *more = self._once(name).split("\n")
        return _said("\n".join((first, *(_unindented(line) for line in more))).strip())

    def line(self, name: str) -> str:
        """A field that is one line, however it was folded."""
        return _said(_unfolded(self._once(name)))

    def lines(self, name: str) -> tuple[str, ...]:
        """All fields of that name."""
        values = (_said(_unfolded(value)) for value in self._values.get(name.lower(), []))
        return tuple(value for value in values if value)

    def _required(self, name: str) -> str:
        value = _unfolded(self._once(name))
        if not value:
            raise self._refusal(f"{name} is missing")
        return value

    def _once(self, name: str) -> str:
        values = self._values.get(name.lower(), [""])
        if len(values) > 1:
            raise self._refusal(f"{name} is there {len(values):,} times, and may be there once")
        return values[0]

    def _decoded(self, data: bytes) -> str:
        if len(data) > METADATA_BYTES:
            raise self._refusal(f"it has more than {METADATA_BYTES:,} bytes")
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            raise self._refusal(f"it is not UTF-8 (at byte {error.start:,})") from error
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if text.partition("\n\n")[0].count("\n") > HEADER_LINES:
            raise self._refusal(f"it has more than {HEADER_LINES:,} lines before an empty one")
        return text

    def _refusal(self, reason: str) -> InvalidMetadata:
        return InvalidMetadata(f"{self._what}: {reason}")


def _said(text: str) -> str:
    return "" if text == _NOTHING else text


def _unfolded(value: str) -> str:
    return " ".join(line.strip() for line in value.split("\n")).strip()


def _unindented(line: str) -> str:
    for indent in _INDENTS:
        if line.startswith(indent):
            return line.removeprefix(indent)
    return line
