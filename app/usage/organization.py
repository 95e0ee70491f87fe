"""The quota of an organization: set by whoever operates the installation, seen by its own."""

from dataclasses import dataclass

from app.usage.allotment import MOST_QUOTA_BYTES, allot
from app.usage.ledger import Balance, Ledger, settled_balance
from auth.decisions import decided
from auth.errors import InvalidField
from auth.organizations import Organizations
from storage.events import Actor, Journal
from storage.metadata import Operation
from storage.metadata.recent import Recent


@dataclass(frozen=True, slots=True)
class FoundingQuota:
    """The quota that an organization is made with: from its first commit on, so that there is
    never one without the bound that it was to have."""

    bytes: int

    def operations(self, organization: str) -> tuple[Operation, ...]:
        """What writes it into the counters of an organization that has none yet."""
        empty = Balance.read(Ledger(organization), {})
        return allot(empty, self.bytes).operations(empty)


class OrganizationQuotas:
    """Sets quotas of organizations."""

    def __init__(self, recent: Recent, journal: Journal) -> None:
        self._recent = recent
        self._journal = journal
        self._organizations = Organizations(recent)

    def set(self, organization: str, quota_bytes: int | None, actor: Actor) -> None:
        """Set the quota of an organization, by its id, or with None take it away.

        Less than is held is allowed: then nothing new fits, and nothing is lost.

        Raises:
            InvalidField: no quota can be so large, or under 0; Missing, ChangedMeanwhile.
        """
        if quota_bytes is not None and not 0 <= quota_bytes <= MOST_QUOTA_BYTES:
            raise InvalidField("quota", f"must be from 0 to {MOST_QUOTA_BYTES} bytes")
        decided(lambda: self._set(organization, quota_bytes, actor))

    def _set(self, organization: str, quota_bytes: int | None, actor: Actor) -> None:
        put = self._organizations.with_quota(organization, quota_bytes)
        if put is None:
            return
        balance = settled_balance(self._recent.metadata, Ledger(organization))
        self._recent.commit(
            put,
            *allot(balance, quota_bytes).operations(balance),
            witness=self._journal.event(
                organization, actor, "organization.quota", quota_bytes=quota_bytes
            ),
        )
