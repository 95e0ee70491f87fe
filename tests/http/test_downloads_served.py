"""The last downloads that a server knows of are written when it stops, and nothing waits for it."""

import json
import os
import re
import signal
from pathlib import Path

from app.installation import opened
from app.settings import read_settings
from tests.cli.command import Serving, serving
from tests.http.client import bearer

RULES = {"rules": [{"match": "**", "not_downloaded_days": 30}]}


def downloaded(data: Path) -> set[str]:
    """The files whose last download is written."""
    with opened(read_settings({"STRONGROOM_DATA": str(data)})) as at:
        page = at.metadata.scan(0, 1, "", 100_000)
    assert page.next is None
    return {record.key.sort for record in page.records if "#downloaded#" in record.key.partition}


def download(server: Serving) -> dict[str, str]:
    """Download two files of three, where a rule asks for it; with which headers."""
    found = re.search(r"srk_\w{49}", (server.data / "first-sign-in.txt").read_text())
    assert found is not None
    signed = {"Authorization": bearer(found[0])}
    for name in ("a", "b", "c"):
        status, _, _ = server.ask("PUT", f"/repositories/files/{name}", signed, b"bytes")
        assert status == 201
    status, _, _ = server.ask(
        "PUT",
        "/api/repositories/files/retention",
        {**signed, "Content-Type": "application/json"},
        json.dumps(RULES).encode(),
    )
    assert status == 200
    for name in ("a", "b"):
        status, _, body = server.ask("GET", f"/repositories/files/{name}", signed)
        assert (status, body) == (200, b"bytes")
    return signed


def test_a_server_that_is_stopped_writes_what_was_downloaded(tmp_path: Path) -> None:
    with serving(tmp_path / "data", "--workers", "1", "--threads", "4") as server:
        download(server)
        assert server.stop() == 0
    assert downloaded(tmp_path / "data") == {"a", "b"}


def test_a_server_that_is_killed_loses_no_more_than_that(tmp_path: Path) -> None:
    """Of what it had not written; files and rules are there, and the next one goes on."""
    data = tmp_path / "data"
    with serving(data, "--workers", "1", "--threads", "4") as server:
        signed = download(server)
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait()
    assert downloaded(data) <= {"a", "b"}
    with serving(data, "--workers", "1", "--threads", "4") as server:
        assert server.ask("GET", "/repositories/files/c", signed)[0] == 200
        assert server.stop() == 0
    assert "c" in downloaded(data)
