"""A download from an S3 that misbehaves: never silently short, never wrong to its end."""

import socket
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import pytest

from storage.blobs import BlobCorrupt, BlobError, BlobsUnavailable
from storage.blobs.s3 import S3Blobs
from storage.blobs.s3_client import S3Address
from tests.blobs.stores import bytes_of
from tests.faults.blobs import s3_with_faults

KEY = "acme/" + "0" * 32
DATA = bytes_of(3 * 1024 * 1024)


@contextmanager
def answering(head: str, body: bytes) -> Iterator[S3Blobs]:
    """A store whose S3 answers every request so, and closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(head.replace("\n", "\r\n").encode() + body)

        thread = threading.Thread(target=serve)
        thread.start()
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        blobs, _ = s3_with_faults(S3Address("blobs", endpoint=endpoint), read_seconds=0.3)
        try:
            yield blobs
        finally:
            blobs.close()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@pytest.fixture(autouse=True)
def _credentials(credentials: None) -> None:
    """boto3 signs with something."""


def received(blobs: S3Blobs, start: int = 0, length: int | None = None) -> bytes:
    """What came before the error that must come."""
    data = b""
    with pytest.raises(BlobError) as raised:
        download = blobs.open(KEY, start, length)
        try:
            for piece in download:
                data += piece
        finally:
            download.close()
    assert isinstance(raised.value, BlobsUnavailable | BlobCorrupt)
    return data


@pytest.mark.parametrize("count", [0, 1, 1024 * 1024, len(DATA) - 1])
def test_a_body_that_is_cut_is_an_error(count: int) -> None:
    head = f"HTTP/1.1 200 OK\nContent-Length: {len(DATA)}\n\n"
    with answering(head, DATA[:count]) as blobs:
        assert len(received(blobs)) <= count


def test_bytes_that_do_not_match_their_checksum_never_come_whole() -> None:
    checksum = b64encode(sha256(b"other").digest()).decode()
    head = f"HTTP/1.1 200 OK\nContent-Length: {len(DATA)}\nx-amz-checksum-sha256: {checksum}\n\n"
    with answering(head, DATA) as blobs:
        assert len(received(blobs)) < len(DATA)


@pytest.mark.parametrize(
    "head",
    [
        "HTTP/1.1 200 OK\nContent-Length: 10\n\n",
        "HTTP/1.1 206 Partial Content\nContent-Length: 10\nContent-Range: bytes 0-9/20\n\n",
        "HTTP/1.1 206 Partial Content\nContent-Length: 9\nContent-Range: bytes 5-13/14\n\n",
    ],
    ids=["range ignored", "another range", "a shorter range"],
)
def test_an_engine_that_answers_with_another_range_is_not_believed(head: str) -> None:
    with answering(head, b"0123456789") as blobs:
        assert received(blobs, 5, 10) == b""


def test_a_body_that_stalls_is_an_error() -> None:
    """S3 keeps the connection, and sends no more."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        blobs, _ = s3_with_faults(S3Address("blobs", endpoint=endpoint), read_seconds=0.3)
        held = []

        def serve() -> None:
            connection, _ = listener.accept()
            held.append(connection)
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")

        thread = threading.Thread(target=serve)
        thread.start()
        received(blobs)
        thread.join()
        held[0].close()
        blobs.close()


def test_an_s3_that_does_not_listen_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    blobs, _ = s3_with_faults(S3Address("blobs", endpoint=f"http://127.0.0.1:{port}"))
    for call in (lambda: blobs.open(KEY), blobs.check, blobs.list):
        with pytest.raises(BlobsUnavailable):
            call()
    blobs.close()
