"""What the folder store needs of a disk: durable folders, and errors by their meaning.

A new name is durable when the folder that holds it was synced; so is a new folder. An
error of the operating system is never passed on: a full disk is the caller's to answer
(507), everything else means that the store is away (503).
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.blobs.interface import BlobError, BlobsFull, BlobsUnavailable, UploadTooLarge

FOLDER_MODE = 0o700
FILE_MODE = 0o600
_PROBE = ".probe"


@contextmanager
def disk_errors() -> Iterator[None]:
    """Translate every OSError of the block to an error of this layer."""
    try:
        yield
    except OSError as error:
        raise translated(error) from error


def translated(error: OSError) -> BlobError:
    """The error of this layer that an error of the operating system means."""
    name = errno.errorcode.get(error.errno or 0, "unknown error")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return BlobsFull(f"no room is left in the folder of the blobs ({name})")
    if error.errno == errno.EFBIG:
        return UploadTooLarge("the file system of STRONGROOM_BLOBS holds no file of that size")
    return BlobsUnavailable(f"the folder of the blobs can't be used ({name})")


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def make_folder(path: Path) -> None:
    """Make a folder and its missing parents, each of them durable; may be there already."""
    missing: list[Path] = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        sync_folder(folder.parent)


def check_writable(folder: Path) -> None:
    """Make an empty file in `folder`, and remove it. Raises OSError.

    Its name is always the same: processes that do this at once do not disturb each other, and
    what one leaves that is killed in between, the next removes.
    """
    probe = folder / _PROBE
    os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
    probe.unlink(missing_ok=True)


def write_all(file: int, data: memoryview) -> None:
    """Write all of `data` at the file's position: one `write` may take less (a full disk)."""
    while len(data):
        data = data[os.write(file, data) :]
