"""The files that suspects touched, by the events of it: what was there before, and after.

Whoever changes such a file later tells of it as well, so all events are followed from a suspect's
first change on; of a file that nobody suspect touched nothing is held.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.audit.filters import file_of, restorable_of
from app.incidents.versions import Content, File, State, look, version_of
from auth.records import time_text
from storage.events import Event
from storage.metadata import Key, Metadata

WROTE, OVERWROTE, DELETED, RESTORED, PURGED, MARKED = (
    "wrote",
    "overwrote",
    "deleted",
    "restored",
    "purged",
    "marked",
)
_MARKING = frozenset({"artifact.yank", "artifact.unyank"})


@dataclass(frozen=True, slots=True, eq=False)
class Touched:
    """A file, what became of it, when, and by which credential.

    `old` is what went by it, `new` what came; `kept` is the record that restores what went.
    """

    repository: str
    path: str
    change: str
    at: str
    credential: str | None
    user: str | None
    file: File
    old: Content | None = None
    new: Content | None = None
    kept: Key | None = None

    @property
    def place(self) -> tuple[str, str]:
        return self.repository, self.path

    @property
    def before(self) -> str | None:
        """The SHA-256 in hexadecimal of what went, where anything tells it still."""
        return None if self.old is None else self.old.sha256

    @property
    def after(self) -> str | None:
        """The same of what came."""
        return None if self.new is None else self.new.sha256

    @property
    def publisher(self) -> str | None:
        """The id of who had published what went."""
        return None if self.old is None else self.old.publisher

    @property
    def version(self) -> str | None:
        """What restores what went, where that can be still."""
        return version_of(self.kept) if self.kept in self.file.restorable and self.kept else None

    @property
    def now(self) -> State:
        """What is at the path now."""
        return self.file.state

    def value(self, names: Mapping[str, str]) -> dict[str, Any]:
        """The file as a report has it."""
        return {
            "repository": names.get(self.repository, self.repository),
            "path": self.path,
            "change": self.change,
            "at": self.at,
            "credential": self.credential,
            "user": self.user,
            "sha256_before": self.before,
            "sha256_after": self.after,
            "published_before_by": self.publisher,
            "restorable": self.version,
            "way_back": self.file.way_back,
            "now": self.now.value,
            "sha256_now": self.file.present and self.file.present.sha256,
        }


class Following:
    """Follows the files that suspects touch."""

    def __init__(self) -> None:
        self._files: dict[tuple[str, str], File] = {}

    def take(self, event: Event, *, theirs: bool) -> list[Touched]:
        """Take in an event, in order of time, and return what it did to files that are followed:
        all of a suspect's, and those of another's that a suspect touched before."""
        put = {place: (key, version) for key, version in event.puts if (place := file_of(key))}
        gone = {place: key for key, _ in event.deletes if (place := file_of(key))}
        kept = {place: key for key, _ in event.puts if (place := restorable_of(key))}
        released: dict[tuple[str, str], list[Key]] = {}
        for key, _ in event.deletes:
            if place := restorable_of(key):
                released.setdefault(place, []).append(key)
        found: list[Touched] = []
        for place, (key, version) in put.items():
            if (file := self._file(place, theirs)) is not None:
                file.begin(there=place in kept or event.action in _MARKING)
                file.key, file.version = key, version
                told = event.details.get("sha256") if len(put) == 1 else None
                back = released.get(place, [None])[0]
                found.append(_put(event, place, file, kept.get(place), back, told, theirs))
        for place, key in gone.items():
            if (file := self._file(place, theirs)) is not None:
                file.begin(there=True)
                file.key = key
                old = file.retire(kept.get(place))
                file.become(None, theirs=theirs)
                if old is not None and len(gone) == 1:
                    old.learn(event.details.get("sha256"))
                found.append(_of(event, place, DELETED, file, old, None, kept.get(place)))
        for place in released.keys() - put.keys():
            if (file := self._file(place, theirs)) is not None:
                contents = [file.kept.pop(key, Content()) for key in released[place]]
                if len(contents) == 1 and len(released) == 1:
                    contents[0].learn(event.details.get("sha256"))
                found += [_of(event, place, PURGED, file, one, None, None) for one in contents]
        return found

    def look(self, metadata: Metadata) -> None:
        """Take in what is there now; what was found tells more then."""
        look(metadata, self._files.values())

    def _file(self, place: tuple[str, str], theirs: bool) -> File | None:
        if theirs:
            return self._files.setdefault(place, File())
        return self._files.get(place)


def _put(
    event: Event,
    place: tuple[str, str],
    file: File,
    kept: Key | None,
    released: Key | None,
    told: object,
    theirs: bool,
) -> Touched:
    """Take in that a file was written, restored or marked. `told` is the digest."""
    if event.action in _MARKING:
        if file.current is not None:
            file.current.learn(told)
        return _of(event, place, MARKED, file, None, file.current, None)
    old = file.retire(kept)
    if released is not None:
        change, new = RESTORED, file.kept.pop(released, Content())
        new.learn(told)
    else:
        change = WROTE if kept is None else OVERWROTE
        new = Content()
        new.learn(told, event.actor.user)
    file.become(new, theirs=theirs)
    return _of(event, place, change, file, old if kept is not None else None, new, kept)


def _of(
    event: Event,
    place: tuple[str, str],
    change: str,
    file: File,
    old: Content | None,
    new: Content | None,
    kept: Key | None,
) -> Touched:
    actor = event.actor
    at = time_text(event.at)
    return Touched(*place, change, at, actor.credential, actor.user, file, old, new, kept)
