"""Looks for files in repositories that the caller may read, one repository after the other.

What he may not read is left out before anything is looked up: neither what is found nor how
many reads that takes depends on it. Repositories of a format that has nothing of the kind are
passed by. A request makes a bounded number of reads, so a page may be short, even empty, and
have a next one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.maven.layout import file_at
from app.maven.paths import MavenFile
from app.publishing import Artifact
from app.publishing.entries import Entry
from app.repositories import ArtifactPath, Catalogue, Format, Repository, RepositoryName
from app.search.query import Query
from auth.errors import InvalidField
from auth.principals import Action, Principal
from auth.records import Listing
from storage import keys
from storage.metadata import Key
from storage.metadata.recent import Recent

MOST_QUERIES = 16  # in the entries, of one request
SIFTED = 1_000  # entries to a query where not all of them fit
_ARTIFACTS_PER_GET = 100
MOST_NAMES = 100  # of repositories in a request
MOST_PASSED = 1_000  # repositories that a request passes by: they are read, too


@dataclass(frozen=True, slots=True)
class Found:
    """A file that was found, in the repository of that name; `maven` tells its coordinates,
    where that is a Maven repository."""

    repository: str
    path: str
    artifact: Artifact
    maven: MavenFile | None = None


@dataclass(frozen=True, slots=True)
class _Position:
    """How far a search is: in which repository, by name and id, and behind which sort key
    there."""

    name: str
    id: str
    after: str

    def text(self) -> str:
        # As it is, not escaped: sealed, it has to fit into an address.
        return json.dumps([self.name, self.id, self.after], ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> "_Position":
        return cls(*json.loads(text))

    def is_in(self, repository: Repository) -> bool:
        """Whether it is there, not in another one that had the name."""
        return (self.name, self.id) == (repository.name, repository.id)


class Search:
    """Finds files."""

    def __init__(self, recent: Recent, catalogue: Catalogue) -> None:
        self._recent = recent
        self._catalogue = catalogue

    def find(
        self,
        principal: Principal,
        names: Iterable[RepositoryName] | None,
        query: Query,
        after: str,
        limit: int,
    ) -> Listing[Found]:
        """A page of the files that a query fits, by the names of repositories, and in each
        by what the query is mainly about: digest, coordinates, name, size or age.

        Args:
            principal: the caller, read afresh.
            names: of the repositories to search; None for all that he may read.
            query: what is looked for.
            after: the page before gave it as `next`; empty for the first one.
            limit: the most files of the page.

        Raises:
            InvalidField: a name of none that he may read.
        """
        reached = _Position.read(after) if after else None
        searched = self._searched(principal, names, reached.name if reached else "")
        found: list[tuple[Repository, Entry]] = []
        queries = passed = 0
        for repository in searched:
            # One that was made anew under the name is searched from its beginning.
            goes_on = reached is not None and reached.is_in(repository)
            behind: str | None = reached.after if reached and goes_on else query.start
            while behind is not None:
                if len(found) == limit or queries == MOST_QUERIES or passed == MOST_PASSED:
                    following = _Position(repository.name, repository.id, behind).text()
                    return Listing(self._read(principal, found, query), following)
                if not query.concerns(repository.format):
                    passed += 1
                    break
                missing = limit - len(found)
                page = self._recent.query(
                    keys.finding(principal.organization, repository.id, query.order.value),
                    query.prefix,
                    behind,
                    max(SIFTED, missing) if query.sifts else missing,
                )
                queries += 1
                fitting, behind = query.sift(page, missing)
                found += [(repository, entry) for entry in fitting]
        return Listing(self._read(principal, found, query), None)

    def _searched(
        self, principal: Principal, names: Iterable[RepositoryName] | None, start: str
    ) -> Iterable[Repository]:
        """What is searched, by name, from a name on."""
        if names is not None:
            return self._asked_for(principal, names, start)
        if principal.manages:
            return self._all(principal.organization, start)
        return self._granted(principal, start)

    def _asked_for(
        self, principal: Principal, names: Iterable[RepositoryName], start: str
    ) -> list[Repository]:
        found = self._catalogue.named(principal.organization, names)
        searched = []
        for name in sorted(set(names)):
            repository = found.get(name)
            if repository is None or not principal.may(repository.id, Action.READ):
                raise InvalidField("repository", "names a repository that is not there")
            searched.append(repository)
        return [one for one in searched if one.name >= start]

    def _all(self, organization: str, start: str) -> Iterator[Repository]:
        if start:
            yield from self._catalogue.named(organization, [RepositoryName.parse(start)]).values()
        yield from self._catalogue.every(organization, start)

    def _granted(self, principal: Principal, start: str) -> list[Repository]:
        """By the grants themselves, not by asking of each repository whether it is granted:
        how long that takes would tell how many there are."""
        granted = principal.permissions if principal.scopes is None else principal.scopes
        ids = [one for one in granted if principal.may(one, Action.READ)]
        names = self._catalogue.names(principal.organization, ids)
        wanted = [RepositoryName(name) for name in sorted(names.values()) if name >= start]
        found = self._catalogue.named(principal.organization, wanted)
        # One that was made anew under the name meanwhile is not the one that was granted.
        return [one for one in found.values() if names.get(one.id) == one.name]

    def _read(
        self, principal: Principal, found: list[tuple[Repository, Entry]], query: Query
    ) -> tuple[Found, ...]:
        """The files as they are now; one that went or changed since it was found is left out."""
        wanted = {
            _artifact_key(principal.organization, repository, entry): (repository, entry)
            for repository, entry in found
        }
        records: dict[Key, Artifact] = {}
        every = list(wanted)
        for start in range(0, len(every), _ARTIFACTS_PER_GET):
            some = self._recent.get(*every[start : start + _ARTIFACTS_PER_GET])
            records |= {key: Artifact.read(record) for key, record in some.items()}
        return tuple(_fitting(wanted, records, query))


def _fitting(
    wanted: Mapping[Key, tuple[Repository, Entry]], records: Mapping[Key, Artifact], query: Query
) -> Iterator[Found]:
    for key, (repository, entry) in wanted.items():
        artifact = records.get(key)
        if artifact is not None and query.fits(
            entry.path, artifact.size, artifact.modified, artifact.digests
        ):
            is_maven = repository.format is Format.MAVEN
            maven = file_at(ArtifactPath.parse(entry.path)) if is_maven else None
            yield Found(repository.name, entry.path, artifact, maven)


def _artifact_key(organization: str, repository: Repository, entry: Entry) -> Key:
    path = ArtifactPath.parse(entry.path)
    return keys.artifact(organization, repository.id, path.folder.key, path.name)
