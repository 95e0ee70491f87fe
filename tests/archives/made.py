"""Archives for tests, and the bytes of one as they are given out by ranges."""

import io
import struct
import zipfile
from collections.abc import Callable, Iterable, Mapping

from app.archives.strict import READ_BYTES, READS


class Stored:
    """Complete bytes, whose reads are held against the promised bounds."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.reads: list[int] = []

    @property
    def size(self) -> int:
        return len(self.content)

    def read(self, start: int, length: int) -> bytes:
        assert start >= 0
        assert length > 0
        assert start + length <= len(self.content)
        self.reads.append(length)
        assert len(self.reads) <= READS
        assert sum(self.reads) <= READ_BYTES
        return self.content[start : start + length]


def zipped(
    files: Mapping[str, bytes] | Iterable[tuple[str, bytes]],
    comment: bytes = b"",
    method: int = zipfile.ZIP_DEFLATED,
    change: Callable[[zipfile.ZipInfo], None] = lambda info: None,
) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        made.comment = comment
        for name, content in files.items() if isinstance(files, Mapping) else files:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            change(info)
            made.writestr(info, content)
    return target.getvalue()


def end(
    directory: bytes, position: int, entries: int, comment: bytes = b"", short: bytes = b""
) -> bytes:
    """The end of a zip of one disk; `short` comes between the directory and it."""
    numbers = (0, 0, entries, entries, len(directory), position, len(comment))
    return directory + short + struct.pack("<4sHHHHIIH", b"PK\5\6", *numbers) + comment


def end_64(length: int, position: int, entries: int, place: int, rest: int = 44) -> bytes:
    """Zip64's record that lies at a place, and what locates it."""
    record = struct.pack("<4sQ4xIIQQQQ", b"PK\6\6", rest, 0, 0, entries, entries, length, position)
    return record + struct.pack("<4sIQI", b"PK\6\7", 0, place, 1)


def changed(content: bytes, name: str, at: int, value: bytes, local: bool = False) -> bytes:
    """The zip with other bytes at a place of a file's entry or of its local header."""
    signature, fixed = (b"PK\3\4", 30) if local else (b"PK\1\2", 46)
    header = content.index(name.encode())
    while not content.startswith(signature, header - fixed):
        header = content.index(name.encode(), header + 1)
    start = header - fixed + at
    return content[:start] + value + content[start + len(value) :]


def moved(content: bytes, at: int, inserted: bytes) -> bytes:
    """The zip with bytes put in before its directory, whose end says where it now is."""
    directory = content.rindex(b"PK\5\6") + 16
    position = int.from_bytes(content[directory : directory + 4], "little") + len(inserted)
    head = content[:at] + inserted + content[at:directory]
    return head + struct.pack("<I", position) + content[directory + 4 :]
