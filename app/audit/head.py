"""Signed records: where a chain of seals ends, up to when its events were removed, and by which
rule that may be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.events.seals import FIRST, Notary, Seal, minute_text, parse_minute
from storage.metadata import Record

_HEAD, _REMOVED, _RULE = "head", "removed", "rule"


class Altered(Exception):
    """A record that was not written as it is by this installation."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: the number and hash of the last seal, and when its minute ended.

    All seals up to `copied`, which ended then, are in copies; the others hold so many events.
    """

    number: int
    hash: str
    end: datetime
    copied: int
    copied_until: datetime
    uncopied_events: int

    @classmethod
    def first(cls, start: datetime) -> "Head":
        """Of a chain without a seal."""
        return cls(0, FIRST, start, 0, start, 0)

    @classmethod
    def after(cls, seal: Seal) -> "Head":
        """Behind a seal, where it is not known what is copied: all is copied anew."""
        return cls(seal.number, seal.hash, seal.end, 0, seal.end, 1)

    def value(self, notary: Notary, organization: str) -> dict[str, Any]:
        core = self._core()
        return {**core, "mac": notary.sign(organization, _HEAD, core)}

    def _core(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "hash": self.hash,
            "to": minute_text(self.end),
            "copied": self.copied,
            "copied_to": minute_text(self.copied_until),
            "uncopied_events": self.uncopied_events,
        }

    @classmethod
    def read(cls, notary: Notary, organization: str, record: Record) -> "Head":
        """Raises Altered."""
        value = _signed(notary, organization, _HEAD, record.value)
        return cls(
            value["number"],
            value["hash"],
            parse_minute(value["to"]),
            value["copied"],
            parse_minute(value["copied_to"]),
            value["uncopied_events"],
        )


@dataclass(frozen=True, slots=True)
class Removed:
    """Events before `until` are removed by the rule; those before `done` are gone by now."""

    until: datetime
    done: datetime

    def value(self, notary: Notary, organization: str) -> dict[str, Any]:
        core = {"until": self.until.isoformat(), "done": self.done.isoformat()}
        return {**core, "mac": notary.sign(organization, _REMOVED, core)}

    @classmethod
    def read(cls, notary: Notary, organization: str, record: Record) -> "Removed":
        """Raises Altered."""
        value = _signed(notary, organization, _REMOVED, record.value)
        return cls(datetime.fromisoformat(value["until"]), datetime.fromisoformat(value["done"]))


def rule_value(notary: Notary, organization: str, days: int | None) -> dict[str, Any]:
    """The rule of how many days events are kept for, as its record holds it."""
    core = {"audit_days": days}
    return {**core, "mac": notary.sign(organization, _RULE, core)}


def read_rule(notary: Notary, organization: str, record: Record | None) -> int | None:
    """The days of a rule; None where there is none. Raises Altered."""
    if record is None:
        return None
    days: int | None = _signed(notary, organization, _RULE, record.value)["audit_days"]
    return days


def _signed(
    notary: Notary, organization: str, kind: str, value: Mapping[str, Any]
) -> dict[str, Any]:
    core = {name: text for name, text in value.items() if name != "mac"}
    if not notary.signed(str(value.get("mac")), organization, kind, core):
        raise Altered(kind)
    return core
