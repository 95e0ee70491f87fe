"""Background work: jobs that somebody asked for, and duties that come round by themselves.

Both are cut into pieces that may be done twice, are held by whoever claimed their record, and
go on in another process where one was killed.
"""

from app.work.claims import Claim, ClaimLost
from app.work.duty import Duty, Shift, Stopped
from app.work.feed import FeedDuty, Reader
from app.work.job import Job, State
from app.work.jobs import JobMissing, Jobs
from app.work.kind import Failed, Kind, Later, Step
from app.work.queue import TooManyJobs
from app.work.worker import Ran, Worker

__all__ = [
    "Claim",
    "ClaimLost",
    "Duty",
    "Failed",
    "FeedDuty",
    "Job",
    "JobMissing",
    "Jobs",
    "Kind",
    "Later",
    "Ran",
    "Reader",
    "Shift",
    "State",
    "Step",
    "Stopped",
    "TooManyJobs",
    "Worker",
]
