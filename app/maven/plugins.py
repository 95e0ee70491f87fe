"""Whether a jar is a Maven plugin, and by which prefix it is called.

A plugin has a descriptor in its jar. A zip's directory names its files in clear, so that while
a jar streams by it is known whether it can be one; only such a jar is looked into, once it is
complete, by a few ranges from its end.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.archives.zips import (
    DEFLATED,
    ENCRYPTED,
    LOCAL,
    STORED,
    Entry,
    InvalidZip,
    Zip,
    entries,
    inflated,
    local_header,
)
from app.maven.documents import Buffer, Document, DocumentReader, InvalidDocument, Wanted
from app.maven.paths import quoted
from app.repositories.refused import Refused

DESCRIPTOR = b"META-INF/maven/plugin.xml"
#: What looking into a jar may take; the bounds below add up to less.
READS = 4
READ_BYTES = 2 * 1024 * 1024
#: Some 10,000 files. A jar of more is not looked into: it is stored, but its prefix is not known.
DIRECTORY_BYTES = 1024 * 1024
#: The descriptor as it lies in the zip, and inflated.
PACKED_BYTES = 768 * 1024
DESCRIPTOR_BYTES = 1024 * 1024
#: What a file's local header has beside its name, mostly. Where it has more, it is read again.
_EXTRA_BYTES = 1024
#: What is searched at a time.
_PIECE_BYTES = 64 * 1024

_PREFIX = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_ID = re.compile(r"[A-Za-z0-9_.-]+")
_GOAL_PREFIX = ("plugin", "goalPrefix")
_GROUP = ("plugin", "groupId")
_ARTIFACT = ("plugin", "artifactId")
_NAME = ("plugin", "name")
_WANTED = Wanted(
    root="plugin",
    texts=frozenset({_GOAL_PREFIX, _GROUP, _ARTIFACT}),
    excerpts=frozenset({_NAME}),
)


class InvalidPlugin(Refused):
    """A jar with a plugin's descriptor that can't be read; the message says why."""


@dataclass(frozen=True, slots=True)
class PluginDescriptor:
    """What a plugin says of itself; the name is the artifact's where it has none."""

    prefix: str
    artifact: str
    name: str
    group: str


class Scanner:
    """Tells of bytes that stream by whether they name a plugin's descriptor anywhere."""

    def __init__(self) -> None:
        self.found = False
        self._overlap = b""

    def feed(self, piece: Buffer) -> None:
        """Look at some more; of it no more is kept than what the name could begin in."""
        with memoryview(piece).cast("B") as view:
            for start in range(0, 0 if self.found else len(view), _PIECE_BYTES):
                # Bytes are searched several times as fast as a view is, the copy included.
                part = self._overlap + bytes(view[start : start + _PIECE_BYTES])
                self._overlap = part[1 - len(DESCRIPTOR) :]
                if DESCRIPTOR in part:
                    self.found = True
                    return


def read_plugin(size: int, read: Callable[[int, int], bytes]) -> PluginDescriptor | None:
    """The descriptor in a complete jar of that size, or None where there is none, or where the
    jar's directory takes more than DIRECTORY_BYTES.

    Args:
        size: of the jar, in bytes.
        read: gives the bytes from a position on, as many as asked for. It is called at most
            READS times, for at most READ_BYTES in all, and what it raises is passed on.

    Raises:
        InvalidPlugin: it is no zip, its descriptor is broken or too large, or says no proper
            prefix, group or artifact.
    """
    try:
        jar = Zip(size, read, "jar", READ_BYTES)
        directory = jar.directory(DIRECTORY_BYTES)
        entry = None if directory is None else _entry(directory)
        if entry is None:
            return None
        return _descriptor(_document(_packed(jar, entry), entry))
    except InvalidZip as error:
        raise InvalidPlugin(str(error)) from error


def _entry(directory: bytes) -> Entry | None:
    """The descriptor in a directory."""
    if DESCRIPTOR not in directory:
        return None
    found: Entry | None = None
    for entry in entries(directory, DESCRIPTOR):
        if found is not None:
            raise InvalidPlugin("plugin.xml is in the jar twice")
        if entry.flags & ENCRYPTED or entry.method not in (STORED, DEFLATED):
            raise InvalidPlugin("plugin.xml is encrypted, or compressed by other than deflate")
        found = entry
    return found


def _packed(jar: Zip, entry: Entry) -> bytes:
    """The descriptor as it lies in the jar.

    What a jar's files have in front of them may differ from what its directory says, and bytes
    of no file may lie between them: where the data begins, its local header alone can say.
    """
    if entry.packed_bytes > PACKED_BYTES:
        raise InvalidPlugin(f"plugin.xml takes more than {PACKED_BYTES:,} bytes in the jar")
    start = jar.before + entry.position
    expected = LOCAL.size + len(DESCRIPTOR) + _EXTRA_BYTES + entry.packed_bytes
    found = jar.read(start, min(expected, max(jar.size - start, 0)))
    local = local_header(found)
    if local is None or local.name != DESCRIPTOR:
        raise InvalidPlugin("plugin.xml does not lie where the zip's directory says")
    end = local.data + entry.packed_bytes
    if end > len(found):
        if start + end > jar.size:
            raise InvalidPlugin("plugin.xml ends beyond the jar")
        found += jar.read(start + len(found), end - len(found))
    return found[local.data : end]


def _document(packed: bytes, entry: Entry) -> Document:
    reader = DocumentReader(_WANTED, DESCRIPTOR_BYTES)
    try:
        for piece in inflated(packed, entry, "plugin.xml"):
            reader.feed(piece)
        return reader.finish()
    except InvalidDocument as error:
        raise InvalidPlugin(f"plugin.xml: {error}") from error


def _descriptor(document: Document) -> PluginDescriptor:
    prefix = document.texts.get(_GOAL_PREFIX, "")
    if not _PREFIX.fullmatch(prefix):
        raise InvalidPlugin(
            f"plugin.xml: goalPrefix has 1 to 100 of A-Z, a-z, 0-9, '_', '.' and '-', and is"
            f" {quoted(prefix)}"
        )
    for path in (_GROUP, _ARTIFACT):
        if not _ID.fullmatch(document.texts.get(path, "")):
            raise InvalidPlugin(
                f"plugin.xml: {path[-1]} is of A-Z, a-z, 0-9, '_', '.' and '-', and is"
                f" {quoted(document.texts.get(path, ''))}"
            )
    artifact = document.texts[_ARTIFACT]
    return PluginDescriptor(
        prefix=prefix,
        artifact=artifact,
        name=document.texts.get(_NAME) or artifact,
        group=document.texts[_GROUP],
    )
