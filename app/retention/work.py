"""Carries rules out in the background: a job for a repository, and the duty of every day."""

import logging
from datetime import timedelta

from app.repositories import Catalogue, Repository, RepositoryMissing
from app.retention.retention import Retention
from app.retention.rules import RuleSet
from app.retention.sweep import Position
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
_NOT_CONFIRMED = (
    "The rules would take every file of the repository, and that was not confirmed, so none was"
    ' taken. Look at the preview; if it is meant, set the rules again with "confirm": true, or'
    " with `strongroom retention set --yes`."
)

_log = logging.getLogger("strongroom.worker")


class RetentionJob:
    """The kind of job that goes through one repository by its rules, as they are then.

    Before it takes anything by rules that were not confirmed, it looks for a file that stays;
    it is cheap, since it ends at the first. Where the rules are others than those that a
    position was made by, it begins again.
    """

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
        position = job.position if job.position.get("version") == rules.version else {}
        if not rules.confirmed and (not position or "asked" in position):
            asking = self._ask(repository, rules, position)
            if asking is not None:
                return asking
            position = {}
        look, gone = self._retention.carry_out(repository, job.actor, rules, position)
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

    def _ask(self, repository: Repository, rules: RuleSet, position: Position) -> Step | None:
        """Look for a file that stays: None where there is one, and else how to look on.

        Raises Failed where there is none.
        """
        if not rules.may_empty:
            return None
        look = self._retention.look(repository, rules, position.get("asked", {}))
        if len(look.going) < look.files:
            return None
        files = position.get("files", 0) + look.files
        if look.position is None:
            if files:
                raise Failed(_NOT_CONFIRMED)
            return Step(position={}, done=True)  # it is empty already
        on = {"asked": look.position, "files": files, "version": rules.version}
        return Step(position=on, items=max(1, look.files))

    def _repository(self, job: Job) -> Repository:
        try:
            return self._catalogue.by_id(job.organization, job.repository or "-")
        except RepositoryMissing as error:
            raise Failed("The repository was deleted before this was done.") from error


class RetentionDuty:
    """Every day, the rules of all repositories that have some.

    Where nobody can download, because the organization is suspended, or it or the repository
    is deleted, nothing goes.
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
        for organization in self._organizations.list():
            shift.go_on()
            if organization.suspended:
                continue
            for record in self._metadata.query_all(keys.retentions(organization.id)):
                shift.go_on()
                named = (organization.id, [record.key.sort])
                if record.value["rules"] and self._catalogue.names(*named):
                    self._carry_out(shift, organization.id, record.key.sort)

    def _carry_out(self, shift: Shift, organization: str, repository_id: str) -> None:
        try:
            job = self._jobs.start(NAME, organization, SYSTEM, {}, repository_id)
        except Exception as error:  # noqa: BLE001 - logged; its job tries again, and tells
            # Nobody's repository keeps those of others waiting. Where its rules want to be
            # confirmed, the job fails, and says so to everybody whom it concerns.
            _log.warning("retention of repository %s is left as a job: %s", repository_id, error)
            self._jobs.start(NAME, organization, SYSTEM, {}, repository_id, left=True)
            return
        if job.ended and job.counts.get("deleted"):
            shift.report(organization, job.counts, repository=repository_id)
