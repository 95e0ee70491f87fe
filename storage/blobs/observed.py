"""A store that reports every call: how long it took, and how it ended. Itself a store."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from time import perf_counter
from types import TracebackType
from typing import Final, Protocol, Self

from storage.blobs.interface import (
    BlobCorrupt,
    BlobMissing,
    BlobPage,
    Blobs,
    BlobsFull,
    BlobsUnavailable,
    Download,
    OpenFile,
    UploadBusy,
    UploadMemorySpent,
    UploadPage,
    UploadTooLarge,
    Writer,
)

_OUTCOMES: Final = {
    BlobMissing: "missing",
    BlobsUnavailable: "unavailable",
    BlobsFull: "full",
    BlobCorrupt: "corrupt",
    UploadBusy: "busy",
    UploadMemorySpent: "memory_spent",
    UploadTooLarge: "too_large",
}


class Observer(Protocol):
    """Who is told of calls; called by the thread that made the call."""

    def storage_call(self, store: str, call: str, seconds: float, outcome: str) -> None: ...


class _Timer:
    def __init__(self, observer: Observer, clock: Callable[[], float]) -> None:
        self._observer = observer
        self.clock = clock

    def tell(self, name: str, begun: float, outcome: str) -> None:
        """Report a call that began at `begun` and has just ended."""
        self._observer.storage_call("blobs", name, self.clock() - begun, outcome)

    @contextmanager
    def call(self, name: str, *, failures_alone: bool = False) -> Iterator[None]:
        """Report the block as one call; `failures_alone` where it mostly makes none."""
        outcome, begun = "error", self.clock()
        try:
            yield
            outcome = "ok"
        except Exception as error:
            outcome = _OUTCOMES.get(type(error), "error")
            raise
        finally:
            if outcome != "ok" or not failures_alone:
                self.tell(name, begun, outcome)


class Observed:
    """`Blobs` with an observer. Calls are named as the methods; a writer's are `window`
    (failures alone, as most windows call nothing), `commit`, `suspend`, `checkpoint`, and
    a download's is `read` (failures alone)."""

    def __init__(
        self, blobs: Blobs, observer: Observer, clock: Callable[[], float] = perf_counter
    ) -> None:
        self._blobs = blobs
        self._timer = _Timer(observer, clock)

    def create(self, owner: str, size: int | None = None, name: str | None = None) -> Writer:
        with self._timer.call("create"):
            return _ObservedWriter(self._blobs.create(owner, size, name), self._timer)

    def resume(self, token: str, size: int | None = None) -> Writer:
        with self._timer.call("resume"):
            return _ObservedWriter(self._blobs.resume(token, size), self._timer)

    def open(self, key: str, start: int = 0, length: int | None = None) -> Download:
        # Every download comes through here, so it does without the context manager.
        begun = self._timer.clock()
        try:
            download = self._blobs.open(key, start, length)
        except Exception as error:
            self._timer.tell("open", begun, _OUTCOMES.get(type(error), "error"))
            raise
        self._timer.tell("open", begun, "ok")
        return _ObservedDownload(download, self._timer)

    def delete(self, keys: Sequence[str]) -> None:
        with self._timer.call("delete"):
            self._blobs.delete(keys)

    def list(self, after: str = "", limit: int = 1000) -> BlobPage:
        with self._timer.call("list"):
            return self._blobs.list(after, limit)

    def uploads(self, after: str = "", limit: int = 1000) -> UploadPage:
        with self._timer.call("uploads"):
            return self._blobs.uploads(after, limit)

    def abort(self, token: str) -> None:
        with self._timer.call("abort"):
            self._blobs.abort(token)

    def url(self, key: str, lifetime: timedelta, *, headers: dict[str, str]) -> str | None:
        return self._blobs.url(key, lifetime, headers=headers)  # computed here: no call

    def settle(self, key: str) -> int:
        with self._timer.call("settle"):
            return self._blobs.settle(key)

    def check(self) -> None:
        with self._timer.call("check"):
            self._blobs.check()

    def close(self) -> None:
        self._blobs.close()


class _ObservedWriter:
    def __init__(self, writer: Writer, timer: _Timer) -> None:
        self._writer = writer
        self._timer = timer

    @property
    def key(self) -> str:
        return self._writer.key

    @property
    def offset(self) -> int:
        return self._writer.offset

    @property
    def piece_bytes(self) -> int:
        return self._writer.piece_bytes

    def window(self) -> memoryview:
        with self._timer.call("window", failures_alone=True):
            return self._writer.window()

    def filled(self, count: int) -> None:
        with self._timer.call("window", failures_alone=True):
            self._writer.filled(count)

    def commit(self) -> None:
        with self._timer.call("commit"):
            self._writer.commit()

    def suspend(self) -> str:
        with self._timer.call("suspend"):
            return self._writer.suspend()

    def checkpoint(self) -> tuple[str, int]:
        with self._timer.call("checkpoint"):
            return self._writer.checkpoint()

    def let_go(self) -> None:
        self._writer.let_go()

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.__exit__(kind, error, trace)


class _ObservedDownload:
    def __init__(self, download: Download, timer: _Timer) -> None:
        self._download = download
        self._timer = timer

    @property
    def size(self) -> int:
        return self._download.size

    @property
    def file(self) -> OpenFile | None:
        return self._download.file

    def __iter__(self) -> Iterator[bytes]:
        pieces = iter(self._download)
        while True:
            with self._timer.call("read", failures_alone=True):
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece

    def close(self) -> None:
        self._download.close()
