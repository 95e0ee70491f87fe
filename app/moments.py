"""Times as clients write them (RFC 3339). Text in, values out."""

import re
from datetime import UTC, datetime

# RFC 3339, section 5.6; Python by itself takes weeks, and times without colons, too.
_MOMENT = re.compile(
    r"(?P<minute>\d{4}-\d\d-\d\dT\d\d:\d\d):(?P<second>\d\d)(\.\d+)?(?P<offset>Z|[+-]\d\d:\d\d)",
    re.ASCII | re.IGNORECASE,
)


def parse_moment(text: str) -> datetime:
    """A time of RFC 3339 (section 5.6), in UTC. Raises ValueError, OverflowError.

    Of a leap second (section 5.7), which no clock here knows, it is the last moment of the
    second before.
    """
    written = _MOMENT.fullmatch(text)
    if written is None:
        raise ValueError("it is written otherwise")
    leaps = written["second"] == "60"
    known = f"{written['minute']}:59.999999{written['offset']}" if leaps else text
    # At the calendar's end a time may leave it when its offset is taken off.
    moment = datetime.fromisoformat(known.upper()).astimezone(UTC)
    if leaps and (moment.hour, moment.minute) != (23, 59):
        raise ValueError("no minute but the last of a day has 61 seconds")
    return moment
