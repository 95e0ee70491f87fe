"""API keys: what machines sign in with. The secret is in the answer to `create`, and nowhere
else ever: a record holds its hash.

What a key may do and until when is fixed as it is made; its name can be changed, and whether
it is renewable. Another secret is another key (`key_rotation`). The number of a user's keys is
bounded by a counter that every making and deleting touches, so that deleting the user can
delete them all in one commit.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal

from auth.decisions import decided
from auth.errors import InvalidField, Missing
from auth.fields import GivenGrants, parse_expiry, parse_grants, parse_name
from auth.key_access import (
    find_key,
    last_use,
    require_lasting,
    require_no_later,
    require_unscoped,
)
from auth.key_making import MadeKey, committing
from auth.key_records import KEYS_OF_USER_MOST, deleting
from auth.principals import Authority, Principal
from auth.records import ApiKey, Listing, is_id, key_count, read_api_key
from auth.secret_texts import fingerprint, make_secret
from storage import keys
from storage.events import Journal
from storage.metadata import Check, Key, Operation, Put, Record
from storage.metadata.operations import KEYS_PER_GET
from storage.metadata.recent import Recent

SCOPES_MOST = 100  # repositories that a key names; its record is read with every request
PAGE_MOST = 1000


class ApiKeys:
    """The API keys of whatever organization the authority is for."""

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
        user_id: str | None = None,
        scopes: GivenGrants | None = None,
        repositories: Collection[str] = (),
        expires: datetime | None = None,
        renewable: bool = False,
        owner: Literal["user", "subscriber"] = "user",
    ) -> MadeKey:
        """Make a key: anyone for himself, an administrator for anyone.

        Args:
            by: on whose authority.
            name: what the key is for.
            user_id: whose key; None for one's own.
            scopes: for ids of repositories, the actions that the key is for; None: all that
                its user may.
            repositories: ids of repositories that exist, those of `scopes` at least.
            expires: when the key ends, aware, in the future. A key made with a key that
                ends must end no later: who found one must not be able to keep it alive.
            renewable: whether successors that the key makes of itself may outlive it.
            owner: of what kind `user_id` is.

        Raises:
            Forbidden: with a key that has scopes.
            Missing: no such user, or not one that this authority may see.
            InvalidField: naming the field.
            LimitReached: the user has 40 keys.
        """
        user = _owner(by, user_id)
        if owner == "subscriber":
            by.require_admin()
        now = self._clock()
        parse_expiry(expires, now)
        require_no_later(by, expires)
        if renewable:
            require_lasting(by, "renewable")
        grants = None
        if scopes is not None:
            if len(scopes) > SCOPES_MOST:
                raise InvalidField("scopes", f"may name at most {SCOPES_MOST} repositories")
            grants = parse_grants(scopes, repositories, "scopes")
        secret = make_secret()
        key_id = fingerprint(secret).key_id
        name = parse_name(name)
        key = ApiKey(key_id, user, name, grants, expires, now, owner, renewable)
        committing(self._recent, self._journal, by, MadeKey(key, secret), "key.create")
        return MadeKey(key, secret)

    def needs(self, organization: str, key_id: str) -> tuple[Key, ...]:
        """What `get` and `delete` begin with, for who reads it with more besides."""
        if not is_id(key_id):
            return ()
        return keys.api_key(organization, key_id), keys.used_key(organization, key_id)

    def get(
        self, by: Authority, key_id: str, records: Mapping[Key, Record] | None = None
    ) -> ApiKey:
        """A key, for administrators and its user; a key with scopes gets itself alone.

        Args:
            by: on whose authority.
            key_id: which key.
            records: those of `needs` that exist, where the caller has read them afresh.

        Raises:
            Missing.
        """
        if records is None:
            records = self._recent.get(*self.needs(by.organization, key_id))
        found = read_api_key(find_key(self._recent, by, key_id, records))
        use = records.get(keys.used_key(by.organization, key_id))
        return replace(found, last_used=last_use(use))

    def list(
        self, by: Authority, user_id: str | None = None, after: str = "", limit: int = 100
    ) -> Listing[ApiKey]:
        """Keys in the order of their ids: of one user or subscriber, or for an administrator
        of all; for a key with scopes itself alone.

        Raises:
            Missing: another user's keys, for who is no administrator.
        """
        if not 1 <= limit <= PAGE_MOST:
            raise InvalidField("limit", f"lies between 1 and {PAGE_MOST}")
        if user_id is None:
            by.require_admin()
            page = self._recent.query(keys.api_keys(by.organization), "", after, limit)
            return Listing(self._with_uses(by, page.records), page.next)
        if not is_id(user_id) or not (by.manages or by.is_user(user_id)):
            raise Missing("user")
        if by.scoped_key is not None:
            own = (self.get(by, by.scoped_key),) if by.scoped_key > after else ()
            return Listing(own, None)
        count = key_count(by.organization, user_id)
        # All of a user's keys, at most 40, are one page, read in two round trips.
        ids = sorted(
            record.key.sort
            for record in self._recent.query_all(keys.api_keys_of(by.organization, user_id))
            if record.key != count and record.key.sort > after
        )
        wanted = [keys.api_key(by.organization, key_id) for key_id in ids[:limit]]
        uses = [keys.used_key(by.organization, key_id) for key_id in ids[:limit]]
        found = self._recent.get(*wanted, *uses) if wanted else {}
        items = tuple(
            replace(read_api_key(found[key]), last_used=last_use(found.get(use)))
            for key, use in zip(wanted, uses, strict=True)
            if key in found
        )
        return Listing(items, ids[limit - 1] if len(ids) > limit else None)

    def change(
        self,
        by: Authority,
        key_id: str,
        *,
        name: str | None = None,
        renewable: bool | None = None,
        records: Mapping[Key, Record] | None = None,
    ) -> ApiKey:
        """Change a key's name, and whether it is renewable; None leaves what it is.

        Raises:
            Missing, Forbidden, InvalidField.
        """
        given: dict[str, Any] = {}
        if name is not None:
            given["name"] = parse_name(name)
        if renewable is not None:
            given["renewable"] = renewable
        read = [records]  # for the first attempt; another one reads anew

        def attempt() -> None:
            record = find_key(self._recent, by, key_id, read.pop() if read else None)
            require_unscoped(by)
            old = read_api_key(record)
            if given.get("renewable") is True and not old.renewable:
                require_lasting(by, "renewable")
            changed = sorted(one for one in given if given[one] != getattr(old, one))
            if changed:
                details: dict[str, Any] = {"subject": key_id, "changed": changed}
                if "renewable" in changed:
                    details["renewable"] = given["renewable"]
                event = self._journal.event(by.organization, by.actor, "key.update", **details)
                put = Put(record.key, {**record.value, **given}, at=record.version)
                self._recent.commit(put, witness=event)

        decided(attempt)
        return self.get(by, key_id)

    def delete(
        self, by: Authority, key_id: str, records: Mapping[Key, Record] | None = None
    ) -> None:
        """Delete a key; its user or an administrator may, with a key that has no scopes.

        The successors that it made of itself go with it: whoever found a key could have made
        one, and would be in still. One that a person made stays.

        Args: those of `get`.

        Raises:
            Missing, Forbidden.
        """
        read = [records]

        def attempt() -> None:
            record = find_key(self._recent, by, key_id, read.pop() if read else None)
            require_unscoped(by)
            org = by.organization
            gone, ended = self._line(org, record)
            self._recent.commit(
                *deleting(org, gone),
                *ended,
                witness=self._journal.event(
                    org,
                    by.actor,
                    "key.delete",
                    subject=key_id,
                    owner=read_api_key(record).user_id,
                    successors=[one.key.sort for one in gone[1:]],
                ),
            )

        decided(attempt)

    def _line(
        self, organization: str, record: Record
    ) -> tuple[Sequence[Record], tuple[Operation, ...]]:
        """A key and what it made of itself, and that of itself, as far as it is there; and what
        holds that the next is not: it comes with what the one before tells of it, and half of
        that may have been seen."""
        line = [record]
        while line[-1].value.get("succeeded_by_itself") is True:
            key = keys.api_key(organization, str(line[-1].value["successor"]))
            following = self._recent.get(key).get(key)
            if following is None:
                return line, (Check(key, absent=True),)
            if len(line) == KEYS_OF_USER_MOST:
                break
            line.append(following)
        return line, ()

    def _with_uses(self, by: Authority, records: Sequence[Record]) -> tuple[ApiKey, ...]:
        """Keys with when they were used last: one read for a hundred."""
        wanted = [keys.used_key(by.organization, record.key.sort) for record in records]
        uses: dict[Key, Record] = {}
        for start in range(0, len(wanted), KEYS_PER_GET):
            uses |= self._recent.get(*wanted[start : start + KEYS_PER_GET])
        return tuple(
            replace(read_api_key(record), last_used=last_use(uses.get(use)))
            for record, use in zip(records, wanted, strict=True)
        )


def _owner(by: Authority, user_id: str | None) -> str:
    """Whose key is to be made. Raises Missing, Forbidden, InvalidField."""
    require_unscoped(by)
    if user_id is None:
        if not isinstance(by.holder, Principal):
            raise InvalidField("user", "must be named")
        return by.holder.user_id
    if not is_id(user_id) or not (by.manages or by.is_user(user_id)):
        raise Missing("user")
    return user_id
