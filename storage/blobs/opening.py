"""From the setting `STRONGROOM_BLOBS` to a store: the one place that knows which there are."""

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from storage.blobs.folder import FolderBlobs
from storage.blobs.interface import Blobs
from storage.blobs.memory import MemoryBlobs
from storage.endpoints import is_endpoint

if TYPE_CHECKING:
    from storage.blobs.s3_client import S3Address

# What boto3 takes; S3 itself takes fewer, engines that are older than its rules more.
_BUCKET = re.compile(r"[a-zA-Z0-9.\-_]{1,255}")
_FORMS = "file:PATH, memory: or s3://BUCKET/PREFIX?region=…&endpoint=…&sse=off&checksums=…"


def open_blobs(url: str, data: Path, upload_memory_bytes: int) -> Blobs:
    """Open the store that `url` names.

    Args:
        url: `file:PATH` (a leading `DATA` stands for `data`), `memory:`, or
            `s3://BUCKET/PREFIX` with the options region, endpoint, sse and checksums.
        data: the folder of the installation.
        upload_memory_bytes: what the parts of all uploads of this process may hold (S3).

    Raises:
        ValueError: the URL is not one of these; the message says what to write.
        BlobsUnavailable, BlobsFull: the folder can't be made.
    """
    scheme, colon, rest = url.partition(":")
    if scheme == "file" and colon and rest:
        first, _, below = rest.partition("/")
        return FolderBlobs(data / below if first == "DATA" else Path(rest))
    if scheme == "memory" and colon and not rest:
        return MemoryBlobs()
    if scheme == "s3" and colon:
        return _open_s3(parse_s3_url(url), upload_memory_bytes)
    raise ValueError(f"STRONGROOM_BLOBS is none of {_FORMS}")


def _open_s3(address: "S3Address", upload_memory_bytes: int) -> Blobs:
    # boto3 takes a third of a second and 25 MB: only for who has S3.
    from storage.blobs.s3 import S3Blobs
    from storage.blobs.s3_bucket import S3Bucket
    from storage.blobs.s3_client import COMPLETE_SECONDS, s3_client, s3_session
    from storage.blobs.upload_memory import UploadMemory

    session = s3_session()
    client = s3_client(address, session)
    patient = s3_client(address, session, read_seconds=COMPLETE_SECONDS)
    bucket = S3Bucket(client, patient, address.bucket, address.prefix, address.encrypt)
    return S3Blobs(bucket, UploadMemory(upload_memory_bytes))


def parse_s3_url(url: str) -> "S3Address":
    """Read `s3://BUCKET/PREFIX?options`. Raises ValueError, which never shows the URL whole:
    somebody may have put a secret there."""
    from storage.blobs.s3_client import S3Address

    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise ValueError(f"STRONGROOM_BLOBS can't be read as {_FORMS}") from error
    if parts.username is not None or parts.fragment or not parts.netloc:
        raise ValueError("STRONGROOM_BLOBS is s3://BUCKET/PREFIX?…; credentials are not part of it")
    if not _BUCKET.fullmatch(parts.netloc):
        raise ValueError("STRONGROOM_BLOBS: that is no bucket's name: a-z, 0-9, - and . alone")
    options: dict[str, str] = {}
    for name, value in pairs:
        if name not in ("region", "endpoint", "sse", "checksums") or name in options:
            raise ValueError(f"STRONGROOM_BLOBS: the option {name} is unknown or there twice")
        options[name] = value
    endpoint = options.get("endpoint")
    if endpoint is not None and not is_endpoint(endpoint):
        raise ValueError("STRONGROOM_BLOBS: endpoint is a URL, http:// or https://")
    if options.get("sse", "AES256") not in ("off", "AES256"):
        raise ValueError("STRONGROOM_BLOBS: sse is off, or is left out")
    if options.get("checksums", "when_required") != "when_required":
        raise ValueError("STRONGROOM_BLOBS: checksums is when_required, or is left out")
    return S3Address(
        bucket=parts.netloc,
        prefix=unquote(parts.path).strip("/"),
        region=options.get("region"),
        endpoint=endpoint,
        encrypt=options.get("sse") != "off",
        checksums="when_required" if "checksums" in options else "when_supported",
    )
