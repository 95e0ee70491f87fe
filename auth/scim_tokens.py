"""SCIM tokens: what a provisioning service signs in with, for `/scim/v2` and nothing else.

As with API keys the secret is shown once, and a record holds its hash. They belong to the
organization and not to a user: who made one may leave, and provisioning goes on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from auth.credentials import ApiKeySecret
from auth.decisions import decided
from auth.errors import (
    AlreadyRotated,
    ChangedMeanwhile,
    CorruptRecord,
    LimitReached,
    Missing,
)
from auth.fields import parse_expiry, parse_name
from auth.key_access import require_to_last
from auth.key_rotation import OVERLAP_HOURS, usual_end
from auth.principals import Authority
from auth.records import is_id, read_expiry, time_text
from auth.secret_texts import SCIM_TOKEN, fingerprint, make_secret
from storage import keys
from storage.events import Journal
from storage.metadata import Add, ConditionFailed, Delete, Operation, Put, Record
from storage.metadata.recent import Recent

TOKENS_MOST = 10
_COUNT = "count"  # no id looks like that


@dataclass(frozen=True, slots=True)
class ScimToken:
    """A SCIM token without its secret; with `administrators` it may make and change these."""

    id: str
    name: str = field(repr=False)
    expires: datetime | None
    created: datetime
    successor: str | None = None
    administrators: bool = False


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new token and its secret, to be shown once."""

    token: ScimToken
    secret: ApiKeySecret


class ScimTokens:
    """The SCIM tokens of whatever organization the authority is for: administrators' alone."""

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
        expires: datetime | None = None,
        administrators: bool = False,
    ) -> MadeToken:
        """Make a token.

        Raises:
            Forbidden: not an administrator; or by a key that ends: what a token makes (accounts,
                with passwords) would outlast it.
            InvalidField.
            LimitReached: there are 10.
        """
        by.require_admin()
        require_to_last(by)
        now = self._clock()
        parse_expiry(expires, now)
        made = _made(parse_name(name), expires, now, administrators=administrators)
        self._write(by, made, "scim-token.create", subject=made.token.id)
        return made

    def list(self, by: Authority) -> tuple[ScimToken, ...]:
        """All of them, in the order of their ids, never their secrets. Raises Forbidden."""
        by.require_admin()
        found = self._recent.query_all(keys.scim_tokens(by.organization))
        return tuple(read_scim_token(one) for one in found if is_token(one))

    def delete(self, by: Authority, token_id: str) -> None:
        """Delete a token: it opens nothing any more. Raises Forbidden, Missing."""
        by.require_admin()

        def attempt() -> None:
            record = self._find(by, token_id)
            event = self._journal.event(
                by.organization, by.actor, "scim-token.delete", subject=token_id
            )
            operations = deleting_token(by.organization, record)
            self._recent.commit(*operations, witness=event)

        decided(attempt)

    def rotate(
        self,
        by: Authority,
        token_id: str,
        *,
        overlap: timedelta = timedelta(hours=OVERLAP_HOURS),
        expires: datetime | None = None,
    ) -> MadeToken:
        """Make a token's successor, and let the token end after the overlap.

        Raises:
            Forbidden, Missing, InvalidField, LimitReached.
            AlreadyRotated: it has a successor, or another request was quicker.
        """
        by.require_admin()
        require_to_last(by)

        def attempt() -> MadeToken:
            record, now = self._find(by, token_id), self._clock()
            old = read_scim_token(record)
            if old.successor is not None:
                raise AlreadyRotated
            parse_expiry(expires, now)
            ends = expires or usual_end(old.created, old.expires, now, None)
            made = _made(old.name, ends, now, administrators=old.administrators)
            over = now + overlap if old.expires is None else min(now + overlap, old.expires)
            ended = {**record.value, "expires": time_text(over), "successor": made.token.id}
            told = {"subject": token_id, "successor": made.token.id}
            put = Put(record.key, ended, at=record.version)
            self._write(by, made, "scim-token.rotate", put, **told)
            return made

        return decided(attempt)

    def _find(self, by: Authority, token_id: str) -> Record:
        if not is_id(token_id):
            raise Missing("token")
        key = keys.scim_token(by.organization, token_id)
        record = self._recent.get(key).get(key)
        if record is None:
            raise Missing("token")
        return record

    def _write(
        self, by: Authority, made: MadeToken, action: str, *others: Operation, **told: str | bool
    ) -> None:
        org, token = by.organization, made.token
        count = keys.scim_token(org, _COUNT)
        value: Mapping[str, str | bool | None] = {
            "id": token.id,
            "hash": fingerprint(made.secret).sha256,
            "name": token.name,
            "expires": None if token.expires is None else time_text(token.expires),
            "created": time_text(token.created),
            "administrators": token.administrators,
        }
        told = {**told, "administrators": token.administrators}
        try:
            self._recent.commit(
                Put(keys.scim_token(org, token.id), value, absent=True),
                Add(count, {"tokens": 1}, create=True, limits={"tokens": TOKENS_MOST}),
                *others,
                witness=self._journal.event(org, by.actor, action, **told),
            )
        except ConditionFailed as error:
            if count in error.found:
                raise LimitReached("SCIM tokens", TOKENS_MOST) from error
            if others:
                raise
            raise ChangedMeanwhile from error


def deleting_token(organization: str, record: Record) -> tuple[Operation, ...]:
    """What deletes a token, as it was read."""
    return (
        Delete(record.key, at=record.version),
        Add(keys.scim_token(organization, _COUNT), {"tokens": -1}),
    )


def read_scim_token(record: Record) -> ScimToken:
    """The token that a record holds. Raises CorruptRecord."""
    value = record.value
    try:
        return ScimToken(
            value["id"],
            value["name"],
            read_expiry(value),
            datetime.fromisoformat(value["created"]),
            value.get("successor"),
            value.get("administrators", False) is True,  # there was no such right at first
        )
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("a token's record cannot be read") from error


def is_token(record: Record) -> bool:
    """Whether a record of their partition is that of a token, and not their count."""
    return record.key.sort != _COUNT


def _made(name: str, expires: datetime | None, now: datetime, *, administrators: bool) -> MadeToken:
    secret = make_secret(SCIM_TOKEN)
    token_id = fingerprint(secret).key_id
    made = ScimToken(token_id, name, expires, now, administrators=administrators)
    return MadeToken(made, secret)
