"""The boto3 client as this service needs it: bounded in time, in tries and in connections."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import boto3.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

#: For a connection, and for each wait on one. With the tries below a call that hangs fails
#: within half a minute, and with the abort behind it within the minute that an answer may take.
_CONNECT_SECONDS: Final = 3
_READ_SECONDS: Final = 9

#: What a Complete may take until its answer begins: S3 promises "several minutes" at most,
#: and engines that then put the parts together took 33 s for 4 GiB on a busy machine.
COMPLETE_SECONDS: Final = 300

#: One call and two repetitions, up to 1 and 2 s later with jitter (boto3's "standard"
#: mode): what they do not mend is answered with 503.
_TRIES: Final = 3

#: Kept for reuse: request threads that download, and threads that send parts.
_CONNECTIONS: Final = 256


@dataclass(frozen=True, slots=True)
class S3Address:
    """Where S3 is, and how it differs from Amazon's.

    Attributes:
        checksums: `when_required` is for engines without Amazon's checksums: boto3 adds none
            by itself, and the signature covers the bytes, which such engines do verify.
    """

    bucket: str
    prefix: str = ""
    region: str | None = None
    endpoint: str | None = None
    encrypt: bool = True
    checksums: Literal["when_supported", "when_required"] = "when_supported"


def s3_session() -> boto3.session.Session:
    """What clients share. Raises ValueError where the environment names no profile of boto3."""
    try:
        return boto3.session.Session()
    except BotoCoreError as error:
        raise ValueError(f"STRONGROOM_BLOBS is S3, which can't be called: {error}") from error


def s3_client(
    address: S3Address,
    session: boto3.session.Session,
    *,
    tries: int = _TRIES,
    read_seconds: float = _READ_SECONDS,
) -> "S3Client":
    """Make a client; credentials come from where boto3 looks for them. Clients of one session
    share what boto3 reads from disk for the first, which takes it a tenth of a second.

    Raises:
        ValueError: boto3 can't make one of this address; the message says why.
    """
    config = Config(
        signature_version="s3v4",
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=read_seconds,
        retries={"mode": "standard", "total_max_attempts": tries},
        max_pool_connections=_CONNECTIONS,
        tcp_keepalive=True,
        request_checksum_calculation=address.checksums,
        response_checksum_validation=address.checksums,
        s3={
            "addressing_style": "path" if address.endpoint else "auto",
            # Each write has its SHA-256 in a signed header: the bytes are hashed once.
            "payload_signing_enabled": address.checksums == "when_required",
        },
    )
    region = address.region or ("us-east-1" if address.endpoint else None)
    try:
        return session.client(
            "s3", region_name=region, endpoint_url=address.endpoint, config=config
        )
    except (BotoCoreError, ValueError) as error:
        raise ValueError(f"STRONGROOM_BLOBS names no S3 that can be called: {error}") from error
