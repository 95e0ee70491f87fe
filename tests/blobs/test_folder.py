"""The folder alone: what lies on the disk, who holds a lock, and a disk that is full."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.blobs import (
    BlobError,
    BlobMissing,
    BlobsFull,
    BlobsUnavailable,
    UploadBusy,
    UploadTooLarge,
)
from storage.blobs.folder import FolderBlobs
from storage.blobs.keys import new_key
from storage.blobs.s3_parts import MIB
from tests.blobs.stores import Place, bytes_of, missing, read, store, write
from tests.parts import ROOT, require, tool

_NOBODY = 65_534


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "new" / "blobs"


def test_a_blob_is_one_file_that_its_owner_alone_may_read(root: Path) -> None:
    blobs = FolderBlobs(root)
    key = store(blobs, b"bytes")
    owner, random = key.split("/")
    assert files(root) == [f"{owner}/{random[:2]}/{random}"]
    assert (root / owner / random[:2] / random).stat().st_mode & 0o777 == 0o600
    assert root.stat().st_mode & 0o777 == 0o700


def test_a_small_body_has_no_file_before_its_commit(root: Path) -> None:
    blobs = FolderBlobs(root)
    with blobs.create("acme") as writer:
        write(writer, bytes(MIB))
        assert files(root) == []
        writer.commit()
    assert len(files(root)) == 1


def test_a_download_hands_out_its_open_file_at_the_first_byte(root: Path) -> None:
    blobs = FolderBlobs(root)
    key = store(blobs, b"0123456789")
    download = blobs.open(key, 3, 4)
    assert download.file is not None
    assert os.lseek(download.file.fileno(), 0, os.SEEK_CUR) == 3
    assert download.file.tell() == 3
    assert download.size == 4
    assert download.file.read(4) == b"3456"
    assert download.file.tell() == 7
    assert download.file.read() == b"789"
    assert download.file.read(1) == b""
    descriptor = download.file.fileno()
    download.close()
    download.close()  # harmless: the number may be another file's by now
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


@pytest.mark.parametrize("size", [1, 16 * 1024, 16 * 1024 + 1])
def test_a_small_blob_is_read_when_it_is_opened(root: Path, size: int) -> None:
    blobs = FolderBlobs(root)
    data = bytes_of(size)
    download = blobs.open(store(blobs, data))
    assert (download.file is None) is (size <= 16 * 1024)
    assert download.size == size
    assert b"".join(download) == data
    download.close()


def test_a_download_that_nobody_closes_holds_no_file(root: Path) -> None:
    blobs = FolderBlobs(root)
    download = blobs.open(store(blobs, bytes_of(100_000)))
    assert download.file is not None
    descriptor = download.file.fileno()
    del download
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_deleted_blob_can_be_read_to_its_end_by_who_opened_it(root: Path) -> None:
    blobs = FolderBlobs(root)
    data = bytes_of(3 * MIB)
    download = blobs.open(key := store(blobs, data))
    blobs.delete([key])
    assert b"".join(download) == data
    download.close()


def test_other_files_in_the_folder_are_passed_over(root: Path) -> None:
    blobs = FolderBlobs(root)
    key = store(blobs, b"bytes")
    (root / "lost+found").mkdir(mode=0o000)
    (root / "notes.txt").write_text("x")
    (root / "acme" / "notes.txt").write_text("x")
    (root / "acme" / key[5:7] / "notes.txt").write_text("x")
    (root / "acme" / key[5:7] / ("z" * 32)).write_text("x")
    (root / ".uploads" / "notes.txt").write_text("x")
    assert [entry.key for entry in blobs.list().entries] == [key]
    assert blobs.uploads().uploads == ()


def test_the_lock_of_a_writer_in_another_process_is_seen(root: Path) -> None:
    """A sweep never drops, and a second request never resumes, what is being written."""
    blobs = FolderBlobs(root)
    command, environ = Place(f"file:{root}").child("hold", str(2 * MIB))
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            key = process.stdout.readline().strip()
            [upload] = blobs.uploads().uploads
            assert upload.key == key
            with pytest.raises(UploadBusy):
                blobs.abort(upload.token)
            with pytest.raises(UploadBusy):
                blobs.resume(upload.token)
        finally:
            process.kill()
    with blobs.resume(upload.token) as writer:
        assert writer.offset == 2 * MIB


def test_of_two_that_resume_an_upload_none_writes_into_the_other_s_blob(root: Path) -> None:
    """Between opening the file and locking it, the other may commit: then it is a blob."""
    blobs = FolderBlobs(root)
    for _ in range(100):
        with blobs.create("acme") as writer:
            write(writer, b"bytes")
            token = writer.suspend()

        def intrude(token: str = token) -> None:
            while True:
                try:
                    with blobs.resume(token) as intruder:
                        write(intruder, bytes(2))
                        write(intruder, bytes(MIB))
                except UploadBusy:
                    continue
                except BlobMissing:
                    return

        thread = threading.Thread(target=intrude)
        thread.start()
        try:
            with blobs.resume(token) as writer:
                writer.commit()
        except (UploadBusy, BlobMissing):
            pass
        else:
            assert read(blobs, writer.key) == b"bytes"
        thread.join()


def test_processes_write_side_by_side_and_a_killed_one_harms_nobody(root: Path) -> None:
    blobs = FolderBlobs(root)
    processes = []
    for number in range(3):
        words = ("write", f"owner{number}", "400" if number == 2 else "40", str(number * 1000))
        command, environ = Place(f"file:{root}").child(*words)
        processes.append(subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True))
    *whole, doomed = processes
    assert doomed.stdout is not None
    acknowledged = [doomed.stdout.readline().strip() for _ in range(5)]
    doomed.kill()
    acknowledged += [
        line.strip()
        for line in doomed.communicate()[0].splitlines(keepends=True)
        if line.endswith("\n")
    ]
    for seed, key in enumerate(acknowledged):
        assert read(blobs, key) == bytes_of(2000, 2000 + seed)
    for number, process in enumerate(whole):
        keys = process.communicate(timeout=60)[0].split()
        assert process.returncode == 0
        for seed, key in enumerate(keys):
            assert read(blobs, key) == bytes_of(2000, number * 1000 + seed)
    for upload in blobs.uploads().uploads:
        blobs.abort(upload.token)
    assert all(not path.startswith(".uploads") for path in files(root))


_FULL_DISK = """
import sys
import threading
from pathlib import Path
from storage.blobs import BlobsFull
from storage.blobs.folder import FolderBlobs
from tests.blobs.stores import store
root = Path(sys.argv[1])
blobs = FolderBlobs(root)
kept = store(blobs, bytes(3 << 20))
for size, announced in ((7 << 20, 7 << 20), (16 << 20, None)):
    try:
        store(blobs, bytes(size), size=announced)
    except BlobsFull:
        print("full")
try:
    while True:
        store(blobs, bytes(100_000), size=100_000)
except BlobsFull:
    print("full")
for number in range(1000):
    try:
        Path(root, f"inode-{number}").touch()
    except OSError:
        print("not one more file")
        break
blobs.check()
for file in root.glob("inode-*"):
    file.unlink()
assert not list((root / ".uploads").iterdir())
assert kept in {entry.key for entry in blobs.list().entries}
blobs.delete([entry.key for entry in blobs.list().entries])
store(blobs, bytes(4 << 20))
print("room again")
"""


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    """On a file system of 8 MiB, in a mount namespace of its own."""
    mount = (
        f"mount -t tmpfs -o size=8m,nr_inodes=900 none {tmp_path}"
        f' && exec {sys.executable} -c "$0" {tmp_path}'
    )
    unshare = [tool("unshare"), "--map-root-user", "--mount"]
    if subprocess.run([*unshare, "true"], check=False, capture_output=True).returncode:
        require("unshare", "no mount namespace can be made here")
    done = subprocess.run(
        [*unshare, "sh", "-c", mount, _FULL_DISK],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.stdout.split("\n") == [*["full"] * 3, "not one more file", "room again", ""]


def test_a_file_that_announces_more_than_there_is_is_refused_before_it_comes(root: Path) -> None:
    """What an emptier disk could take is refused for now, what none could for good."""
    blobs = FolderBlobs(root)
    disk = os.statvfs(root)
    whole = disk.f_blocks * disk.f_frsize
    with pytest.raises(BlobsFull):
        blobs.create("acme", whole)
    for size in (whole + 1, 2**63 - 1):
        with pytest.raises(UploadTooLarge, match="STRONGROOM_BLOBS"):
            blobs.create("acme", size)


def test_a_folder_that_is_gone_is_a_store_that_is_away(root: Path) -> None:
    blobs = FolderBlobs(root)
    (root / ".uploads").rmdir()
    root.rmdir()
    with pytest.raises(BlobsUnavailable):
        blobs.check()
    with pytest.raises(BlobsUnavailable):
        store(blobs, b"bytes")
    with pytest.raises(BlobsUnavailable):
        blobs.list()


@pytest.mark.parametrize("spoilt", [".uploads", "."])
def test_a_folder_that_is_a_file_by_now_is_a_store_that_is_away(root: Path, spoilt: str) -> None:
    blobs = FolderBlobs(root)
    blobs.check()
    shutil.rmtree(root / spoilt)
    (root / spoilt).write_text("x")
    with pytest.raises(BlobsUnavailable):
        blobs.check()


@pytest.mark.parametrize("locked", [".uploads", "."])
def test_a_folder_that_takes_no_writes_is_a_store_that_is_away(locked: str) -> None:
    with tempfile.TemporaryDirectory() as name, as_somebody(Path(name)):
        blobs = FolderBlobs(Path(name) / "blobs")
        key = store(blobs, b"bytes")
        (Path(name) / "blobs" / locked).chmod(0o500)
        try:
            with pytest.raises(BlobsUnavailable, match="EACCES"):
                blobs.check()
            assert read(blobs, key) == b"bytes"
        finally:
            (Path(name) / "blobs" / locked).chmod(0o700)
        blobs.check()


@contextmanager
def as_somebody(folder: Path) -> Iterator[None]:
    """In `folder` as a user for whom permissions count, which they do not for root."""
    if os.geteuid():
        yield
        return
    os.chown(folder, _NOBODY, -1)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_check_leaves_nothing_and_minds_no_other(root: Path) -> None:
    """Another process's probe, or what is left of one that was killed."""
    blobs = FolderBlobs(root)
    for folder in (root, root / ".uploads"):
        (folder / ".probe").touch()
    assert blobs.list().entries == ()
    assert blobs.uploads().uploads == ()
    blobs.check()
    assert files(root) == []


def test_a_key_s_folder_may_be_a_file_and_is_still_just_missing(root: Path) -> None:
    blobs = FolderBlobs(root)
    key = new_key("acme")
    (root / "acme").write_text("x")
    assert missing(blobs, key)


def test_a_blob_that_cant_be_deleted_keeps_no_other_from_it(root: Path) -> None:
    blobs = FolderBlobs(root)
    keys = [store(blobs, b"x") for _ in range(3)]
    locked = next(root.glob(f"**/{keys[0].rpartition('/')[2]}*"))
    locked.unlink()
    (locked / "inside").mkdir(parents=True)  # what no unlink takes away, whoever it is
    with pytest.raises(BlobError):
        blobs.delete(keys)
    assert not {entry.key for entry in blobs.list().entries} & set(keys[1:])
