"""Watches quotas by what the feed tells: warns before one is full, and evens out allowances.

Nobody who publishes waits for it, and where nothing is published it asks the stores nothing.
"""

import logging
from collections.abc import Mapping, Sequence

from app.usage.ledger import DIGITS, Balance, Ledger, Limit, settled_balance
from app.usage.quotas import Quotas
from app.work.job import Job, State, new_id
from storage import keys
from storage.events import SYSTEM, Event, Journal
from storage.metadata import ConditionFailed, Conflict, Delete, Key, Metadata, Put, Record
from storage.metadata.operations import KEYS_PER_GET

WARNING = "quota-warning"  # what reports of it are called
WARN_PERCENT = 80
#: Below this it may be warned anew: what is deleted and uploaded in turn is told of once.
CALM_PERCENT = 75
_LEDGERS_PER_GET = KEYS_PER_GET // (len(DIGITS) + 1)

_log = logging.getLogger(__name__)


class QuotaWatch:
    """A reader of the feed."""

    def __init__(self, metadata: Metadata, journal: Journal) -> None:
        self._metadata = metadata
        self._journal = journal
        self._quotas = Quotas(metadata, journal)

    def take(self, organization: str, events: Sequence[Event]) -> None:
        """Look at the counters that changed. May be called twice with the same."""
        counted = (Ledger.of(key) for event in events for key, _ in event.adds)
        changed = list(dict.fromkeys(ledger for ledger in counted if ledger is not None))
        for start in range(0, len(changed), _LEDGERS_PER_GET):
            self._look(changed[start : start + _LEDGERS_PER_GET])

    def _look(self, ledgers: Sequence[Ledger]) -> None:
        """Look at a few ledgers, with one read where nothing is to be done."""
        wanted = {ledger: _told_key(ledger) for ledger in ledgers}
        stripes = (key for ledger in ledgers for key in ledger.keys)
        records = self._metadata.get(*stripes, *wanted.values())
        for ledger, key in wanted.items():
            balance = Balance.read(ledger, records)
            try:
                self._tell(balance, key, records)
            except Conflict:
                # Who uses it up goes on, and his events lead here again.
                _log.info("a quota is not looked at: its allowances are too busy")
            if _is_uneven(balance):
                self._even(balance)

    def _even(self, balance: Balance) -> None:
        try:
            self._quotas.even_out(balance)
        except Conflict:
            # Who publishes there takes the allowance that he needs by himself, and his event
            # leads here again.
            _log.info("allowances are left as they are: they are too busy to be divided")

    def _tell(self, balance: Balance, key: Key, records: Mapping[Key, Record]) -> None:
        """Warn where it became nearly full, once; forget that where there is room again."""
        told = records.get(key)
        if told is None and _is_used(balance, WARN_PERCENT):
            self._warn(settled_balance(self._metadata, balance.ledger), key)
        elif told is not None and self._is_calm(balance):
            try:
                self._metadata.commit(Delete(key, at=told.version))
            except ConditionFailed:
                _log.info("another worker has seen that there is room again")

    def _warn(self, balance: Balance, key: Key) -> None:
        """Write the event, the report that administrators see, and that both are written."""
        ledger, used, quota = balance.ledger, balance.usage.held, balance.quota
        if quota is None or not _is_used(balance, WARN_PERCENT):
            return
        now = self._metadata.now()
        counts = {"used_bytes": used, "quota_bytes": quota}
        report = Job(
            organization=ledger.organization,
            id=new_id(now),
            kind=WARNING,
            actor=SYSTEM,
            created=now,
            updated=now,
            repository=ledger.repository,
            counts=counts,
            state=State.DONE,
            result={"of": ledger.name, "percent": WARN_PERCENT},
        )
        try:
            self._metadata.commit(
                Put(key, {"job": report.id}, absent=True),
                report.kept(),
                witness=self._journal.event(
                    ledger.organization,
                    SYSTEM,
                    "quota.warning",
                    repository=ledger.repository,
                    percent=WARN_PERCENT,
                    **counts,
                ),
            )
        except ConditionFailed:
            return  # another worker has warned
        of = ledger.repository or ledger.organization
        _log.warning("over %d %% of the quota of %s %s is used", WARN_PERCENT, ledger.name, of)

    def _is_calm(self, balance: Balance) -> bool:
        if _is_used(balance, CALM_PERCENT):
            return False
        return not _is_used(settled_balance(self._metadata, balance.ledger), CALM_PERCENT)


def _told_key(ledger: Ledger) -> Key:
    return keys.quota_warned(ledger.organization, ledger.repository or "-")


def _is_used(balance: Balance, percent: int) -> bool:
    """Whether so much of a quota is used; never where there is none, or nothing is held."""
    quota, held = balance.quota, balance.usage.held
    return quota is not None and held > 0 and held * 100 >= quota * percent


def _is_uneven(balance: Balance) -> bool:
    """Whether allowances are to be divided anew: some stripe has less than half of what it
    would get, or all are still told to ask although there is room."""
    room = balance.room
    if balance.limit is Limit.NONE or room < 0:
        return False
    share = room // len(DIGITS)
    return balance.limit is Limit.ALL or 2 * min(one.room for one in balance.stripes) < share
