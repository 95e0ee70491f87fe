"""What is found of an incident, as it is put together."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.incidents.suspects import Suspect
from app.incidents.targets import Target
from app.incidents.touched import Touched
from app.incidents.versions import Content

#: Within how long those affected are told of a breach that is confirmed (S18).
NOTICE = timedelta(hours=72)
MOST_LISTED = 10_000


@dataclass(slots=True)
class Report:
    """What is known of an incident. Times are aware; `repositories` are names by ids.

    `opened` is what was changed of repositories, by their ids or patterns of their names, and
    `readable` tells who can read these now.
    """

    target: Target
    since: datetime
    until: datetime
    confirmed: datetime
    suspects: tuple[Suspect, ...] = ()
    actions: Counter[str] = field(default_factory=Counter)
    places: dict[tuple[str | None, str | None], list[Any]] = field(default_factory=dict)
    files: list[Touched] = field(default_factory=list)
    served: dict[tuple[str, str], set[Content]] = field(default_factory=dict)
    read: dict[tuple[str, str], int] = field(default_factory=dict)
    opened: dict[str, set[str]] = field(default_factory=dict)
    readable: list[dict[str, Any]] = field(default_factory=list)
    access: list[dict[str, Any]] = field(default_factory=list)
    downloads: list[dict[str, Any]] = field(default_factory=list)
    unrecorded: list[dict[str, Any]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    repositories: dict[str, str] = field(default_factory=dict)
    public: list[str] = field(default_factory=list)
    credentials_left: list[dict[str, Any]] = field(default_factory=list)
    forged: int = 0
    left_out: int = 0

    @property
    def notify_by(self) -> datetime:
        return self.confirmed + NOTICE

    def list(self, into: list[Any], item: Any) -> None:
        """Add to a listing, which is bounded."""
        if len(into) < MOST_LISTED:
            into.append(item)
        else:
            self.left_out += 1
