"""The calls that are made of S3, each one method and one request; the boundary to boto3.

Every write asks for encryption at rest, and carries the SHA-256 of its bytes for S3 to
verify. It is a signed header, so the bytes are not hashed a second time for the signature.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from storage.blobs.interface import BlobsUnavailable
from storage.blobs.s3_errors import s3_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, GetObjectOutputTypeDef


@dataclass(frozen=True, slots=True)
class Part:
    """A part as S3 confirmed it; the checksum is None where the engine does not list it."""

    number: int
    etag: str
    checksum: str | None
    size: int


@dataclass(frozen=True, slots=True)
class Listed:
    """An object or an unfinished upload (then with its id) under the prefix."""

    name: str
    size: int
    time: datetime
    upload_id: str = ""


def checksum_of(body: bytearray) -> str:
    """The SHA-256 of a part as S3 wants it: base64."""
    return b64encode(sha256(body).digest()).decode("ascii")


class S3Bucket:
    """One bucket under one prefix; names below are relative to it. Safe for threads."""

    def __init__(
        self, client: "S3Client", patient: "S3Client", bucket: str, prefix: str, encrypt: bool
    ) -> None:
        """`patient` is a client that waits long for an answer: for Complete alone."""
        self._client = client
        self._patient = patient
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        # Any: boto3's stubs take the literal "AES256" for each call by itself.
        self._encryption: dict[str, Any] = {"ServerSideEncryption": "AES256"} if encrypt else {}

    def put(self, name: str, body: bytearray, checksum: str) -> None:
        with s3_errors():
            self._client.put_object(
                Bucket=self._bucket,
                Key=self._prefix + name,
                Body=cast(bytes, body),  # boto3 sends a bytearray as it is, uncopied
                ChecksumSHA256=checksum,
                **self._encryption,
            )

    def begin(self, name: str) -> str:
        """Begin a multipart upload and give its id."""
        with s3_errors():
            return self._client.create_multipart_upload(
                Bucket=self._bucket,
                Key=self._prefix + name,
                ChecksumAlgorithm="SHA256",
                **self._encryption,
            )["UploadId"]

    def put_part(
        self, name: str, upload_id: str, number: int, body: bytearray, checksum: str
    ) -> Part:
        with s3_errors():
            answer = self._client.upload_part(
                Bucket=self._bucket,
                Key=self._prefix + name,
                UploadId=upload_id,
                PartNumber=number,
                Body=cast(bytes, body),
                ChecksumSHA256=checksum,
            )
        return Part(number, answer["ETag"], checksum, len(body))

    def complete(self, name: str, upload_id: str, parts: Sequence[Part]) -> None:
        listed: list[CompletedPartTypeDef] = []
        for part in parts:
            entry: CompletedPartTypeDef = {"PartNumber": part.number, "ETag": part.etag}
            if part.checksum is not None:
                entry["ChecksumSHA256"] = part.checksum
            listed.append(entry)
        with s3_errors():
            self._patient.complete_multipart_upload(
                Bucket=self._bucket,
                Key=self._prefix + name,
                UploadId=upload_id,
                MultipartUpload={"Parts": listed},
            )

    def abort(self, name: str, upload_id: str) -> None:
        with s3_errors():
            self._client.abort_multipart_upload(
                Bucket=self._bucket, Key=self._prefix + name, UploadId=upload_id
            )

    def parts(self, name: str, upload_id: str) -> list[Part]:
        """The parts that are there, in order: one call for each started thousand."""
        found: list[Part] = []
        more = True
        while more:
            with s3_errors():
                answer = self._client.list_parts(
                    Bucket=self._bucket,
                    Key=self._prefix + name,
                    UploadId=upload_id,
                    PartNumberMarker=found[-1].number if found else 0,
                )
            for part in answer.get("Parts", []):
                checksum = part.get("ChecksumSHA256")
                found.append(Part(part["PartNumber"], part["ETag"], checksum, part["Size"]))
            more = answer.get("IsTruncated", False) and bool(answer.get("Parts"))
        return found

    def size(self, name: str) -> int:
        with s3_errors():
            return self._client.head_object(Bucket=self._bucket, Key=self._prefix + name)[
                "ContentLength"
            ]

    def get(self, name: str, byte_range: str | None) -> "GetObjectOutputTypeDef":
        with s3_errors():
            if byte_range is None:
                return self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            return self._client.get_object(
                Bucket=self._bucket, Key=self._prefix + name, Range=byte_range
            )

    def delete(self, names: Sequence[str]) -> None:
        """Delete up to 1,000 objects."""
        with s3_errors():
            if len(names) == 1:
                self._client.delete_object(Bucket=self._bucket, Key=self._prefix + names[0])
                return
            answer = self._client.delete_objects(
                Bucket=self._bucket,
                Delete={"Objects": [{"Key": self._prefix + name} for name in names], "Quiet": True},
            )
        if refused := answer.get("Errors"):
            code = refused[0].get("Code", "unknown")
            raise BlobsUnavailable(f"S3 did not delete {len(refused)} objects ({code})")

    def objects(self, after: str, limit: int) -> tuple[list[Listed], str | None]:
        """Objects behind the name `after`, and the name to go on behind."""
        with s3_errors():
            answer = self._client.list_objects_v2(
                Bucket=self._bucket,
                Prefix=self._prefix,
                StartAfter=self._prefix + after,
                MaxKeys=limit,
            )
        found = [
            Listed(self._relative(entry["Key"]), entry["Size"], entry["LastModified"])
            for entry in answer.get("Contents", [])
        ]
        more = answer.get("IsTruncated", False) and bool(found)
        return found, found[-1].name if more else None

    def uploads(self, after: str, limit: int) -> tuple[list[Listed], str | None]:
        """Unfinished uploads of names behind `after`, and the name to go on behind.

        Two uploads of one name, which a repeated call can begin, may be cut apart by the end
        of a page: the second is then listed once the first is gone.
        """
        with s3_errors():
            answer = self._client.list_multipart_uploads(
                Bucket=self._bucket,
                Prefix=self._prefix,
                KeyMarker=self._prefix + after if after else "",
                MaxUploads=limit,
            )
        found = [
            Listed(self._relative(entry["Key"]), 0, entry["Initiated"], entry["UploadId"])
            for entry in answer.get("Uploads", [])
        ]
        more = answer.get("IsTruncated", False) and bool(found)
        return found, found[-1].name if more else None

    def presign(self, name: str, seconds: int, headers: dict[str, str]) -> str:
        """A URL for a GET; `headers` are S3's `response-*` parameters by boto3's names."""
        with s3_errors():
            return self._client.generate_presigned_url(
                "get_object",
                Params={"Bucket": self._bucket, "Key": self._prefix + name, **headers},
                ExpiresIn=seconds,
            )

    def check(self) -> None:
        with s3_errors():
            self._client.head_bucket(Bucket=self._bucket)

    def close(self) -> None:
        self._client.close()
        self._patient.close()

    def _relative(self, name: str) -> str:
        return name.removeprefix(self._prefix)
