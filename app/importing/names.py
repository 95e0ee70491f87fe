"""What the names in a folder tell: which files are published, compared, or left out."""

from fnmatch import fnmatchcase

from app.maven.paths import ALGORITHMS, InvalidLayout, MavenFile, parse
from app.repositories.names import ArtifactPath, InvalidName

#: Folders of indexes, of other repositories' own notes, and of version control.
_FOLDERS = (".*", "*.artifactory-metadata")
#: What Maven and its peers note for themselves, and downloads that came to no end.
_FILES = (
    ".*",
    "_maven.repositories",
    "_remote.repositories",
    "*.lastUpdated",
    "resolver-status.properties",
    "m2e-lastUpdated.properties",
    "archetype-catalog.xml",
    "nexus-maven-repository-index*",
    "*.part",
    "*.part.lock",
    "*.tmp",
    "Thumbs.db",
    "desktop.ini",
)
#: Documents that a repository computes, and clients' copies of them.
_METADATA = ("maven-metadata.xml", "maven-metadata.xml.*", "maven-metadata-*.xml")


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
    metadata = any(fnmatchcase(name, pattern) for pattern in _METADATA)
    return metadata and not _is_artifact("/".join((*folders, name)))


def _is_artifact(path: str) -> bool:
    """Whether it is a file of an artifact, which may be called `maven-metadata` itself."""
    try:
        return isinstance(parse(ArtifactPath.parse(path)), MavenFile)
    except (InvalidName, InvalidLayout):
        return False
