"""Makes, suspends, deletes and restores organizations: each in one commit, with its event.

Only whoever has the machine's command line does any of it, so there is no authority to ask
for. Every change is decided by the record of the name, which requests read too: it is how
suspending and deleting take effect at once for whatever changes something, and within ten
seconds for reads.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from auth.decisions import decided
from auth.errors import AlreadyTaken, AuthError, Forbidden, Missing
from auth.first_administrator import Candidate, FirstSecrets, Wanted
from auth.organizations import (
    DEFAULT,
    Deleted,
    Named,
    Organizations,
    founding,
    name_value,
    parse_organization_name,
    read_named,
)
from auth.passwords import STRONG, Parameters
from auth.records import new_id, time_text
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import ConditionFailed, Delete, Operation, Put
from storage.metadata.recent import Recent

RESTORABLE_FOR = timedelta(days=30)


class Bound(Protocol):
    """How many bytes a new organization may hold, and what makes its counters hold to that."""

    @property
    def bytes(self) -> int: ...

    def operations(self, organization: str) -> Sequence[Operation]: ...


@dataclass(frozen=True, slots=True)
class Created:
    """A new organization, when it was made, and the secrets of its first administrator if it
    has one."""

    organization: Named
    at: datetime
    made: FirstSecrets | None


class SeveralDeleted(AuthError):
    """Several organizations of one name were deleted, and it was not said which is meant."""

    def __init__(self, deleted: Sequence[Deleted]) -> None:
        super().__init__("Several of that name were deleted; name one by its id.")
        self.deleted = tuple(deleted)


class Registrar:
    """The organizations of an installation. `actor` is whom history names."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        actor: Actor,
        parameters: Parameters = STRONG,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._actor = actor
        self._parameters = parameters
        self._clock = clock
        self._organizations = Organizations(recent)

    def create(
        self, name: str, wanted: Wanted | None = None, bound: Bound | None = None
    ) -> Created:
        """Make an organization, with its first administrator and its quota where they are
        wanted: all of it or nothing.

        Raises:
            InvalidField: a name, address or password that cannot be taken; AlreadyTaken.
            OutcomeUnknown: it may have been made.
        """
        parse_organization_name(name)
        now, organization = self._clock(), new_id()
        first = None if wanted is None else Candidate.make(wanted, self._parameters, now)
        admins = [] if first is None else [first.shown.user_id]
        quota = None if bound is None else bound.bytes
        operations: list[Operation] = [*founding(name, organization, time_text(now), admins, quota)]
        details: dict[str, Any] = {}
        if first is not None:
            operations += first.operations(organization)
        if bound is not None:
            operations += bound.operations(organization)
            details["quota_bytes"] = quota
        try:
            self._commit(organization, "create", *operations, **details)
        except ConditionFailed as error:
            raise AlreadyTaken("name") from error
        made = None if first is None else first.shown
        return Created(Named(name, organization, suspended=False), now, made)

    def suspend(self, name: str) -> Named:
        """Serve nothing of an organization from now on; it keeps everything. Raises Missing."""
        return decided(lambda: self._set_suspended(name, suspended=True))

    def resume(self, name: str) -> Named:
        """Serve a suspended organization again. Raises Missing."""
        return decided(lambda: self._set_suspended(name, suspended=False))

    def delete(self, name: str) -> Deleted:
        """Delete an organization: its name is free at once, and for 30 days it can be restored.

        Raises:
            Missing.
            Forbidden: it is `default`, which addresses without a name lead to and which every
                start would make anew.
        """
        if name == DEFAULT:
            raise Forbidden(
                f"The organization {DEFAULT!r} is part of the installation and can't be deleted;"
                " it can be suspended."
            )
        return decided(lambda: self._delete(name))

    def restore(self, name: str, organization: str | None = None) -> Named:
        """Restore a deleted organization with all that it had; suspended if it was.

        Args:
            name: which it had, and gets again.
            organization: its id, where several of that name were deleted.

        Raises:
            Missing: none of that name (and id) was deleted in the last 30 days.
            SeveralDeleted: several were, and `organization` was not given.
            AlreadyTaken: another organization has the name by now.
        """
        return decided(lambda: self._restore(name, organization))

    def _set_suspended(self, name: str, *, suspended: bool) -> Named:
        record = self._organizations.record(name)
        found = read_named(record)
        if found.suspended is not suspended:
            value = {**record.value, "suspended": suspended}
            put = Put(record.key, value, at=record.version)
            if suspended:
                self._commit(found.id, "suspend", put)
            else:
                self._commit(found.id, "resume", put, self._back(found.id))
        return replace(found, suspended=suspended)

    def _delete(self, name: str) -> Deleted:
        record = self._organizations.record(name)
        found, now = read_named(record), self._clock()
        key = keys.deleted_organization(name, now, found.id)
        deleted = Deleted(
            name=name,
            id=found.id,
            deleted=now,
            until=now + RESTORABLE_FOR,
            suspended=found.suspended,
            key=key,
            version=0,
            second_factor_required=found.second_factor_required,
        )
        put = Put(key, deleted.value(), absent=True)
        self._commit(found.id, "delete", Delete(record.key, at=record.version), put)
        return deleted

    def _restore(self, name: str, organization: str | None) -> Named:
        now = self._clock()
        found = [
            deleted
            for deleted in self._organizations.deleted(parse_organization_name(name))
            if organization in (None, deleted.id) and not deleted.erasing and now < deleted.until
        ]
        if not found:
            raise Missing("deleted organization")
        key = keys.organization_by_name(name)
        if self._recent.get(key):
            raise AlreadyTaken("name")
        if organization is None and len(found) > 1:
            raise SeveralDeleted(found)
        (deleted,) = found
        required = deleted.second_factor_required
        value = name_value(deleted.id, suspended=deleted.suspended, second_factor_required=required)
        put = Put(key, value, absent=True)
        taken = Delete(deleted.key, at=deleted.version)
        self._commit(deleted.id, "restore", taken, put, self._back(deleted.id))
        return Named(name, deleted.id, deleted.suspended, required)

    def _back(self, organization: str) -> Put:
        """What keeps since when it is served again: retention counts from there."""
        value = {"back_since": time_text(self._clock())}
        return Put(keys.organization_back(organization), value)

    def _commit(self, organization: str, verb: str, *operations: Operation, **details: Any) -> None:
        event = self._journal.event(
            organization, self._actor, f"organization.{verb}", subject=organization, **details
        )
        self._recent.commit(*operations, witness=event)
