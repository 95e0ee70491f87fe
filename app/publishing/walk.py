"""Goes through the folders of a repository, depth first, and can go on where it was left.

A position is a folder and a name in it, so it stays small however large the tree is, and
means the same after files before it have come or gone. Folders are found by their records,
also by those of folders that are no longer listed: restorable files may lie beneath them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from app.repositories import FolderPath, Repository
from storage import keys
from storage.metadata import Metadata, Record

PAGE = 300  # records of a stop
PIECE = 300  # records of a piece, and stops: a few seconds' work

#: Where to go on, as JSON; empty at the beginning.
Position: TypeAlias = Mapping[str, Any]

_KEPT, _PRESENT = "kept", "present"


@dataclass(frozen=True, slots=True)
class Stop:
    """Some records of one folder, of one sort, and where to go on behind them.

    Args:
        folder: the folder; all that lies beneath it comes in stops of its own.
        kept: restorable artifacts, those of a path one after the other, the newest last.
        present: artifacts that are there.
        following: the record behind the last of `kept`, in the same folder.
        ended: nothing more comes of this folder, nor of those beneath it.
        position: where the next stop begins, None at the end of the walk.
    """

    folder: FolderPath
    position: Position | None
    kept: tuple[Record, ...] = ()
    present: tuple[Record, ...] = ()
    following: Record | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """Stops that are worked on together, and where the next piece begins (None: nowhere)."""

    stops: tuple[Stop, ...]
    position: Position | None

    @property
    def items(self) -> int:
        """The records of it."""
        return sum(len(stop.kept) + len(stop.present) for stop in self.stops)


class Walk:
    """One walk from a folder down: over restorable artifacts, those that are there, or both.

    With a `name` it is over the file of that name in the folder alone; where it is not
    `deep`, over the folder without those beneath it. In each folder the restorable ones come
    first. Records that are written meanwhile may come or not; those that were there
    throughout come once.
    """

    def __init__(
        self,
        metadata: Metadata,
        repository: Repository,
        root: FolderPath,
        name: str | None = None,
        *,
        kept: bool = False,
        present: bool = False,
        deep: bool = True,
    ) -> None:
        self._metadata = metadata
        self._repository = repository
        self._root = root
        self._name = name
        self._kept, self._present, self._deep = kept, present, deep

    def piece(self, position: Position) -> Piece:
        """What is worked on in one step, from a position on."""
        taken: list[Stop] = []
        records = 0
        for stop in self.stops(position):
            taken.append(stop)
            records += len(stop.kept) + len(stop.present)
            if records >= PIECE or len(taken) >= PIECE:
                break
        return Piece(tuple(taken), taken[-1].position)

    def stops(self, position: Position) -> Iterator[Stop]:
        """The stops from a position on, in order. A folder that is done ends with a stop."""
        return self._visit(self._root, position or None)

    def _visit(self, folder: FolderPath, position: Position | None) -> Iterator[Stop]:
        after = ""
        if position is not None and position["folder"] != folder.key:  # it is further down
            deeper = FolderPath.parse(position["folder"][1:])
            name = deeper.segments[len(folder.segments)]
            yield from self._visit(_child(folder, name), position)
            after = f"{name}/"
        elif position is not None and position["part"] == _PRESENT:
            after = position["after"]
        elif self._kept:
            yield from self._visit_kept(folder, "" if position is None else position["after"])
        if self._name is not None:
            if self._present:
                yield from self._visit_file(folder, self._name)
        elif self._deep or self._present:
            yield from self._visit_present(folder, after)
        yield Stop(folder, self._behind(folder), ended=True)

    def _visit_kept(self, folder: FolderPath, after: str) -> Iterator[Stop]:
        at = self._repository
        partition = keys.deleted(at.organization, at.id, folder.key)
        prefix = "" if self._name is None else f"{self._name}/"
        while True:
            page = self._metadata.query(partition, prefix, after, PAGE + 1)
            records, following = list(page.records), page.next
            while following is not None and len(records) < 2:  # a page may be short
                page = self._metadata.query(partition, prefix, following, PAGE)
                records, following = [*records, *page.records], page.next
            last = records.pop() if following is not None else None
            if records:
                after = records[-1].key.sort
                position = _position(folder, _KEPT, after)
                yield Stop(folder, position, kept=tuple(records), following=last)
            if last is None:
                return

    def _visit_present(self, folder: FolderPath, after: str) -> Iterator[Stop]:
        at = self._repository
        partition = keys.folder(at.organization, at.id, folder.key)
        while True:
            page = self._metadata.query(partition, "", after, PAGE)
            files: list[Record] = []
            for record in page.records:
                if not record.key.sort.endswith("/"):
                    if self._present:
                        files.append(record)
                    continue
                if not self._deep:
                    continue
                if files:
                    yield _present(folder, files)
                    files = []
                yield from self._visit(_child(folder, record.key.sort[:-1]), None)
            if files:
                yield _present(folder, files)
            if page.next is None:
                return
            after = page.next
            if not files:  # it may be long until the next one
                yield Stop(folder, _position(folder, _PRESENT, after))

    def _visit_file(self, folder: FolderPath, name: str) -> Iterator[Stop]:
        key = keys.artifact(self._repository.organization, self._repository.id, folder.key, name)
        files = list(self._metadata.get(key).values())
        if files:
            yield _present(folder, files)

    def _behind(self, folder: FolderPath) -> Position | None:
        """Where the walk goes on when a folder is done: in the folder above it."""
        if folder == self._root:
            return None
        above = FolderPath(folder.segments[:-1])
        return _position(above, _PRESENT, f"{folder.segments[-1]}/")


def behind(stop: Stop, record: Record) -> Position:
    """Where to go on behind one of the restorable artifacts of a stop."""
    return _position(stop.folder, _KEPT, record.key.sort)


def _present(folder: FolderPath, files: list[Record]) -> Stop:
    return Stop(folder, _position(folder, _PRESENT, files[-1].key.sort), present=tuple(files))


def _position(folder: FolderPath, part: str, after: str) -> Position:
    return {"folder": folder.key, "part": part, "after": after}


def _child(folder: FolderPath, name: str) -> FolderPath:
    return FolderPath((*folder.segments, name))
