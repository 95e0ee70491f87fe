"""A job as its record holds it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from storage import keys
from storage.events import Actor
from storage.metadata import Put, Record
from storage.metadata.operations import microseconds

KEPT = timedelta(days=30)  # a job that has ended
_END = 2**63


class State(StrEnum):
    """Where a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """Work that somebody asked for, or the report of a duty's run.

    `repository` is the id of the repository that it is about, where it is about one.
    `parameters`, `position` and `result` are JSON of the kind's own. `created` is the
    store's time, aware, and was read before anything of the job was done.
    """

    organization: str
    id: str
    kind: str
    actor: Actor
    created: datetime
    updated: datetime
    repository: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    position: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    state: State = State.WAITING
    result: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    tries: int = 0

    @property
    def ended(self) -> bool:
        return self.state in (State.DONE, State.FAILED)

    def value(self) -> dict[str, Any]:
        """The job as its record holds it."""
        return {
            "kind": self.kind,
            "user": self.actor.user,
            "credential": self.actor.credential,
            "request": self.actor.request,
            "created": self.created.isoformat(),
            "updated": self.updated.isoformat(),
            "repository": self.repository,
            "parameters": dict(self.parameters),
            "position": dict(self.position),
            "counts": dict(self.counts),
            "state": self.state.value,
            "result": dict(self.result),
            "error": self.error,
            "tries": self.tries,
        }

    def kept(self) -> Put:
        """What keeps a job that has ended, of which there is no record yet."""
        key = keys.job(self.organization, self.id)
        return Put(key, self.value(), absent=True, expires=self.updated + KEPT)

    @classmethod
    def read(cls, organization: str, record: Record) -> "Job":
        """The job that a record holds."""
        value = record.value
        return cls(
            organization=organization,
            id=record.key.sort,
            kind=value["kind"],
            actor=Actor(value["user"], value["credential"], value["request"]),
            created=datetime.fromisoformat(value["created"]),
            updated=datetime.fromisoformat(value["updated"]),
            repository=value["repository"],
            parameters=value["parameters"],
            position=value["position"],
            counts=value["counts"],
            state=State(value["state"]),
            result=value["result"],
            error=value["error"],
            tries=value["tries"],
        )


def new_id(moment: datetime) -> str:
    """An id for a job of that moment: 32 hexadecimal digits, the newest first in order."""
    return f"{_END - microseconds(moment.astimezone(UTC)):016x}{secrets.token_hex(8)}"
