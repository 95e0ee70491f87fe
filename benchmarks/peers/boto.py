"""The least that one must do to move a body between a socket and S3: a bare boto3 script.

An upload receives bytes from a loopback socket into memory, hashes them, and sends parts of
8 MiB with their SHA-256; a download reads an object and sends its bytes to the socket. As a
program, `python -m benchmarks.peers.boto upload|download BUCKET NAME URL BYTES CHECKSUMS`,
it prints `port N`, serves one transfer, and prints the processor time that it took.
"""

import hashlib
import os
import resource
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from benchmarks.processes import BenchmarkFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PART_BYTES = 8 * 2**20
_PIECE_BYTES = 2**20


def processor_seconds(
    task: str, bucket: str, name: str, url: str, count: int, environment: Mapping[str, str]
) -> float:
    """Run the script for one transfer of `count` bytes, and move them over its socket.

    Returns:
        The processor time that the script spent on it, its start left out.
    """
    command = [sys.executable, "-m", "benchmarks.peers.boto", task, bucket, name, url, str(count)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline().removeprefix("port "))
        with socket.create_connection(("127.0.0.1", port)) as connection:
            moved = _send(connection, count) if task == "upload" else _receive(connection)
        last = process.stdout.readline()
    if process.returncode != 0 or moved != count:
        raise BenchmarkFailed(f"{command}: {process.returncode}, {moved} of {count} bytes")
    return float(last)


def _send(connection: socket.socket, count: int) -> int:
    block = os.urandom(_PIECE_BYTES)
    sent = 0
    while sent < count:
        piece = block[: count - sent]
        connection.sendall(piece)
        sent += len(piece)
    return sent


def _receive(connection: socket.socket) -> int:
    received = 0
    view = memoryview(bytearray(_PIECE_BYTES))
    while count := connection.recv_into(view):
        received += count
    return received


def main() -> None:
    """Serve one transfer; see the module."""
    task, bucket, name, url, size = sys.argv[1:]
    config = Config(
        s3={"addressing_style": "path", "payload_signing_enabled": False},
        request_checksum_calculation="when_supported",
    )
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=config)
    client.head_bucket(Bucket=bucket)  # what a client loads and makes at its first call
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"port {listener.getsockname()[1]}", flush=True)
        connection, _ = listener.accept()
    before = _spent()
    with connection:
        if task == "upload":
            _upload(client, bucket, name, connection, int(size))
        else:
            _download(client, bucket, name, connection)
    print(_spent() - before, flush=True)


def _upload(
    client: "S3Client", bucket: str, name: str, connection: socket.socket, size: int
) -> None:
    upload = client.create_multipart_upload(Bucket=bucket, Key=name, ChecksumAlgorithm="SHA256")
    whole = hashlib.sha256()
    parts = []
    buffer = bytearray(PART_BYTES)
    for number in range(1, -(-size // PART_BYTES) + 1):
        view = memoryview(buffer)[: min(PART_BYTES, size - (number - 1) * PART_BYTES)]
        filled = 0
        while filled < len(view):
            filled += connection.recv_into(view[filled:])
        whole.update(view)
        checksum = b64encode(hashlib.sha256(view).digest()).decode()
        answer = client.upload_part(
            Bucket=bucket,
            Key=name,
            UploadId=upload["UploadId"],
            PartNumber=number,
            Body=bytes(view) if len(view) < PART_BYTES else buffer,  # type: ignore[arg-type]
            ChecksumSHA256=checksum,
        )
        parts.append({"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": checksum})
    client.complete_multipart_upload(
        Bucket=bucket,
        Key=name,
        UploadId=upload["UploadId"],
        MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]
    )


def _download(client: "S3Client", bucket: str, name: str, connection: socket.socket) -> None:
    body = client.get_object(Bucket=bucket, Key=name)["Body"]
    while piece := body.read(_PIECE_BYTES):
        connection.sendall(piece)


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
