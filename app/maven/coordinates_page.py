"""The coordinates of a folder on its page, and what to write in a build to use what is in it.

A folder with files of a version is that version's. One above may be an artifact's: that is told
by the folder of its newest version, which is one query more. None of it is sure where the
layout does not say it, and then nothing is shown.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.maven.layout import file_at
from app.maven.paths import METADATA
from app.maven.snippets import Coordinates, coordinates_of, newest, snippets
from app.maven.versions import is_snapshot
from app.raw.listing_page import Told, link, text
from app.repositories import ArtifactPath, FolderPath, Repository
from storage import keys
from storage.metadata import Record
from storage.metadata.recent import Recent

#: Of a version's files, so many are looked at for what it is.
MOST_FILES = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a folder from its listing. `whole`: there is nothing else in it."""

    folder: FolderPath
    records: Sequence[Record]
    whole: bool


class CoordinatesPage:
    """Tells of a Maven repository's folders."""

    def __init__(self, recent: Recent) -> None:
        self._recent = recent

    def tell(self, repository: Repository, seen: Seen) -> Told | None:
        """What the page of a folder shows above its entries, with at most one query."""
        names = [record.key.sort for record in seen.records]
        if any(_is_file(seen.folder, name) for name in names):
            records = seen.records if seen.whole else self._read(repository, seen.folder)
            found = _coordinates(seen.folder, records)
            return None if found is None else _of_version(found)
        folders = [name[:-1] for name in names if name.endswith("/")]
        version = newest(folders) if len(seen.folder.segments) > 1 else None
        if version is None:
            return None
        beneath = FolderPath((*seen.folder.segments, version))
        found = _coordinates(beneath, self._read(repository, beneath))
        return None if found is None else _of_artifact(found, whole=seen.whole)

    def _read(self, repository: Repository, folder: FolderPath) -> Sequence[Record]:
        partition = keys.folder(repository.organization, repository.id, folder.key)
        return self._recent.query(partition, "", "", MOST_FILES).records


def _is_file(folder: FolderPath, name: str) -> bool:
    return not name.endswith("/") and file_at(ArtifactPath(folder, name)) is not None


def _coordinates(folder: FolderPath, records: Sequence[Record]) -> Coordinates | None:
    """Those of a version's folder, None where it is none."""
    files = [record for record in records if not record.key.sort.endswith("/")]
    parsed = [file_at(ArtifactPath(folder, record.key.sort)) for record in files]
    return coordinates_of(
        [file for file in parsed if file is not None],
        is_plugin=any("plugin" in record.value.get("facts", {}) for record in files),
    )


def _of_version(found: Coordinates) -> Told:
    up = (("../../", found.group), ("../", found.artifact), ("./", found.version))
    return Told(_heading(up), _snippets(found))


def _of_artifact(found: Coordinates, *, whole: bool) -> Told:
    """Where the versions take more than a page, the newest on it says nothing: only the
    metadata knows it then."""
    heading = _heading((("../", found.group), ("./", found.artifact)))
    metadata = link(f"./{METADATA}", METADATA)
    if not whole:
        return Told(heading, f"<p>The newest version is in {metadata}.</p>")
    kind = "snapshot" if is_snapshot(found.version) else "release"
    version = link(f"./{found.version}/", found.version)
    return Told(
        heading,
        f"<p>Newest {kind}: {version}. All versions: {metadata}.</p>\n{_snippets(found)}",
    )


def _heading(parts: Sequence[tuple[str, str]]) -> str:
    return " : ".join(link(target, name) for target, name in parts)


def _snippets(found: Coordinates) -> str:
    shown = "\n".join(
        f"<div><h2>{one.tool}</h2>\n<pre>{text(one.text)}</pre></div>" for one in snippets(found)
    )
    return f'<section class="use" aria-label="For a build">\n{shown}\n</section>'
