"""Which files of Python repositories are looked for: those of a project, or of one release."""

from dataclasses import dataclass

from packaging.version import Version

from app.python.names import InvalidProject, InvalidVersion, parse_project
from app.python.names import parse_version as parse_pep440
from app.python.paths import distribution_at
from app.repositories import ArtifactPath
from app.search.conditions import InvalidCondition

_EQUALS = "=="


@dataclass(frozen=True, slots=True)
class Release:
    """A project by its normalized name; with a `version` the files of equal versions alone."""

    project: str
    version: Version | None = None

    @property
    def prefix(self) -> str:
        """What the sort keys of all that fits begin with."""
        return f"{self.project}/"

    def fits(self, path: str) -> bool:
        """Whether the file at a path of a Python repository is of it."""
        distribution = distribution_at(ArtifactPath.parse(path))
        return (
            distribution is not None
            and distribution.project == self.project
            and self.version in (None, distribution.version)
        )


def parse_release_project(text: str) -> str:
    """The normalized name of a project, in any spelling. Raises InvalidCondition."""
    try:
        return parse_project(text)
    except InvalidProject as error:
        raise InvalidCondition(f"is no project's name: {error}") from error


def parse_release_version(text: str) -> Version:
    """A version by PEP 440, in any spelling. Raises InvalidCondition."""
    try:
        return parse_pep440(text)
    except InvalidVersion as error:
        raise InvalidCondition(f"is no version: {error}") from error


def told_release(text: str) -> Release | None:
    """The release that a text names as requirements do, `NAME==VERSION`, or the project that it
    may be the name of; None where it can be neither."""
    project, equals, version = text.partition(_EQUALS)
    try:
        parsed = parse_pep440(version.strip()) if equals else None
        return Release(parse_project(project.strip()), parsed)
    except (InvalidProject, InvalidVersion):
        return None
