"""Blobs on S3: `PREFIX/OWNER/RANDOM`; bytes go in by parts and out as a stream.

Memory is bounded by reservation, never by hope; see `upload_memory` and `s3_parts`.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from storage.blobs.interface import (
    BlobCorrupt,
    BlobEntry,
    BlobMissing,
    BlobPage,
    OpenFile,
    Upload,
    UploadPage,
)
from storage.blobs.keys import check_range, is_key, new_key, parse_key
from storage.blobs.s3_bucket import S3Bucket
from storage.blobs.s3_errors import s3_errors
from storage.blobs.s3_parts import PartSizes
from storage.blobs.s3_token import UploadToken
from storage.blobs.s3_upload import LiveUploads, S3Upload
from storage.blobs.s3_writer import S3Writer
from storage.blobs.upload_memory import UploadMemory
from storage.pools import pool

if TYPE_CHECKING:
    from botocore.response import StreamingBody

_PIECE_BYTES: Final = 1024 * 1024

#: S3 deletes and lists so many at once.
_MOST_AT_ONCE: Final = 1000

#: Parts in flight at the same time in a process; an upload has one at most.
_SENDING_THREADS: Final = 64

_LONGEST_URL: Final = timedelta(seconds=60)

#: What a presigned GET can set ("GetObject", request parameters `response-*`).
_RESPONSE_HEADERS: Final = {
    "cache-control": "ResponseCacheControl",
    "content-disposition": "ResponseContentDisposition",
    "content-encoding": "ResponseContentEncoding",
    "content-language": "ResponseContentLanguage",
    "content-type": "ResponseContentType",
    "expires": "ResponseExpires",
}


class S3Download:
    """The body of a GetObject, counted."""

    def __init__(self, body: "StreamingBody", size: int) -> None:
        self._body = body
        self._size = size

    @property
    def size(self) -> int:
        return self._size

    @property
    def file(self) -> OpenFile | None:
        return None

    def __iter__(self) -> Iterator[bytes]:
        left = self._size
        while left:
            with s3_errors():
                piece = self._body.read(min(left, _PIECE_BYTES))
                left -= len(piece)
                if not left:
                    # boto3 compares the checksum at the end: before the last piece goes out,
                    # so that who gets wrong bytes sees a body that is cut.
                    self._body.read(1)
            if not piece:
                raise BlobCorrupt("S3 sent fewer bytes than it announced")
            yield piece

    def close(self) -> None:
        self._body.close()


class S3Blobs:
    """The store on S3; see `Blobs`."""

    def __init__(
        self,
        bucket: S3Bucket,
        memory: UploadMemory,
        sizes: PartSizes | None = None,
        threads: int = _SENDING_THREADS,
    ) -> None:
        self._bucket = bucket
        self._memory = memory
        self._sizes = sizes or PartSizes()
        self._live = LiveUploads()
        self._executor = pool(threads, "s3-part")

    def create(self, owner: str, size: int | None = None, name: str | None = None) -> S3Writer:
        """As in `Blobs`; makes no call, and so knows of no other writer of that name."""
        upload = S3Upload(self._bucket, self._live, new_key(owner, name))
        return self._writer(upload, self._sizes.part_bytes(size), size)

    def resume(self, token: str, size: int | None = None) -> S3Writer:
        """As in `Blobs`; asks S3 for the parts. A writer of another process is not seen:
        the one that goes on or completes with parts that are not its own is refused."""
        taken = UploadToken.parse(token)
        upload = S3Upload(self._bucket, self._live, taken.key)
        upload.take_up(taken.upload_id, taken.seal)
        try:
            part_bytes = taken.part_bytes
            if size is None:
                size = taken.size
            elif taken.size is None:
                sent = [part.size for part in upload.parts]
                part_bytes = self._sizes.part_bytes_behind(sent, part_bytes, size)
            return self._writer(upload, part_bytes, size)
        except BaseException:
            upload.let_go()
            raise

    def _writer(self, upload: S3Upload, part_bytes: int, size: int | None) -> S3Writer:
        rest = None if size is None else size - sum(part.size for part in upload.parts)
        count = self._sizes.reservation_bytes(rest, part_bytes)
        reservation = self._memory.reserve(count)
        return S3Writer(upload, self._sizes, part_bytes, size, reservation, self._executor)

    def open(self, key: str, start: int = 0, length: int | None = None) -> S3Download:
        check_range(start, length)
        parse_key(key)
        wanted = None
        if start or length is not None:
            wanted = f"bytes={start}-{'' if length is None else start + length - 1}"
        answer = self._bucket.get(key, wanted)
        if wanted is not None and not answer.get("ContentRange", "").startswith(f"bytes {start}-"):
            answer["Body"].close()
            raise BlobCorrupt("S3 did not answer with the range that was asked for")
        download = S3Download(answer["Body"], answer["ContentLength"])
        if length is not None and download.size != length:
            download.close()
            raise BlobCorrupt("the range does not lie within the blob")
        return download

    def delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            parse_key(key)
        for first in range(0, len(keys), _MOST_AT_ONCE):
            self._bucket.delete(keys[first : first + _MOST_AT_ONCE])

    def list(self, after: str = "", limit: int = 1000) -> BlobPage:
        found, more = self._bucket.objects(after, min(limit, _MOST_AT_ONCE))
        keys = (each for each in found if is_key(each.name))
        entries = tuple(BlobEntry(each.name, each.size, each.time) for each in keys)
        return BlobPage(entries, more)

    def uploads(self, after: str = "", limit: int = 1000) -> UploadPage:
        """As in `Blobs`; a token of a listing resumes as an upload without a length."""
        found, more = self._bucket.uploads(after, min(limit, _MOST_AT_ONCE))
        unit = self._sizes.part_bytes(None)
        uploads = (
            (UploadToken(each.name, unit, None, None, each.upload_id), each.time)
            for each in found
            if is_key(each.name)
        )
        return UploadPage(
            tuple(Upload(str(token), token.key, started) for token, started in uploads), more
        )

    def abort(self, token: str) -> None:
        taken = UploadToken.parse(token)
        self._live.hold(taken.upload_id)
        try:
            self._bucket.abort(taken.key, taken.upload_id)
        except BlobMissing:
            return
        finally:
            self._live.let_go(taken.upload_id)

    def url(self, key: str, lifetime: timedelta, *, headers: dict[str, str]) -> str:
        """As in `Blobs`. Raises ValueError for a lifetime over 60 s, or a header that S3
        can't be made to answer with."""
        parse_key(key)
        if not timedelta(seconds=1) <= lifetime <= _LONGEST_URL:
            raise ValueError("a presigned URL lives 1 to 60 seconds")
        try:
            parameters = {_RESPONSE_HEADERS[name.lower()]: text for name, text in headers.items()}
        except KeyError as error:
            raise ValueError(f"S3 can't set the response header {error}") from error
        return self._bucket.presign(key, int(lifetime.total_seconds()), parameters)

    def settle(self, key: str) -> int:
        parse_key(key)
        return self._bucket.size(key)

    def check(self) -> None:
        self._bucket.check()

    def close(self) -> None:
        self._executor.shutdown(cancel_futures=True)
        self._bucket.close()
