"""What a client meant to do and what it was told: written before it acts, and again after.

A diary is a file of JSON lines, each written by one call, so that a client that is killed
leaves every line whole: what it had begun, and everything that was acknowledged to it.
"""

import json
import os
import random
import time
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.durability.distributions import distribution

#: Bytes that several clients upload, under many paths: by seed, so that all have the same.
KNOWN_SEEDS = range(1, 21)


class Kind(StrEnum):
    PUT = "put"
    PIECES = "pieces"  #: an upload in pieces, from its beginning to its completion
    DELETE = "delete"
    CLEAR = "clear"  #: the deletion of a folder
    YANK = "yank"  #: of a file of a Python project, which stays as it is
    UNYANK = "unyank"
    RESTORE = "restore"
    RECOVER = "recover"  #: the restoring of a folder
    PURGE = "purge"  #: of a folder: what was deleted in it can't be restored any more
    CUT = "cut"  #: an upload whose body is never sent whole
    READ = "read"

    @property
    def is_of_a_folder(self) -> bool:
        return self in (Kind.CLEAR, Kind.RECOVER, Kind.PURGE)

    @property
    def brings_back(self) -> bool:
        return self in (Kind.RESTORE, Kind.RECOVER)


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a file, as what they are made from: by themselves, or those of a Python
    distribution of that name."""

    seed: int
    size: int
    filename: str = ""

    @classmethod
    def of_distribution(cls, filename: str, seed: int) -> "Content":
        """A distribution of that name."""
        return cls(seed, len(distribution(filename, seed)), filename)

    def bytes(self) -> bytes:
        """The bytes: the same in every process."""
        if self.filename:
            return distribution(self.filename, self.seed)
        return random.Random(self.seed).randbytes(self.size)

    @property
    def sha256(self) -> str:
        return sha256(self.bytes()).hexdigest()


@dataclass(slots=True)
class Deed:
    """One operation: what was meant, and what became of it.

    Attributes:
        id: the id of its requests, which the service's event of it names.
        path: of a file, or of a folder, with a slash at its end.
        content: what an upload sends.
        begun, ended: monotonic seconds of the machine. `ended` is None where no answer came.
        status: the answer's, None where none came.
        wrong: what was wrong about an answer, in words.
        location: where an upload in pieces is.
        commenced: whether its completion was asked for; `begun` is when that was first so.
    """

    id: str
    client: str
    kind: Kind
    path: str
    content: Content | None
    begun: float
    ended: float | None = None
    status: int | None = None
    wrong: str = ""
    location: str | None = None
    commenced: bool = False

    @property
    def changes(self) -> bool:
        """Whether it is one that may change what is there."""
        if self.kind is Kind.PIECES:
            return self.commenced
        return self.kind in (Kind.PUT, Kind.DELETE, Kind.CLEAR) or self.kind.brings_back

    @property
    def acknowledged(self) -> bool:
        return self.status in (200, 201, 204)

    @property
    def settles(self) -> bool:
        """Whether an answer says what was there at some moment between begin and end.

        A deletion that found nothing does: nothing was there.
        """
        return self.acknowledged or (self.status == 404 and self.kind in (Kind.DELETE, Kind.CLEAR))

    @property
    def is_refused(self) -> bool:
        """Whether an answer says that it did nothing, and nothing of what was there."""
        return self.status in (400, 404, 409, 410) and not self.settles


class Diary:
    """Writes deeds; safe for threads. Nothing is synced: what must outlive a process that is
    killed has been written, what must outlive a machine is not the tests' concern."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def begin(self, id_: str, client: str, kind: Kind, path: str, content: Content | None) -> Deed:
        """Write down what is about to be done."""
        deed = Deed(id_, client, kind, path, content, time.monotonic())
        value = list(astuple(content)) if content is not None else None
        self._write({"id": id_, "c": client, "k": kind, "p": path, "v": value, "b": deed.begun})
        return deed

    def locate(self, deed: Deed, location: str) -> None:
        """Write down where the rest of a deed is to be asked for."""
        deed.location = location
        self._write({"id": deed.id, "l": location})

    def commence(self, deed: Deed) -> None:
        """Write down that only from now on it can take effect, once."""
        if not deed.commenced:
            deed.commenced, deed.begun = True, time.monotonic()
            self._write({"id": deed.id, "t": deed.begun})

    def end(self, deed: Deed, status: int | None, wrong: str = "") -> None:
        """Write down what became of it; None where the answer never came."""
        deed.status, deed.wrong = status, wrong
        deed.ended = time.monotonic()
        self._write({"id": deed.id, "e": deed.ended, "s": status, "w": wrong})

    def _write(self, line: dict[str, Any]) -> None:
        data = json.dumps(line).encode() + b"\n"
        if os.write(self._file, data) != len(data):
            raise OSError("the diary's disk is full")

    def close(self) -> None:
        os.close(self._file)


def whole_lines(path: Path) -> list[str]:
    """The lines of a file that may not be there yet, or be growing: a last one that is still
    being written is left out."""
    return path.read_text().split("\n")[:-1] if path.exists() else []


def read_diaries(paths: Iterable[Path]) -> list[Deed]:
    """All deeds of some diaries, in the order in which they were begun."""
    deeds: dict[str, Deed] = {}
    for path in paths:
        for line in whole_lines(path):
            entry = json.loads(line)
            if "b" in entry:
                content = Content(*entry["v"]) if entry["v"] is not None else None
                kind = Kind(entry["k"])
                deeds[entry["id"]] = Deed(
                    entry["id"], entry["c"], kind, entry["p"], content, entry["b"]
                )
            elif "l" in entry:
                deeds[entry["id"]].location = entry["l"]
            elif "t" in entry:
                deed = deeds[entry["id"]]
                deed.commenced, deed.begun = True, entry["t"]
            else:
                deed = deeds[entry["id"]]
                deed.status, deed.wrong = entry["s"], entry["w"]
                # Without an answer it may still happen: it has no end.
                deed.ended = entry["e"] if entry["s"] is not None else None
    return sorted(deeds.values(), key=lambda deed: deed.begun)
