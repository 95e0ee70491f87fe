"""A full disk: 507 and nothing visible, and the service goes on once there is room."""

import http.client
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from app.collection import Collection
from app.installation import opened
from app.settings import read_settings
from tests.durability.installations import Installation, installed
from tests.durability.machines import Ground
from tests.durability.records import look, wrong_blobs, wrong_counters, wrong_references
from tests.durability.wire import exchange
from tests.parts import require

MIB = 1024 * 1024
DISK_BYTES = 24 * MIB
BALLAST_BYTES = 8 * MIB


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system, with a file in it that can go away."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = f"size={DISK_BYTES},mode=0700"
    command = ["mount", "-t", "tmpfs", "-o", options, "durability", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        require("mount", "there is no such command")
    if done.returncode != 0:
        require("mount", f"a tmpfs can't be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        _unmount(folder)


def _unmount(folder: Path) -> None:
    for _ in range(50):
        done = subprocess.run(["umount", str(folder)], capture_output=True, check=False)
        if done.returncode == 0:
            return
        time.sleep(0.1)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def installation(disk: Path, tmp_path: Path) -> Iterator[Installation]:
    (disk / "ballast").write_bytes(b"\0" * BALLAST_BYTES)
    with installed(Ground("embedded", tmp_path, disk), ["--workers", "1"]) as found:
        yield found


@pytest.mark.parametrize("chunked", [False, True])
def test_what_does_not_fit_is_507_and_leaves_nothing(
    installation: Installation, disk: Path, chunked: bool
) -> None:
    """Refused by its length, or where the disk is full in the middle of it."""
    data = os.urandom(DISK_BYTES)
    answer = installation.put("large.bin", iter([data]) if chunked else data)
    assert answer.status == 507, answer
    assert installation.get("large.bin").status == 404
    with opened(read_settings(installation.ground.variables(0))) as at:
        assert at.blobs.uploads().uploads == ()
        assert at.blobs.list().entries == ()
    assert installation.put("small.bin", b"small").status == 201


def test_a_full_disk_keeps_what_is_there_and_goes_on_when_there_is_room(
    installation: Installation, disk: Path
) -> None:
    """Filled to the last page, so that records find no room either; a worker dies meanwhile."""
    (machine,) = installation.machines
    kept: dict[str, bytes] = {}
    refused: list[str] = []
    for size in (256 * 1024, 4096, 100, 0):
        for number in range(2000):
            path, data = f"{size}/{number}.bin", os.urandom(size)
            answer = installation.put(path, data)
            if answer.status != 201:
                assert answer.status == 507, answer
                refused.append(path)
                break
            kept[path] = data
    assert len(refused) == 4
    assert all(installation.get(path).body == data for path, data in list(kept.items())[-20:])
    assert installation.delete(next(iter(kept))).status in (204, 507)
    kept.pop(next(iter(kept)))
    os.kill(machine.workers()[0], signal.SIGKILL)
    deadline = time.monotonic() + 30
    path, data = next(iter(kept.items()))
    while not _reads(installation, path, data):
        assert time.monotonic() < deadline, f"no worker starts on a full disk: {machine.tail()}"
        time.sleep(0.1)
    assert exchange(machine.address, "GET", "/metrics", installation.key).status == 200
    (disk / "ballast").unlink()
    assert installation.put("room.bin", b"room").status == 201
    for path in refused:
        assert installation.get(path).status == 404
    for path, data in kept.items():
        assert installation.get(path).body == data
    assert machine.stop() == 0
    with opened(read_settings(installation.ground.variables(0))) as at:
        Collection(at, grace=timedelta(0)).run()
        found = look(at)
        wrong = wrong_counters(found) + wrong_references(found)
        assert wrong + wrong_blobs(at, found, collected=True) == []


def _reads(installation: Installation, path: str, data: bytes) -> bool:
    with suppress(OSError, http.client.HTTPException):
        return installation.get(path).body == data
    return False
