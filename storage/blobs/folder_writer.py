"""Writing a blob into the folder store: temporary file, sync, rename, sync of the folder.

The temporary file is locked (`flock`) for as long as its writer lives, in whatever process:
so abort and resume can tell an upload that was left behind from one that is being written.
A body that fits one window makes its file only when it is committed.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from storage.blobs.disk import FILE_MODE, disk_errors, sync_folder, write_all
from storage.blobs.interface import BlobCorrupt, BlobMissing, UploadBusy
from storage.blobs.keys import upload_token

WINDOW_BYTES: Final = 1024 * 1024

#: How much is written before the kernel is asked to start writing it back, so that the sync
#: at the end finds little left to do: 0.01 s instead of 0.36 s after 1 GiB.
WRITE_BACK_BYTES: Final = 8 * 1024 * 1024


class Places(Protocol):
    """Where the files of an upload and of a blob lie."""

    def temporary(self, key: str) -> Path: ...

    def publish(self, key: str) -> Path:
        """Rename the temporary file to its final name, durably; give that name."""

    def withdraw(self, key: str) -> None:
        """Take back a `publish` that did not come to its end."""


def create_upload(path: Path) -> int:
    """Make and lock the temporary file of a new upload."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, FILE_MODE)
        try:
            # A sweep may have locked it between the two calls: it is then about to go away.
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file).st_nlink:
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def take_upload(path: Path, offset: int | None = None) -> int:
    """Open and lock the temporary file of an upload that was left, and stand at `offset`, or
    at its end. It is as long as it was. Raises BlobMissing, UploadBusy, BlobCorrupt.

    The name is looked at again under the lock: in between, the upload may have been dropped,
    or committed, and then the open file is a blob, which nobody may write to.
    """
    try:
        file = os.open(path, os.O_RDWR)
    except FileNotFoundError as error:
        raise BlobMissing("there is no such upload") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(path.stat(), os.fstat(file)):
            raise BlobMissing("there is no such upload any more")
        end = os.lseek(file, 0, os.SEEK_END)
        if offset is not None:
            if end < offset:
                raise BlobCorrupt("the upload is shorter than its token says")
            os.lseek(file, offset, os.SEEK_SET)
    except BlockingIOError as error:
        os.close(file)
        raise UploadBusy("another writer holds this upload") from error
    except FileNotFoundError as error:
        os.close(file)
        raise BlobMissing("there is no such upload any more") from error
    except BaseException:
        os.close(file)
        raise
    return file


class FolderWriter:
    """A new blob in the folder store; see `Writer`."""

    def __init__(self, places: Places, key: str, size: int | None, file: int | None) -> None:
        """`file` is the locked temporary file of a resumed upload, where the writer goes on from
        where it stands, else None."""
        self._places = places
        self._key = key
        self._size = size
        self._file = file
        self._offset = 0 if file is None else os.lseek(file, 0, os.SEEK_CUR)
        self._uncut = file is not None
        self._written_back = self._offset
        self._first: memoryview | None = None  # the first window's bytes, not yet in a file
        self._buffers = [memoryview(b""), memoryview(b"")]
        self._turn = 0
        self._asked = 0  # the length of the last window, 0 once it was filled
        self._open = True
        self._published = False

    @property
    def key(self) -> str:
        return self._key

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def piece_bytes(self) -> int:
        return 1

    def window(self) -> memoryview:
        self._check_open()
        if not self._asked:  # else the last window was not used: it is handed out again
            self._turn ^= 1
        if len(self._buffers[self._turn]) < self._window_bytes():
            self._buffers[self._turn] = memoryview(bytearray(self._window_bytes()))
        self._asked = len(self._buffers[self._turn])
        return self._buffers[self._turn]

    def _window_bytes(self) -> int:
        """1 MiB, or less where the length says that less will come, or nothing (1 byte)."""
        if self._size is None or self._offset > self._size:
            return WINDOW_BYTES
        return max(1, min(WINDOW_BYTES, self._size - self._offset))

    def filled(self, count: int) -> None:
        self._check_open()
        if not 0 <= count <= self._asked:
            raise ValueError("more bytes were filled in than the window holds")
        if not count:
            return
        self._asked = 0
        data = self._buffers[self._turn][:count]
        if self._file is None and self._first is None:
            self._first = data
        else:
            with disk_errors():
                self._write(self._on_disk(), data)
        self._offset += count

    def commit(self) -> None:
        self._check_open()
        if not self._offset:
            raise ValueError("an empty file has no blob")
        with disk_errors():
            os.fsync(self._on_disk())
            self._published = True
            self._places.publish(self._key)
        self._published = False
        self._close()

    def suspend(self) -> str:
        token, _ = self.checkpoint()
        self._close()
        return token

    def checkpoint(self) -> tuple[str, int]:
        self._check_open()
        with disk_errors():
            os.fsync(self._on_disk())
            sync_folder(self._places.temporary(self._key).parent)
        return upload_token(self._key, self._offset), self._offset

    def let_go(self) -> None:
        if self._open:
            self._close()

    def _on_disk(self) -> int:
        """The temporary file, made with the first window's bytes when it is first needed.

        That of a resumed upload is cut where the writer goes on: what lies behind the offset of
        a token was never known to be durable, and after a power cut may be anything. Not before
        that, as its caller may have stood still on the way to the lock, while another one wrote:
        under the lock he can find out, and then leave what there is.
        """
        if self._file is None:
            self._file = create_upload(self._places.temporary(self._key))
            if self._first is not None:
                self._write(self._file, self._first)
                self._first = None
        elif self._uncut:
            os.ftruncate(self._file, self._offset)
        self._uncut = False
        return self._file

    def _write(self, file: int, data: memoryview) -> None:
        write_all(file, data)
        position = os.lseek(file, 0, os.SEEK_CUR)
        if position - self._written_back >= WRITE_BACK_BYTES and hasattr(os, "posix_fadvise"):
            # On Linux this starts writing the dirty pages of the range, and does not wait.
            length = position - self._written_back
            os.posix_fadvise(file, self._written_back, length, os.POSIX_FADV_DONTNEED)
            self._written_back = position

    def _check_open(self) -> None:
        if not self._open:
            raise ValueError("this upload is closed")

    def _close(self) -> None:
        self._open = False
        self._first = None
        self._buffers.clear()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._open:
            return
        try:
            if self._file is not None:
                with disk_errors():
                    # Under the lock: nobody resumes what is about to go.
                    self._places.temporary(self._key).unlink(missing_ok=True)
                    if self._published:
                        self._places.withdraw(self._key)
        finally:
            self._close()
