"""The subscribers of an organization: made, shown, changed and deleted, each with its event.

That somebody is in a group is written twice, in one commit: in his own record, which every
request of his reads, and beside the group, to be listed by.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from auth.decisions import decided
from auth.emails import parse_email
from auth.errors import InvalidField, Missing
from auth.fields import parse_expiry, parse_name
from auth.key_records import deleting_keys_of
from auth.principals import Authority
from auth.records import Listing, is_id, new_id, time_text
from auth.subscriber_records import (
    GROUPS_MOST,
    Subscriber,
    SubscriberChanges,
    groups_of,
    read_subscriber,
    written,
)
from auth.user_names import require_visible
from storage import keys
from storage.events import Journal
from storage.metadata import Check, Delete, Key, Operation, Put, Record
from storage.metadata.recent import Recent

PAGE_MOST = 1000
#: Operations of one commit that change memberships, beside the subscriber and the event.
_MOST_OPERATIONS = 60
#: Whose memberships are deleted in one commit with him and with 40 keys.
_GROUPS_AT_ONCE = 10


class Subscribers:
    """The subscribers of whatever organization the authority is for, which has to manage it."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._clock = clock

    def create(
        self,
        by: Authority,
        *,
        name: str,
        contact: str | None = None,
        active: bool = True,
        groups: Sequence[str] = (),
        expires: datetime | None = None,
    ) -> Subscriber:
        """Make a subscriber, in groups by their ids.

        Raises Forbidden, and InvalidField: also where a group is not there.
        """
        by.require_admin()
        now = self._clock()
        parse_expiry(expires, now)
        ids = _group_ids(groups)
        value: dict[str, Any] = {
            "id": new_id(),
            "name": parse_name(name),
            "contact": _contact(contact),
            "active": active,
            "groups": [],
            "expires": None if expires is None else time_text(expires),
            "created": time_text(now),
            "updated": time_text(now),
        }
        return decided(lambda: self._create(by, value, ids))

    def needs(self, organization: str, subscriber_id: str) -> tuple[Key, ...]:
        """What `get` rests on, for who reads it with more besides."""
        return (keys.subscriber(organization, subscriber_id),) if is_id(subscriber_id) else ()

    def get(
        self, by: Authority, subscriber_id: str, records: Mapping[Key, Record] | None = None
    ) -> Subscriber:
        """A subscriber; `records` are those of `needs` that exist, where they were read afresh.

        Raises Missing, Forbidden.
        """
        by.require_admin()
        return read_subscriber(self._find(by, subscriber_id, records))

    def list(self, by: Authority, after: str = "", limit: int = 100) -> Listing[Subscriber]:
        """Subscribers in the order of their ids. Raises Forbidden."""
        by.require_admin()
        if not 1 <= limit <= PAGE_MOST:
            raise InvalidField("limit", f"lies between 1 and {PAGE_MOST}")
        page = self._recent.query(keys.subscribers(by.organization), "", after, limit)
        return Listing(tuple(read_subscriber(record) for record in page.records), page.next)

    def update(self, by: Authority, subscriber_id: str, changes: SubscriberChanges) -> Subscriber:
        """Change a subscriber. One who is not active, or whose time is over, reads nothing.

        Raises Missing, Forbidden, InvalidField.
        """
        by.require_admin()
        given: dict[str, Any] = {}
        if changes.name is not None:
            given["name"] = parse_name(changes.name)
        if changes.contact is not None:
            given["contact"] = _contact(changes.contact)
        if changes.active is not None:
            given["active"] = changes.active
        if changes.endless:
            given["expires"] = None
        elif changes.expires is not None:
            parse_expiry(changes.expires, self._clock())
            given["expires"] = time_text(changes.expires)
        if given or changes.groups is None:
            decided(lambda: self._change(by, subscriber_id, given))
        if changes.groups is not None:
            self._set_groups(by, subscriber_id, _group_ids(changes.groups))
        return self.get(by, subscriber_id)

    def delete(self, by: Authority, subscriber_id: str) -> None:
        """Delete a subscriber with his keys, in one commit. Raises Missing, Forbidden."""
        by.require_admin()
        if len(self.get(by, subscriber_id).groups) > _GROUPS_AT_ONCE:
            self._set_groups(by, subscriber_id, ())  # all of it is too much for one commit
        decided(lambda: self._delete(by, subscriber_id))

    def _create(self, by: Authority, value: Mapping[str, Any], ids: tuple[str, ...]) -> Subscriber:
        """Write him in few of his groups, and then in the others: all have to be there."""
        org, key = by.organization, keys.subscriber(by.organization, value["id"])
        self._require_groups(org, ids)
        first, rest = ids[: _MOST_OPERATIONS // 2], ids[_MOST_OPERATIONS // 2 :]
        whole = {**value, "groups": list(first)}
        committed = self._recent.commit(
            Put(key, whole, absent=True),
            *_joining(org, value["id"], first),
            witness=self._journal.event(
                org, by.actor, "subscriber.create", subject=value["id"], groups=list(first)
            ),
        )
        if rest:
            self._set_groups(by, value["id"], ids)
            return self.get(by, value["id"])
        return read_subscriber(Record(key, whole, committed.versions[key]))

    def _change(self, by: Authority, subscriber_id: str, given: Mapping[str, Any]) -> None:
        record = self._find(by, subscriber_id)
        changed = sorted(name for name in given if record.value.get(name) != given[name])
        if changed:
            event = self._journal.event(
                by.organization,
                by.actor,
                "subscriber.update",
                subject=subscriber_id,
                changed=changed,
            )
            self._recent.commit(written(record, given, self._clock()), witness=event)

    def _set_groups(self, by: Authority, subscriber_id: str, ids: tuple[str, ...]) -> None:
        """Have him in these groups and no others, a commit for each 60 operations: who leaves
        goes first, so that he is never in more than he may be in."""
        self._require_groups(by.organization, ids)
        moving = True
        while moving:
            moving = decided(partial(self._move, by, subscriber_id, ids))

    def _move(self, by: Authority, subscriber_id: str, ids: tuple[str, ...]) -> bool:
        """One commit on the way to these groups; whether there was something to do."""
        org, record = by.organization, self._find(by, subscriber_id)
        present = groups_of(record)
        going = [one for one in present if one not in ids][:_MOST_OPERATIONS]
        room = (_MOST_OPERATIONS - len(going)) // 2
        coming = tuple(one for one in ids if one not in present)[:room]
        if not going and not coming:
            return False
        groups = [*(one for one in present if one not in going), *coming]
        operations: list[Operation] = [written(record, {"groups": groups}, self._clock())]
        operations += (Delete(keys.subscriber_of(org, one, subscriber_id)) for one in going)
        operations += _joining(org, subscriber_id, coming)
        event = self._journal.event(
            org, by.actor, "subscriber.update", subject=subscriber_id, changed=["groups"]
        )
        self._recent.commit(*operations, witness=event)
        return True

    def _delete(self, by: Authority, subscriber_id: str) -> None:
        org, record = by.organization, self._find(by, subscriber_id)
        key_ids, deleting = deleting_keys_of(self._recent, org, subscriber_id)
        operations: list[Operation] = [Delete(record.key, at=record.version), *deleting]
        operations += (
            Delete(keys.subscriber_of(org, one, subscriber_id)) for one in groups_of(record)
        )
        event = self._journal.event(
            org, by.actor, "subscriber.delete", subject=subscriber_id, keys=list(key_ids)
        )
        self._recent.commit(*operations, witness=event)

    def _find(
        self, by: Authority, subscriber_id: str, records: Mapping[Key, Record] | None = None
    ) -> Record:
        if not is_id(subscriber_id):
            raise Missing("subscriber")
        key = keys.subscriber(by.organization, subscriber_id)
        record = (self._recent.get(key) if records is None else records).get(key)
        if record is None:
            raise Missing("subscriber")
        return record

    def _require_groups(self, organization: str, ids: Sequence[str]) -> None:
        wanted = [keys.subscriber_group(organization, one) for one in ids]
        if wanted and len(self._recent.get(*wanted)) < len(wanted):
            raise InvalidField("groups", "names a group that is not there")


def _joining(organization: str, subscriber_id: str, ids: Sequence[str]) -> list[Operation]:
    """What writes beside groups, which have to be there, that somebody is in them."""
    operations: list[Operation] = []
    for one in ids:
        operations.append(
            Put(
                keys.subscriber_of(organization, one, subscriber_id),
                {"subscriber": subscriber_id},
            )
        )
        operations.append(Check(keys.subscriber_group(organization, one)))
    return operations


def _contact(text: str | None) -> str | None:
    if text:
        require_visible(text, "contact")
    return parse_email(text, "contact").text if text else None


def _group_ids(given: Sequence[str]) -> tuple[str, ...]:
    """The ids of groups, each once. Raises InvalidField."""
    ids = tuple(dict.fromkeys(given))
    if not all(map(is_id, ids)):
        raise InvalidField("groups", "takes ids of subscriber groups")
    if len(ids) > GROUPS_MOST:
        raise InvalidField("groups", f"takes at most {GROUPS_MOST} groups")
    return ids
