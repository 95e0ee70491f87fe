"""What subscribers fetched in a time: of one by day and repository, of a group by subscriber."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from app.distribution.counting import KEPT_DAYS
from auth.errors import CorruptRecord, InvalidField
from auth.principals import Rights, Site
from auth.records import Listing
from auth.subscriber_records import Subscriber, SubscriberGroup
from storage import keys
from storage.metadata import Record
from storage.metadata.recent import Recent

USUAL_DAYS = 30
_PAGE = 1000
#: Behind every key of a day: `#` comes before it.
_LAST = "$"
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Days:
    """From the beginning of a day to the end of another, in UTC."""

    since: date
    until: date

    def text(self) -> tuple[str, str]:
        """What a cursor is bound to."""
        return self.since.isoformat(), self.until.isoformat()


@dataclass(frozen=True, slots=True)
class DayUsage:
    """What one subscriber got from one repository (by its id) on a day."""

    day: date
    repository: str
    downloads: int
    bytes: int


@dataclass(frozen=True, slots=True)
class SubscriberTotal:
    """What one subscriber got through a group."""

    subscriber: Subscriber
    downloads: int
    bytes: int


def parse_days(since: str | None, until: str | None, today: date) -> Days:
    """The days that are asked for, 30 up to today where nothing is said. Raises InvalidField."""
    last = _parse(until, "until") or today
    first = _parse(since, "since") or last - timedelta(days=USUAL_DAYS - 1)
    if first > last:
        raise InvalidField("since", "must not be later than 'until'")
    if last - first > timedelta(days=KEPT_DAYS):
        raise InvalidField("since", f"must be at most {KEPT_DAYS} days before 'until'")
    return Days(first, last)


class SubscriberUsage:
    """Reads what was counted."""

    def __init__(
        self, recent: Recent, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._recent = recent
        self._clock = clock

    def today(self) -> date:
        return self._clock().astimezone(UTC).date()

    def of(
        self, organization: str, subscriber_id: str, days: Days, after: str, limit: int
    ) -> Listing[DayUsage]:
        """What a subscriber got, in the order of days and of the ids of repositories."""
        partition = keys.subscriber_usage(organization, subscriber_id)
        page = self._recent.query(partition, "", after or _day(days.since), limit)
        last = _day(days.until) + _LAST
        within = [record for record in page.records if record.key.sort < last]
        following = page.next if len(within) == len(page.records) else None
        return Listing(tuple(map(_read, within)), following)

    def through(
        self,
        organization: str,
        group: SubscriberGroup,
        subscriber: Subscriber,
        days: Days,
        names: Callable[[list[str]], Mapping[str, str]],
    ) -> SubscriberTotal:
        """What a subscriber got from repositories that a group ties him to.

        `names` finds the names of repositories by their ids, for the group's patterns.
        """
        found: dict[str, tuple[int, int]] = {}
        for one in self.all_of(organization, subscriber.id, days):
            downloads, bytes_ = found.get(one.repository, (0, 0))
            found[one.repository] = downloads + one.downloads, bytes_ + one.bytes
        rights, named = Rights.of(group.permissions), names(sorted(found))
        through = [
            counts
            for repository, counts in found.items()
            if rights.on(Site(repository, named.get(repository, "")))
        ]
        return SubscriberTotal(
            subscriber, sum(one for one, _ in through), sum(one for _, one in through)
        )

    def all_of(self, organization: str, subscriber_id: str, days: Days) -> Iterator[DayUsage]:
        """All pages of `of`."""
        after: str | None = ""
        while after is not None:
            page = self.of(organization, subscriber_id, days, after, _PAGE)
            yield from page.items
            after = page.next


def _read(record: Record) -> DayUsage:
    day, _, repository = record.key.sort.partition("#")
    value = record.value
    try:
        moment = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
        return DayUsage(moment.date(), repository, value["downloads"], value["bytes"])
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("a subscriber's usage cannot be read") from error


def _day(day: date) -> str:
    return day.isoformat().replace("-", "")


def _parse(text: str | None, field: str) -> date | None:
    if not text:
        return None
    try:
        # Python by itself takes weeks, and days without hyphens, too.
        if not _DAY.fullmatch(text):
            raise ValueError("it is written otherwise")
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidField(field, "must be a day such as 2026-01-31") from error
