"""Sessions: what a person signs in for, with the password and, where there is one, a code.

A session's secret is shown once, to its browser or program; a record holds its hash, until it
is over. Every session names the epoch of its user that it was opened in: whatever ends all of
them raises that, in one write, and those that were left behind go by themselves.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from auth.callers import is_over, session_and_user
from auth.codes import Codes
from auth.credentials import ApiKeySecret, EmailPassword
from auth.decisions import decided
from auth.errors import CodeNeeded, Forbidden, Missing
from auth.principals import Authority, Principal
from auth.proven_passwords import Proven, ProvenPasswords
from auth.records import is_id, time_text
from auth.secret_texts import SESSION, fingerprint, make_secret
from auth.session_records import LIFETIMES, Kind, Session, read_session
from auth.standing import Standing
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import Delete, Operation, Put, Record
from storage.metadata.recent import Recent

#: The oldest goes for one more. Opened at the same moment there may be a few more, until the
#: next one is opened: a counter that is exact would have sign-ins wait for one another.
SESSIONS_MOST = 40
_AGENT_CHARACTERS = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session and its secret, to be shown once. `enrolling`: it is good for nothing but
    to set up the second factor that the organization requires."""

    user_id: str
    session: Session
    secret: ApiKeySecret
    enrolling: bool


@dataclass(frozen=True, slots=True)
class Asking:
    """Who wants to sign in, as far as a request tells: its id, and what is his."""

    request: str
    network: str = field(repr=False)  # as limits count it
    address: str | None = field(repr=False)
    agent: str | None = field(repr=False)


class Sessions:
    """The sessions of the users of whatever organization. Safe for many threads."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        passwords: ProvenPasswords,
        codes: Codes,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._passwords = passwords
        self._codes = codes
        self._clock = clock

    def open(
        self,
        standing: Standing,
        credentials: EmailPassword,
        code: str | None,
        kind: Kind,
        asking: Asking,
    ) -> Opened:
        """Sign in. A code is looked at only where there is a second factor.

        Raises:
            NotAuthenticated: the same for every wrong password, whoever has it.
            CodeNeeded, WrongCode: the password is right.
            Suspended, TooManyAttempts, TooManyCodes, Busy.
        """
        proven = self._passwords.prove(
            standing, credentials, asking.address or "", asking.request, asking.agent
        )
        has_factor = proven.user.value.get("second_factor", False) is not False
        if has_factor:
            if not code:
                raise CodeNeeded
            user_id = proven.user.key.sort
            actor = Actor(user_id, "password", asking.request, asking.address, asking.agent)
            self._codes.spend(standing.organization, user_id, code, asking.network, actor)
        return decided(lambda: self._open(proven, kind, asking, has_factor=has_factor))

    def list(self, by: Authority) -> tuple[Session, ...]:
        """One's own sessions, the newest first. Raises Forbidden, for who is no user."""
        holder = _person(by)
        user_key = keys.user(by.organization, holder.user_id)
        found: list[Session] = []
        for some in _batches(self._listed(by.organization, holder.user_id)):
            wanted = [keys.portal_session(by.organization, one.key.sort) for one in some]
            records = self._recent.get(user_key, *wanted)
            user = records.get(user_key)
            found += [
                read_session(records[key])
                for key in wanted
                if key in records and user is not None and self._holds(records[key], user)
            ]
        return tuple(sorted(found, key=lambda one: one.created, reverse=True))

    def end(self, by: Authority, session_id: str) -> None:
        """End one of one's own sessions. Raises Missing, Forbidden."""
        holder = _person(by)
        if not is_id(session_id):
            raise Missing("session")
        decided(lambda: self._end(by, holder.user_id, session_id))

    def end_own(self, by: Authority) -> None:
        """End the session that asks. Raises Missing, for another credential; Forbidden."""
        session_id = _person(by).session_id
        if session_id is None:
            raise Missing("session")
        self.end(by, session_id)

    def end_others(self, by: Authority) -> None:
        """End all of one's own sessions but the one that asks. Raises Forbidden."""
        holder = _person(by)
        listed = self._listed(by.organization, holder.user_id)
        ids = [one.key.sort for one in listed if one.key.sort != holder.session_id]
        for some in _batches(ids):
            operations = _deleting(by.organization, holder.user_id, some)
            event = self._journal.event(
                by.organization, by.actor, "session.end", subject=holder.user_id, ended=[*some]
            )
            self._recent.commit(*operations, witness=event)

    def _open(self, proven: Proven, kind: Kind, asking: Asking, *, has_factor: bool) -> Opened:
        organization, user_id = proven.standing.organization, proven.user.key.sort
        now, secret = self._clock(), make_secret(SESSION)
        expires, proof = now + LIFETIMES[kind], fingerprint(secret)
        agent = (asking.agent or "")[:_AGENT_CHARACTERS] or None
        value = {
            "id": proof.key_id,
            "hash": proof.sha256,
            "user": user_id,
            "epoch": proven.epoch,
            "created": time_text(now),
            "expires": time_text(expires),
            "second_factor": has_factor,
            "kind": kind.value,
            "agent": agent,
        }
        listed = self._listed(organization, user_id)
        over = [one.key.sort for one in listed[SESSIONS_MOST - 1 :]][:SESSIONS_MOST]
        actor = Actor(user_id, proof.key_id, asking.request, asking.address, asking.agent)
        details: dict[str, Any] = {"kind": kind.value, "second_factor": has_factor}
        if over:
            details["ended"] = over
        event = self._journal.event(
            organization, actor, "session.create", subject=proof.key_id, **details
        )
        key = keys.portal_session(organization, proof.key_id)
        own = keys.portal_session_of(organization, user_id, proof.key_id)
        self._recent.commit(
            Put(key, value, absent=True, expires=expires),
            Put(own, {"created": value["created"]}, absent=True, expires=expires),
            *_deleting(organization, user_id, over),
            witness=event,
        )
        session = Session(proof.key_id, kind, now, expires, has_factor, agent)
        return Opened(user_id, session, secret, enrolling=proven.required and not has_factor)

    def _end(self, by: Authority, user_id: str, session_id: str) -> None:
        key = keys.portal_session(by.organization, session_id)
        user_key = keys.user(by.organization, user_id)
        records = session_and_user(self._recent.get, key, user_key)
        record, user = records.get(key), records.get(user_key)
        # One that was ended with all others is over, though its record is there still.
        if record is None or user is None or not self._holds(record, user):
            raise Missing("session")
        event = self._journal.event(
            by.organization, by.actor, "session.end", subject=session_id, owner=user_id
        )
        self._recent.commit(
            Delete(key, at=record.version),
            Delete(keys.portal_session_of(by.organization, user_id, session_id)),
            witness=event,
        )

    def _holds(self, session: Record, user: Record) -> bool:
        """Whether a session is this user's, and not over."""
        value = session.value
        return (
            value.get("user") == user.key.sort
            and not is_over(session, user)
            and read_session(session).expires > self._clock()
        )

    def _listed(self, organization: str, user_id: str) -> Sequence[Record]:
        """That the user has these sessions, the newest first."""
        found = self._recent.query_all(keys.portal_sessions_of(organization, user_id))
        return sorted(found, key=lambda one: str(one.value.get("created")), reverse=True)


def _deleting(organization: str, user_id: str, ids: Sequence[str]) -> tuple[Operation, ...]:
    return tuple(
        Delete(key)
        for one in ids
        for key in (
            keys.portal_session(organization, one),
            keys.portal_session_of(organization, user_id, one),
        )
    )


def _batches(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many at a time as one `get` and one commit take, with two records each."""
    for start in range(0, len(items), SESSIONS_MOST):
        yield items[start : start + SESSIONS_MOST]


def _person(by: Authority) -> Principal:
    """The user who asks. Raises Forbidden."""
    holder = by.holder
    if not isinstance(holder, Principal) or holder.kind != "member":
        raise Forbidden("Only a user has sessions.")
    if holder.scopes is not None:
        raise Forbidden("A key with scopes manages nothing.")
    return holder
