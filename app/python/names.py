"""The names of projects and the versions of their releases, parsed once, at the edge.

What a name or a version is, `packaging` says. Here stand the limits, of which it has none: both
are parts of file names and of record keys.
"""

from packaging.utils import InvalidName, canonicalize_name, canonicalize_version
from packaging.version import InvalidVersion as NoVersion
from packaging.version import Version

from app.maven.paths import quoted
from app.repositories.refused import Refused

#: A file name has the project's name in it, and room for a version and tags.
PROJECT_CHARACTERS = 100
#: A version of a commit, with its hash and the day as a local version, has some 70.
VERSION_CHARACTERS = 128


class InvalidProject(Refused):
    """A name that can be no project's; the message says why."""


class InvalidVersion(Refused):
    """A version that can be no release's; the message says why."""


def normalized(name: str) -> str:
    """The one spelling of a valid name (PEP 503): `foo-bar` for `Foo__Bar`.

    What comes from outside goes through `parse_project`.
    """
    return canonicalize_name(name)


def is_normalized(name: str) -> bool:
    """Whether it is a project's name, in the spelling that PEP 503 gives it."""
    try:
        return parse_project(name) == name
    except InvalidProject:
        return False


def parse_project(text: str) -> str:
    """The normalized name of a project that is valid by PEP 508. Raises InvalidProject."""
    if len(text) <= PROJECT_CHARACTERS:
        try:
            return canonicalize_name(text, validate=True)
        except InvalidName:
            pass
    raise InvalidProject(
        f"{shown(text)} can be no project's name: one has 1 to {PROJECT_CHARACTERS} of A-Z, a-z,"
        " 0-9, '.', '_' and '-', and begins and ends with a letter or digit"
    )


def parse_version(text: str) -> Version:
    """A version by PEP 440, in any of its spellings. Raises InvalidVersion."""
    if len(text) > VERSION_CHARACTERS:
        raise InvalidVersion(
            f"the version {shown(text)} has more than {VERSION_CHARACTERS} characters"
        )
    # `packaging` strips spaces, and those are no part of any spelling.
    if text.isascii() and text == text.strip():
        try:
            return Version(text)
        except NoVersion:
            pass
    raise InvalidVersion(
        f"{shown(text)} is no version by PEP 440: that is numbers with dots, such as '1.0.2', and"
        " after them what it is a part of, as in '1.0rc1', '1.0.post1', '1.0.dev3' or '1.0+local'"
    )


def release_text(version: Version) -> str:
    """What equal versions share and others do not: `1` for 1.0 and for 1.0.0."""
    return canonicalize_version(version)


def shown(text: str) -> str:
    """A client's text as a message shows it: in quotes, its first hundred characters.

    Escaped is what is not printable ASCII, so that line ends and letters that look alike are seen.
    """
    return quoted(ascii(text)[1:-1])
