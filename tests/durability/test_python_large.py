"""A large wheel: in by a form as a stream, read at its end, within the memory of a small one."""

import hashlib
import http.client
import logging
import random
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.durability.installations import installed
from tests.durability.machines import Ground
from tests.durability.test_large import BUDGET_BYTES, MIB
from tests.durability.wire import send
from tests.python.building import FORM_TYPE, form, metadata, wheel

_log = logging.getLogger(__name__)

WHEEL = "foo-1.0-py3-none-any.whl"
SIZE = 200 * MIB
#: What a process may hold more than before: much less than the file, were it held.
GROWN_BYTES = SIZE // 4
MARK = b"-- the bytes of the file --"


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A wheel with one file that takes nearly all of it, in front of its own."""
    path = tmp_path / WHEEL
    base = random.Random(5).randbytes(MIB)
    with zipfile.ZipFile(path, "w") as archive:
        with archive.open(zipfile.ZipInfo("foo/data.bin"), "w") as file:
            for number in range(SIZE // MIB):
                file.write(number.to_bytes(8, "big") + base[8:])
        with zipfile.ZipFile(_small(tmp_path)) as small:
            for name in small.namelist():
                archive.writestr(name, small.read(name))
    return path


def _small(folder: Path) -> Path:
    path = folder / "small.whl"
    path.write_bytes(wheel())
    return path


@pytest.mark.parametrize("first", [False, True])
def test_a_wheel_of_two_hundred_megabytes_is_streamed(
    ground: Ground, large: Path, first: bool
) -> None:
    """Whether the fields come before it or behind it."""
    with large.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    said = {
        ":action": "file_upload",
        "protocol_version": "1",
        "filetype": "bdist_wheel",
        "name": "foo",
        "version": "1.0",
        "sha256_digest": sha256,
    }
    before, after = form(WHEEL, MARK, said, first=first).split(MARK)

    def body() -> Iterator[bytes]:
        yield before
        with large.open("rb") as file:
            while block := file.read(MIB):
                yield block
        yield after

    rules = {"format": "python", "kind": "hosted"}
    with installed(ground, ["--workers", "1"], rules=rules) as installation:
        (machine,) = installation.machines
        held = machine.peak_bytes()
        connection = http.client.HTTPConnection(*machine.address, timeout=120)
        length = str(len(before) + large.stat().st_size + len(after))
        named = {**installation.key, "Content-Type": FORM_TYPE, "Content-Length": length}
        answer = send(connection, "POST", installation.url(""), named, body())
        connection.close()
        assert answer.status == 200, answer
        peak = machine.peak_bytes()
        _log.info("%s: peak %d MiB, %d before", ground.name, peak // MIB, held // MIB)
        assert answer.fields["etag"] == f'"sha256:{sha256}"'
        assert installation.get(f"files/foo/{WHEEL}.metadata").body == metadata()
        assert peak < BUDGET_BYTES, f"{peak / MIB:.0f} MiB, {held / MIB:.0f} before"
        assert peak - held < GROWN_BYTES, f"{peak / MIB:.0f} MiB, {held / MIB:.0f} before"
        assert machine.stop() == 0
        assert machine.faults() == []
