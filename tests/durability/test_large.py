"""Large files: in and out as a stream, resumed once, within the memory of a small one."""

import http.client
import logging
import random
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

import pytest

from tests.durability.installations import Installation, installed
from tests.durability.machines import Ground
from tests.durability.wire import Address, send

_log = logging.getLogger(__name__)

MIB = 1024 * 1024
#: What gunicorn.conf.py states for a process, with what an upload to S3 reserves beside.
BUDGET_BYTES = 400 * MIB


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes that are made when they are wanted: no two megabytes of them are the same."""

    size: int

    def blocks(self, start: int = 0) -> Iterator[bytes]:
        """The bytes from `start` on, in blocks of up to 1 MiB."""
        base = random.Random(5).randbytes(MIB)
        position = start
        while position < self.size:
            number, within = divmod(position, MIB)
            block = number.to_bytes(8, "big") + base[8:]
            piece = block[within : within + self.size - position]
            yield piece
            position += len(piece)


def test_a_hundred_megabytes_go_in_and_out(ground: Ground) -> None:
    _in_and_out(ground, 100 * MIB + 12_345)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_five_gigabytes_go_in_and_out(embedded: Ground) -> None:
    _in_and_out(embedded, 5 * 1024 * MIB + 1)


def _in_and_out(ground: Ground, size: int) -> None:
    stream = Stream(size)
    digest = sha256()
    with installed(ground, ["--workers", "1"]) as installation:
        (machine,) = installation.machines
        before = machine.peak_bytes()

        def body() -> Iterator[bytes]:
            for block in stream.blocks():
                digest.update(block)
                yield block

        connection = http.client.HTTPConnection(*machine.address, timeout=120)
        fields = {**installation.key, "Content-Length": str(size)}
        answer = send(connection, "PUT", installation.url("large.bin"), fields, body())
        connection.close()
        assert answer.status == 201, answer
        broken_at = random.SystemRandom().randrange(size)
        _read(installation, machine.address, stream, 0, broken_at, answer.fields["etag"])
        _read(installation, machine.address, stream, broken_at, size, answer.fields["etag"])
        assert f'"sha256:{digest.hexdigest()}"' == answer.fields["etag"]
        peak = machine.peak_bytes()
        _log.info("%s: peak %d MiB, %d before", ground.name, peak // MIB, before // MIB)
        assert peak < BUDGET_BYTES, f"{peak / MIB:.0f} MiB, {before / MIB:.0f} before"
        assert machine.stop() == 0
        assert machine.faults() == []


def _read(
    installation: Installation, address: Address, stream: Stream, start: int, end: int, etag: str
) -> None:
    """Read from `start`, compare, and break off at `end`, unless that is the file's."""
    connection = http.client.HTTPConnection(*address, timeout=120)
    fields = {**installation.key, "Range": f"bytes={start}-", "If-Range": etag}
    connection.request("GET", installation.url("large.bin"), headers=fields)
    response = connection.getresponse()
    assert response.status == 206
    assert response.headers["Content-Range"] == f"bytes {start}-{stream.size - 1}/{stream.size}"
    position = start
    for block in stream.blocks(start):
        piece = response.read(min(len(block), end - position))
        assert piece == block[: len(piece)], f"other bytes at {position}"
        position += len(piece)
        if position == end:
            break
    assert position == end
    if end == stream.size:
        assert response.read(1) == b""
    response.close()
    connection.close()
