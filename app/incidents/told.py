"""Who must be told of an incident: by whom the organization is run, and whose things were touched.

Addresses are read from records now; of whom there is none any more, the id alone is known.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from auth.principals import Action, Rights, Site
from auth.records import is_id, read_grants, read_organization
from storage import keys
from storage.metadata import Metadata, Record
from storage.metadata.operations import KEYS_PER_GET


class Told:
    """Finds the people of one organization."""

    def __init__(self, metadata: Metadata, organization: str) -> None:
        self._metadata = metadata
        self._organization = organization

    def administrators(self) -> list[str]:
        """Their ids."""
        key = keys.organization(self._organization)
        return list(read_organization(self._metadata.get(key)[key]).administrators)

    def people(self, reasons: Mapping[str, Iterable[str]]) -> list[dict[str, Any]]:
        """People by their ids, with the reasons why each must be told."""
        ids = [one for one in reasons if is_id(one)]
        wanted = [
            key
            for one in ids
            for key in (
                keys.user(self._organization, one),
                keys.subscriber(self._organization, one),
            )
        ]
        found: dict[str, Record] = {}
        for start in range(0, len(wanted), KEYS_PER_GET):
            for key, record in self._metadata.get(*wanted[start : start + KEYS_PER_GET]).items():
                found[key.sort] = record
        return [
            {"id": one, "address": _address(found.get(one)), "because": sorted(set(reasons[one]))}
            for one in sorted(ids)
        ]

    def subscribers(self, repositories: Mapping[str, str]) -> dict[str, list[str]]:
        """The ids of those who may read one of these repositories (names by their ids), with
        the names of these."""
        found: dict[str, list[str]] = {}
        for group in self._metadata.query_all(keys.subscriber_groups(self._organization)):
            rights = Rights.of(read_grants(group.value.get("permissions", {})))
            read = [
                name
                for repository, name in repositories.items()
                if Action.READ in rights.on(Site(repository, name))
            ]
            if not read:
                continue
            partition = keys.subscribers_of(self._organization, group.key.sort)
            for member in self._metadata.query_all(partition):
                found.setdefault(member.key.sort, []).extend(read)
        return {one: sorted(set(names)) for one, names in found.items()}


def _address(record: Record | None) -> str | None:
    """The e-mail address of a user, or what a subscriber gave as one."""
    if record is None:
        return None
    for name in ("email", "contact"):
        address = record.value.get(name)
        if isinstance(address, str):
            return address
    return None
