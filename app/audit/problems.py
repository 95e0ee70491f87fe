"""What a verification can find, and what it says at its end."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from storage.metadata import Key

_ANCHOR = re.compile(r"[1-9][0-9]{0,17}:[0-9a-f]{64}", re.ASCII)

#: All kinds of problems, with what they mean.
PROBLEMS: Mapping[str, str] = {
    "event-changed": "this event is not as it was sealed",
    "event-removed": "this event was sealed, and is gone",
    "event-inserted": "this event was not there when its time was sealed",
    "event-forged": "this event was not written by this installation, or with another secret key",
    "key-outdated": "this event was written with an older secret key, when a newer one had taken"
    " over: who knows the old one may have forged it",
    "minute-changed": "the events of this minute are not as they were sealed, and which of them"
    " can't be told: their list is lost",
    "seal-altered": "this seal is not as it was made",
    "seal-missing": "this seal is gone",
    "seal-unlinked": "this seal does not follow the one before it",
    "seal-surplus": "this is no seal of the chain",
    "head-altered": "the record of the last seal is not as it was written",
    "head-missing": "the record of the last seal is gone, or nothing was ever sealed",
    "sealing-late": "nothing was sealed for hours: a worker seals each minute",
    "anchor-missing": "this seal, which was expected, is not in the chain as it was",
    "copy-missing": "this seal is in no copy",
    "copy-damaged": "this copy of seals is not as it was written",
    "copy-differs": "this seal and its copy say different things",
    "mark-altered": "the record of what the rule removed is not as it was written",
    "mark-missing": "the record of what the rule removed is gone, or was put back",
    "organization-altered": "this record says that the organization was made after its first seal",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and with what: an event's record, the number of a seal, or a blob."""

    kind: str
    record: Key | None = None
    seal: int | None = None
    minute: str | None = None
    blob: str | None = None


@dataclass(frozen=True, slots=True)
class Anchor:
    """A seal by its number and hash: who keeps one elsewhere knows the chain up to there."""

    number: int
    hash: str

    @classmethod
    def parse(cls, text: str) -> "Anchor":
        """NUMBER:HASH. Raises ValueError."""
        if _ANCHOR.fullmatch(text) is None:
            raise ValueError("an anchor is the number of a seal, a colon and its hash")
        number, _, digest = text.partition(":")
        return cls(int(number), digest)

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"


@dataclass(slots=True)
class Report:
    """What was looked at, and how much of each kind is wrong.

    `sealed_until` is None where nothing is sealed; events after it are `unsealed`. Those of
    seals that are `removed` went by the rule. `last` is the last seal, as an anchor.
    """

    events: int = 0
    seals: int = 0
    copies: int = 0
    removed: int = 0
    unsealed: int = 0
    sealed_until: datetime | None = None
    last: Anchor | None = None
    problems: Counter[str] = field(default_factory=Counter)


def described(problem: Problem) -> dict[str, Any]:
    """A problem as JSON."""
    record = problem.record
    return {
        "problem": problem.kind,
        "record": None if record is None else {"partition": record.partition, "sort": record.sort},
        "seal": problem.seal,
        "minute": problem.minute,
        "blob": problem.blob,
    }
