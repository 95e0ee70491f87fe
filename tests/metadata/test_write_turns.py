"""Turns at writing: a process whose threads follow each other closely lets others in."""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage.metadata import write_turns
from storage.metadata.write_turns import PAUSE_SECONDS, WriteTurns


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What is slept; others are waited for from the first turn on."""
    slept: list[float] = []
    monkeypatch.setattr(write_turns.time, "sleep", slept.append)
    monkeypatch.setattr(write_turns, "TURN_SECONDS", -1.0)
    return slept


@contextmanager
def somebody_waits(path: Path) -> Iterator[None]:
    """Another process, between two looks at the file."""
    file = os.open(path.with_name(f"{path.name}-waiting"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield
    finally:
        os.close(file)


def _turn(turns: WriteTurns) -> None:
    assert turns.take(60)
    turns.give_back()


def test_while_another_process_waits_a_turn_passes(tmp_path: Path, pauses: list[float]) -> None:
    turns = WriteTurns(tmp_path / "store.db")
    with somebody_waits(tmp_path / "store.db"):
        _turn(turns)
        assert pauses == []
        for number in (1, 2, 3):
            _turn(turns)
            assert pauses == [PAUSE_SECONDS] * number


def test_where_nobody_waits_nobody_pauses(tmp_path: Path, pauses: list[float]) -> None:
    turns, other = WriteTurns(tmp_path / "store.db"), WriteTurns(tmp_path / "store.db")
    with somebody_waits(tmp_path / "store.db"):
        pass  # killed, say
    for one in (turns, turns, other, other, turns):
        _turn(one)
    assert pauses == []


def test_who_waits_says_so_and_no_longer_than_he_does(tmp_path: Path, pauses: list[float]) -> None:
    turns, other = WriteTurns(tmp_path / "store.db"), WriteTurns(tmp_path / "store.db")
    assert turns.take(60)
    assert not other.take(0.05)
    turns.give_back()
    pauses.clear()
    _turn(turns)
    assert pauses == []


def test_who_waits_has_his_turn(tmp_path: Path) -> None:
    turns, other = WriteTurns(tmp_path / "store.db"), WriteTurns(tmp_path / "store.db")
    over = threading.Event()

    def busy() -> None:
        while not over.is_set():
            _turn(turns)

    threads = [threading.Thread(target=busy) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            _turn(other)
    finally:
        over.set()
        for thread in threads:
            thread.join()
