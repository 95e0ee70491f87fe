"""Everything that is done in the background, on one page: kinds of jobs, readers, duties."""

from dataclasses import dataclass
from typing import Protocol

from app.audit import RemoveDuty, SealDuty
from app.collecting import CollectDuty, ScanDuty
from app.erasing import EraseDuty
from app.installation import Installation
from app.left_members import LeftMembers
from app.mail.decoys import Decoys
from app.mail.delivery import Deliveries
from app.mail.destinations import Files
from app.mail.duty import MailDuty
from app.mail.observers import MailObserver
from app.mail.origins import Origins
from app.mail.transports import files_of, transport_to
from app.privacy import PrivacyDuty, PrivacyLookDuty
from app.publishing import Digester, Publisher
from app.publishing.bulk import Bulk
from app.publishing.emptied import EmptiedFolders
from app.publishing.erasure import Eraser, EraseRepositoriesDuty
from app.publishing.expiry import ExpireDuty, Expiry
from app.publishing.purging import Purging
from app.publishing.receiving import Receiver
from app.publishing.removal import FolderRemoval
from app.publishing.restoration import Restorer
from app.publishing.restoring import FolderRestoring, TimeRestoring
from app.publishing.sessions import Sessions
from app.publishing.sessions_completion import Completion
from app.publishing.sessions_left import UploadCompletion
from app.repositories import Catalogue, DeletedRepositories
from app.retention import Retention, RetentionDuty, RetentionJob
from app.usage.watch import QuotaWatch
from app.work import Duty, FeedDuty, Jobs, Kind, Reader, Worker
from app.work.duty import Schedule
from app.work.turn import JobObserver
from auth.organizations import Organizations
from auth.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Background:
    """The jobs and duties of an installation."""

    jobs: Jobs
    schedule: Schedule

    def worker(self) -> Worker:
        """A worker that does them."""
        return Worker(self.jobs, self.schedule)


class Observer(JobObserver, MailObserver, Protocol):
    """Who is told what is done in the background: the metrics."""


def background(at: Installation, observer: Observer | None = None) -> Background:
    """Jobs and duties over open stores."""
    catalogue, bulk = Catalogue(at.recent, at.journal), Bulk(at.metadata, at.journal)
    restorer = Restorer(at.metadata, bulk)
    retention = Retention(at.recent, at.journal, catalogue, bulk)
    kinds: tuple[Kind, ...] = (
        FolderRemoval(at.metadata, catalogue, bulk),
        FolderRestoring(at.metadata, catalogue, restorer),
        TimeRestoring(at.metadata, catalogue, restorer, bulk),
        Purging(at.metadata, catalogue, bulk),
        RetentionJob(catalogue, retention),
        _upload_completion(at, catalogue),
    )
    deleted = DeletedRepositories(at.recent, at.journal)
    eraser = Eraser(at.metadata, at.journal, deleted, bulk)
    readers: tuple[Reader, ...] = (
        EmptiedFolders(at.metadata, catalogue.format_of),
        QuotaWatch(at.metadata, at.journal),
        LeftMembers(at.recent, at.journal),
    )
    jobs = Jobs(at.metadata, at.journal, kinds, observer)
    duties: tuple[Duty, ...] = (
        FeedDuty(at.metadata, at.journal, readers),
        SealDuty(at),
        _mail(at, observer),
        ExpireDuty(at.metadata, Expiry(at.metadata, bulk)),
        EraseRepositoriesDuty(at.metadata, eraser),
        CollectDuty(at),
        ScanDuty(at),
        EraseDuty(at),
        RemoveDuty(at),
        PrivacyDuty(at),
        PrivacyLookDuty(at),
        RetentionDuty(Organizations(at.recent), at.metadata, catalogue, retention, jobs),
    )
    schedule = Schedule(at.metadata, jobs, duties, at.settings.schedule, observer)
    return Background(jobs, schedule)


def _mail(at: Installation, observer: MailObserver | None) -> MailDuty:
    settings, files = at.settings, files_of(at.settings.data)
    # A mail that leaves this machine never leads to it: its reader is elsewhere.
    local = settings.listening if isinstance(settings.mail, Files) and settings.loopback else None
    outbox = Outbox(at.sealer)
    deliveries = Deliveries(
        at.metadata,
        at.journal,
        outbox,
        transport_to(settings.mail, files),
        Origins(settings.base_url, settings.base_organization, settings.domain, local),
        observer,
    )
    return MailDuty(at.metadata, Decoys(at.metadata, outbox, observer), deliveries, files)


def _upload_completion(at: Installation, catalogue: Catalogue) -> UploadCompletion:
    digester, sessions = Digester(), Sessions(at.blobs, at.metadata)
    receiver = Receiver(at.blobs, at.metadata, digester)
    publisher = Publisher(receiver, at.metadata, at.journal)
    completion = Completion(sessions, at.blobs, digester, publisher)
    return UploadCompletion(at.metadata, catalogue, sessions, completion)
