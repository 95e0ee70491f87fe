"""The duties of history: its closed minutes are sealed, and what is too old is removed."""

import logging
from datetime import timedelta

from app.audit.removal import Removal
from app.audit.rule import HistoryRule
from app.audit.sealing import Chain, ChainTaken
from app.installation import Installation
from app.work.duty import Shift

SEAL, REMOVE = "seal", "audit-retention"

_log = logging.getLogger("strongroom.worker")


class SealDuty:
    """Every minute, the closed minutes of all organizations are sealed."""

    name = SEAL
    every = timedelta(minutes=1)

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def run(self, shift: Shift) -> None:
        for organization in shift.organizations():
            with shift.part(organization):
                try:
                    Chain(self._installation, organization).go_on(shift.go_on)
                except ChainTaken:
                    _log.info("the events of %s are being sealed by another worker", organization)


class RemoveDuty:
    """Every day, events that are older than their organization keeps them are removed."""

    name = REMOVE
    every = timedelta(days=1)

    def __init__(self, installation: Installation) -> None:
        self._rule = HistoryRule(installation.recent, installation.journal)
        self._removal = Removal(installation)

    def run(self, shift: Shift) -> None:
        for organization in shift.organizations():
            with shift.part(organization):
                days = self._rule.days(organization)
                removed = self._removal.run(organization, days, shift.go_on)
                if removed:
                    shift.report(organization, {"events": removed})
