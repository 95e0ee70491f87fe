"""Faults of blob stores, scripted: at the wire of S3, or at the interface of any store.

`S3Faults` sits below boto3's retries, where S3's own faults are, and counts what is asked of
S3. `FaultyBlobs` is a store around a store, for tests of what stands on one.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Self, TypeVar

import boto3.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from storage.blobs import BlobPage, Blobs, BlobsUnavailable, Download, UploadPage, Writer
from storage.blobs.s3 import S3Blobs
from storage.blobs.s3_bucket import S3Bucket
from storage.blobs.s3_client import S3Address, s3_client
from storage.blobs.s3_parts import PartSizes
from storage.blobs.upload_memory import UploadMemory
from tests.faults.metadata import Fault, passes

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_T = TypeVar("_T")

#: What a fault does with a request: answer it, raise, or (None) let it go on to S3.
S3Fault = Callable[["S3Faults", AWSPreparedRequest], AWSResponse | None]


def refused(code: str, status: int) -> S3Fault:
    """S3 answers with an error."""
    body = f"<Error><Code>{code}</Code><Message>scripted</Message></Error>".encode()

    def fault(_: "S3Faults", request: AWSPreparedRequest) -> AWSResponse:
        answer = AWSResponse(request.url, status, {"content-type": "application/xml"}, None)
        answer._content = body
        return answer

    return fault


THROTTLED = refused("SlowDown", 503)


def cut(_: "S3Faults", request: AWSPreparedRequest) -> AWSResponse:
    """The connection ends before the request is taken."""
    raise ConnectionClosedError(endpoint_url=request.url)


def answer_lost(faults: "S3Faults", request: AWSPreparedRequest) -> AWSResponse:
    """S3 does what was asked, and its answer never comes: an unknown outcome."""
    faults.perform(request)
    raise ReadTimeoutError(endpoint_url=request.url)


def slow(wait: Callable[[], object]) -> S3Fault:
    """S3 does what was asked once `wait` returns."""

    def fault(_: "S3Faults", __: AWSPreparedRequest) -> None:
        wait()

    return fault


class S3Faults:
    """Faults of one boto3 client.

    Attributes:
        calls: what was asked of S3, in order, retries not counted ("UploadPart" …).
        tries: the same, retries counted.
        sent: the requests of `tries`, for a look at their headers.
    """

    def __init__(self, client: "S3Client") -> None:
        self.calls: list[str] = []
        self.tries: list[str] = []
        self.sent: list[AWSPreparedRequest] = []
        self._client = client
        self._script: dict[tuple[str, int], S3Fault] = {}
        client.meta.events.register("before-call.s3", self._called)
        client.meta.events.register("before-send.s3", self._send)

    def at(self, operation: str, fault: S3Fault, number: int = 1, times: int = 1) -> None:
        """Let the tries `number` to `number + times - 1` of an operation meet the fault,
        counted from now."""
        made = self.tries.count(operation)
        for each in range(number, number + times):
            self._script[operation, made + each] = fault

    def perform(self, request: AWSPreparedRequest) -> AWSResponse:
        """Send a request for real."""
        endpoint: Any = self._client._endpoint  # type: ignore[attr-defined]
        answer: AWSResponse = endpoint.http_session.send(request)
        return answer

    def _called(self, model: Any, **_: object) -> None:
        self.calls.append(model.name)

    def _send(
        self, request: AWSPreparedRequest, event_name: str, **_: object
    ) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        self.tries.append(operation)
        self.sent.append(request)
        fault = self._script.pop((operation, self.tries.count(operation)), None)
        return None if fault is None else fault(self, request)


def session() -> boto3.session.Session:
    """A session for the credentials in the environment, the same for all tests."""
    return _session(os.environ.get("AWS_ACCESS_KEY_ID"))


@cache
def _session(_: str | None) -> boto3.session.Session:
    return boto3.session.Session()


def s3_with_faults(
    address: S3Address,
    *,
    sizes: PartSizes | None = None,
    memory: UploadMemory | None = None,
    tries: int = 1,
    read_seconds: float = 20,
) -> tuple[S3Blobs, S3Faults]:
    """A store on S3 whose calls can be counted and made to fail."""
    client = s3_client(address, session(), tries=tries, read_seconds=read_seconds)
    bucket = S3Bucket(client, client, address.bucket, address.prefix, address.encrypt)
    blobs = S3Blobs(bucket, memory or UploadMemory(1088 * 1024 * 1024), sizes)
    return blobs, S3Faults(client)


@dataclass(frozen=True, slots=True)
class _Fault:
    error: Exception | None
    wait: Callable[[], object] | None
    after: bool


class FaultyBlobs:
    """A store whose calls fail, or wait, as scripted; the others go through.

    Calls are named as the methods, a writer's and a download's too: `create`, `resume`,
    `window`, `filled`, `commit`, `suspend`, `checkpoint`, `let_go`, `open`, `read` (a piece
    of a download), `delete`, `list`, `uploads`, `abort`, `url`, `settle`, `check`. What is not
    scripted suffers what `otherwise` says for the name of the call.

    Attributes:
        calls: how often each was made.
    """

    def __init__(self, blobs: Blobs, otherwise: Callable[[str], Fault] = lambda _: passes) -> None:
        self.calls: Counter[str] = Counter()
        self._blobs = blobs
        self._otherwise = otherwise
        self._script: dict[tuple[str, int], _Fault] = {}

    def fail(
        self,
        call: str,
        error: Exception | None = None,
        *,
        number: int = 1,
        times: int = 1,
        after: bool = False,
    ) -> None:
        """Let calls `number` to `number + times - 1` (from now) fail with `error`, by
        default BlobsUnavailable; with `after` once they took effect: an unknown outcome."""
        fault = _Fault(error or BlobsUnavailable("scripted"), None, after)
        for each in range(number, number + times):
            self._script[call, self.calls[call] + each] = fault

    def slow(self, call: str, wait: Callable[[], object], *, number: int = 1) -> None:
        """Let call `number` (from now) begin when `wait` returns."""
        self._script[call, self.calls[call] + number] = _Fault(None, wait, False)

    def run(self, call: str, action: Callable[[], _T]) -> _T:
        self.calls[call] += 1
        fault = self._script.pop((call, self.calls[call]), None)
        if fault is None:
            result: _T = self._otherwise(call)(action)
            return result
        if fault.wait is not None:
            fault.wait()
        if fault.error is None:
            return action()
        if fault.after:
            action()
        raise fault.error

    def create(self, owner: str, size: int | None = None, name: str | None = None) -> Writer:
        made = lambda: _FaultyWriter(self, self._blobs.create(owner, size, name))  # noqa: E731
        return self.run("create", made)

    def resume(self, token: str, size: int | None = None) -> Writer:
        return self.run("resume", lambda: _FaultyWriter(self, self._blobs.resume(token, size)))

    def open(self, key: str, start: int = 0, length: int | None = None) -> Download:
        return self.run("open", lambda: _FaultyDownload(self, self._blobs.open(key, start, length)))

    def delete(self, keys: Sequence[str]) -> None:
        self.run("delete", lambda: self._blobs.delete(keys))

    def list(self, after: str = "", limit: int = 1000) -> BlobPage:
        return self.run("list", lambda: self._blobs.list(after, limit))

    def uploads(self, after: str = "", limit: int = 1000) -> UploadPage:
        return self.run("uploads", lambda: self._blobs.uploads(after, limit))

    def abort(self, token: str) -> None:
        self.run("abort", lambda: self._blobs.abort(token))

    def url(self, key: str, lifetime: timedelta, *, headers: dict[str, str]) -> str | None:
        return self.run("url", lambda: self._blobs.url(key, lifetime, headers=headers))

    def settle(self, key: str) -> int:
        return self.run("settle", lambda: self._blobs.settle(key))

    def check(self) -> None:
        self.run("check", self._blobs.check)

    def close(self) -> None:
        self._blobs.close()


class _FaultyWriter:
    def __init__(self, faults: FaultyBlobs, writer: Writer) -> None:
        self._faults = faults
        self._writer = writer

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
        return self._faults.run("window", self._writer.window)

    def filled(self, count: int) -> None:
        self._faults.run("filled", lambda: self._writer.filled(count))

    def commit(self) -> None:
        self._faults.run("commit", self._writer.commit)

    def suspend(self) -> str:
        return self._faults.run("suspend", self._writer.suspend)

    def checkpoint(self) -> tuple[str, int]:
        return self._faults.run("checkpoint", self._writer.checkpoint)

    def let_go(self) -> None:
        self._faults.run("let_go", self._writer.let_go)

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


class _FaultyDownload:
    """Hides the store's file, because a fault in it could not be scripted."""

    def __init__(self, faults: FaultyBlobs, download: Download) -> None:
        self._faults = faults
        self._download = download

    @property
    def size(self) -> int:
        return self._download.size

    @property
    def file(self) -> BinaryIO | None:
        return None

    def __iter__(self) -> Iterator[bytes]:
        pieces = iter(self._download)
        while (piece := self._faults.run("read", lambda: next(pieces, None))) is not None:
            yield piece

    def close(self) -> None:
        self._download.close()
