"""The audit: what happened in an organization, shown, sealed against changes, and removed when
its time is past. Events themselves are written by whoever does something: `storage/events`.
"""

from app.audit.duties import RemoveDuty, SealDuty
from app.audit.filters import Filter, is_action
from app.audit.links import AnchorPassed
from app.audit.problems import PROBLEMS, Anchor, Problem, Report, described
from app.audit.reads import Reads
from app.audit.rule import HistoryRule
from app.audit.sealing import Chain, ChainTaken
from app.audit.shown import Range, Trail
from app.audit.verifying import Verification

__all__ = [
    "PROBLEMS",
    "Anchor",
    "AnchorPassed",
    "Chain",
    "ChainTaken",
    "Filter",
    "HistoryRule",
    "Problem",
    "Range",
    "Reads",
    "RemoveDuty",
    "Report",
    "SealDuty",
    "Trail",
    "Verification",
    "described",
    "is_action",
]
