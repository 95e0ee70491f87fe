"""Slots for slow hashes: never more than so many on the machine, and none lost for long."""

import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from auth.errors import Busy
from auth.passwords import WrongPassword
from auth.slow_hashes import FIRST, SlowHashes, half_the_cores
from auth.waiting_room import GUESSES, STRANGERS

ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = timedelta(0)

HOLDER = """
import sys
from pathlib import Path
from auth.slow_hashes import SlowHashes
with SlowHashes(Path(sys.argv[1]), slots=int(sys.argv[2])).slot():
    print("held", flush=True)
    sys.stdin.read()
"""

COUNTING = """
import os, sys, time
from datetime import timedelta
from pathlib import Path
from auth.slow_hashes import SlowHashes
folder, slots = Path(sys.argv[1]), int(sys.argv[2])
hashes = SlowHashes(folder, slots, wait=timedelta(seconds=60))
most = 0
for turn in range(15):
    with hashes.slot():
        mine = folder / f"inside-{os.getpid()}-{turn}"
        mine.touch()
        most = max(most, len(list(folder.glob("inside-*"))))
        time.sleep(0.002)
        mine.unlink()
print(most)
"""


def start(script: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@contextmanager
def holder(folder: Path, slots: int) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a slot until its input ends."""
    with start(HOLDER, folder, slots) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 30)[0]
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_half_of_the_cores_and_at_least_one() -> None:
    assert half_the_cores() == max(1, len(os.sched_getaffinity(0)) // 2)


def test_a_slot_that_another_process_holds_is_not_had(tmp_path: Path) -> None:
    hashes = SlowHashes(tmp_path, 1, wait=AT_ONCE)
    with holder(tmp_path, 1), pytest.raises(Busy) as caught, hashes.slot():
        pass
    assert caught.value.retry_after > timedelta(0)


def test_a_killed_holder_frees_its_slot(tmp_path: Path) -> None:
    with holder(tmp_path, 1) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        with SlowHashes(tmp_path, 1, wait=AT_ONCE).slot():
            pass


def test_a_slot_is_waited_for(tmp_path: Path) -> None:
    hashes = SlowHashes(tmp_path, 1, wait=timedelta(seconds=60))
    with holder(tmp_path, 1) as process:
        done = threading.Event()

        def wait() -> None:
            with hashes.slot():
                done.set()

        thread = threading.Thread(target=wait)
        thread.start()
        assert not done.is_set()
        assert process.stdin is not None
        process.stdin.close()
        thread.join(30)
        assert done.is_set()


@pytest.mark.parametrize("slots", [1, 2])
def test_several_processes_never_hold_more_than_there_are(tmp_path: Path, slots: int) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(start(COUNTING, tmp_path, slots)) for _ in range(4)]
        most = [int(process.communicate(timeout=100)[0]) for process in processes]
    assert 1 <= max(most) <= slots


def test_threads_of_one_process_share_the_slots_too(tmp_path: Path) -> None:
    hashes = SlowHashes(tmp_path, 2, wait=AT_ONCE)
    with hashes.slot(), hashes.slot(), pytest.raises(Busy), hashes.slot():
        pass
    with hashes.slot():
        pass


def test_too_many_waiting_threads_are_refused_at_once(tmp_path: Path) -> None:
    hashes = SlowHashes(tmp_path, 1, wait=timedelta(seconds=60), waiting_most=1)
    with hashes.slot(), pytest.raises(Busy), hashes.slot():
        pass


def test_an_error_within_frees_the_slot(tmp_path: Path) -> None:
    hashes = SlowHashes(tmp_path, 1, wait=AT_ONCE, waiting_most=1)
    for _ in range(3):
        with pytest.raises(KeyError), hashes.slot():
            raise KeyError


def test_strangers_leave_a_slot_alone_until_others_have_looked(tmp_path: Path) -> None:
    """Strangers follow each other without a break in one thread; who is known to another process
    finds the slot free behind the first of them, and not some time."""
    busy, other = SlowHashes(tmp_path, 1), SlowHashes(tmp_path, 1)
    held, over = threading.Event(), threading.Event()
    turns = 0

    def strangers() -> None:
        nonlocal turns
        while not over.is_set():
            with busy.enter(STRANGERS) as place:
                assert place.wait()
                with busy.slot(place):
                    turns += 1
                    held.set()
                    time.sleep(0.02)

    thread = threading.Thread(target=strangers)
    thread.start()
    try:
        behind = []
        for _ in range(20):
            held.clear()
            assert held.wait(60)
            began = turns
            with other.enter(1) as place:
                assert place.wait()
                with other.slot(place):
                    behind.append(turns - began)
    finally:
        over.set()
        thread.join(60)
    assert sum(behind) < 60, behind  # without it he is sent away after five seconds


def test_slot_files_are_for_this_user_alone_and_follow_no_link(tmp_path: Path) -> None:
    SlowHashes(tmp_path / "run", 1)
    assert (tmp_path / "run" / "slow-hash-0.lock").stat().st_mode & 0o777 == 0o600
    other = tmp_path / "other"
    other.mkdir()
    (other / "slow-hash-0.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="slow-hash-0"):
        SlowHashes(other, 1)
    assert not (tmp_path / "elsewhere").exists()


def test_a_guess_that_fails_rests_and_others_do_not(tmp_path: Path) -> None:
    rests: list[float] = []
    hashes = SlowHashes(tmp_path, 1, rest=rests.append)
    for rank in (FIRST, STRANGERS, GUESSES):
        with suppress(WrongPassword), hashes.enter(rank) as place:
            place.wait()
            with hashes.slot(place):
                raise WrongPassword
    assert len(rests) == 1
    assert 0 < rests[0] <= 2
