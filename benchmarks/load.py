"""Load on one server: wrk for GET, ab for HEAD, which wrk can't. Any failed answer ends it."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.processes import BenchmarkFailed
from tests.parts import tool

CONNECTIONS = 8
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


@dataclass(frozen=True, slots=True)
class Rate:
    """Answers and bytes of body and head a second."""

    requests: float
    bytes: float


def get(port: int, path: str, headers: Mapping[str, str], seconds: int) -> Rate:
    """GET over kept connections for `seconds`. A status of 400 and more fails."""
    command = [str(tool("wrk")), "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    text = _run([*command, f"http://127.0.0.1:{port}{path}"])
    if "Non-2xx" in text or "Socket errors" in text:
        raise BenchmarkFailed(text)
    requests = re.search(r"Requests/sec:\s+([\d.]+)", text)
    transfer = re.search(r"Transfer/sec:\s+([\d.]+)([KMG]?)B", text)
    if requests is None or transfer is None:
        raise BenchmarkFailed(text)
    return Rate(float(requests[1]), float(transfer[1]) * _UNITS[transfer[2]])


@contextmanager
def going_on(port: int, path: str, headers: Mapping[str, str]) -> Iterator[None]:
    """GET over kept connections for as long as the block lasts, to be a burden."""
    command = [str(tool("wrk")), "-t1", f"-c{CONNECTIONS}", "-d3600s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    with subprocess.Popen(
        [*command, f"http://127.0.0.1:{port}{path}"], stdout=subprocess.DEVNULL
    ) as process:
        try:
            yield
        finally:
            process.terminate()


def head(port: int, path: str, headers: Mapping[str, str], seconds: int) -> Rate:
    """HEAD over kept connections for `seconds`. A status that is not 200 fails."""
    command = [str(tool("ab")), "-i", "-k", "-q", "-c", str(CONNECTIONS), "-t", str(seconds)]
    command += ["-n", "10000000"]  # the time ends it
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    text = _run([*command, f"http://127.0.0.1:{port}{path}"])
    found = dict(re.findall(r"^([\w -]+):\s+([\d.]+)", text, re.MULTILINE))
    if found.get("Failed requests") != "0" or "Non-2xx responses" in found:
        raise BenchmarkFailed(text)
    # Connections that are made anew would be measured, and not the service.
    if int(found["Keep-Alive requests"]) < 0.9 * int(found["Complete requests"]):
        raise BenchmarkFailed(f"connections were not kept:\n{text}")
    return Rate(float(found["Requests per second"]), 0.0)


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise BenchmarkFailed(f"{command}: {done.stdout}{done.stderr}")
    return done.stdout
