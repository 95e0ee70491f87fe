"""chromedriver on a free port of the loopback address: it starts browsers, and drives them.

Run as a module it keeps the driver: it prints the port, and ends the driver when its standard
input ends, and with it every browser, and removes all that they wrote.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.process import served
from tests.parts import ROOT, tool
from tests.ports import free_port

_STARTED = "started successfully"
_TRIES = 5


@contextmanager
def chromedriver() -> Iterator[int]:
    """Run a driver of its own and give its port.

    It is the parts `chromium` and `chromedriver`: a test without them is skipped, or fails, as
    `tests.parts` has it.
    """
    tool("chromium")
    driver = tool("chromedriver")
    command: list[str | Path] = [sys.executable, "-m", "tests.engines.chromedriver", driver]
    with served(command, {**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT) as port:
        yield port


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="strongroom-browser-") as folder:
        driver, port = _started(Path(sys.argv[1]), Path(folder))
        try:
            sys.stdout.write(f"port {port}\n")
            sys.stdout.flush()
            sys.stdin.read()
        finally:
            _end(driver)


def _started(driver: Path, folder: Path) -> tuple[subprocess.Popen[str], int]:
    # Profiles go into the temporary folder, and what is of all profiles into the home.
    environ = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder)}
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        environ.pop(name, None)
    said = ""
    for _ in range(_TRIES):
        # A port that it chooses is sometimes free for IPv6 alone, and it ends.
        port = free_port()
        process = subprocess.Popen(
            [driver, f"--port={port}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environ,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            said += line
            if _STARTED in line:
                return process, port
        _end(process)
    raise RuntimeError(said)


def _end(driver: subprocess.Popen[str]) -> None:
    driver.kill()
    driver.wait()
    assert driver.stdout is not None
    # The browsers end by themselves: the pipe to the driver is all that they live by. Each has
    # this end of its output too, so the last of them ends it.
    driver.stdout.read()


if __name__ == "__main__":
    main()
