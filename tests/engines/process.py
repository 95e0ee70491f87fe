"""A server as a child process, which says its port and ends when its standard input does."""

import queue
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60.0  # two busy cores


@contextmanager
def served(
    command: Sequence[str | Path], environ: dict[str, str], cwd: Path | None = None
) -> Iterator[int]:
    """Run a server and give its port, which it prints as a line `port N`.

    It holds no pipe but its standard input and output, so it ends with the process that
    started it, however that ends.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environ,
        cwd=cwd,
        text=True,
    )
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
    reader.start()
    try:
        yield _port(command, lines)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(timeout=10)
        assert process.stdout is not None
        process.stdout.close()


def _read(process: subprocess.Popen[str], lines: queue.SimpleQueue[str | None]) -> None:
    """Take what the server prints, so that it never waits for a reader."""
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _port(command: Sequence[str | Path], lines: queue.SimpleQueue[str | None]) -> int:
    printed: list[str] = []
    while True:
        try:
            line = lines.get(timeout=START_SECONDS)
        except queue.Empty:
            line = None
        if line is None:
            raise RuntimeError(f"{command[0]} did not start: {''.join(printed)}")
        if line.startswith("port "):
            return int(line.removeprefix("port "))
        printed.append(line)
