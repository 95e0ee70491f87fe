"""Whatever is done in whatever order, allowances come to the quota and counters to the files."""

import hashlib
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from app.installation import Installation
from app.repositories import Repository
from app.usage import QuotaExceeded
from tests.usage.depot import Depot, check_balance

PATHS = [f"{folder}{name}" for folder in ("", "d/", "d/e/") for name in "abcdefgh"]
QUOTAS = [None, 0, 1, 15, 16, 17, 100, 1_000, 5_000]

paths = st.sampled_from(PATHS)
which = st.integers(0, 1)
actions = st.one_of(
    st.tuples(st.just("put"), which, paths, st.integers(0, 400), st.booleans()),
    st.tuples(st.just("put"), which, paths, st.integers(0, 400), st.booleans()),
    st.tuples(st.just("remove"), which, paths),
    st.tuples(st.just("restore"), which, paths),
    st.tuples(st.just("purge"), which, paths),
    st.tuples(st.just("quota"), which, st.sampled_from(QUOTAS)),
    st.tuples(st.just("quota of all"), st.sampled_from(QUOTAS)),
    st.tuples(st.just("even"), which),
)


@dataclass
class Run:
    """One run of actions, with what it knows: the quotas, and the digest at each path."""

    depot: Depot
    repositories: tuple[Repository, Repository]
    quotas: dict[str | None, int | None]
    files: dict[tuple[str, str], str]

    def put(self, index: int, path: str, size: int, chunked: bool) -> None:
        repository = self.repositories[index]
        data = f"{repository.id}{path}{len(self.files)}".encode().ljust(size, b"-")[:size]
        there = self.files.get((repository.id, path))
        digest = hashlib.sha256(data).hexdigest()
        fits = there == digest or all(
            quota is None or size == 0 or self.held(whose) + size <= quota
            for whose, quota in self.quotas.items()
            if whose in (None, repository.id)
        )
        if fits:
            self.depot.put(repository, path, data, chunked=chunked)
            self.files[repository.id, path] = digest
        else:
            with pytest.raises(QuotaExceeded):
                self.depot.put(repository, path, data, chunked=chunked)

    def remove(self, index: int, path: str) -> None:
        repository = self.repositories[index]
        if self.files.pop((repository.id, path), None) is not None:
            self.depot.remove(repository, path)

    def restore(self, index: int, path: str) -> None:
        repository = self.repositories[index]
        versions = self.depot.restorables(repository, path)
        if versions:
            self.depot.restore(repository, path)
            self.files[repository.id, path] = versions[-1].artifact.sha256

    def purge(self, index: int, path: str) -> None:
        for restorable in self.depot.restorables(self.repositories[index], path):
            self.depot.purge(restorable)

    def quota(self, index: int, quota: int | None) -> None:
        repository = self.repositories[index]
        self.depot.bound(repository, quota)
        self.quotas[repository.id] = quota

    def quota_of_all(self, quota: int | None) -> None:
        self.depot.bound_all(quota)
        self.quotas[None] = quota

    def even(self, index: int) -> None:
        for repository in (self.repositories[index], None):
            assert self.depot.quotas.even_out(self.depot.balance(repository))

    def held(self, whose: str | None) -> int:
        repository = next((one for one in self.repositories if one.id == whose), None)
        return self.depot.balance(repository).usage.held

    def check(self) -> None:
        for repository in (*self.repositories, None):
            whose = None if repository is None else repository.id
            check_balance(self.depot.balance(repository), self.quotas[whose])


@settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(actions, min_size=10, max_size=40))
def test_allowances_come_to_the_quota_and_counters_to_the_files(
    embedded: Installation, steps: list[tuple[object, ...]]
) -> None:
    depot = Depot(embedded)
    repositories = depot.repository("first"), depot.repository("second", quota=2_000)
    quotas = {repositories[0].id: None, repositories[1].id: 2_000, None: None}
    run = Run(depot, repositories, quotas, {})
    for name, *arguments in steps:
        getattr(run, str(name).replace(" ", "_"))(*arguments)
        run.check()
    depot.check()
