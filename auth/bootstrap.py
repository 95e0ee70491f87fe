"""From an empty store to one that somebody can sign in to, once, whoever starts first.

The format, the organization, its first administrator and his API key are one commit whose
conditions are that there is no such organization, or that it has no administrator: of two
processes that start at the same time one makes them, and the other finds them.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from auth import administrators
from auth.credentials import ApiKeySecret
from auth.decisions import decided
from auth.emails import EmailAddress, email_key, parse_email
from auth.errors import AlreadyTaken, CorruptRecord, NewerFormat
from auth.first_sign_in import FirstSignIn
from auth.key_records import key_operations
from auth.organizations import DEFAULT, founding, parse_organization_name
from auth.passwords import STRONG, Parameters, hash_password
from auth.principals import Role
from auth.records import ApiKey, new_id, read_organization, time_text
from auth.secret_texts import fingerprint, make_secret
from storage import keys
from storage.events import SYSTEM, Journal
from storage.metadata import ConditionFailed, Metadata, Operation, Put, Record

FORMAT = 1
DEFAULT_EMAIL = "admin@localhost"
_PASSWORD_BYTES = 18  # 24 characters
_KEY_NAME = "build tools"
_GOES = "This file goes away when this user first signs in with the password or the key.\n"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The first administrator as the settings ask for one.

    Args:
        email: his address; None: `admin@localhost`.
        password: his password; None: a random one.
        api_key: whether he gets a key for build tools as well.
    """

    email: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    api_key: bool = True


@dataclass(frozen=True, slots=True)
class FirstSecrets:
    """What is shown once. `password` is None where it was given."""

    user_id: str
    email: str = field(repr=False)
    password: str | None = field(repr=False)
    api_key: ApiKeySecret | None = field(repr=False)

    @property
    def generated(self) -> bool:
        """Whether there is anything that nobody has seen yet."""
        return self.password is not None or self.api_key is not None


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """The id of the organization, what this call made, if it made an administrator, and the
    ids of those who were there already."""

    organization: str
    made: FirstSecrets | None
    administrators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An administrator who may become the first."""

    shown: FirstSecrets
    email: EmailAddress
    user: dict[str, object]


def prepare(
    metadata: Metadata,
    journal: Journal,
    wanted: Wanted | None,
    file: FirstSignIn | None = None,
    name: str = DEFAULT,
    parameters: Parameters = STRONG,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    lines: Callable[[FirstSecrets], str] | None = None,
) -> Bootstrapped:
    """Make what is missing. Repeating it changes nothing.

    Args:
        metadata: an engine that was prepared.
        journal: for the event.
        wanted: the administrator to make where there is none; None: make none.
        file: keeps generated secrets until somebody has seen them.
        name: of the organization.
        parameters: how costly the password's hash is.
        clock: aware.
        lines: what the file says of them; by default the secrets alone.

    Raises:
        InvalidField: the address or the password cannot be taken.
        NewerFormat: a newer version has written here.
        ChangedMeanwhile: others were in the way again and again.
    """
    parse_organization_name(name)
    bootstrap = _Bootstrap(metadata, journal, name, parameters, clock)
    found = bootstrap.look()
    if found is not None and (found[1] or wanted is None):
        # With none yet, a pending file is that of a process about to make one.
        if file is not None and found[1]:
            file.settle(found[1])
        return Bootstrapped(found[0], None, found[1])
    candidate = None if wanted is None else bootstrap.candidate(wanted)
    pending = None
    if file is not None and candidate is not None and candidate.shown.generated:
        key = candidate.shown.api_key
        pending = file.pend(
            candidate.shown.user_id,
            None if key is None else fingerprint(key).key_id,
            (lines or _lines)(candidate.shown) + _GOES,
        )
    # What is raised from here on leaves the file: the commit may have happened, and the
    # next start decides with the administrators that it finds.
    done = decided(lambda: bootstrap.attempt(candidate))
    if file is not None and pending is not None:
        if done.made is not None:
            file.publish(pending)
        else:
            pending.unlink(missing_ok=True)
    return done


class _Bootstrap:
    def __init__(
        self,
        metadata: Metadata,
        journal: Journal,
        name: str,
        parameters: Parameters,
        clock: Callable[[], datetime],
    ) -> None:
        self._metadata = metadata
        self._journal = journal
        self._name = name
        self._parameters = parameters
        self._clock = clock

    def look(self) -> tuple[str, tuple[str, ...]] | None:
        """The id of the organization and its administrators, or None if it is not there."""
        record = self._find()[1]
        if record is None:
            return None
        organization = read_organization(record)
        return organization.id, organization.administrators

    def candidate(self, wanted: Wanted) -> _Candidate:
        """Make the secrets and the record of an administrator."""
        email = parse_email(DEFAULT_EMAIL if wanted.email is None else wanted.email)
        generated = secrets.token_urlsafe(_PASSWORD_BYTES) if wanted.password is None else None
        user_id, now = new_id(), time_text(self._clock())
        user = {
            "id": user_id,
            "email": email.text,
            "name": "Administrator",
            "role": Role.ADMIN.value,
            "password": hash_password(generated or wanted.password or "", self._parameters),
            "active": True,
            "permissions": {},
            "created": now,
            "updated": now,
        }
        key = make_secret() if wanted.api_key else None
        return _Candidate(FirstSecrets(user_id, email.text, generated, key), email, user)

    def attempt(self, candidate: _Candidate | None) -> Bootstrapped:
        """Look, and make what is missing in one commit."""
        has_format, record = self._find()
        if record is not None:
            organization = read_organization(record)
            if organization.administrators or candidate is None:
                return Bootstrapped(organization.id, None, organization.administrators)
        org = new_id() if record is None else record.key.partition.partition("#")[0]
        operations: list[Operation] = []
        if not has_format:
            operations.append(Put(keys.FORMAT, {"format": FORMAT}, absent=True))
        first = None if candidate is None else candidate.shown.user_id
        if record is None:
            created = time_text(self._clock())
            operations += founding(self._name, org, created, [] if first is None else [first])
        elif first is not None:
            operations += administrators.adding(record, first)
        if candidate is not None:
            operations += self._making(org, candidate)
        event = self._journal.event(
            org, SYSTEM, "organization.create" if record is None else "user.create", subject=first
        )
        try:
            self._metadata.commit(*operations, witness=event)
        except ConditionFailed as error:
            taken = candidate is not None and email_key(org, candidate.email) in error.found
            # Who was first in a race has the same address: then there is an administrator.
            if taken and not (self.look() or (org, ()))[1]:
                raise AlreadyTaken("email") from error
            raise
        return Bootstrapped(org, None if candidate is None else candidate.shown)

    def _making(self, org: str, candidate: _Candidate) -> list[Operation]:
        user_id = candidate.shown.user_id
        operations: list[Operation] = [
            Put(keys.user(org, user_id), candidate.user, absent=True),
            Put(email_key(org, candidate.email), {"user": user_id}, absent=True),
        ]
        if candidate.shown.api_key is not None:
            secret = candidate.shown.api_key
            key_id = fingerprint(secret).key_id
            key = ApiKey(key_id, user_id, _KEY_NAME, None, None, self._clock())
            operations += key_operations(org, secret, key)
        return operations

    def _find(self) -> tuple[bool, Record | None]:
        """Whether the format is there, and the organization's record."""
        by_name = keys.organization_by_name(self._name)
        found = self._metadata.get(keys.FORMAT, by_name)
        check_format(found.get(keys.FORMAT))
        if by_name not in found:
            return keys.FORMAT in found, None
        organization = keys.organization(str(found[by_name].value["id"]))
        record = self._metadata.get(organization).get(organization)
        if record is None:
            raise CorruptRecord("an organization has a name and no record")
        return keys.FORMAT in found, record


def check_format(record: Record | None) -> None:
    """Return if this version can read the store. Raises NewerFormat, CorruptRecord."""
    if record is None:
        return
    number = record.value.get("format")
    if not isinstance(number, int):
        raise CorruptRecord("the store's format is not a number")
    if number > FORMAT:
        raise NewerFormat(f"the store has format {number}, and this version reads up to {FORMAT}")


def _lines(shown: FirstSecrets) -> str:
    lines = [f"e-mail: {shown.email}", f"password: {shown.password or 'as it was set'}"]
    if shown.api_key is not None:
        lines.append(f"API key for build tools: {shown.api_key.text}")
    return "\n".join(lines) + "\n"
