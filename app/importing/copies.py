"""Which snapshots without a timestamp are a client's own copies, and no builds of their own.

They would get the time of the import, and so be newer than every build that was deployed.
"""

from collections.abc import Iterable

from app.maven.paths import SNAPSHOT, InvalidLayout, MavenFile, parse
from app.repositories.names import ArtifactPath, InvalidName

#: What `mvn install` writes beside the files that it puts into a developer's folder.
_INSTALLED = "maven-metadata-local.xml"


def copies(paths: Iterable[str]) -> frozenset[str]:
    """Of the files of one folder, those that are copies.

    Maven copies the newest timestamped file of each classifier and extension to the name without
    the timestamp. Where somebody has installed, all without a timestamp are that one's.
    """
    plain: dict[str, tuple[str, str]] = {}
    stamped: set[tuple[str, str]] = set()
    installed = False
    for path in paths:
        installed = installed or path.endswith(f"/{_INSTALLED}")
        file = _snapshot(path)
        if file is None:
            continue
        if file.stamp is None:
            plain[path] = (file.classifier, file.extension)
        else:
            stamped.add((file.classifier, file.extension))
    return frozenset(path for path, kind in plain.items() if installed or kind in stamped)


def _snapshot(path: str) -> MavenFile | None:
    """A file of a snapshot; Ivy's descriptors, which never have a timestamp, are none here."""
    if SNAPSHOT not in path:
        return None
    try:
        file = parse(ArtifactPath.parse(path))
    except (InvalidName, InvalidLayout):
        return None
    if not isinstance(file, MavenFile) or not file.is_snapshot or file.is_ivy:
        return None
    return file
