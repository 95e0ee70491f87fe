"""Carries rules out in the background: a job for a repository, and the duty of every day."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from app.repositories import Catalogue, Repository, RepositoryMissing
from app.retention.retention import Retention
from app.work.duty import Shift
from app.work.job import Job
from app.work.jobs import Jobs
from app.work.kind import Failed, Step
from auth.organizations import Organizations
from storage import keys
from storage.events import SYSTEM
from storage.metadata import Metadata

NAME = "retention"
EVERY = timedelta(days=1)

_log = logging.getLogger("strongroom.worker")


class RetentionJob:
    """The kind of job that goes through one repository by its rules, as they are then."""

    name = NAME

    def __init__(self, catalogue: Catalogue, retention: Retention) -> None:
        self._catalogue = catalogue
        self._retention = retention

    def step(self, job: Job) -> Step:
        """Delete what goes of the next few hundred files."""
        repository = self._repository(job)
        rules = self._retention.rules(repository)
        if not rules.rules:
            return Step(position={}, done=True)
        look, gone = self._retention.carry_out(repository, job.actor, rules, job.position)
        counts = {
            "files": look.files,
            "deleted": len(gone),
            "bytes": sum(going.artifact.size for going in gone),
        }
        for number in range(1, len(rules.rules) + 1):
            counts[f"rule_{number}"] = sum(going.rule == number for going in gone)
        return Step(
            position=look.position or {},
            counts=counts,
            items=max(1, look.files),
            done=look.position is None,
        )

    def _repository(self, job: Job) -> Repository:
        try:
            return self._catalogue.by_id(job.organization, job.repository or "-")
        except RepositoryMissing as error:
            raise Failed("The repository was deleted before this was done.") from error


class RetentionDuty:
    """Every day, the rules of all repositories that have some.

    Where nobody can download, because the organization is suspended, or it or the repository
    is deleted, nothing goes, and the time does not count as time without downloads.
    """

    name = NAME
    every = EVERY

    def __init__(
        self,
        organizations: Organizations,
        metadata: Metadata,
        catalogue: Catalogue,
        retention: Retention,
        jobs: Jobs,
    ) -> None:
        self._organizations = organizations
        self._metadata = metadata
        self._catalogue = catalogue
        self._retention = retention
        self._jobs = jobs

    def run(self, shift: Shift) -> None:
        """Small repositories are done at once and reported; a large one is left as a job."""
        for organization, served in self._every():
            shift.go_on()
            for record in self._metadata.query_all(keys.retentions(organization)):
                shift.go_on()
                if not record.value["rules"]:
                    continue
                repository_id = record.key.sort
                if served and self._catalogue.names(organization, [repository_id]):
                    self._carry_out(shift, organization, repository_id)
                else:
                    self._retention.pause(record)

    def _every(self) -> Iterator[tuple[str, bool]]:
        """The ids of all organizations that there may be again, and whether they are served."""
        for named in self._organizations.list():
            yield named.id, not named.suspended
        for deleted in self._organizations.deleted():
            if not deleted.erasing:
                yield deleted.id, False

    def _carry_out(self, shift: Shift, organization: str, repository_id: str) -> None:
        try:
            job = self._jobs.start(NAME, organization, SYSTEM, {}, repository_id)
        except Failed:
            return  # deleted just now
        except Exception as error:  # noqa: BLE001 - logged; its job tries again, and tells
            # Nobody's repository keeps those of others waiting.
            _log.warning("retention of repository %s is left as a job: %s", repository_id, error)
            self._jobs.start(NAME, organization, SYSTEM, {}, repository_id, left=True)
            return
        if job.ended and job.counts.get("deleted"):
            shift.report(organization, job.counts, repository=repository_id)
