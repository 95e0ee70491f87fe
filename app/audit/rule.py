"""For how many days an organization keeps its events: set by its administrators.

The organization's record says it to who asks. What removal goes by is a record that is signed:
who can write to the table, and has no secret key, has nothing removed.
"""

from app.audit.head import Altered, read_rule, rule_value
from auth.decisions import decided
from auth.errors import InvalidField
from auth.organizations import Organizations
from auth.principals import Authority
from storage import keys
from storage.events import Journal
from storage.metadata import Put
from storage.metadata.recent import Recent

#: Fewer would let whoever takes an administrator over remove his traces within weeks.
LEAST_DAYS = 90
MOST_DAYS = 36_500


class HistoryRule:
    """The rule of whatever organization the authority is for."""

    def __init__(self, recent: Recent, journal: Journal) -> None:
        self._recent = recent
        self._journal = journal
        self._organizations = Organizations(recent)

    def set(self, by: Authority, days: int | None) -> None:
        """Keep events for so many days, or with None for ever.

        Raises:
            Forbidden: not an administrator.
            InvalidField: fewer or more than can be asked for.
            Missing, ChangedMeanwhile.
        """
        by.require_admin()
        check_days(days)
        decided(lambda: self._set(by, days))

    def _set(self, by: Authority, days: int | None) -> None:
        put = self._organizations.with_audit_days(by.organization, days)
        if put is None and self._is_signed(by.organization, days):
            return
        value = rule_value(self._journal.notary, by.organization, days)
        rule = Put(keys.audit_rule(by.organization), value)
        event = self._journal.event(
            by.organization, by.actor, "audit.keep", subject=by.organization, audit_days=days
        )
        self._recent.commit(*(one for one in (put, rule) if one is not None), witness=event)

    def days(self, organization: str) -> int | None:
        """For how many days events are kept, None for ever, as an administrator has set it.

        Raises Altered where the organization's record or the signed one is not as it was written.
        """
        days = self._organizations.get(organization).audit_days
        if not self._is_signed(organization, days):
            raise Altered("the rule of how long events are kept is not as it was set")
        return days

    def _is_signed(self, organization: str, days: int | None) -> bool:
        key = keys.audit_rule(organization)
        record = self._recent.get(key).get(key)
        try:
            return read_rule(self._journal.notary, organization, record) == days
        except Altered:
            return False


def check_days(days: int | None) -> None:
    """Return if events may be kept for so long. Raises InvalidField."""
    if days is not None and not LEAST_DAYS <= days <= MOST_DAYS:
        raise InvalidField("audit_days", f"must be from {LEAST_DAYS} to {MOST_DAYS}, or null")
