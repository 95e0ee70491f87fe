"""Whether an organization requires a second factor of all its people.

It lies in the record of the organization's name, which every claim reads: whoever has none is
held to it from the next request on, at no read of its own.
"""

from auth.decisions import decided
from auth.errors import Missing, SecondFactorFirst
from auth.key_access import require_to_last
from auth.organizations import Organizations
from auth.principals import Authority, Principal
from auth.standing import OPTIONAL, REQUIRED, Standing, requires_second_factor
from storage.events import Journal
from storage.metadata import Put
from storage.metadata.recent import Recent


class SecondFactorRule:
    """The rule of whatever organization the authority is for."""

    def __init__(self, recent: Recent, journal: Journal) -> None:
        self._recent = recent
        self._journal = journal
        self._organizations = Organizations(recent)

    def set(self, by: Authority, name: str, *, required: bool) -> None:
        """Require a second factor of everybody, or leave it to each.

        Args:
            by: on whose authority.
            name: that of the organization.
            required: the rule.

        Raises:
            Forbidden: not an administrator, or by a key that ends.
            SecondFactorFirst: one who requires it, and has none.
            Missing: the organization is another one by now.
        """
        by.require_admin()
        require_to_last(by)
        if required and isinstance(by.holder, Principal) and not by.holder.second_factor:
            raise SecondFactorFirst
        decided(lambda: self._set(by, name, required=required))

    def _set(self, by: Authority, name: str, *, required: bool) -> None:
        record = self._organizations.record(name)
        if Standing.read(record).organization != by.organization:
            raise Missing("organization")
        if requires_second_factor(record) is required:
            return
        rule = REQUIRED if required else OPTIONAL
        value = {**record.value, "second_factor": rule}
        event = self._journal.event(
            by.organization,
            by.actor,
            "organization.second-factor",
            subject=by.organization,
            second_factor=rule,
        )
        self._recent.commit(Put(record.key, value, at=record.version), witness=event)
