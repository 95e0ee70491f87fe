"""Blobs in memory: the reference that the other stores are compared with, and for tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from threading import Lock
from types import TracebackType
from typing import Self

from storage.blobs.held import HeldDownload
from storage.blobs.interface import (
    BlobCorrupt,
    BlobEntry,
    BlobMissing,
    BlobPage,
    Upload,
    UploadBusy,
    UploadPage,
)
from storage.blobs.keys import check_range, new_key, parse_key, parse_upload, upload_token

_PIECE_BYTES = 1024 * 1024


@dataclass(slots=True)
class _Upload:
    started: datetime
    data: bytearray = field(default_factory=bytearray)
    held: bool = True


def _now() -> datetime:
    return datetime.now(UTC)


class MemoryBlobs:
    """The store in memory; see `Blobs`. A lock guards it, so threads may share it."""

    def __init__(self, clock: Callable[[], datetime] = _now) -> None:
        self._clock = clock
        self._lock = Lock()
        self._blobs: dict[str, tuple[bytes, datetime]] = {}
        self._uploads: dict[str, _Upload] = {}

    def create(
        self, owner: str, size: int | None = None, name: str | None = None
    ) -> "MemoryWriter":
        key = new_key(owner, name)
        if name is not None:
            self.abort(key)
        with self._lock:
            upload = self._uploads[key] = _Upload(self._clock())
        return MemoryWriter(self, key, upload, size)

    def resume(self, token: str, size: int | None = None) -> "MemoryWriter":
        key, offset = parse_upload(token)
        with self._lock:
            upload = self._uploads.get(key)
            if upload is None:
                raise BlobMissing("there is no such upload")
            if upload.held:
                raise UploadBusy("another writer holds this upload")
            if offset is None:
                offset = len(upload.data)
            elif len(upload.data) < offset:
                raise BlobCorrupt("the upload is shorter than its token says")
            upload.held = True
        return MemoryWriter(self, key, upload, size, offset)

    def open(self, key: str, start: int = 0, length: int | None = None) -> HeldDownload:
        check_range(start, length)
        parse_key(key)
        with self._lock:
            found = self._blobs.get(key)
        if found is None:
            raise BlobMissing("there is no such blob")
        end = len(found[0]) if length is None else start + length
        if not start < end <= len(found[0]):
            raise BlobCorrupt("the range does not lie within the blob")
        return HeldDownload(found[0][start:end])

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            parse_key(key)
        with self._lock:
            for key in keys:
                self._blobs.pop(key, None)

    def list(self, after: str = "", limit: int = 1000) -> BlobPage:
        with self._lock:
            keys = sorted(key for key in self._blobs if key > after)
            entries = tuple(
                BlobEntry(key, len(self._blobs[key][0]), self._blobs[key][1])
                for key in islice(keys, limit)
            )
        return BlobPage(entries, entries[-1].key if len(keys) > limit else None)

    def uploads(self, after: str = "", limit: int = 1000) -> UploadPage:
        with self._lock:
            keys = sorted(key for key in self._uploads if key > after)
            found = tuple(
                Upload(key, key, self._uploads[key].started) for key in islice(keys, limit)
            )
        return UploadPage(found, found[-1].token if len(keys) > limit else None)

    def abort(self, token: str) -> None:
        key, _ = parse_upload(token)
        with self._lock:
            upload = self._uploads.get(key)
            if upload is not None and upload.held:
                raise UploadBusy("another writer holds this upload")
            self._uploads.pop(key, None)

    def url(self, key: str, lifetime: timedelta, *, headers: dict[str, str]) -> None:
        return None

    def settle(self, key: str) -> int:
        parse_key(key)
        with self._lock:
            if key not in self._blobs:
                raise BlobMissing("there is no such blob")
            return len(self._blobs[key][0])

    def check(self) -> None:
        """Memory is never away."""

    def close(self) -> None:
        """Nothing is held."""

    def finish(self, key: str, data: bytes | None) -> None:
        """End an upload: with its bytes it becomes a blob, without them it never was one."""
        with self._lock:
            self._uploads.pop(key, None)
            if data is not None:
                self._blobs[key] = (data, self._clock())


class MemoryWriter:
    """A new blob in memory; see `Writer`."""

    def __init__(
        self, blobs: MemoryBlobs, key: str, upload: _Upload, size: int | None, offset: int = 0
    ) -> None:
        self._blobs = blobs
        self._key = key
        self._upload = upload
        self._size = size
        self._offset = offset  # what lies behind it goes with the first write, and not before
        self._window = memoryview(b"")
        self._open = True

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
        count = _PIECE_BYTES
        if self._size is not None and self.offset <= self._size:
            count = max(1, min(count, self._size - self.offset))  # 1: to see the end
        self._window = memoryview(bytearray(count))
        return self._window

    def filled(self, count: int) -> None:
        self._check_open()
        if not 0 <= count <= len(self._window):
            raise ValueError("more bytes were filled in than the window holds")
        if count:
            self._upload.data[self._offset :] = self._window[:count]
            self._offset += count
            self._window = memoryview(b"")

    def commit(self) -> None:
        self._check_open()
        if not self._offset:
            raise ValueError("an empty file has no blob")
        self._blobs.finish(self._key, bytes(self._upload.data[: self._offset]))
        self._open = False

    def suspend(self) -> str:
        token, _ = self.checkpoint()
        self.let_go()
        return token

    def checkpoint(self) -> tuple[str, int]:
        self._check_open()
        del self._upload.data[self._offset :]
        return upload_token(self._key, self._offset), self._offset

    def let_go(self) -> None:
        if self._open:
            self._open = False
            self._upload.held = False

    def _check_open(self) -> None:
        if not self._open:
            raise ValueError("this upload is closed")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._open:
            self._open = False
            self._blobs.finish(self._key, None)
