"""The memory that the parts of all uploads of a process may hold, as reservations.

What an upload can come to hold is reserved before its first byte is read, so that an upload
that has begun never fails for want of memory, and the process never holds more.
"""

from datetime import timedelta
from threading import Lock
from typing import Final

from storage.blobs.interface import UploadMemorySpent, UploadTooLarge

#: About what a part needs on its way to S3; uploads end all the time.
RETRY_AFTER: Final = timedelta(seconds=5)

SETTING: Final = "STRONGROOM_UPLOAD_MEMORY"


class UploadMemory:
    """A budget in bytes, shared by the threads of a process."""

    def __init__(self, total_bytes: int) -> None:
        self._total = total_bytes
        self._held = 0
        self._lock = Lock()

    @property
    def held_bytes(self) -> int:
        """What all reservations hold together."""
        return self._held

    def reserve(self, count: int) -> "Reservation":
        """Hold `count` bytes until the reservation is released.

        Raises:
            UploadMemorySpent: others hold it now.
            UploadTooLarge: it is more than the whole budget; the message names the setting.
        """
        if count > self._total:
            raise UploadTooLarge(
                f"an upload of this size holds {count} bytes of memory, and {SETTING} allows"
                f" {self._total} for all of them"
            )
        if not self._take(count):
            raise UploadMemorySpent(RETRY_AFTER)
        return Reservation(self, count)

    def _take(self, count: int) -> bool:
        with self._lock:
            if self._held + count > self._total:
                return False
            self._held += count
            return True

    def _give_back(self, count: int) -> None:
        with self._lock:
            self._held -= count


class Reservation:
    """Memory held for one upload, by its thread; releasing it twice is no error."""

    def __init__(self, memory: UploadMemory, count: int) -> None:
        self._memory = memory
        self._count = count

    def grow_to(self, count: int) -> bool:
        """Hold at least `count` bytes from now on, if they are to be had at once."""
        if count > self._count:
            if not self._memory._take(count - self._count):
                return False
            self._count = count
        return True

    def release(self) -> None:
        self._memory._give_back(self._count)
        self._count = 0
