"""The conditional headers of RFC 9110, section 13, as values. Text in, values out."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from enum import Enum

from app.publishing.expectations import Precondition, Tagged

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
#: A member of a list, which may be empty (RFC 9110 section 5.6.1), with blanks around it.
_MEMBER = re.compile(rf"[ \t]*({_TAG.pattern})?[ \t]*")
MOST_TAGS = 100


class InvalidCondition(Exception):
    """A conditional header of a write that can't be read: it is never ignored there."""


class Outcome(Enum):
    """What the conditions of a read lead to."""

    SEND = "send"
    NOT_MODIFIED = "not modified"


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditional headers of a request; None where one was not sent."""

    match: tuple[str, ...] | None = None
    none_match: tuple[str, ...] | None = None
    modified_since: datetime | None = None
    unmodified_since: datetime | None = None

    def for_reading(self, artifact: Tagged) -> Outcome:
        """What to answer to a GET or HEAD (section 13.2.2).

        Raises PreconditionFailed.
        """
        Precondition(match=self.match, unmodified_since=self.unmodified_since).check(artifact)
        if self.none_match is not None:
            tags = {tag.removeprefix("W/") for tag in self.none_match}
            if self.none_match == ("*",) or artifact.etag in tags:
                return Outcome.NOT_MODIFIED
        elif (
            self.modified_since is not None
            and artifact.modified.replace(microsecond=0) <= self.modified_since
        ):
            return Outcome.NOT_MODIFIED
        return Outcome.SEND

    def for_writing(self) -> Precondition:
        """What must hold before anything is changed."""
        return Precondition(
            match=self.match,
            none_match=self.none_match,
            unmodified_since=self.unmodified_since,
        )


def parse_conditions(
    match: str | None,
    none_match: str | None,
    modified_since: str | None,
    unmodified_since: str | None,
) -> Conditions:
    """Read the four headers. Raises InvalidCondition for tags; a bad date is ignored, as
    section 13.1.3 wants it."""
    return Conditions(
        match=entity_tags("If-Match", match),
        none_match=entity_tags("If-None-Match", none_match),
        modified_since=parse_date(modified_since),
        unmodified_since=parse_date(unmodified_since),
    )


def parse_date(text: str | None) -> datetime | None:
    """An HTTP date (section 5.6.7) as an aware datetime, or None where it is none."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text)
        # A date at the calendar's end may leave it when its offset is taken off.
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def http_date(moment: datetime) -> str:
    """A moment as an HTTP date, to the second."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def entity_tags(name: str, text: str | None) -> tuple[str, ...] | None:
    """The tags in `If-Match` or `If-None-Match`, or `*`; None where it was not sent.

    Raises InvalidCondition.
    """
    if text is None:
        return None
    text = text.strip()
    if text == "*" or _TAG.fullmatch(text):
        return (text,)  # what nearly every client sends
    tags = _list_of_tags(text)
    if tags is None:
        raise InvalidCondition(f'{name} is * or a list of entity tags such as "sha256:…"')
    return tags


def _list_of_tags(text: str) -> tuple[str, ...] | None:
    """The members of a list, or None where it is none: read once, from left to right, because
    a tag may hold a comma and whoever sends this may have no credentials."""
    tags: list[str] = []
    position = 0
    while True:
        member = _MEMBER.match(text, position)
        if member is None or len(tags) == MOST_TAGS:
            return None
        if member[1]:
            tags.append(member[1])
        position = member.end()
        if position == len(text):
            return tuple(tags) or None
        if text[position] != ",":
            return None
        position += 1
