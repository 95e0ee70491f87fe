"""Retention: files of a repository that go by themselves, by rules that its administrators set."""

from app.retention.downloads import LastDownloads
from app.retention.patterns import InvalidPattern, Pattern

__all__ = ["InvalidPattern", "LastDownloads", "Pattern"]
