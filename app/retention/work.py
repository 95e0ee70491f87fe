"""Carries rules out in the background: a job for each repository, and the duty of every day."""

from datetime import timedelta

from app.repositories import Catalogue, Repository, RepositoryMissing
from app.retention.retention import Retention
from app.work.duty import Shift
from app.work.job import Job
from app.work.jobs import Jobs
from app.work.kind import Failed, Step
from storage import keys
from storage.events import SYSTEM
from storage.metadata import Metadata

NAME = "retention"
EVERY = timedelta(days=1)


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
    """Every day, a job for each repository that has rules."""

    name = NAME
    every = EVERY

    def __init__(self, metadata: Metadata, catalogue: Catalogue, jobs: Jobs) -> None:
        self._metadata = metadata
        self._catalogue = catalogue
        self._jobs = jobs

    def run(self, shift: Shift) -> None:
        """Small repositories are done at once and reported; a large one is left as a job."""
        for organization in shift.organizations():
            for record in self._metadata.query_all(keys.retentions(organization)):
                shift.go_on()
                repository_id = record.key.sort
                if not record.value["rules"]:
                    continue
                if not self._catalogue.names(organization, [repository_id]):
                    continue  # deleted; the rules come back with it
                job = self._jobs.start(NAME, organization, SYSTEM, {}, repository_id)
                if job.ended and job.counts.get("deleted"):
                    shift.report(organization, job.counts, repository=repository_id)
