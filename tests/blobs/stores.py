"""The stores that the suite runs against, as values that another process can open too."""

import json
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from storage.blobs import BlobMissing, Blobs, Writer
from storage.blobs.folder import FolderBlobs
from storage.blobs.memory import MemoryBlobs
from storage.blobs.opening import parse_s3_url
from storage.blobs.s3 import S3Blobs
from storage.blobs.s3_bucket import S3Bucket
from storage.blobs.s3_client import S3Address, s3_client
from storage.blobs.s3_parts import MIB, PartSizes
from storage.blobs.upload_memory import UploadMemory
from tests.faults.blobs import session
from tests.parts import ROOT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: The least that S3 takes as a part that is not the last: tests move as few bytes as that.
PART_BYTES = 5 * MIB

#: By name, what `conftest.place` makes; "endpoint" is any S3, by its address.
PLACES = ["folder", "memory", "moto", "s3"]
if os.environ.get("STRONGROOM_TEST_S3_URL"):
    PLACES.append("endpoint")

#: Those where another process finds the same blobs.
SHARED_PLACES = [name for name in PLACES if name != "memory"]

SIZES = PartSizes(unit_bytes=PART_BYTES, grown_bytes=2 * PART_BYTES)


@dataclass(frozen=True, slots=True)
class Place:
    """A store by its URL, empty when it is handed out.

    Attributes:
        real: not moto, which lists uploads all at once, in no order, with a fixed time.
    """

    url: str
    real: bool = True

    @property
    def on_s3(self) -> bool:
        return self.url.startswith("s3:")

    def open(self) -> Blobs:
        """A new store object on the same place, as another process has it."""
        if self.on_s3:
            address = parse_s3_url(self.url)
            client = _client(replace(address, prefix=""))
            bucket = S3Bucket(client, client, address.bucket, address.prefix, address.encrypt)
            return S3Blobs(bucket, UploadMemory(1088 * MIB), SIZES)
        return MemoryBlobs() if self.url == "memory:" else FolderBlobs(Path(self.url[5:]))

    def child(self, action: str, *words: str) -> tuple[list[str], dict[str, str]]:
        """The command and environment of a process that does `action` (see `child`) here."""
        command = [sys.executable, "-m", "tests.blobs.child", json.dumps(asdict(self)), action]
        return [*command, *words], {**os.environ, "PYTHONPATH": str(ROOT)}


@cache
def _client(address: S3Address) -> "S3Client":
    """One for a process: a client takes a tenth of a second to make."""
    return s3_client(address, session(), tries=1, read_seconds=20)


def bytes_of(size: int, seed: int = 0) -> bytes:
    """Bytes without a pattern that a swapped or repeated window could hide in."""
    return random.Random(seed).randbytes(size)


def write(writer: Writer, data: bytes) -> None:
    """Fill `data` in as a request's body comes: until the end, which is seen in a window."""
    write_only(writer, data)
    writer.window()
    writer.filled(0)


def write_only(writer: Writer, data: bytes) -> None:
    """Fill `data` in without asking for the window that would show the end."""
    view = memoryview(data)
    while view:
        window = writer.window()
        count = min(len(window), len(view))
        window[:count] = view[:count]
        writer.filled(count)
        view = view[count:]


def store(blobs: Blobs, data: bytes, owner: str = "acme", size: int | None = None) -> str:
    with blobs.create(owner, size) as writer:
        write(writer, data)
        writer.commit()
    return writer.key


def read(blobs: Blobs, key: str, start: int = 0, length: int | None = None) -> bytes:
    download = blobs.open(key, start, length)
    try:
        data = b"".join(download)
        assert len(data) == download.size
        return data
    finally:
        download.close()


def missing(blobs: Blobs, key: str) -> bool:
    try:
        blobs.open(key).close()
    except BlobMissing:
        return True
    return False


@contextmanager
def nothing_left(blobs: Blobs) -> Iterator[None]:
    """The block leaves no blob and no unfinished upload behind."""
    yield
    assert blobs.list().entries == ()
    assert blobs.uploads().uploads == ()
