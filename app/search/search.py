"""Looks for files in repositories that the caller may read, one repository after the other.

What he may not read is left out before anything is looked up in it. Where ids are granted, the
others are not read at all; where patterns are, each is looked at and passed by, and so are those
of a format that has nothing of the kind. A request makes a bounded number of reads, and passes a
bounded number by, so a page may be short, even empty, and have a next one.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from app.maven.layout import file_at
from app.maven.paths import MavenFile
from app.publishing import Artifact
from app.publishing.entries import Entry
from app.python.filenames import Distribution
from app.python.paths import distribution_at
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
    where that is a Maven repository, and `python` what it is in a Python repository."""

    repository: str
    path: str
    artifact: Artifact
    maven: MavenFile | None = None
    python: Distribution | None = None


@dataclass(frozen=True, slots=True)
class _Position:
    """How far a search is: in which repository, by name and id, behind which sort key there, and
    in which part of what is looked for in it."""

    name: str
    id: str
    after: str
    part: int = 0

    def text(self) -> str:
        # As it is, not escaped: sealed, it has to fit into an address.
        told = [self.name, self.id, self.after, *([self.part] if self.part else [])]
        return json.dumps(told, ensure_ascii=False)

    @classmethod
    def read(cls, text: str) -> "_Position":
        return cls(*json.loads(text))

    def is_in(self, repository: Repository) -> bool:
        """Whether it is there, not in another one that had the name."""
        return (self.name, self.id) == (repository.name, repository.id)


@dataclass(frozen=True, slots=True)
class _Walk:
    """A part of what is looked for, in one repository, from behind a sort key on; `part` is None
    where nothing of the kind can be there, or he may not read it."""

    repository: Repository
    part: Query | None
    number: int = 0
    after: str = ""


@dataclass(frozen=True, slots=True)
class _Hit:
    """An entry of a repository, and the part of what is looked for that it fits."""

    repository: Repository
    entry: Entry
    part: Query


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
        found: list[_Hit] = []
        queries = passed = 0
        for walk in _walks(principal, searched, query, reached):
            repository = walk.repository
            behind: str | None = walk.after
            while behind is not None:
                if len(found) == limit or queries == MOST_QUERIES or passed == MOST_PASSED:
                    following = _Position(repository.name, repository.id, behind, walk.number)
                    return Listing(self._read(principal, found), following.text())
                if walk.part is None:
                    passed += 1
                    break
                missing = limit - len(found)
                page = self._recent.query(
                    keys.finding(principal.organization, repository.id, walk.part.order.value),
                    walk.part.prefix,
                    behind,
                    max(SIFTED, missing) if walk.part.sifts else missing,
                )
                queries += 1
                fitting, behind = walk.part.sift(page, missing)
                found += [_Hit(repository, entry, walk.part) for entry in fitting]
        return Listing(self._read(principal, found), None)

    def _searched(
        self, principal: Principal, names: Iterable[RepositoryName] | None, start: str
    ) -> Iterable[Repository]:
        """What is looked at, by name, from a name on: all that he may read, and where that is
        by patterns, also what he may not."""
        if names is not None:
            return self._asked_for(principal, names, start)
        if principal.manages or principal.granted.by_pattern:
            return self._all(principal.organization, start)
        return self._granted(principal, start)

    def _asked_for(
        self, principal: Principal, names: Iterable[RepositoryName], start: str
    ) -> list[Repository]:
        found = self._catalogue.named(principal.organization, names)
        searched = []
        for name in sorted(set(names)):
            repository = found.get(name)
            if repository is None or not principal.may(repository, Action.READ):
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
        names = self._catalogue.names(principal.organization, list(principal.granted.by_id))
        wanted = [RepositoryName(name) for name in sorted(names.values()) if name >= start]
        found = self._catalogue.named(principal.organization, wanted)
        # One that was made anew under the name meanwhile is not the one that was granted.
        return [one for one in found.values() if principal.may(one, Action.READ)]

    def _read(self, principal: Principal, found: list[_Hit]) -> tuple[Found, ...]:
        """The files as they are now; one that went or changed since it was found is left out."""
        wanted = {_artifact_key(principal.organization, hit): hit for hit in found}
        records: dict[Key, Artifact] = {}
        every = list(wanted)
        for start in range(0, len(every), _ARTIFACTS_PER_GET):
            some = self._recent.get(*every[start : start + _ARTIFACTS_PER_GET])
            records |= {key: Artifact.read(record) for key, record in some.items()}
        return tuple(_fitting(wanted, records))


def _walks(
    principal: Principal,
    searched: Iterable[Repository],
    query: Query,
    reached: _Position | None,
) -> Iterator[_Walk]:
    """All that is walked, from where a search has reached on."""
    for repository in searched:
        may = principal.may(repository, Action.READ)
        parts = query.parts(repository.format) if may else ()
        if not parts:
            yield _Walk(repository, None)
        # One that was made anew under the name is searched from its beginning.
        there = reached if reached is not None and reached.is_in(repository) else None
        for number, part in enumerate(parts):
            if there is None or number > there.part:
                yield _Walk(repository, part, number, part.start)
            elif number == there.part:
                yield _Walk(repository, part, number, there.after)


def _fitting(wanted: Mapping[Key, _Hit], records: Mapping[Key, Artifact]) -> Iterator[Found]:
    for key, hit in wanted.items():
        artifact, entry = records.get(key), hit.entry
        if artifact is not None and hit.part.fits(
            entry.path, artifact.size, artifact.modified, artifact.digests
        ):
            yield _told(hit.repository, entry.path, artifact)


def _told(repository: Repository, path: str, artifact: Artifact) -> Found:
    """A file with what it is to its format."""
    match repository.format:
        case Format.MAVEN:
            maven = file_at(ArtifactPath.parse(path))
            return Found(repository.name, path, artifact, maven=maven)
        case Format.PYTHON:
            python = distribution_at(ArtifactPath.parse(path))
            return Found(repository.name, path, artifact, python=python)
        case Format.RAW:
            return Found(repository.name, path, artifact)


def _artifact_key(organization: str, hit: _Hit) -> Key:
    path = ArtifactPath.parse(hit.entry.path)
    return keys.artifact(organization, hit.repository.id, path.folder.key, path.name)
