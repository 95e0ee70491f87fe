"""Whether an organization is served: asked with every request, at no round trip of its own.

The record of an organization's name says it. Every claim needs that record, so it is read
together with what else decides: from memory for reads, afresh for whatever changes something.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from auth.errors import CorruptRecord, Missing, Suspended
from storage.metadata import Key, Record

#: Whether an organization requires a second factor, as the record of its name says it.
REQUIRED, OPTIONAL = "required", "optional"


@dataclass(frozen=True, slots=True)
class Standing:
    """An organization as a request found it by its name.

    `organization` is its id, `key` that of the record of its name.
    """

    organization: str
    key: Key

    @classmethod
    def read(cls, record: Record) -> "Standing":
        """The organization that the record of a name leads to. Raises CorruptRecord."""
        organization = record.value.get("id")
        if not isinstance(organization, str):
            raise CorruptRecord("an organization's name does not say whose it is")
        return cls(organization, record.key)

    def check(self, records: Mapping[Key, Record]) -> Record:
        """The record of its name, if the organization is served still.

        Raises:
            Missing: deleted, even if another one has its name by now.
            Suspended.
        """
        record = records.get(self.key)
        if record is None or record.value.get("id") != self.organization:
            raise Missing("organization")
        if record.value.get("suspended", False) is not False:
            raise Suspended
        return record


def requires_second_factor(name: Record) -> bool:
    """Whether the organization with the record of that name wants one of all its people."""
    return name.value.get("second_factor") == REQUIRED
