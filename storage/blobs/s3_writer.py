"""Writing a blob to S3: one part filling, one in flight, and no byte copied in between.

The caller reads into the part's own memory, and a part is sent from there. A full part waits
until the first byte behind it is there: only then it is known that one PutObject can't do.
"""

import logging
from concurrent.futures import Executor, Future, wait
from types import TracebackType
from typing import Final, Self

from storage.blobs.interface import BlobError, UploadMemorySpent, UploadTooLarge
from storage.blobs.s3_parts import PartSizes
from storage.blobs.s3_token import Seal, UploadToken
from storage.blobs.s3_upload import S3Upload
from storage.blobs.upload_memory import RETRY_AFTER, Reservation

WINDOW_BYTES: Final = 1024 * 1024


class S3Writer:
    """A new blob on S3; see `Writer`."""

    def __init__(
        self,
        upload: S3Upload,
        sizes: PartSizes,
        part_bytes: int,
        size: int | None,
        reservation: Reservation,
        executor: Executor,
    ) -> None:
        self._upload = upload
        self._sizes = sizes
        self._part_bytes = part_bytes
        self._size = size
        self._reservation = reservation
        self._executor = executor
        self._resumed = len(upload.parts)
        self._offset = sum(part.size for part in upload.parts)
        self._buffer: bytearray | None = None  # the part that is being filled
        self._fill = 0
        self._asked = 0
        self._full: bytearray | None = None  # the part before it, not sent yet
        self._spare: bytearray | None = None  # memory that came back from a part in flight
        self._sending: Future[bytearray] | None = None
        self._open = True

    @property
    def key(self) -> str:
        return self._upload.key

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def piece_bytes(self) -> int:
        return self._part_bytes

    def window(self) -> memoryview:
        self._check_open()
        if self._buffer is not None and self._fill == len(self._buffer):
            self._full, self._buffer, self._fill = self._buffer, None, 0
            self._join()
        if self._buffer is None:
            self._buffer = self._next_buffer()
        self._asked = min(WINDOW_BYTES, len(self._buffer) - self._fill)
        return memoryview(self._buffer)[self._fill : self._fill + self._asked]

    def _next_buffer(self) -> bytearray:
        """Memory for the next part: of just what will come where that is known."""
        if self._size is not None:
            # 1 byte where nothing more should come: it is asked for to see the end.
            count = max(1, min(self._part_bytes, self._size - self._offset))
        else:
            number = len(self._upload.parts) + (self._full is not None) + 1
            grown = self._sizes.grown(self._part_bytes, number)
            if (
                grown > self._part_bytes
                and number > self._resumed + 1  # `piece_bytes` was a promise about the first
                and self._reservation.grow_to(2 * grown)
            ):
                self._part_bytes = grown
            count = self._part_bytes
        spare, self._spare = self._spare, None
        if spare is not None and len(spare) == count:
            return spare
        del spare  # before the new memory is there, so that both never are
        return bytearray(count)

    def filled(self, count: int) -> None:
        self._check_open()
        if not 0 <= count <= self._asked:
            raise ValueError("more bytes were filled in than the window holds")
        if not count:
            return
        self._asked = 0
        if self._size is not None and self._offset + count > self._size:
            self._pass_size()
        if self._full is not None:
            body, self._full = self._full, None
            if len(self._upload.parts) + 1 >= self._sizes.most_parts:
                raise UploadTooLarge(
                    f"the upload has more than {self._sizes.most_parts} parts:"
                    " send its length, and the parts will be larger"
                )
            self._sending = self._executor.submit(self._send, body)
        self._fill += count
        self._offset += count

    def _pass_size(self) -> None:
        """Go on as without a length: the hint was too low by what is in the 1-byte window."""
        if self._offset and self._full is None:
            raise UploadTooLarge("the upload was suspended as complete, and more bytes came")
        self._size = None
        self._part_bytes = max(self._part_bytes, self._sizes.part_bytes(None))
        if not self._reservation.grow_to(2 * self._part_bytes):
            raise UploadMemorySpent(RETRY_AFTER)
        head = bytearray()
        if self._full is not None and len(self._full) < self._part_bytes:
            head, self._full = self._full, None  # S3 takes a short part as the last one alone
        more = self._buffer or b""
        self._buffer, self._fill = bytearray(self._part_bytes), len(head)
        self._buffer[: len(head) + len(more)] = head + more

    def _send(self, body: bytearray) -> bytearray:
        self._upload.send(body)
        return body

    def _join(self) -> None:
        """Wait for the part in flight; its memory is free then. Raises what sending raised."""
        sending, self._sending = self._sending, None
        if sending is not None:
            self._spare = sending.result()

    def commit(self) -> None:
        self._check_open()
        if not self._offset:
            raise ValueError("an empty file has no blob")
        self._join()
        tail = self._tail()
        if tail is not None and self._upload.id is None:
            self._upload.put(tail)
        else:
            if tail is not None:
                self._upload.send(tail)
            self._upload.complete()
        self._close()

    def _tail(self) -> bytearray | None:
        """What was filled in and not sent."""
        self._spare = None
        if self._full is not None or self._buffer is None or not self._fill:
            return self._full
        if self._fill == len(self._buffer):
            return self._buffer
        return self._buffer[: self._fill]

    def suspend(self) -> str:
        """As in `Writer`; a part that is not full is given up, unless it ends the blob."""
        self._check_open()
        self._join()
        tail = self._tail()
        if tail is not None and (len(tail) == self._part_bytes or self._offset == self._size):
            self._upload.send(tail)
        token, self._offset = self.checkpoint()
        self._upload.let_go()
        self._close()
        return token

    def checkpoint(self) -> tuple[str, int]:
        """As in `Writer`; a part in flight is not waited for."""
        self._check_open()
        upload_id = self._upload.begin()
        parts = list(self._upload.parts)
        token = UploadToken(self.key, self._part_bytes, self._size, Seal.of(parts), upload_id)
        return str(token), sum(part.size for part in parts)

    def let_go(self) -> None:
        if self._open:
            self._settle()
            self._upload.let_go()
            self._close()

    def _settle(self) -> None:
        """Let nothing be under way any more, however that ends."""
        if self._sending is not None and not self._sending.cancel():
            wait([self._sending])  # what lands later would stay, or replace another's part

    def _check_open(self) -> None:
        if not self._open:
            raise ValueError("this upload is closed")

    def _close(self) -> None:
        self._open = False
        self._buffer = self._full = self._spare = None
        self._reservation.release()

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
            self._settle()
            self._upload.abort()
        except BlobError as failure:
            # Not raised: the caller leaves for a reason of its own, and the sweep comes by.
            logging.getLogger(__name__).warning("an upload was not aborted: %s", failure)
        finally:
            self._close()
