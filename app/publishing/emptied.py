"""Takes folders whose files are all gone out of the listings, by what the feed tells.

A folder's record is written before its first file, by whoever publishes that, who may have
read it an hour before he commits. So whoever takes a record back says so for a month, in a
record of its own, and whoever then reads in the feed that a file came puts it back, also where
it can only be restored by now: the feed may be read so much later where no worker runs. A
file's visibility to who asks for it never depends on any of it.

And who has written it may be killed before the file is there, and then no event tells of it. So
he leaves a note besides, which is looked at a day later: the worse that can happen is that an
empty folder is listed for long, never that a file is not.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.publishing.errors import Contended
from app.publishing.layouts import LAYOUTS
from app.publishing.place import is_listed
from app.repositories import FolderPath, Format
from storage import keys
from storage.events import Event
from storage.metadata import Add, ConditionFailed, Delete, Key, Metadata, Operation, Put, Record

REMEMBERED = timedelta(days=30)
_FEW = 20  # records that tell of a folder in use, mostly
_MANY = 1_000
_NOTES = 1_000  # that are looked at together: folders above many are looked at once for all
_ROOM = 90  # notes that are done with in a commit
_DECISIONS = 8  # about folders that others change meanwhile
_FOLDER, _DELETED = "folder", "deleted"


@dataclass(frozen=True, slots=True, order=True)
class _Folder:
    """A folder of a repository, by its segments."""

    repository: str
    segments: tuple[str, ...]

    @property
    def path(self) -> str:
        return FolderPath(self.segments).key

    @property
    def above(self) -> "_Folder":
        return _Folder(self.repository, self.segments[:-1])

    def record(self, organization: str) -> Key:
        """What makes it known to the listing of the folder above."""
        return keys.subfolder(organization, self.repository, self.above.path, self.segments[-1])

    def emptied(self, organization: str) -> Key:
        """What says that its record was taken back."""
        return Key(keys.emptied(organization), f"{self.repository}#{self.path}")


class EmptiedFolders:
    """A reader of the feed."""

    def __init__(self, metadata: Metadata, formats: Callable[[str, str], Format | None]) -> None:
        """`formats` gives the format of a repository, by the ids of its organization and itself;
        None where there is none any more."""
        self._metadata = metadata
        self._formats = formats

    def take(self, organization: str, events: Sequence[Event]) -> None:
        """Look at the folders in which files came or went. May be called twice with the same."""
        came: set[_Folder] = set()
        went: set[_Folder] = set()
        for event in events:
            came |= _folders((key for key, _ in event.puts), (_FOLDER,))
            went |= _folders((key for key, _ in event.deletes), (_FOLDER, _DELETED))
        for folder in sorted(came):
            self._put_back(organization, folder)
        self._take_all_back(organization, went)

    def look_again(
        self, organization: str, before: datetime, go_on: Callable[[], None] = lambda: None
    ) -> int:
        """Look at the folders that were made before a moment, whatever came of their files;
        their number. `go_on` is called between them: what it raises ends it."""
        partition, end = keys.made_folders(organization), keys.time(before)
        looked = 0
        while True:
            page = self._metadata.query(partition, "", "", _NOTES)
            notes = [record.key for record in page.records if record.key.sort < end]
            if not notes:
                return looked
            folders = (note.sort.split("#", 2)[1:] for note in notes)
            self._take_all_back(
                organization,
                {_Folder(where, FolderPath.parse(path[1:]).segments) for where, path in folders},
                go_on,
            )
            for start in range(0, len(notes), _ROOM):
                self._metadata.commit(*map(Delete, notes[start : start + _ROOM]))
            looked += len(notes)

    def _take_all_back(
        self, organization: str, folders: set[_Folder], go_on: Callable[[], None] = lambda: None
    ) -> None:
        """Take back those in which nothing is, from below: a folder may be all that is in the
        one above it, which is looked at once, after all that were in it."""
        while folders:
            depth = max(len(folder.segments) for folder in folders)
            level = {folder for folder in folders if len(folder.segments) == depth}
            gone = set()
            for folder in sorted(level):
                go_on()
                if self._take_back(organization, folder):
                    gone.add(folder)
            folders = (folders - level) | {one.above for one in gone}

    def _put_back(self, organization: str, folder: _Folder) -> None:
        """Make a folder known again that somebody took back meanwhile: as one that is listed
        where something is in it, else as one that is gone where something can be restored."""
        trail = _trail(folder)
        if not trail:
            return
        for _ in range(_DECISIONS):
            taken = self._metadata.get(*(one.emptied(organization) for one in trail))
            back = [one for one in trail if one.emptied(organization) in taken]
            if not back:
                return
            records = self._metadata.get(*(one.record(organization) for one in back))
            if self._is_empty(organization, folder):
                if self._has_restorable(organization, folder):
                    self._make_findable(organization, back)
                return
            # As they were before it was looked at what lies there: another may have taken them
            # back since, when all of that had gone.
            with suppress(ConditionFailed):
                self._make_listed(organization, back, records)
                return
        raise Contended("the folders are being changed by others")

    def _make_listed(
        self, organization: str, folders: Sequence[_Folder], records: Mapping[Key, Record]
    ) -> None:
        """Write that folders, each in the one before it, are listed, over what was read. Raises
        ConditionFailed."""
        wanted = [folder.record(organization) for folder in folders]
        puts = [
            Put(key, {}, absent=True)
            if key not in records
            else Put(key, {}, at=records[key].version)
            for key in wanted
            if not is_listed(records.get(key))
        ]
        if puts:
            # What lay there may be gone by now, and all have been told so.
            self._metadata.commit(
                self._note(organization, folders[-1]), *puts, *self._raised(organization, folders)
            )

    def _make_findable(self, organization: str, folders: Sequence[_Folder]) -> None:
        """Write of those that have no record that they are gone: what can be restored beneath
        them is found by it."""
        records = [folder.record(organization) for folder in folders]
        found = self._metadata.get(*records)
        for key in (key for key in records if key not in found):
            with suppress(ConditionFailed):  # somebody publishes there, and it is listed
                self._metadata.commit(
                    self._note(organization, folders[-1]), Put(key, {"gone": True}, absent=True)
                )

    def _raised(self, organization: str, folders: Sequence[_Folder]) -> Iterator[Add]:
        """What raises the counters of documents that list folders whose records change."""
        repository_format = self._formats(organization, folders[-1].repository)
        if repository_format is None:
            return
        for folder in folders:
            if folder.above.path in LAYOUTS[repository_format].listed:
                name = folder.record(organization).sort
                raised = keys.revision(organization, folder.repository, folder.above.path, name)
                yield Add(raised, {"revision": 1}, create=True)

    def _note(self, organization: str, folder: _Folder) -> Put:
        """What has a folder looked at a day later."""
        now = self._metadata.now()
        return Put(keys.made(organization, now, folder.repository, folder.path), {})

    def _take_back(self, organization: str, folder: _Folder) -> bool:
        """Take back the record of a folder where nothing is in it; whether it is gone."""
        if not folder.segments:
            return False
        if not self._is_empty(organization, folder):
            # A run before this one may have been killed behind its drop, when a file had come.
            self._put_back(organization, folder)
            return False
        key = folder.record(organization)
        record = self._metadata.get(key).get(key)
        if record is not None and not self._drop(organization, folder, record):
            return False
        # A file that came before this is in no event that is still to be read; it may have been
        # deleted already.
        self._put_back(organization, folder)
        return True

    def _drop(self, organization: str, folder: _Folder, record: Record) -> bool:
        """Write that a folder is gone; whether nobody was in the way."""
        operation: Operation = Delete(record.key, at=record.version)
        if self._has_restorable(organization, folder):
            if not is_listed(record):
                return True
            operation = Put(record.key, {"gone": True}, at=record.version)
        now = self._metadata.now()
        mark = Put(folder.emptied(organization), {}, expires=now + REMEMBERED)
        try:
            # Whoever drops it may be killed before he looks again, and others may have read by
            # then all that tells of what came meanwhile.
            self._metadata.commit(
                operation,
                mark,
                self._note(organization, folder),
                *self._raised(organization, [folder]),
            )
        except ConditionFailed:
            return False  # somebody publishes there
        return True

    def _is_empty(self, organization: str, folder: _Folder) -> bool:
        """Whether neither a file nor a folder that is listed lies in it."""
        partition = keys.folder(organization, folder.repository, folder.path)
        following: str | None = ""
        limit = _FEW
        while following is not None:
            page = self._metadata.query(partition, "", following, limit)
            for record in page.records:
                if not record.key.sort.endswith("/") or is_listed(record):
                    return False
            following, limit = page.next, _MANY
        return True

    def _has_restorable(self, organization: str, folder: _Folder) -> bool:
        """Whether restorable files lie in it, or in a folder beneath it that is gone."""
        for partition in (
            keys.deleted(organization, folder.repository, folder.path),
            keys.folder(organization, folder.repository, folder.path),
        ):
            following: str | None = ""
            while following is not None:
                page = self._metadata.query(partition, "", following, 1)
                if page.records:
                    return True
                following = page.next
        return False


def _folders(written: Iterable[Key], words: tuple[str, ...]) -> set[_Folder]:
    """The folders of those keys that are of files: `ORG#WORD#REPO#FOLDER / NAME`."""
    found = set()
    for key in written:
        parts = key.partition.split("#", 3)
        if len(parts) == 4 and parts[1] in words and not key.sort.endswith("/"):
            folder = FolderPath.parse(parts[3][1:])
            found.add(_Folder(parts[2], folder.segments))
    return found


def _trail(folder: _Folder) -> list[_Folder]:
    """The folders on the way to a folder, it included and the root not."""
    return [
        _Folder(folder.repository, folder.segments[:depth])
        for depth in range(1, len(folder.segments) + 1)
    ]
