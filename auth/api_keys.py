"""API keys: what machines sign in with. The secret is in the answer to `create`, and nowhere
else ever: a record holds its hash.

Keys do not change. Their number for a user is bounded by a counter that every making and
deleting touches, so that deleting the user can delete them all in one commit.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from auth.credentials import ApiKeySecret
from auth.decisions import decided
from auth.errors import ChangedMeanwhile, Forbidden, InvalidField, LimitReached, Missing
from auth.fields import GivenGrants, parse_expiry, parse_grants, parse_name
from auth.key_records import KEYS_OF_USER_MOST, key_operations
from auth.principals import Authority, Principal
from auth.records import ApiKey, Listing, is_id, key_count, read_api_key
from auth.secret_texts import fingerprint, make_secret
from storage import keys
from storage.events import Journal
from storage.metadata import Add, Check, ConditionFailed, Delete, Key, Record
from storage.metadata.recent import Recent

SCOPES_MOST = 100  # repositories that a key names; its record is read with every request
PAGE_MOST = 1000


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key and its secret, to be shown once."""

    key: ApiKey
    secret: ApiKeySecret


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

        Raises:
            Forbidden: with a key that has scopes.
            Missing: no such user, or not one that this authority may see.
            InvalidField: naming the field.
            LimitReached: the user has 40 keys.
        """
        owner = _owner(by, user_id)
        now = self._clock()
        parse_expiry(expires, now)
        _require_no_later(by, expires)
        grants = None
        if scopes is not None:
            if len(scopes) > SCOPES_MOST:
                raise InvalidField("scopes", f"may name at most {SCOPES_MOST} repositories")
            grants = parse_grants(scopes, repositories, "scopes")
        secret = make_secret()
        key_id = fingerprint(secret).key_id
        made = MadeKey(ApiKey(key_id, owner, parse_name(name), grants, expires, now), secret)
        self._create(by, made)
        return made

    def needs(self, organization: str, key_id: str) -> tuple[Key, ...]:
        """What `get` and `delete` begin with, for who reads it with more besides."""
        return (keys.api_key(organization, key_id),) if is_id(key_id) else ()

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
        return read_api_key(self._find(by, key_id, records))

    def list(
        self, by: Authority, user_id: str | None = None, after: str = "", limit: int = 100
    ) -> Listing[ApiKey]:
        """Keys in the order of their ids: of one user, or for an administrator of all; for
        a key with scopes itself alone.

        Raises:
            Missing: another user's keys, for who is no administrator.
        """
        if not 1 <= limit <= PAGE_MOST:
            raise InvalidField("limit", f"lies between 1 and {PAGE_MOST}")
        if user_id is None:
            by.require_admin()
            page = self._recent.query(keys.api_keys(by.organization), "", after, limit)
            return Listing(tuple(read_api_key(record) for record in page.records), page.next)
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
        found = self._recent.get(*wanted) if wanted else {}
        items = tuple(read_api_key(found[key]) for key in wanted if key in found)
        return Listing(items, ids[limit - 1] if len(ids) > limit else None)

    def delete(
        self, by: Authority, key_id: str, records: Mapping[Key, Record] | None = None
    ) -> None:
        """Delete a key; its user or an administrator may, with a key that has no scopes.

        Args: those of `get`.

        Raises:
            Missing, Forbidden.
        """
        read = [records]  # for the first attempt; another one reads anew

        def attempt() -> None:
            record = self._find(by, key_id, read.pop() if read else None)
            _require_unscoped(by)
            org, owner = by.organization, read_api_key(record).user_id
            self._recent.commit(
                Delete(record.key, at=record.version),
                Delete(keys.api_key_of(org, owner, key_id)),
                Add(key_count(org, owner), {"keys": -1}),
                witness=self._journal.event(
                    org, by.actor, "key.delete", subject=key_id, owner=owner
                ),
            )

        decided(attempt)

    def _find(self, by: Authority, key_id: str, records: Mapping[Key, Record] | None) -> Record:
        """The record of a key that this authority may see. Raises Missing."""
        if not is_id(key_id) or by.scoped_key not in (None, key_id):
            raise Missing("key")
        key = keys.api_key(by.organization, key_id)
        record = (self._recent.get(key) if records is None else records).get(key)
        if record is None or not (by.manages or by.is_user(read_api_key(record).user_id)):
            raise Missing("key")
        return record

    def _create(self, by: Authority, made: MadeKey) -> None:
        org, owner = by.organization, made.key.user_id
        user = keys.user(org, owner)
        event = self._journal.event(org, by.actor, "key.create", subject=made.key.id, owner=owner)
        operations = key_operations(org, made.secret, made.key)
        try:
            self._recent.commit(*operations, Check(user), witness=event)
        except ConditionFailed as error:
            if user in error.found:
                raise Missing("user") from error
            if key_count(org, owner) in error.found:
                raise LimitReached("keys for a user", KEYS_OF_USER_MOST) from error
            raise ChangedMeanwhile from error


def _owner(by: Authority, user_id: str | None) -> str:
    """Whose key is to be made. Raises Missing, Forbidden, InvalidField."""
    _require_unscoped(by)
    if user_id is None:
        if not isinstance(by.holder, Principal):
            raise InvalidField("user", "must be named")
        return by.holder.user_id
    if not is_id(user_id) or not (by.manages or by.is_user(user_id)):
        raise Missing("user")
    return user_id


def _require_no_later(by: Authority, expires: datetime | None) -> None:
    if not isinstance(by.holder, Principal) or by.holder.expires is None:
        return
    if expires is None or expires > by.holder.expires:
        raise InvalidField("expires", "must be no later than that of the key in use")


def _require_unscoped(by: Authority) -> None:
    if isinstance(by.holder, Principal) and by.holder.scopes is not None:
        raise Forbidden("A key with scopes manages nothing.")
