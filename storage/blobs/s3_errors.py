"""S3's errors by their meaning, in one place.

What S3 does not say to be missing or wrong is "away": a refused credential or an unknown
code must never look like a file that is not there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)
from botocore.exceptions import FlexibleChecksumError as ChecksumMismatch
from urllib3.exceptions import HTTPError

from storage.blobs.interface import (
    BlobCorrupt,
    BlobError,
    BlobMissing,
    BlobsFull,
    BlobsUnavailable,
    UploadTooLarge,
)

#: From "Error responses" in the Amazon S3 API reference; "404" is what HEAD can say.
_MISSING: Final = frozenset({"NoSuchKey", "NoSuchUpload", "NoSuchVersion", "404"})
_CORRUPT: Final = frozenset(
    {
        "BadDigest",
        "InvalidDigest",
        "InvalidPart",
        "InvalidPartOrder",
        "InvalidRange",
        "XAmzContentChecksumMismatch",
        "XAmzContentSHA256Mismatch",
    }
)
#: The last two are what compatible engines say; status 507 means the same.
_FULL: Final = frozenset({"InsufficientStorage", "QuotaExceeded", "XMinioStorageFull"})


@contextmanager
def s3_errors() -> Iterator[None]:
    """Translate every error of boto3 in the block to an error of this layer."""
    try:
        yield
    except ClientError as error:
        raise _answered(error) from error
    except ParamValidationError:
        raise  # a fault in this program
    except ChecksumMismatch as error:
        raise BlobCorrupt("S3 returned bytes that do not match their checksum") from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise BlobsUnavailable(
            "STRONGROOM_BLOBS is S3, and there are no credentials for it: set AWS_ACCESS_KEY_ID "
            "and AWS_SECRET_ACCESS_KEY, or give the machine a role"
        ) from error
    except (BotoCoreError, HTTPError) as error:
        raise BlobsUnavailable(f"S3 gave no answer ({type(error).__name__})") from error


def _answered(error: ClientError) -> BlobError:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _MISSING:
        return BlobMissing(f"S3 has no such object ({code})")
    if code in _CORRUPT:
        return BlobCorrupt(f"S3 refused the bytes ({code})")
    if code == "EntityTooLarge":
        return UploadTooLarge("S3 takes no object of that size")
    if code in _FULL or status == 507:
        return BlobsFull(f"S3 has no room left ({code})")
    return BlobsUnavailable(f"S3 refused the call ({code or status})")
