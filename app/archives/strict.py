"""A zip that every reader reads alike, or else it is refused.

Some readers of zips go by the directory at the end, some by the headers in front of the files;
some take the first of two files of a name, some the last. A zip that shows one thing to who
checks it and another to who installs it is refused here, as PyPI does, by what its directory
says. Only of files that are read is the header in front of them looked at, too.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from app.archives.names import shown
from app.archives.zips import (
    DEFLATED,
    ENCRYPTED,
    LOCAL,
    STORED,
    Entry,
    InvalidZip,
    Zip,
    entries,
    extra_fields,
    inflated,
    local_header,
    numbers,
)

#: A tail, a directory, and two files that are far from each other.
READS = 4
READ_BYTES = 4 * 1024 * 1024
#: Some 30,000 files with names as in wheels: the largest known has 21,000. What is left of
#: READ_BYTES are files to be read.
DIRECTORY_BYTES = 3584 * 1024
#: PyPI takes no larger one that inflates over 50 times.
BOMB_BYTES = 64 * 1024 * 1024
BOMB_RATIO = 50
#: Files that are that near to each other are read at once.
NEAR_BYTES = 64 * 1024

#: Strong encryption and a directory that is masked, besides the usual.
_ENCRYPTED = ENCRYPTED | 0x40 | 0x2000
_PATCHED = 0x20
#: The sizes are behind the data: who goes by the headers alone does not know where it ends.
_SIZES_BEHIND = 0x8
_UTF_8 = 0x800
#: zipfile opens none that is later, and pip goes by it.
_KNOWN_VERSION = 63
_LARGE, _UNICODE_NAME = 0x0001, 0x7075
#: What a local header may have beside the name.
_EXTRA_BYTES = 65_535

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
#: From the root, from a drive, or through a parent, with the separators of any system.
_LEADS_OUT = re.compile(r"^[/\\]|^[A-Za-z]:|(?:^|[/\\])\.\.(?:[/\\]|$)")


class StrictZip:
    """A zip that has been looked through."""

    def __init__(self, zipped: Zip, files: Mapping[str, Entry]) -> None:
        self._zip = zipped
        self._files = files
        places = sorted(entry.position for entry in files.values())
        #: Behind each file the next begins: so much is known of where it ends.
        self._ends = dict(pairwise([*places, zipped.directory_start]))

    @property
    def names(self) -> Collection[str]:
        """Of files, and of folders with the slash that they end with, in the zip's order."""
        return self._files.keys()

    def read(self, most_bytes: Mapping[str, int]) -> list[bytes]:
        """The contents of one or two files by their names, each with what it may take inflated.

        Raises:
            InvalidZip: it takes more, is damaged, or is not what the directory says.
        """
        files = [self._files[name] for name in most_bytes]
        for entry, most in zip(files, most_bytes.values(), strict=True):
            if entry.inflated_bytes > most:
                raise InvalidZip(f"{shown(entry.name)} takes more than {most:,} bytes inflated")
        return [
            _content(found, entry) for found, entry in zip(self._ranges(files), files, strict=True)
        ]

    def _ranges(self, files: Sequence[Entry]) -> list[bytes]:
        """What lies from the header of each on: with one read where they are near."""
        ranges = [(entry.position, self._ends[entry.position]) for entry in files]
        start, end = min(start for start, _ in ranges), max(end for _, end in ranges)
        if end - start > sum(end - start for start, end in ranges) + NEAR_BYTES:
            return [self._zip.held(start, end - start) for start, end in ranges]
        found = self._zip.held(start, end - start)
        return [found[first - start : last - start] for first, last in ranges]


def open_strictly(size: int, read: Callable[[int, int], bytes], called: str) -> StrictZip | None:
    """A complete zip, or None where its directory takes more than DIRECTORY_BYTES.

    Args:
        size: of the zip, in bytes.
        read: gives the bytes from a position on, as many as asked for. For the zip and for one
            or two files that are read in it, it is called at most READS times, for at most
            READ_BYTES in all, and what it raises is passed on.
        called: what the zip is, in messages: a wheel.

    Raises:
        InvalidZip: it is no zip, or one that not every reader reads alike.
    """
    zipped = Zip(size, read, called, READ_BYTES)
    if not zipped.end.sound:
        raise InvalidZip("the zip has more than one end, and they say different things")
    directory = zipped.directory(DIRECTORY_BYTES)
    if directory is None:
        return None
    files = _files(directory)
    if len(files) != zipped.end.entries:
        raise InvalidZip(
            f"the zip's directory has {len(files):,} files, and its end says {zipped.end.entries:,}"
        )
    _require_nothing_between(zipped, files.values())
    _require_no_bomb(size, files.values(), called)
    return StrictZip(zipped, files)


def _files(directory: bytes) -> dict[str, Entry]:
    files = {}
    places = set()
    for entry in entries(directory):
        name = _name(entry)
        _require_readable(entry)
        # What a reader makes of a name that it unpacks, on any system.
        place = "/".join(s for s in name.replace("\\", "/").split("/") if s not in ("", "."))
        if place in places:
            raise InvalidZip(f"{shown(name)} is in the zip twice")
        places.add(place)
        files[name] = entry
    return files


def _name(entry: Entry) -> str:
    """The name of a file in the zip, which stays below the folder that it is unpacked to."""
    try:
        name = entry.name.decode("utf-8" if entry.flags & _UTF_8 else "ascii")
    except UnicodeDecodeError as error:
        raise InvalidZip(
            f"the name {shown(entry.name)} in the zip is neither ASCII nor marked as UTF-8"
        ) from error
    if _UNPRINTABLE.search(name) or not name:
        raise InvalidZip(f"the name {shown(name)} in the zip is empty or has control characters")
    if _LEADS_OUT.search(name):
        raise InvalidZip(f"the name {shown(name)} in the zip leads out of it")
    return name


def _require_readable(entry: Entry) -> None:
    """Refuse what is not stored or deflated, or what readers disagree about."""
    wrong = ""
    if entry.flags & _ENCRYPTED:
        wrong = "is encrypted"
    elif entry.method not in (STORED, DEFLATED) or entry.flags & _PATCHED:
        wrong = "is compressed by other than deflate"
    elif entry.flags & _SIZES_BEHIND:
        wrong = "has its size behind it (a data descriptor): the zip was not written to a file"
    elif entry.method == STORED and entry.packed_bytes != entry.inflated_bytes:
        wrong = "is stored as it is, and has two sizes"
    elif entry.needed_version > _KNOWN_VERSION:
        wrong = "is of a version of zip that no installer knows"
    elif entry.comment_bytes:
        wrong = "has a comment"
    else:
        _require_plain_extra(entry.name, entry.extra)
    if wrong:
        raise InvalidZip(f"{shown(entry.name)} in the zip {wrong}")


def _require_plain_extra(name: bytes, extra: bytes) -> None:
    fields = [*extra_fields(extra)] if extra else []
    kinds = [kind for kind, _ in fields]
    if -1 in kinds or any(kinds.count(kind) > 1 for kind in (_LARGE, _UNICODE_NAME)):
        raise InvalidZip(f"the extra field of {shown(name)} in the zip is broken")
    # A version and the checksum of the name come before the other name.
    if any(kind == _UNICODE_NAME and field[5:] != name for kind, field in fields):
        raise InvalidZip(f"{shown(name)} has a second name in the zip")


def _require_nothing_between(zipped: Zip, files: Iterable[Entry]) -> None:
    """Refuse bytes that belong to no file: who reads on from the start may find files in them."""
    ordered = sorted(files, key=lambda entry: entry.position)
    places = [*(entry.position for entry in ordered), zipped.directory_start]
    if zipped.before or places[0]:
        raise InvalidZip("the zip has bytes in front of it")
    for entry, end in zip(ordered, places[1:], strict=True):
        beside = end - entry.position - LOCAL.size - len(entry.name) - entry.packed_bytes
        if beside < 0:
            raise InvalidZip(f"{shown(entry.name)} overlaps with what comes next in the zip")
        if beside > _EXTRA_BYTES:
            raise InvalidZip(f"the zip has bytes behind {shown(entry.name)} that are of no file")


def _require_no_bomb(size: int, files: Iterable[Entry], called: str) -> None:
    inflated_bytes = sum(entry.inflated_bytes for entry in files)
    if inflated_bytes > BOMB_BYTES and inflated_bytes > BOMB_RATIO * size:
        raise InvalidZip(
            f"the {called} takes {size:,} bytes and {inflated_bytes:,} unpacked: more than"
            f" {BOMB_RATIO} times as much is taken for a zip bomb"
        )


def _content(found: bytes, entry: Entry) -> bytes:
    """A file whose header and data are all that was found."""
    name = shown(entry.name)
    local = local_header(found)
    if local is None or local.data + entry.packed_bytes != len(found):
        raise InvalidZip(f"{name} does not lie where the zip's directory says")
    _require_plain_extra(entry.name, local.extra)
    sizes = numbers(local.extra, local.inflated_bytes, local.packed_bytes)
    said = (local.name, local.method, local.crc, *sizes)
    right = (entry.name, entry.method, entry.crc, entry.inflated_bytes, entry.packed_bytes)
    if said != right or local.flags & (_ENCRYPTED | _PATCHED | _SIZES_BEHIND):
        raise InvalidZip(f"{name} has a header that differs from the zip's directory")
    content = bytearray()
    for piece in inflated(found[local.data :], entry, name):
        content += piece
        if len(content) > entry.inflated_bytes:
            break
    if len(content) != entry.inflated_bytes:
        raise InvalidZip(f"{name} does not have the {entry.inflated_bytes:,} bytes that it is to")
    return bytes(content)
