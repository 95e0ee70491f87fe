"""Commands of clients as a person runs them: to their end, in a home of their own."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_SECONDS = 120.0  # two busy cores


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has ended."""

    status: int
    out: str


def java_options(home: Path) -> str:
    """Options of a Java that runs for a second: its home is no variable, and a compiler that
    optimizes costs more than it brings."""
    return f"-Duser.home={home} -XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def run(
    command: Sequence[str | Path], home: Path, folder: Path, environ: Mapping[str, str] | None
) -> Ran:
    """Run a command in a folder, with nothing of the caller's environment but where tools are."""
    kept = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**kept, "HOME": str(home), **(environ or {})},
        cwd=folder,
        timeout=_SECONDS,
        check=False,
    )
    return Ran(done.returncode, done.stdout)


def succeed(
    command: Sequence[str | Path],
    home: Path,
    folder: Path,
    environ: Mapping[str, str] | None = None,
) -> str:
    """The same, of a command that has to succeed; what it printed."""
    ran = run(command, home, folder, environ)
    assert ran.status == 0, ran.out
    return ran.out
