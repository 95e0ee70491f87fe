"""What formats keep of files beside their entries, counted anew: claims, and revisions."""

from collections import Counter

from app.publishing.place import Place
from app.repositories import ArtifactPath
from storage.metadata import Key
from tests.durability.records import Found, places


def wrong_claims(found: Found) -> list[str]:
    """Files without the claim that their format has them make, and claims that are another's.

    A claim outlives its file, unless the repository allows overwriting.
    """
    wrong = []
    there = set()
    for place, _ in places(found):
        if place.claim is None:
            continue
        there.add(place.claim)
        if found.claims.get(place.claim) != str(place):
            wrong.append(f"{place} is there, and {found.claims.get(place.claim)} has its claim")
    for key, path in found.claims.items():
        repository = found.repositories.get(key.partition.rpartition("#")[2])
        if repository is None:
            continue
        if Place.at(repository, ArtifactPath.parse(path)).claim != key:
            wrong.append(f"{path} has the claim {key}, which is not its own")
        if repository.overwrite and key not in there:
            wrong.append(f"{path} is gone, and has the claim {key} still")
    return wrong


def wrong_revisions(found: Found) -> list[str]:
    """Files that came without a change of the documents that tell of them."""
    least: Counter[Key] = Counter()
    for place, artifact in places(found):
        least.update(place.revisions(artifact))
    return [
        f"{count} files raised {key}: {found.revisions.get(key)}"
        for key, count in least.items()
        if found.revisions.get(key, 0) < count
    ]
