"""Moments as people type them: a day or a time in ISO 8601, or so long ago."""

import argparse
import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"([1-9][0-9]{0,4})(m|h|d|w)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
FORMS = "2026-01-31, 2026-01-31T08:00Z, or 90m, 36h, 7d, 2w ago"


def moment(text: str) -> datetime:
    """A moment of the past, aware; without a zone it is UTC, a day alone is its beginning."""
    found = any_moment(text)
    if found > datetime.now(UTC):
        raise argparse.ArgumentTypeError(f"{text!r} is yet to come: {FORMS}")
    return found


def any_moment(text: str) -> datetime:
    """The same, or one that is yet to come."""
    now = datetime.now(UTC)
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no moment: {FORMS}") from error
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    if found.year < 2000:
        raise argparse.ArgumentTypeError(f"{text!r} is before any history: {FORMS}")
    return found
