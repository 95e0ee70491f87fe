"""What a person pastes into a build to depend on a version, for the tools that read this layout.

A snippet names coordinates and nothing else: which repository they are in, a build is told once.
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from xml.sax.saxutils import escape

from app.maven.paths import MavenFile
from app.maven.versions import VersionKey, is_snapshot, version_key

#: What describes or signs an artifact, and is none.
_BESIDE = frozenset({"pom", "module", "xml", "buildinfo"})
_SIGNED = (".asc", ".sig", ".sigstore.json")
#: Scala's binary versions, which sbt adds to a name by itself.
_SCALA = re.compile(r"(.+)_(?:2\.[0-9]+|3)")
#: An sbt plugin: crossed with the version of sbt too.
_SBT_PLUGIN = re.compile(r"(.+)_(?:2\.[0-9]+_[0-9]+(?:\.[0-9]+)*|sbt[0-9]+_3)")


@dataclass(frozen=True, slots=True)
class Coordinates:
    """A version, with the extension of what a build gets of it. `is_plugin`: of Maven."""

    group: str
    artifact: str
    version: str
    extension: str = "jar"
    is_plugin: bool = False


@dataclass(frozen=True, slots=True)
class Snippet:
    """What to write for a tool, and the name of it."""

    tool: str
    text: str


def coordinates_of(files: Collection[MavenFile], *, is_plugin: bool) -> Coordinates | None:
    """What files of one version are together; None where there are none."""
    for file in files:
        extension = _extension(files)
        return Coordinates(file.group, file.artifact, file.version, extension, is_plugin)
    return None


def newest(names: Iterable[str]) -> str | None:
    """The folder of the newest release among the folders of an artifact, or of its newest
    snapshot where there is no release; None where there are no folders.

    Groups and artifacts beneath an artifact lie beside its versions. No folder tells which it
    is, so that one without a digit at its beginning comes after all others.
    """

    def place(name: str) -> tuple[bool, bool, VersionKey]:
        return "0" <= name[:1] <= "9", not is_snapshot(name), version_key(name)

    return max(names, key=place, default=None)


def snippets(coordinates: Coordinates) -> tuple[Snippet, ...]:
    """One for each tool. A plugin of Maven is of use to Maven alone."""
    if coordinates.is_plugin:
        return (Snippet("Maven", _maven(coordinates)),)
    return tuple(Snippet(tool, write(coordinates)) for tool, write in _TOOLS.items())


def _maven(of: Coordinates) -> str:
    element = "plugin" if of.is_plugin else "dependency"
    parts = {"groupId": of.group, "artifactId": of.artifact, "version": of.version}
    if not of.is_plugin and of.extension != "jar":
        parts["type"] = of.extension
    lines = [f"  <{name}>{escape(text)}</{name}>" for name, text in parts.items()]
    return "\n".join((f"<{element}>", *lines, f"</{element}>"))


def _gradle(of: Coordinates) -> str:
    """The same in Kotlin and in Groovy; both replace what a dollar sign begins."""
    version = of.version.replace("$", r"\$")
    return f'implementation("{of.group}:{of.artifact}:{version}")'


def _sbt(of: Coordinates) -> str:
    if plugin := _SBT_PLUGIN.fullmatch(of.artifact):
        return f'addSbtPlugin("{of.group}" % "{plugin[1]}" % "{of.version}")'
    crossed = _SCALA.fullmatch(of.artifact)
    operator, artifact = ("%%", crossed[1]) if crossed else ("%", of.artifact)
    return f'libraryDependencies += "{of.group}" {operator} "{artifact}" % "{of.version}"'


def _leiningen(of: Coordinates) -> str:
    name = of.group if of.group == of.artifact else f"{of.group}/{of.artifact}"
    extension = "" if of.extension == "jar" else f' :extension "{of.extension}"'
    return f'[{name} "{of.version}"{extension}]'


_TOOLS: dict[str, Callable[[Coordinates], str]] = {
    "Maven": _maven,
    "Gradle": _gradle,
    "sbt": _sbt,
    "Leiningen": _leiningen,
}


def _extension(files: Iterable[MavenFile]) -> str:
    """That of the main file: a jar where there is one, the POM where there is nothing else."""
    found = {
        file.extension
        for file in files
        if not file.classifier and not file.is_ivy and not file.extension.endswith(_SIGNED)
    }
    main = found - _BESIDE
    if len(main) == 1:
        return main.pop()
    return "pom" if not main and "pom" in found else "jar"
