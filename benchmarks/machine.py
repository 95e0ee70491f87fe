"""Names the machine and the versions that figures were taken with."""

import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from pathlib import Path


def describe() -> str:
    """One sentence: processor, cores, memory, system, versions, day."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("gunicorn", "gunicorn_h1c", "falcon", "boto3")
    )
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    cores = len(os.sched_getaffinity(0))
    return (
        f"{_processor()}, {cores} cores, {_memory_gib():.0f} GiB; {system},"
        f" Python {platform.python_version()}, {versions}; {datetime.now(UTC):%Y-%m-%d}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
