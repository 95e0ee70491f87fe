"""What subscribers fetched, counted by day and repository."""

from app.distribution.counting import KEPT_DAYS, SubscriberDownloads
from app.distribution.usage import (
    Days,
    DayUsage,
    SubscriberTotal,
    SubscriberUsage,
    parse_days,
)

__all__ = [
    "KEPT_DAYS",
    "DayUsage",
    "Days",
    "SubscriberDownloads",
    "SubscriberTotal",
    "SubscriberUsage",
    "parse_days",
]
