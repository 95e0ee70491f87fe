"""What a blob store does: opaque bytes under random keys that the store makes itself.

A key is `OWNER/RANDOM`: the owner is the id of the organization that the bytes belong to,
so that a sweep knows whose records to ask about a key. It never holds a path: renaming,
promoting and deduplicating are metadata alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Protocol, Self


class BlobError(Exception):
    """The root of this layer's errors."""


class BlobMissing(BlobError):
    """There is no blob (or unfinished upload) under that key (or token)."""


class BlobsUnavailable(BlobError):
    """The store is slow, throttled or away, after bounded retries."""


class BlobsFull(BlobError):
    """There is no room left on the device that holds the store."""


class BlobCorrupt(BlobError):
    """The store refused or returned bytes that do not match their checksum or length."""


class UploadBusy(BlobError):
    """Another writer holds this upload."""


class UploadMemorySpent(BlobError):
    """The memory that uploads may hold is spent for now; try again in `retry_after`."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("the memory for uploads is spent for now")
        self.retry_after = retry_after


class UploadTooLarge(BlobError):
    """An upload that could never fit; the message names the setting or what to send."""


class Writer(Protocol):
    """A new blob being written, by one thread. Leaving it without `commit()` aborts it.

    The caller fills memory that the writer owns: it asks for a `window`, reads bytes into
    its front, and says with `filled` how many. The bytes of a window stay as they were
    filled until the window after the next one is asked for, so that a digest may be
    computed beside the next read.
    """

    @property
    def key(self) -> str:
        """The key that the blob will have; known from the start."""

    @property
    def offset(self) -> int:
        """How many bytes were filled in so far, those before a `resume` included."""

    @property
    def piece_bytes(self) -> int:
        """What becomes durable at a time: so many bytes behind the offset of a `resume` are
        kept by the next `suspend`, and fewer of them only where they end the blob."""

    def window(self) -> memoryview:
        """Writable memory, at least 1 byte and at most 1 MiB; may wait for a part in flight.
        A window that was not filled in is forgotten when the next is asked for.

        Raises:
            BlobsUnavailable, BlobsFull, BlobCorrupt, UploadTooLarge: what was begun is
                aborted on exit.
            ValueError: the writer is closed; so do the methods below.
        """

    def filled(self, count: int) -> None:
        """Take the first `count` bytes of the last window as the next bytes of the blob.

        Raises what `window` raises, and UploadMemorySpent where the blob passes the size
        that was given to `create` and there is no memory for it now.
        """

    def commit(self) -> None:
        """Make the blob durable and readable under `key`.

        After an error the blob may be there or not: where the answer was lost, the store
        looks, but it may be away.

        Raises:
            ValueError: an upload of 0 bytes: an empty file has no blob.
            BlobsUnavailable, BlobsFull, BlobCorrupt, UploadTooLarge: as `window`.
        """

    def suspend(self) -> str:
        """Stop here and return a token that `Blobs.resume` takes, in any process.

        What is durable may be less than what was filled in: `offset` says it afterwards, and
        the resumed writer goes on from there. The writer is closed: nothing else may be used.
        """

    def checkpoint(self) -> tuple[str, int]:
        """A token for what is durable by now, and how many bytes that is; and go on.

        Raises what `window` raises.
        """

    def let_go(self) -> None:
        """Stop here without an end: the upload stays as the last token has it.

        Nothing of this writer reaches the store afterwards, what is in flight included. On a
        writer that is closed it does nothing.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class OpenFile(Protocol):
    """An open file that the system knows; positions are from its start, in bytes."""

    def fileno(self) -> int: ...

    def tell(self) -> int: ...

    def read(self, size: int | None = None, /) -> bytes: ...

    def close(self) -> None: ...


class Download(Protocol):
    """The bytes of one blob, or of a range of it; used once, closed by the caller."""

    @property
    def size(self) -> int:
        """How many bytes will come."""

    @property
    def file(self) -> OpenFile | None:
        """The open file where the store has one, at the first byte wanted, for `sendfile`."""

    def __iter__(self) -> Iterator[bytes]:
        """The bytes in pieces of up to 1 MiB. Fewer than `size` is never silent: it raises."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class BlobEntry:
    """A blob as a listing shows it; `modified` is aware and may be the upload's start."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class BlobPage:
    entries: tuple[BlobEntry, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that was begun and neither committed nor aborted.

    `started` is aware; the folder gives the time of the last bytes instead.
    """

    token: str
    key: str
    started: datetime


@dataclass(frozen=True, slots=True)
class UploadPage:
    uploads: tuple[Upload, ...]
    next: str | None


class Blobs(Protocol):
    """A store of blobs, safe for many threads and processes."""

    def create(self, owner: str, size: int | None = None, name: str | None = None) -> Writer:
        """Begin a blob of `owner` (1 to 32 of a-z, 0-9). `size` is a hint in bytes.

        A reserved owner (`keys.RESERVED`) is no organization. Its blobs have the `name` that
        is given, 32 hexadecimal digits, so that they are found without a record; what has
        that name is written over, by the last commit, and is read whole before and after. An
        upload that a dead writer left under it is dropped.

        Raises:
            UploadMemorySpent: no memory for it now.
            UploadTooLarge: it could never fit.
            BlobsFull: there is less room than `size` now.
            UploadBusy: another writer of this machine writes under that `name`.
            ValueError: `owner` is none, or `name` is none or out of place.
        """

    def resume(self, token: str, size: int | None = None) -> Writer:
        """Take up an upload where its token was made: what was stored since is written anew.

        Where a writer of this machine holds it no other one does, and until its first `filled`,
        `checkpoint`, `suspend` or `commit` all of it stays as it is: who lets go before that has
        changed nothing.

        `size` tells the length in bytes where `create` was not told. With it, an upload that
        is suspended at its end is durable whole; without it, S3 keeps whole parts alone.

        Raises:
            BlobMissing: it is gone: committed, or dropped.
            UploadBusy: another writer of this machine holds it.
            BlobCorrupt: what is stored is not what it was when the token was made.
            What `create` raises.
        """

    def open(self, key: str, start: int = 0, length: int | None = None) -> Download:
        """Open a blob from byte `start` for `length` bytes (to its end without one).

        Raises:
            BlobMissing: there is none, or `key` is no key.
            BlobCorrupt: the range does not lie within the blob: it is not what the caller
                has on record.
            BlobsUnavailable: the store is away.
            ValueError: no blob has such a range: a start under 0, a length under 1.
        """

    def delete(self, keys: Sequence[str]) -> None:
        """Delete blobs; those that are not there are no error. One that can't be deleted keeps
        none of the others from it.

        Raises BlobMissing where one is no key at all, before any is deleted.
        """

    def list(self, after: str = "", limit: int = 1000) -> BlobPage:
        """Committed blobs in order of their keys, behind `after`; a page may be short, or
        empty, and still have a `next`."""

    def uploads(self, after: str = "", limit: int = 1000) -> UploadPage:
        """Unfinished uploads, suspended ones included, behind `after` (a page's `next`).

        One whose bytes still fit one window may not be listed: nothing is stored yet.
        """

    def abort(self, token: str) -> None:
        """Drop an unfinished upload and its bytes; one that is gone is no error. One that a
        live writer of this machine holds raises UploadBusy."""

    def url(self, key: str, lifetime: timedelta, *, headers: dict[str, str]) -> str | None:
        """A presigned GET for at most 60 s that answers with those response headers, or
        None where the store has no such thing. Raises ValueError for what can't be asked."""

    def settle(self, key: str) -> int:
        """After a `commit` whose outcome is not known: the size of the blob, which is durable
        from now on. Raises BlobMissing where there is none."""

    def check(self) -> None:
        """One cheap call that fails with BlobsUnavailable where the store is away, or, as far as
        that can be told, takes no writes. One that is full passes: it can be read."""

    def close(self) -> None: ...
