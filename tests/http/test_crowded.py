"""More requests at once from one address than it gets threads: they wait, and are answered."""

import re
import socket
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from tests.cli.command import Serving, serving
from tests.http.client import bearer
from tests.server.running import all_read, wait_for
from tests.server.wire import Reader


def start(server: Serving, stack: ExitStack, key: str, name: str) -> socket.socket:
    """Send the head of an upload of five bytes."""
    connection = stack.enter_context(socket.create_connection(server.address, timeout=60))
    connection.sendall(
        f"PUT /repositories/files/{name} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: {bearer(key)}\r\nContent-Length: 5\r\n\r\n".encode()
    )
    return connection


def test_as_many_uploads_as_threads_from_one_address_all_succeed(tmp_path: Path) -> None:
    """All are under way before any goes on: 48 have a thread, and 16 wait for one."""
    with (
        serving(tmp_path / "data", "--workers", "1", "--threads", "64") as server,
        ExitStack() as stack,
    ):
        found = re.search(r"srk_\w{49}", (server.data / "first-sign-in.txt").read_text())
        assert found is not None
        uploads = [start(server, stack, found[0], f"at-once/{number}") for number in range(64)]
        wait_for(lambda: all_read(server.address))
        for upload in uploads:
            upload.sendall(b"bytes")
        statuses = Counter(Reader(upload).answer().status for upload in uploads)
        assert statuses == {201: 64}
