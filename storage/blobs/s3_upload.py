"""The state of one blob on its way to S3: what was begun, which parts are there, how it ends.

Two rules live here: an outcome that is not known is decided by looking, since nobody else
writes the key; and what was begun is dropped, unless it was completed or suspended.
"""

from threading import Lock

from storage.blobs.interface import (
    BlobCorrupt,
    BlobError,
    BlobMissing,
    BlobsUnavailable,
    UploadBusy,
)
from storage.blobs.s3_bucket import Part, S3Bucket, checksum_of
from storage.blobs.s3_token import Seal


class LiveUploads:
    """The uploads that a writer of this process holds; S3 itself knows no such thing."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._lock = Lock()

    def hold(self, upload_id: str) -> None:
        """Raises UploadBusy."""
        with self._lock:
            if upload_id in self._ids:
                raise UploadBusy("another writer holds this upload")
            self._ids.add(upload_id)

    def let_go(self, upload_id: str) -> None:
        with self._lock:
            self._ids.discard(upload_id)


class S3Upload:
    """What S3 knows of one blob being written: an upload once there is one, and its parts."""

    def __init__(self, bucket: S3Bucket, live: LiveUploads, key: str) -> None:
        self._bucket = bucket
        self._live = live
        self.key = key
        self.id: str | None = None
        self.parts: list[Part] = []

    def take_up(self, upload_id: str, seal: Seal | None) -> None:
        """Go on with an upload that was begun before, behind the parts of `seal`.

        Raises BlobMissing, UploadBusy, BlobCorrupt.
        """
        self._live.hold(upload_id)
        self.id = upload_id
        try:
            found = self._bucket.parts(self.key, upload_id)
            self.parts = found if seal is None else seal.opened(found)
            if [part.number for part in self.parts] != list(range(1, len(self.parts) + 1)):
                raise BlobCorrupt("the parts of the upload have a gap")
        except BaseException:
            self.let_go()
            raise

    def begin(self) -> str:
        if self.id is None:
            upload_id = self._bucket.begin(self.key)
            self._live.hold(upload_id)
            self.id = upload_id
        return self.id

    def send(self, body: bytearray) -> None:
        """Send the next part; begins the upload with the first."""
        upload_id, number = self.begin(), len(self.parts) + 1
        checksum = checksum_of(body)
        self.parts.append(self._bucket.put_part(self.key, upload_id, number, body, checksum))

    def put(self, body: bytearray) -> None:
        """Store the whole blob with one call."""
        try:
            self._bucket.put(self.key, body, checksum_of(body))
        except BlobsUnavailable as error:
            self._look(len(body), error)

    def complete(self) -> None:
        """Make the blob of the parts."""
        try:
            self._bucket.complete(self.key, self.begin(), self.parts)
        except (BlobsUnavailable, BlobMissing) as error:
            # Missing: the answer to an earlier try was lost, and boto3 asked again.
            self._look(sum(part.size for part in self.parts), error)
        self.let_go()

    def _look(self, size: int, error: BlobError) -> None:
        """Decide an unknown outcome: nobody else writes this key, so it is there or not."""
        try:
            found = self._bucket.size(self.key)
        except BlobMissing:
            raise BlobsUnavailable("S3 did not store the blob") from error
        if found != size:
            raise BlobCorrupt("S3 stored another number of bytes than were sent") from error

    def abort(self) -> None:
        """Drop what was begun; the sweep takes what S3 does not let go of now."""
        if self.id is None:
            return
        try:
            self._bucket.abort(self.key, self.id)
        except BlobMissing:
            return  # it was never there, or is completed, unreferenced, and collected
        finally:
            self.let_go()

    def let_go(self) -> None:
        if self.id is not None:
            self._live.let_go(self.id)
