"""What is left of requests that are cut: by a death, by a client, by SIGTERM."""

import contextlib
import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from app.collection import Collection
from app.installation import Installation as Opened
from app.installation import opened
from app.settings import read_settings
from tests.durability.diary import Content
from tests.durability.installations import Installation, installed, soon
from tests.durability.machines import Ground, Machine
from tests.durability.records import look
from tests.durability.wire import TIMEOUT, begin_put, read_answer

MIB = 1024 * 1024
#: Longer than two parts of an upload to S3, so that one of them is there before the end.
LONG = Content(seed=7, size=20 * MIB)
SOON = 20.0  # seconds, on two busy cores


@pytest.fixture
def installation(ground: Ground) -> Iterator[Installation]:
    with installed(ground, ["--workers", "1"]) as found:
        yield found


@pytest.fixture
def at(installation: Installation) -> Iterator[Opened]:
    with opened(read_settings(installation.ground.variables(0))) as found:
        yield found


def test_an_upload_that_died_with_its_machine_is_nothing_but_a_leftover(
    installation: Installation, at: Opened
) -> None:
    """SIGKILL in the middle: nothing is visible, and the sweep removes what was begun."""
    (machine,) = installation.machines
    with _begun(installation, at, "a/long.bin"):
        machine.kill()
    machine.start()
    assert installation.get("a/long.bin").status == 404
    assert len(at.blobs.uploads().uploads) == 1
    assert Collection(at).run().uploads == 0, "nobody can know yet that it is abandoned"
    assert Collection(at, grace=timedelta(0)).run().uploads == 1
    assert _nothing_is_left(at)
    assert installation.put("a/long.bin", b"again").status == 201


def test_a_client_that_vanishes_leaves_nothing(installation: Installation, at: Opened) -> None:
    with _begun(installation, at, "long.bin"):
        pass
    soon(lambda: _nothing_is_left(at), "the upload is aborted")
    assert installation.get("long.bin").status == 404


def test_a_body_that_ends_early_is_refused_and_leaves_nothing(
    installation: Installation, at: Opened
) -> None:
    """Shorter than its Content-Length, or in chunks without the last one; small or large."""
    for begun in (0, 1, 9 * MIB, LONG.size - 1):
        for fields in ({"Content-Length": str(LONG.size)}, {"Transfer-Encoding": "chunked"}):
            data = LONG.bytes()[:begun]
            if "Transfer-Encoding" in fields and data:
                data = b"%x\r\n%b\r\n" % (len(data), data)
            with _sent(installation, "short.bin", fields, data) as connection:
                connection.shutdown(socket.SHUT_WR)
                assert read_answer(connection).status == 400, (begun, fields)
            assert _nothing_is_left(at), (begun, fields)
            assert installation.get("short.bin").status == 404


def test_sigterm_lets_an_upload_and_a_download_finish(installation: Installation) -> None:
    (machine,) = installation.machines
    data = LONG.bytes()
    assert installation.put("down.bin", data).status == 201
    host, port = machine.address
    request = f"GET {installation.url('down.bin')} HTTP/1.1\r\nHost: {host}:{port}\r\n"
    request += "".join(f"{name}: {value}\r\n" for name, value in installation.key.items())
    with (
        _download(machine, request) as download,
        _sent(
            installation, "up.bin", {"Content-Length": str(LONG.size)}, data[: LONG.size // 2]
        ) as upload,
    ):
        got = [download.recv(100_000)]
        machine.terminate()
        soon(lambda: not machine.listens(), "the machine stops accepting")
        time.sleep(0.5)  # the transfers are the only thing that goes on
        upload.sendall(data[LONG.size // 2 :])
        assert read_answer(upload).status == 201
        while piece := download.recv(1 << 20):
            got.append(piece)
    head, _, body = b"".join(got).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert body == data
    assert machine.wait() == 0
    machine.start()
    assert installation.get("up.bin").body == data


@contextlib.contextmanager
def _begun(installation: Installation, at: Opened, path: str) -> Iterator[None]:
    """An upload of which something is in the store already, dropped at the end of the block."""
    begun = LONG.bytes()[: 17 * MIB]
    with _sent(installation, path, {"Content-Length": str(LONG.size)}, begun):
        soon(lambda: len(at.blobs.uploads().uploads) == 1, "the upload is in the store")
        yield


@contextlib.contextmanager
def _sent(
    installation: Installation, path: str, fields: dict[str, str], begun: bytes
) -> Iterator[socket.socket]:
    address = installation.machines[0].address
    connection = begin_put(address, installation.url(path), {**installation.key, **fields}, begun)
    with connection:
        yield connection


@contextlib.contextmanager
def _download(machine: Machine, request: str) -> Iterator[socket.socket]:
    """A download whose client takes little at a time."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.settimeout(TIMEOUT)
        connection.connect(machine.address)
        connection.sendall(f"{request}\r\n".encode("latin-1"))
        yield connection


def _nothing_is_left(at: Opened) -> bool:
    found = look(at)
    assert not found.artifacts
    assert not found.blobs
    return at.blobs.uploads().uploads == () and at.blobs.list().entries == ()
