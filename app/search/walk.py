"""Walks all files of a repository, folder by folder, from any file on."""

from collections.abc import Iterator

from app.repositories.names import ArtifactPath, FolderPath
from storage import keys
from storage.metadata import Metadata, Record


def walk(
    metadata: Metadata, organization: str, repository_id: str, after: ArtifactPath | None = None
) -> Iterator[tuple[ArtifactPath, Record]]:
    """The files behind a path, each with the record of its artifact, in the order of listings.

    What is there throughout comes once; what comes or goes meanwhile may come or not. A page
    of each folder on the way is held, of which there are 32 at the most.
    """

    def beneath(
        folder: FolderPath, behind: tuple[str, ...]
    ) -> Iterator[tuple[ArtifactPath, Record]]:
        start = ""
        if len(behind) == 1:
            start = behind[0]
        elif behind:
            start = f"{behind[0]}/"
            yield from beneath(FolderPath((*folder.segments, behind[0])), behind[1:])
        partition = keys.folder(organization, repository_id, folder.key)
        following: str | None = start
        while following is not None:
            page = metadata.query(partition, "", following)
            for record in page.records:
                name = record.key.sort
                if name.endswith("/"):
                    yield from beneath(FolderPath((*folder.segments, name[:-1])), ())
                else:
                    yield ArtifactPath(folder, name), record
            following = page.next

    behind = () if after is None else (*after.folder.segments, after.name)
    return beneath(FolderPath(()), behind)
