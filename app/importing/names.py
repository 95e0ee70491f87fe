"""What the names in a folder tell: which files are published, compared, or left out."""

import re
from fnmatch import fnmatchcase

from app.maven.paths import ALGORITHMS, InvalidLayout, MavenFile, parse
from app.repositories.names import ArtifactPath, InvalidName

#: Folders of indexes, of other repositories' own notes, and of version control.
_FOLDERS = (".*", "*.artifactory-metadata")
#: What Maven and its peers note for themselves.
_FILES = (
    ".*",
    "_maven.repositories",
    "_remote.repositories",
    "resolver-status.properties",
    "m2e-lastUpdated.properties",
    "archetype-catalog.xml",
    "Thumbs.db",
    "desktop.ini",
)
#: Documents that a repository computes, and clients' copies of them, unless an artifact is
#: called so.
_COMPUTED = (
    "maven-metadata.xml",
    "maven-metadata.xml.*",
    "maven-metadata-*.xml",
    "nexus-maven-repository-index*",
)
#: What is put behind a file's name until its download came to an end, or came to none.
_UNFINISHED = (".lastUpdated", ".part", ".part.lock", ".tmp")
#: An extension at the end of what is read as a classifier, as in `sources.jar` of a file
#: `lib-1.0-sources.jar.part`; digits are none, as in `scala_2.13`.
_EXTENSION = re.compile(r"\.[^.0-9]")


def checksum_of(name: str) -> tuple[str, str] | None:
    """The file that a checksum file lies beside, and the algorithm; None of any other file."""
    of, dot, ending = name.rpartition(".")
    return (of, ending) if dot and ending in ALGORITHMS else None


def is_left_out(path: str) -> bool:
    """Whether a file is none that clients publish, or a checksum of such a file."""
    *folders, name = path.split("/")
    while checksum := checksum_of(name):
        name = checksum[0]
    if any(fnmatchcase(folder, pattern) for folder in folders for pattern in _FOLDERS):
        return True
    if any(fnmatchcase(name, pattern) for pattern in _FILES):
        return True
    if any(fnmatchcase(name, pattern) for pattern in _COMPUTED):
        return _artifact("/".join((*folders, name))) is None
    if name.endswith(_UNFINISHED):
        return not _is_whole("/".join((*folders, name)))
    return False


def _is_whole(path: str) -> bool:
    """Whether an artifact's extension is really `tmp`, say: there is no other before it."""
    file = _artifact(path)
    if file is None or "." in file.extension or f".{file.extension}" not in _UNFINISHED:
        return False
    return _EXTENSION.search(file.classifier) is None


def _artifact(path: str) -> MavenFile | None:
    """The file of an artifact, which may be called `maven-metadata` itself."""
    try:
        file = parse(ArtifactPath.parse(path))
    except (InvalidName, InvalidLayout):
        return None
    return file if isinstance(file, MavenFile) else None
