"""Organizations: the root of every key. A request names one; everything else is inside it.

A name leads to an id, and keys hold ids alone: an organization that is made later under the
name of a deleted one has nothing to do with it. `auth.registrar` makes and changes them.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from auth.errors import CorruptRecord, InvalidField, Missing
from auth.records import Organization, read_organization, time_text
from auth.standing import OPTIONAL, REQUIRED, Standing, requires_second_factor
from storage import keys
from storage.metadata import Key, Put, Record
from storage.metadata.recent import Recent

DEFAULT = "default"
# A label of a host's name, in lower case, as `ORG.DOMAIN` selects it (RFC 1123, section 2.1).
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# RFC 5891, section 4.2.3.1: labels such as `xn--…` are shown as other letters than they are.
_RESERVED = re.compile(r"..--")


@dataclass(frozen=True, slots=True)
class Named:
    """An organization as the list of names shows it."""

    name: str
    id: str
    suspended: bool
    second_factor_required: bool = False


@dataclass(frozen=True, slots=True)
class Deleted:
    """An organization that was deleted: restorable `until` then, unless `erasing` began.

    `scanned` is how far the erasing walked through the records of the store, and `found`
    whether it met any of these on this walk; `emptied` tells that one met none. `key` and
    `version` are those of the record that says all this; times are aware.
    """

    name: str
    id: str
    deleted: datetime
    until: datetime
    suspended: bool
    key: Key
    version: int
    erasing: bool = False
    scanned: str = ""
    found: bool = False
    emptied: bool = False
    second_factor_required: bool = False

    def value(self) -> dict[str, object]:
        """The deleted organization as its record holds it."""
        return {
            "id": self.id,
            "name": self.name,
            "deleted": time_text(self.deleted),
            "until": time_text(self.until),
            "suspended": self.suspended,
            "erasing": self.erasing,
            "scanned": self.scanned,
            "found": self.found,
            "emptied": self.emptied,
            "second_factor": _rule(required=self.second_factor_required),
        }


class Organizations:
    """Finds organizations by name and by id."""

    def __init__(self, recent: Recent) -> None:
        self._recent = recent

    def resolve(self, name: str) -> Standing:
        """The organization that a request names; no read when warm.

        Raises:
            Missing: none has that name, or none could.
            Suspended.
        """
        if _NAME.fullmatch(name) is None:
            raise Missing("organization")
        key = keys.organization_by_name(name)
        records = self._recent.cached(key)
        if key not in records:
            raise Missing("organization")
        standing = Standing.read(records[key])
        standing.check(records)
        return standing

    def named(self, name: str) -> Named:
        """The organization with that name, suspended or not, read afresh. Raises Missing."""
        return read_named(self.record(name))

    def record(self, name: str) -> Record:
        """The record of a name, read afresh. Raises Missing."""
        if _NAME.fullmatch(name) is None:
            raise Missing("organization")
        key = keys.organization_by_name(name)
        record = self._recent.get(key).get(key)
        if record is None:
            raise Missing("organization")
        return record

    def get(self, organization: str) -> Organization:
        """The organization with that id, deleted or not, read afresh. Raises Missing."""
        return read_organization(self._by_id(organization))

    def with_quota(self, organization: str, quota_bytes: int | None) -> Put | None:
        """What to write so that an organization has a quota, or none; None where that is so.

        Raises Missing.
        """
        return self._with(organization, "quota_bytes", quota_bytes)

    def with_audit_days(self, organization: str, days: int | None) -> Put | None:
        """The same for how long its events are kept. Raises Missing."""
        return self._with(organization, "audit_days", days)

    def _with(self, organization: str, name: str, number: int | None) -> Put | None:
        record = self._by_id(organization)
        if getattr(read_organization(record), name) == number:
            return None
        return Put(record.key, {**record.value, name: number}, at=record.version)

    def list(self) -> tuple[Named, ...]:
        """All organizations but the deleted, in the order of names."""
        return tuple(map(read_named, self._recent.query_all(keys.ORGANIZATIONS)))

    def deleted(self, name: str | None = None) -> tuple[Deleted, ...]:
        """Deleted organizations (of that name) by name, and then as they were deleted."""
        prefix = "" if name is None else f"{name}/"
        found = self._recent.query_all(keys.DELETED_ORGANIZATIONS, prefix)
        return tuple(map(read_deleted, found))

    def _by_id(self, organization: str) -> Record:
        key = keys.organization(organization)
        record = self._recent.get(key).get(key)
        if record is None:
            raise Missing("organization")
        return record


def parse_organization_name(text: str) -> str:
    """The name of a new organization. Raises InvalidField."""
    if _NAME.fullmatch(text) is None:
        raise InvalidField("name", "must be 1 to 63 of a-z, 0-9 and - (not at the ends)")
    if _RESERVED.match(text) is not None:
        raise InvalidField("name", "must not have -- as its third and fourth characters")
    return text


def founding(
    name: str,
    organization: str,
    created: str,
    administrators: list[str],
    quota_bytes: int | None = None,
) -> tuple[Put, Put]:
    """What writes a new organization: its name, and its record."""
    value = {
        "id": organization,
        "name": name,
        "created": created,
        "administrators": administrators,
        "quota_bytes": quota_bytes,
    }
    return (
        Put(keys.organization_by_name(name), name_value(organization), absent=True),
        Put(keys.organization(organization), value, absent=True),
    )


def name_value(
    organization: str, *, suspended: bool = False, second_factor_required: bool = False
) -> dict[str, object]:
    """What the record of a name holds."""
    rule = _rule(required=second_factor_required)
    return {"id": organization, "suspended": suspended, "second_factor": rule}


def read_named(record: Record) -> Named:
    """The organization that the record of a name leads to. Raises CorruptRecord."""
    standing = Standing.read(record)
    # Before there was such a thing, the record did not say.
    suspended = record.value.get("suspended", False) is not False
    required = requires_second_factor(record)
    return Named(record.key.sort, standing.organization, suspended, required)


def read_deleted(record: Record) -> Deleted:
    """The deleted organization that a record holds. Raises CorruptRecord."""
    value = record.value
    try:
        return Deleted(
            name=value["name"],
            id=value["id"],
            deleted=datetime.fromisoformat(value["deleted"]),
            until=datetime.fromisoformat(value["until"]),
            suspended=value["suspended"],
            key=record.key,
            version=record.version,
            erasing=value["erasing"],
            scanned=value["scanned"],
            found=value["found"],
            emptied=value.get("emptied", False),  # it was not noted at first
            second_factor_required=value.get("second_factor") == REQUIRED,  # nor this
        )
    except (KeyError, ValueError, TypeError) as error:
        raise CorruptRecord("a deleted organization's record cannot be read") from error


def _rule(*, required: bool) -> str:
    return REQUIRED if required else OPTIONAL
