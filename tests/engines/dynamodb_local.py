"""DynamoDB Local in memory, on a free port of the loopback address."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.engines.process import served
from tests.parts import part, tool

#: What every client needs to sign with; the server checks none of it.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


@contextmanager
def dynamodb_local() -> Iterator[str]:
    """Run a server of its own and give its URL. Tables may have any name, in any region.

    It is the part `dynamodb-local`: a test without it is skipped, or fails, as `tests.parts`
    has it.
    """
    folder = part("dynamodb-local", "lib")
    command: list[str | Path] = [
        tool("java"),
        "-Xmx512m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        f"-Djava.library.path={folder}",
        "-cp",
        f"{folder}:{folder}/*",
        "Loopback",
    ]
    environ = {**os.environ, **CREDENTIALS}
    with served(command, environ, cwd=folder) as port:
        yield f"http://127.0.0.1:{port}"
