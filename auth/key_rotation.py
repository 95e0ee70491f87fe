"""A new secret for a key, while the old one still works: a successor, and an end of the old.

A key may rotate itself, with scopes too, so that a machine needs no person for it. That must
not help who found one. So the successor has the same scopes and owner; it ends no later than
the key could, unless a person said that the key is renewable; a key has one successor, so
that of two who use it one notices; and deleting a key deletes what it made of itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from auth.decisions import decided
from auth.errors import AlreadyRotated, InvalidField
from auth.fields import parse_expiry
from auth.key_access import find_key, latest_end, require_unscoped
from auth.key_making import MadeKey, committing
from auth.principals import Authority, Principal
from auth.records import ApiKey, read_api_key, time_text
from auth.secret_texts import fingerprint, make_secret
from storage.events import Journal
from storage.metadata import Key, Put, Record
from storage.metadata.recent import Recent

OVERLAP_HOURS = 24
OVERLAP_HOURS_MOST = 720


def parse_overlap(hours: int | None) -> timedelta:
    """For how long the old secret stays good; a day where nothing is said. Raises InvalidField."""
    given = OVERLAP_HOURS if hours is None else hours
    if not 0 <= given <= OVERLAP_HOURS_MOST:
        raise InvalidField("overlap_hours", f"lies between 0 and {OVERLAP_HOURS_MOST}")
    return timedelta(hours=given)


def usual_end(
    created: datetime, expires: datetime | None, now: datetime, latest: datetime | None
) -> datetime | None:
    """When a successor ends of which nobody says it: it lasts as long as what it follows was
    made to, but not past `latest`."""
    usual = None if expires is None else now + (expires - created)
    return min((one for one in (usual, latest) if one is not None), default=None)


class KeyRotation:
    """Makes successors of API keys."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._clock = clock

    def rotate(
        self,
        by: Authority,
        key_id: str,
        *,
        overlap: timedelta = timedelta(hours=OVERLAP_HOURS),
        expires: datetime | None = None,
        records: Mapping[Key, Record] | None = None,
    ) -> MadeKey:
        """Make a key's successor, in one commit with the end of the key.

        Args:
            by: its user or an administrator, by a credential without scopes; or the key itself.
            key_id: which key.
            overlap: how long the key still works, if it does not end before.
            expires: when the successor ends. None: it lasts as long as the key was made to,
                as far as `by` may let it.
            records: those of `ApiKeys.needs`, where the caller has read them afresh.

        Raises:
            Missing, Forbidden, InvalidField.
            AlreadyRotated: it has a successor, or another request was quicker.
            LimitReached: its owner has 40 keys.
        """
        read = [records]  # for the first attempt; another one reads anew

        def attempt() -> MadeKey:
            record = find_key(self._recent, by, key_id, read.pop() if read else None)
            return self._rotate(by, record, overlap, expires)

        return decided(attempt)

    def _rotate(
        self, by: Authority, record: Record, overlap: timedelta, expires: datetime | None
    ) -> MadeKey:
        old, now = read_api_key(record), self._clock()
        itself = isinstance(by.holder, Principal) and by.holder.key_id == old.id
        if not itself:
            require_unscoped(by)
        if old.successor is not None:
            raise AlreadyRotated
        latest = _latest_of_itself(old, now) if itself else latest_end(by)
        parse_expiry(expires, now)
        if expires is None:
            expires = usual_end(old.created, old.expires, now, latest)
        elif latest is not None and expires > latest:
            raise InvalidField("expires", "is later than a key may let its successor live")
        secret = make_secret()
        new_id = fingerprint(secret).key_id
        made = replace(old, id=new_id, expires=expires, created=now)
        over = now + overlap
        ended = {
            **record.value,
            "expires": time_text(over if old.expires is None else min(over, old.expires)),
            "successor": new_id,
            "succeeded_by_itself": itself,
        }
        committing(
            self._recent,
            self._journal,
            by,
            MadeKey(made, secret),
            "key.rotate",
            Put(record.key, ended, at=record.version),
            subject=old.id,
            successor=new_id,
        )
        return MadeKey(made, secret)


def _latest_of_itself(key: ApiKey, now: datetime) -> datetime | None:
    """When the successor that a key makes of itself ends at the latest."""
    return usual_end(key.created, key.expires, now, None) if key.renewable else key.expires
