"""`/api/jobs`: what is being done in the background, and what came of it.

Who asked for a job sees it; administrators see all jobs and reports of their organization, and
how the last run of each duty went, which may have found nothing to do for them.
What a job says about a repository is shown to who may still be told of that.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from falcon import HTTP_202, Request, Response

from app.api.answers import Paging, scope_of, time_text
from app.repositories import Catalogue
from app.visitors import confirmed
from app.work import Job, JobMissing, Jobs
from app.work.duty import Schedule, time_of
from auth.principals import Action, Principal, Site
from auth.records import Listing
from middleware.declarations import MEMBER, by_method
from storage.metadata.recent import Recent

_PAGE = 200
_PAGES = 5  # looked through by a request: of those who see few of many jobs
_POLL_SECONDS = 2  # what a client that waits for a job is told to leave between looks


class JobPages:
    """`GET /api/jobs`."""

    needs = by_method(GET=MEMBER)

    def __init__(
        self, recent: Recent, jobs: Jobs, schedule: Schedule, catalogue: Catalogue, paging: Paging
    ) -> None:
        self._recent = recent
        self._jobs = jobs
        self._schedule = schedule
        self._catalogue = catalogue
        self._paging = paging

    def on_get(self, req: Request, resp: Response) -> None:
        """List jobs and reports, the newest first; a page may be short. The first one that an
        administrator sees has the duties too."""
        principal = confirmed(req, self._recent)

        def read(after: str, limit: int) -> Listing[Job]:
            return _visible(self._jobs, principal, after, limit)

        def show(jobs: Sequence[Job]) -> list[dict[str, Any]]:
            return _jobs_json(self._catalogue, principal, jobs)

        page = self._paging.answer(req, "jobs", read, show, scope_of(req))
        if principal.manages and not req.get_param("after"):
            page["duties"] = _duties_json(self._schedule)
        resp.media = page


class OneJob:
    """`GET /api/jobs/ID`: the status URL of what was answered 202."""

    needs = by_method(GET=MEMBER)

    def __init__(self, recent: Recent, jobs: Jobs, catalogue: Catalogue) -> None:
        self._recent = recent
        self._jobs = jobs
        self._catalogue = catalogue

    def on_get(self, req: Request, resp: Response, job: str) -> None:
        """Show how far a job is."""
        principal = confirmed(req, self._recent)
        found = self._jobs.get(principal.organization, parse_id(job))
        if not _may_see(principal, found):
            raise JobMissing(job)
        if not found.ended:
            resp.set_header("Retry-After", str(_POLL_SECONDS))
        (resp.media,) = _jobs_json(self._catalogue, principal, [found])


def accept(resp: Response, catalogue: Catalogue, job: Job) -> None:
    """Answer 202, with the status URL of a job that goes on in the background."""
    resp.status = HTTP_202
    resp.set_header("Location", f"/api/jobs/{job.id}")
    resp.set_header("Retry-After", str(_POLL_SECONDS))
    resp.media = _json(job, _names(catalogue, job.organization, [job]))


def parse_id(text: str) -> str:
    """The id of a job. Raises JobMissing for what can be none."""
    if len(text) != 32 or not set(text) <= set("0123456789abcdef"):
        raise JobMissing(text)
    return text


def _duties_json(schedule: Schedule) -> list[dict[str, Any]]:
    """What the workers do by themselves, how often, and how the last run went."""
    return [
        {
            "name": name,
            "every_seconds": int(every.total_seconds()),
            "began": time_text(time_of(record, "began")),
            "ended": time_text(time_of(record, "ended")),
            "outcome": None if record is None else record.value.get("outcome"),
        }
        for name, every, record in schedule.states()
    ]


def _jobs_json(
    catalogue: Catalogue, principal: Principal, jobs: Sequence[Job]
) -> list[dict[str, Any]]:
    """Jobs as they are shown to a caller, whatever he could do when he asked for them."""
    names = _names(catalogue, principal.organization, jobs)
    return [_told(principal, job, _json(job, names)) for job in jobs]


def _names(catalogue: Catalogue, organization: str, jobs: Iterable[Job]) -> Mapping[str, str]:
    """The names of the jobs' repositories by their ids: one read for a hundred."""
    return catalogue.names(organization, (job.repository for job in jobs if job.repository))


def _json(job: Job, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state.value,
        "repository": names.get(job.repository or ""),
        "parameters": dict(job.parameters),
        "user": job.actor.user,
        "created": time_text(job.created),
        "updated": time_text(job.updated),
        "counts": dict(job.counts),
        "result": dict(job.result),
        "error": job.error,
    }


def _told(principal: Principal, job: Job, whole: dict[str, Any]) -> dict[str, Any]:
    """What a caller is told of a job, as his grants are now.

    A result names files, which is for readers. Who may do anything else in the repository
    still learns why his upload failed.
    """
    if job.repository is None:
        return whole
    place = Site(job.repository, whole["repository"] or "")  # without a name where it is gone
    if principal.may(place, Action.READ):
        return whole
    if principal.knows(place):
        return whole | {"result": {}}
    return whole | {"repository": None, "parameters": {}, "result": {}, "error": None}


def _visible(jobs: Jobs, principal: Principal, after: str, limit: int) -> Listing[Job]:
    """A page of the jobs that a caller may see: filtered before it is cut, and short where
    there are too many of others in between."""
    found: list[Job] = []
    for _ in range(_PAGES):
        page = jobs.list(principal.organization, after, _PAGE)
        for job in page.jobs:
            if not _may_see(principal, job):
                continue
            if len(found) == limit:
                return Listing(tuple(found), found[-1].id)
            found.append(job)
        if page.next is None:
            return Listing(tuple(found), None)
        after = page.next
    return Listing(tuple(found), after)


def _may_see(principal: Principal, job: Job) -> bool:
    """A key with scopes sees the jobs that were asked for with it, and no others."""
    if principal.manages:
        return True
    if job.actor.user != principal.user_id:
        return False
    return principal.scopes is None or job.actor.credential == principal.key_id
