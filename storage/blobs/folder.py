"""Blobs in a folder: `ROOT/OWNER/XX/RANDOM`, unfinished ones under `ROOT/.uploads`.

Any number of processes share the folder: what they agree on are atomic renames and locks of
files, so that a killed process leaves nothing but a temporary file that the sweep takes.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Final

from storage.blobs.disk import (
    FOLDER_MODE,
    check_writable,
    disk_errors,
    make_folder,
    sync_folder,
    translated,
)
from storage.blobs.folder_writer import FolderWriter, take_upload
from storage.blobs.held import HeldDownload
from storage.blobs.interface import (
    BlobCorrupt,
    BlobEntry,
    BlobMissing,
    BlobPage,
    BlobsFull,
    Download,
    Upload,
    UploadPage,
    UploadTooLarge,
)
from storage.blobs.keys import check_range, is_key, new_key, parse_key, parse_upload

#: What keeps one file from being deleted and says nothing of others. Of anything else (a disk
#: that is ill takes half a minute for each) the first one ends the call.
_OF_ONE: Final = frozenset({errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.EBUSY})
_PIECE_BYTES: Final = 1024 * 1024
_SMALL_BYTES: Final = 16 * 1024  # read at once, which is cheaper than asking for the size

#: Folders known to be durable, so that a commit needs not sync their parents again.
_MOST_KNOWN_FOLDERS: Final = 65_536


class BlobFile:
    """A blob's open file as `wsgi.file_wrapper` wants one.

    Python's own asks the system twice more where it is opened, which every download pays.
    """

    __slots__ = ("_descriptor", "_position")

    def __init__(self, path: str) -> None:
        """Open it. Raises OSError."""
        self._descriptor = -1
        self._position = 0
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def size(self) -> int:
        """How many bytes it has. Raises OSError."""
        return os.fstat(self._descriptor).st_size

    def seek(self, position: int) -> None:
        """Go to `position`, from the start. Raises OSError."""
        self._position = os.lseek(self._descriptor, position, os.SEEK_SET)

    def beginning(self, count: int) -> bytes:
        """The first bytes, wherever it stands. Raises OSError."""
        return os.pread(self._descriptor, count, 0)

    def fileno(self) -> int:
        return self._descriptor

    def tell(self) -> int:
        return self._position

    def read(self, size: int | None = None, /) -> bytes:
        """Up to `size` bytes, without it all that are left; none at the end. Raises OSError."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(_PIECE_BYTES), b""))
        piece = os.read(self._descriptor, size)
        self._position += len(piece)
        return piece

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    __del__ = close


class FolderDownload:
    """A blob's open file, positioned at the first byte wanted."""

    def __init__(self, file: BlobFile, size: int) -> None:
        self._file = file
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    @property
    def file(self) -> BlobFile | None:
        return self._file

    def __iter__(self) -> Iterator[bytes]:
        left = self._size
        while left:
            with disk_errors():
                piece = self._file.read(min(left, _PIECE_BYTES))
            if not piece:
                raise BlobCorrupt("a blob is shorter than it was when it was opened")
            left -= len(piece)
            yield piece

    def close(self) -> None:
        self._file.close()


class FolderBlobs:
    """The folder store; see `Blobs`."""

    def __init__(self, root: Path) -> None:
        """Make the folder where it is not there. Raises BlobsFull, BlobsUnavailable."""
        self._root = root.absolute()
        self._text = str(self._root)
        self._uploads = self._root / ".uploads"
        self._known: set[Path] = set()
        self._lock = Lock()
        with disk_errors():
            make_folder(self._uploads)

    def create(self, owner: str, size: int | None = None, name: str | None = None) -> FolderWriter:
        key = new_key(owner, name)
        if name is not None:
            self.abort(key)
        if size is not None and size > _PIECE_BYTES:
            with disk_errors():
                room = os.statvfs(self._root)
            # A file system that has no bound (or knows of none) says 0.
            if room.f_blocks and size > room.f_blocks * room.f_frsize:
                raise UploadTooLarge("the disk of STRONGROOM_BLOBS is smaller than that file")
            if room.f_blocks and size > room.f_bavail * room.f_frsize:
                raise BlobsFull("there is less room in the folder of the blobs than that")
        return FolderWriter(self, key, size, None)

    def resume(self, token: str, size: int | None = None) -> FolderWriter:
        key, offset = parse_upload(token)
        with disk_errors():
            return FolderWriter(self, key, size, take_upload(self.temporary(key), offset))

    def open(self, key: str, start: int = 0, length: int | None = None) -> Download:
        check_range(start, length)
        owner, random = parse_key(key)
        # Every download comes through here: text and plain calls, where a Path and a context
        # manager would cost as much as the system's part of it.
        try:
            file = BlobFile(f"{self._text}/{owner}/{random[:2]}/{random}")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise BlobMissing("there is no such blob") from error
        except OSError as error:
            raise translated(error) from error
        try:
            if not start and length is None:
                data = file.beginning(_SMALL_BYTES + 1)
                if 0 < len(data) <= _SMALL_BYTES:
                    file.close()
                    return HeldDownload(data)
            whole = file.size()
            if start:
                file.seek(start)
            size = whole - start if length is None else length
            if size < 1 or start + size > whole:
                raise BlobCorrupt("the range does not lie within the blob")
        except OSError as error:
            file.close()
            raise translated(error) from error
        except BaseException:
            file.close()
            raise
        return FolderDownload(file, size)

    def delete(self, keys: Sequence[str]) -> None:
        # Not synced: a name that comes back after a power cut is an unreferenced blob again.
        paths = [self._final(key) for key in keys]
        refused: OSError | None = None
        with disk_errors():
            for path in paths:
                try:
                    path.unlink(missing_ok=True)
                except OSError as error:
                    if error.errno not in _OF_ONE:
                        raise
                    refused = refused or error
            if refused is not None:
                raise refused

    def list(self, after: str = "", limit: int = 1000) -> BlobPage:
        entries: list[BlobEntry] = []
        with disk_errors():
            for key in self._keys(after):
                if len(entries) == limit:
                    return BlobPage(tuple(entries), entries[-1].key)
                try:
                    found = self._final(key).stat()
                except FileNotFoundError:
                    continue  # deleted since its folder was read
                entries.append(BlobEntry(key, found.st_size, _aware(found.st_mtime)))
        return BlobPage(tuple(entries), None)

    def uploads(self, after: str = "", limit: int = 1000) -> UploadPage:
        """As in `Blobs`; `started` is when the last bytes came."""
        found: list[Upload] = []
        with disk_errors():
            names = [name for name in _names(self._uploads) if name > after]
            for name in islice(names, limit):
                key = name.replace(".", "/", 1)
                try:
                    modified = _aware((self._uploads / name).stat().st_mtime)
                except FileNotFoundError:
                    continue  # finished since the folder was read
                if is_key(key):
                    found.append(Upload(key, key, modified))
        return UploadPage(tuple(found), names[limit - 1] if len(names) > limit else None)

    def abort(self, token: str) -> None:
        key, _ = parse_upload(token)
        path = self.temporary(key)
        try:
            with disk_errors():
                file = take_upload(path)
        except BlobMissing:
            return
        try:
            with disk_errors():
                path.unlink(missing_ok=True)
        finally:
            os.close(file)

    def url(self, key: str, lifetime: timedelta, *, headers: dict[str, str]) -> None:
        return None

    def settle(self, key: str) -> int:
        """As in `Blobs`; who renamed it may have been killed before the folder was synced."""
        path = self._final(key)
        with disk_errors():
            try:
                size = path.stat().st_size
            except FileNotFoundError as error:
                raise BlobMissing("there is no such blob") from error
            self._ensure_folder(path.parent)
            sync_folder(path.parent)
        return size

    def check(self) -> None:
        # A full disk is not away: reads go on, and each write is told.
        with suppress(BlobsFull), disk_errors():
            for folder in (self._root, self._uploads):
                check_writable(folder)

    def close(self) -> None:
        """Nothing is held open."""

    def temporary(self, key: str) -> Path:
        owner, random = parse_key(key)
        return self._uploads / f"{owner}.{random}"

    def publish(self, key: str) -> Path:
        path = self._final(key)
        self._ensure_folder(path.parent)
        self.temporary(key).rename(path)
        sync_folder(path.parent)
        return path

    def withdraw(self, key: str) -> None:
        self._final(key).unlink(missing_ok=True)

    def _final(self, key: str) -> Path:
        owner, random = parse_key(key)
        return self._root / owner / random[:2] / random

    def _ensure_folder(self, folder: Path) -> None:
        """Make `ROOT/OWNER/XX` durable: once in this process, even where it is there already,
        because who made it may have been killed before the sync."""
        with self._lock:
            if folder in self._known:
                return
        folder.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        sync_folder(folder.parent)
        sync_folder(self._root)
        with self._lock:
            if len(self._known) >= _MOST_KNOWN_FOLDERS:
                self._known.clear()
            self._known.add(folder)

    def _keys(self, after: str) -> Iterator[str]:
        """The keys behind `after`, in order, reading as few folders as that needs."""
        for owner in _names(self._root):
            if f"{owner}/\N{DELETE}" <= after or not is_key(f"{owner}/{'0' * 32}"):
                continue
            for pair in _names(self._root / owner):
                if f"{owner}/{pair}\N{DELETE}" <= after:
                    continue
                for name in _names(self._root / owner / pair):
                    key = f"{owner}/{name}"
                    if key > after and name.startswith(pair) and is_key(key):
                        yield key


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries)
    except NotADirectoryError:
        return []


def _aware(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
