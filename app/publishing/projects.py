"""The state of a project, where a format knows projects that have one (PEP 792).

It lies in a record of its own, which is there where somebody gave the project another state than
active. Whoever publishes has read it, and no commit of a file touches it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.publishing.place import Place
from app.python.documents import ProjectStatus, Status
from app.repositories import Refused
from storage.metadata import Record

ACTIVE = ProjectStatus()
#: Those that take no new files.
_CLOSED = (Status.ARCHIVED, Status.QUARANTINED)


class ProjectClosed(Refused):
    """A project takes no new files; the message says why."""


@dataclass(frozen=True, slots=True)
class State:
    """A project's status as its record holds it, if there is one."""

    status: ProjectStatus = ACTIVE
    version: int | None = None

    @classmethod
    def read(cls, record: Record | None) -> "State":
        """The state that a record holds."""
        if record is None:
            return cls()
        value = record.value
        return cls(ProjectStatus(Status(value["status"]), value["reason"]), record.version)

    def value(self) -> Mapping[str, Any]:
        """The state as its record holds it."""
        return {"status": self.status.status.value, "reason": self.status.reason}

    @property
    def is_quarantined(self) -> bool:
        """Whether none of the project's files is to be had."""
        return self.status.status is Status.QUARANTINED

    def require_open(self, place: Place) -> None:
        """Return where new files may come. Raises ProjectClosed."""
        if self.status.status in _CLOSED:
            why = f": {self.status.reason}" if self.status.reason else ""
            name = place.layout.project(place.path)
            raise ProjectClosed(
                f"the project {name} is {self.status.status}, and takes no files{why}"
            )
