"""An upload session: a file that comes in pieces, as a record that any process goes on from.

What a session holds of its bytes is what is durable, and nothing of a process: the store's
token, how far it reaches, and who may write to it now. Each write of the record is made at
the version that was read, so that of two who act at once one learns of the other.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from app.publishing.artifact import Artifact
from app.publishing.expectations import (
    NO_EXPECTATIONS,
    NO_PRECONDITION,
    Expectations,
    Precondition,
)
from app.publishing.publication import Published
from storage import keys
from storage.metadata import Delete, Key, Operation, Put, Record

LIFETIME = timedelta(days=1)  # from its last piece on
OLDEST = timedelta(days=14)  # 5 TiB at 5 MB/s take 13 days
#: How long a job that is to complete it may take to begin: longer than any store is away.
LEFT = timedelta(days=7)
#: A minute for a holder who is held up, after which he writes nothing more; and one by which the
#: clocks of two processes may differ, or the other takes it over while he still writes.
CLAIM = timedelta(seconds=120)
#: While somebody holds a session, it is there for so long: in an hour it is renewed many times.
HELD = timedelta(hours=1)
MOST_OPEN = 1_000  # of a user
#: The lease of its bytes outlives the session, so that collection never takes them from one
#: that still goes on.
LEASE_BEYOND = timedelta(hours=1)


class SessionError(Exception):
    """The root of what can be wrong with a session."""


class SessionMissing(SessionError):
    """There is no such session: it never was, is over, or is somebody else's."""


class SessionBroken(SessionError):
    """The store lost or changed the session's bytes: it is over."""


class TooManySessions(SessionError):
    """The user has as many that are not complete as there may be."""

    def __init__(self) -> None:
        super().__init__(
            f"You have {MOST_OPEN} uploads that are not complete: complete some, drop some with"
            " DELETE, or wait until some are over, a day after their last piece."
        )


class InvalidPiece(SessionError):
    """A piece that can't belong to the file; the message says what to send."""


class SessionConflict(SessionError):
    """The session is not where the client thinks; `offset` is where it is.

    `retry_after` is given where another piece is being written.
    """

    def __init__(self, offset: int, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.offset = offset
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Claim:
    """Who may write to a session, until when; `holder` is random, made anew for each claim."""

    holder: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """An upload in pieces.

    Attributes:
        repository: The id of the repository that it leads to; `path` is the file in it.
        user: The id of who began it, and whose alone it is.
        begun: When that was.
        token: The blob store's, for what is durable: `offset` bytes.
        blob: The key that the bytes will have.
        piece_bytes: What the next piece must have at least, unless it is the last.
        length: Of the whole file, once it is known.
        expectations, precondition: What the client said when it began.
        digests: Of the whole file, as far as they are known.
        result: What was published, once it was.
        job: The id of the job that completes it, where that was left to one.
    """

    organization: str
    id: str
    repository: str
    path: str
    user: str
    token: str
    blob: str
    piece_bytes: int
    begun: datetime
    expires: datetime
    length: int | None = None
    offset: int = 0
    expectations: Expectations = NO_EXPECTATIONS
    precondition: Precondition = NO_PRECONDITION
    digests: Mapping[str, str] | None = None
    claim: Claim | None = None
    result: Published | None = None
    job: str | None = None
    version: int = 0

    @property
    def key(self) -> Key:
        return keys.session(self.organization, self.id)

    @property
    def lease(self) -> Key:
        """What keeps collection from the bytes."""
        return keys.upload(self.organization, self.blob)

    @property
    def open_key(self) -> Key:
        """What counts among the uploads of its user that are not complete."""
        return keys.open_session(self.organization, self.user, self.id)

    def living(self, now: datetime) -> "Session":
        """The session with a day before it, or what is left of its fourteen to complete it.

        One that is left to a job waits for that longer than any client is waited for.
        """
        if self.result is not None:
            until = now + LIFETIME
        elif self.job is not None:
            until = min(now + LEFT, self.begun + OLDEST + LEFT)
        else:
            until = min(now + LIFETIME, self.begun + OLDEST)
        return replace(self, expires=until)

    def held(self, now: datetime) -> "Session":
        """The session as it is while somebody is at it: it does not end meanwhile."""
        return replace(self, expires=max(self.expires, now + HELD))

    def writing(self, *, at: int | None) -> list[Operation]:
        """The operations that write it, at a version or where it is new."""
        put = Put(self.key, self.value(), absent=at is None, at=at, expires=self.expires)
        if self.result is not None:
            # The lease stays until it runs out: whoever reads it beside the record of the bytes
            # does not read both at one moment, and might see neither.
            return [put, Delete(self.open_key)]
        lease = Put(self.lease, {"session": self.id}, expires=self.expires + LEASE_BEYOND)
        if at is not None:
            return [put, lease]
        # It is written once: where the session runs out, whoever counts finds that it is not
        # there any more (`Sessions.begin`).
        return [put, lease, Put(self.open_key, {}, expires=self.begun + OLDEST + LEFT)]

    def deleting(self) -> list[Operation]:
        """The operations that end it as it was read."""
        return [Delete(self.key, at=self.version), Delete(self.lease), Delete(self.open_key)]

    def value(self) -> dict[str, Any]:
        """The session as its record holds it."""
        condition, claim, result = self.precondition, self.claim, self.result
        since = condition.unmodified_since
        return {
            "repository": self.repository,
            "path": self.path,
            "user": self.user,
            "token": self.token,
            "blob": self.blob,
            "piece_bytes": self.piece_bytes,
            "length": self.length,
            "offset": self.offset,
            "expected": [list(each) for each in self.expectations.digests],
            "condition": {
                "match": condition.match,
                "none_match": condition.none_match,
                "unmodified_since": since and since.isoformat(),
            },
            "digests": self.digests and dict(self.digests),
            "begun": self.begun.isoformat(),
            "expires": self.expires.isoformat(),
            "claim": claim and {"holder": claim.holder, "until": claim.until.isoformat()},
            "result": result and {"artifact": result.artifact.value(), "created": result.created},
            "job": self.job,
        }

    @classmethod
    def read(cls, organization: str, record: Record) -> "Session":
        """The session that a record holds."""
        value = record.value
        claim, result, condition = value["claim"], value["result"], value["condition"]
        since = condition["unmodified_since"]
        expires = datetime.fromisoformat(value["expires"])
        begun = value.get("begun")  # sessions were begun before it was noted
        return cls(
            organization=organization,
            id=record.key.sort,
            repository=value["repository"],
            path=value["path"],
            user=value["user"],
            token=value["token"],
            blob=value["blob"],
            piece_bytes=value["piece_bytes"],
            begun=expires - LIFETIME if begun is None else datetime.fromisoformat(begun),
            expires=expires,
            length=value["length"],
            offset=value["offset"],
            expectations=Expectations(tuple((name, text) for name, text in value["expected"])),
            precondition=Precondition(
                _tags(condition["match"]),
                _tags(condition["none_match"]),
                None if since is None else datetime.fromisoformat(since),
            ),
            digests=value["digests"],
            claim=claim and Claim(claim["holder"], datetime.fromisoformat(claim["until"])),
            result=result and Published(Artifact.parse(result["artifact"]), result["created"]),
            job=value["job"],
            version=record.version,
        )

    def require_free(self, now: datetime) -> None:
        """Return where nobody writes to it now. Raises SessionConflict."""
        if self.claim is not None and self.claim.until > now:
            raise SessionConflict(
                self.offset,
                "another piece of this upload is being received: wait for its answer, or until"
                " it is given up",
                min(self.claim.until - now, CLAIM),  # processes' clocks differ a little
            )


def new_id() -> str:
    """128 random bits: who does not know it can't find the session."""
    return secrets.token_hex(16)


def _tags(value: list[str] | None) -> tuple[str, ...] | None:
    return None if value is None else tuple(value)
