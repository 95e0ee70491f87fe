"""scim2-server by its own command: users and groups in the memory of one process, in threads."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import Server, free_port, serving

BASE = "/v2"
_TOKEN = "benchmark"
HEADERS = {"Authorization": f"Bearer {_TOKEN}"}


@contextmanager
def scim2_server(folder: Path) -> Iterator[Server]:
    """Serve SCIM under `BASE` to who sends `HEADERS`; `folder` is for its log."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [str(Path(sys.executable).with_name("scim2-server"))]
    command += ["--hostname", "127.0.0.1", "--port", str(port), "--bearer-token", _TOKEN]
    with serving(command, port, folder / "log") as server:
        yield server
