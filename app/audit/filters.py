"""Which events are wanted, and what an event says of files: pure, so that both can be tested."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from storage.events import Event
from storage.metadata import Key

#: An action, or all that begin alike: `key.create`, `key.*`.
_ACTION = re.compile(r"[a-z]+(?:-[a-z]+)*(?:\.(?:[a-z]+(?:-[a-z]+)*|\*))?")
_MOST_CHARACTERS = 200
#: The details that say what an event is about: an id, or a list of ids.
_SUBJECTS = ("subject", "owner", "job", "account", "to", "keys", "successor", "added", "removed")


@dataclass(frozen=True, slots=True)
class FileChange:
    """What became of a file: `put`, `deleted`, or `purged` (it can't be restored any more)."""

    repository: str
    path: str
    change: str


@dataclass(frozen=True, slots=True)
class Filter:
    """What an event must be; None: anything. `repository` is an id, `path` a file, or with a
    slash at its end a folder and all in it."""

    action: str | None = None
    user: str | None = None
    credential: str | None = None
    request: str | None = None
    repository: str | None = None
    path: str | None = None
    subject: str | None = None

    def takes(self, event: Event) -> bool:
        """Whether an event is wanted."""
        actor = event.actor
        return (
            self._is_action(event.action)
            and self.user in (None, actor.user)
            and self.credential in (None, actor.credential)
            and self.request in (None, actor.request)
            and (self.subject is None or self._is_about(event))
            and (self.repository is None or self.repository in repositories_of(event))
            and (self.path is None or any(map(self._is_path, paths_of(event))))
        )

    def parts(self) -> tuple[str, ...]:
        """All of it as texts, for a cursor to be bound to."""
        given = (
            self.action, self.user, self.credential, self.request, self.repository, self.path,
            self.subject,
        )  # fmt: skip
        return tuple("" if text is None else f"={text}" for text in given)

    def _is_action(self, action: str) -> bool:
        if self.action is None:
            return True
        if self.action.endswith(".*"):
            return action.startswith(self.action[:-1])
        return action == self.action

    def _is_about(self, event: Event) -> bool:
        return any(self._is_named(event.details.get(name)) for name in _SUBJECTS)

    def _is_named(self, told: object) -> bool:
        return self.subject in told if isinstance(told, list) else told == self.subject

    def _is_path(self, path: str) -> bool:
        wanted = self.path or ""
        return path.startswith(wanted) if wanted.endswith("/") else path == wanted


def is_action(text: str) -> bool:
    """Whether a text could be an action, or stand for several."""
    return len(text) <= _MOST_CHARACTERS and _ACTION.fullmatch(text) is not None


def changes_of(event: Event) -> tuple[FileChange, ...]:
    """The files that an event put, deleted or purged, in the order of its records."""
    put = [file_of(key) for key, _ in event.puts]
    gone = [file_of(key) for key, _ in event.deletes]
    kept = [restorable_of(key) for key, _ in event.deletes]
    there = {file for file in put if file is not None}
    return (
        *(FileChange(*file, "put") for file in put if file is not None),
        *(FileChange(*file, "deleted") for file in gone if file is not None),
        # One that was restored is put in the same commit.
        *(FileChange(*file, "purged") for file in kept if file is not None and file not in there),
    )


def repositories_of(event: Event) -> set[Any]:
    """The ids of the repositories that an event is about."""
    return {event.details.get("repository"), *(one.repository for one in changes_of(event))}


def paths_of(event: Event) -> Iterator[str]:
    """The paths of the files that an event is about."""
    read = event.details.get("path")
    if isinstance(read, str):
        yield read
    for change in changes_of(event):
        yield change.path


def file_of(key: Key) -> tuple[str, str] | None:
    """The repository and path of a file's record."""
    parts = key.partition.split("#", 3)
    if len(parts) < 4 or parts[1] != "folder" or key.sort.endswith("/"):
        return None
    return parts[2], f"{parts[3][1:]}{key.sort}"


def restorable_of(key: Key) -> tuple[str, str] | None:
    """The same of a record of what can be restored: NAME/TIME#ID."""
    parts = key.partition.split("#", 3)
    if len(parts) < 4 or parts[1] != "deleted":
        return None
    return parts[2], f"{parts[3][1:]}{key.sort.rpartition('/')[0]}"
