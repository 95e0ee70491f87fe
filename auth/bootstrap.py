"""From an empty store to one that somebody can sign in to, once, whoever starts first.

The format, the organization, its first administrator and his API key are one commit whose
conditions are that there is no such organization, or that it has no administrator: of two
processes that start at the same time one makes them, and the other finds them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from auth import administrators
from auth.decisions import decided
from auth.emails import email_key
from auth.errors import AlreadyTaken, CorruptRecord, NewerFormat
from auth.first_administrator import Candidate, FirstSecrets, Wanted
from auth.first_sign_in import FirstSignIn
from auth.organizations import DEFAULT, founding, parse_organization_name
from auth.passwords import STRONG, Parameters
from auth.records import new_id, read_organization, time_text
from auth.secret_texts import fingerprint
from storage import keys
from storage.events import SYSTEM, Journal
from storage.metadata import ConditionFailed, Metadata, Operation, Put, Record

FORMAT = 1
_GOES = "This file goes away when this user first signs in with the password or the key.\n"


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """The id of the organization, what this call made, if it made an administrator, and the
    ids of those who were there already."""

    organization: str
    made: FirstSecrets | None
    administrators: tuple[str, ...] = ()


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
    bootstrap = _Bootstrap(metadata, journal, name, clock)
    found = bootstrap.look()
    if found is not None and (found[1] or wanted is None):
        # With none yet, a pending file is that of a process about to make one.
        if file is not None and found[1]:
            file.settle(found[1])
        return Bootstrapped(found[0], None, found[1])
    candidate = None if wanted is None else Candidate.make(wanted, parameters, clock())
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
        clock: Callable[[], datetime],
    ) -> None:
        self._metadata = metadata
        self._journal = journal
        self._name = name
        self._clock = clock

    def look(self) -> tuple[str, tuple[str, ...]] | None:
        """The id of the organization and its administrators, or None if it is not there."""
        record = self._find()[1]
        if record is None:
            return None
        organization = read_organization(record)
        return organization.id, organization.administrators

    def attempt(self, candidate: Candidate | None) -> Bootstrapped:
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
            operations += candidate.operations(org)
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
