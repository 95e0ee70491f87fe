"""Retention: files of a repository that go by themselves, by rules that its administrators set.

Whatever a rule takes is deleted as anybody's DELETE would: it stays restorable as long.
"""

from app.retention.deciding import Going
from app.retention.downloads import LastDownloads
from app.retention.patterns import InvalidPattern, Pattern
from app.retention.retention import Retention, WouldEmpty
from app.retention.rules import Rule, RuleSet
from app.retention.sweep import Look
from app.retention.work import RetentionDuty, RetentionJob

__all__ = [
    "Going",
    "InvalidPattern",
    "LastDownloads",
    "Look",
    "Pattern",
    "Retention",
    "RetentionDuty",
    "RetentionJob",
    "Rule",
    "RuleSet",
    "WouldEmpty",
]
