"""Organizations: the root of every key. A request names one; everything else is inside it."""

import re

from auth.errors import InvalidField, Missing
from auth.records import Organization, read_organization
from storage import keys
from storage.metadata import Put
from storage.metadata.recent import Recent

DEFAULT = "default"
# A label of a host's name, in lower case, as `ORG.DOMAIN` selects it (RFC 1123, section 2.1).
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Organizations:
    """Finds organizations by name and by id."""

    def __init__(self, recent: Recent) -> None:
        self._recent = recent

    def resolve(self, name: str) -> str:
        """The id of the organization with that name; no read when warm. Raises Missing."""
        if _NAME.fullmatch(name) is None:
            raise Missing("organization")
        key = keys.organization_by_name(name)
        record = self._recent.cached(key).get(key)
        if record is None:
            raise Missing("organization")
        return str(record.value["id"])

    def get(self, organization: str) -> Organization:
        """The organization with that id, read afresh. Raises Missing."""
        key = keys.organization(organization)
        record = self._recent.get(key).get(key)
        if record is None:
            raise Missing("organization")
        return read_organization(record)

    def list(self) -> tuple[tuple[str, str], ...]:
        """Names and ids of all organizations, in the order of names, for the command line."""
        records = self._recent.query_all(keys.ORGANIZATIONS)
        return tuple((record.key.sort, str(record.value["id"])) for record in records)


def parse_organization_name(text: str) -> str:
    """The name of an organization. Raises InvalidField."""
    if _NAME.fullmatch(text) is None:
        raise InvalidField("name", "must be 1 to 63 of a-z, 0-9 and - (not at the ends)")
    return text


def founding(
    name: str, organization: str, created: str, administrators: list[str]
) -> tuple[Put, Put]:
    """What writes a new organization: its name, and its record."""
    value = {
        "id": organization,
        "name": name,
        "created": created,
        "administrators": administrators,
    }
    return (
        Put(keys.organization_by_name(name), {"id": organization}, absent=True),
        Put(keys.organization(organization), value, absent=True),
    )
