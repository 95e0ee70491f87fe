"""`strongroom usage`: what an organization and its repositories hold, and whether that is true."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.api.answers import usage_json
from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.cli.people import add_organization
from app.installation import Installation, existing
from app.repositories import Catalogue, DeletedRepositories
from app.settings import read_settings
from app.usage import Balance, Ledger, Usage, balances_of
from app.usage.counting import count, told
from app.usage.sizes import in_words
from auth.errors import Missing
from auth.organizations import Organizations
from storage.metadata import Key

_COLUMNS = ("name", "files", "used", "restorable", "quota", "percent")
_LEDGERS_AT_ONCE = 6  # what `balances_of` reads in one call


@dataclass(frozen=True, slots=True)
class _Holder:
    """What has counters and may have a quota: a repository, deleted or not, or everything."""

    name: str
    ledger: Ledger
    quota_bytes: int | None
    deleted: bool = False

    @property
    def label(self) -> str:
        """What people are told that it is: a repository may have an organization's name."""
        if self.ledger.repository is None:
            return f"all of {self.name}"
        return f"{self.name} (deleted)" if self.deleted else self.name


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "usage",
        help="show what repositories hold and may hold",
        description="Show what an organization and each of its repositories hold and may hold.",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="count all files anew, and exit with 1 where the counters tell something else;"
        " exact while nobody writes",
    )
    add_organization(parser)
    add_shared(parser)
    parser.set_defaults(run=_usage)


def _usage(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with existing(read_settings(environment, {"data": options.data})) as at:
        try:
            organization = Organizations(at.recent).named(options.org).id
        except Missing as error:
            raise CommandFailed(f"there is no organization {options.org!r}") from error
        holders = list(_holders(at, organization, options.org))
        balances = list(_balances(at, holders))
        wrong = _differences(at, organization, holders, balances) if options.check else None
    rows = [_row(holder, balance) for holder, balance in zip(holders, balances, strict=True)]
    if output.as_json:
        found = {} if wrong is None else {"differences": wrong}
        output.result({"organization": rows[0], "repositories": rows[1:], **found})
    else:
        labelled = [_in_words(holder.label, row) for holder, row in zip(holders, rows, strict=True)]
        output.table("usage", [*labelled[1:], labelled[0]], _COLUMNS)
        for line in wrong or ():
            output.note(f"{line['of']}: counted {line['counted']}, told {line['told']}")
        if wrong == []:
            output.note("All files are counted: the counters are right.")
    return 1 if wrong else 0


def _holders(at: Installation, organization: str, name: str) -> Iterator[_Holder]:
    """The organization first, then its repositories in order of name, then the deleted ones."""
    whole = Organizations(at.recent).get(organization)
    yield _Holder(name, Ledger(organization), whole.quota_bytes)
    for one in Catalogue(at.recent, at.journal).every(organization):
        yield _Holder(one.name, Ledger(organization, one.id), one.quota_bytes)
    for gone in DeletedRepositories(at.recent, at.journal).every(organization):
        one = gone.repository
        yield _Holder(one.name, Ledger(organization, one.id), one.quota_bytes, deleted=True)


def _balances(at: Installation, holders: list[_Holder]) -> Iterator[Balance]:
    for start in range(0, len(holders), _LEDGERS_AT_ONCE):
        some = holders[start : start + _LEDGERS_AT_ONCE]
        yield from balances_of(at.metadata, *(holder.ledger for holder in some))


def _differences(
    at: Installation, organization: str, holders: list[_Holder], balances: Iterable[Balance]
) -> list[dict[str, Any]]:
    """Where counters tell something else than all files, or allowances than the quota."""
    counted, counters = count(at.metadata, organization), told(at.metadata, organization)
    names = {holder.ledger: holder.label for holder in holders}
    differing = sorted(
        key
        for key in counted.keys() | counters.keys()
        if counted.get(key, Usage()) != counters.get(key, Usage())
    )
    found: list[dict[str, Any]] = [
        {
            "of": _stripe_name(key, names),
            "counted": usage_json(counted.get(key, Usage())),
            "told": usage_json(counters.get(key, Usage())),
        }
        for key in differing
    ]
    for holder, balance in zip(holders, balances, strict=True):
        if balance.quota != holder.quota_bytes:
            of = f"the quota of {holder.label}"
            found.append({"of": of, "counted": holder.quota_bytes, "told": balance.quota})
    return found


def _stripe_name(key: Key, names: Mapping[Ledger, str]) -> str:
    ledger = Ledger.of(key)
    digit = key.partition[-1]
    known = None if ledger is None else names.get(ledger) or ledger.repository
    return f"{known} (stripe {digit})"


def _row(holder: _Holder, balance: Balance) -> dict[str, Any]:
    return {
        "name": holder.name,
        "deleted": holder.deleted,
        "quota_bytes": holder.quota_bytes,
        "usage": usage_json(balance.usage),
    }


def _in_words(label: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """A row for people."""
    usage, quota = Usage(**row["usage"]), row["quota_bytes"]
    return {
        "name": label,
        "files": usage.files,
        "used": in_words(usage.held),
        "restorable": in_words(usage.restorable_bytes),
        "quota": None if quota is None else in_words(quota),
        "percent": usage.held * 100 // quota if quota else None,
    }
