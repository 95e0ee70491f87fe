"""Uploads in pieces by real clients: lines that are cut, and processes that are killed in them."""

import contextlib
import hashlib
import os
import re
import subprocess
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from app.installation import opened
from app.publishing.session import CLAIM, Session
from app.settings import read_settings
from storage import keys
from storage.metadata import Put
from tests.durability.cutting import cutting
from tests.durability.installations import Installation, installed, soon
from tests.durability.machines import Ground
from tests.durability.records import look, wrong_blobs, wrong_counters, wrong_references
from tests.durability.wire import Answer, begin_put, exchange
from tests.parts import ROOT, tool

MIB = 1024 * 1024
PART = 8 * MIB  # of S3
ONE = ["--workers", "1", "--threads", "8"]


def bytes_of(size: int) -> bytes:
    return hashlib.shake_256(str(size).encode()).digest(size)


def shown_function() -> str:
    """The shell function that the documentation shows."""
    text = (ROOT / "docs" / "raw-files.md").read_text()
    found = re.search(r"^put_resumable\(\) \(.*?^\)$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


class Upload:
    """One upload of `data`, through whichever machine is named."""

    def __init__(self, installation: Installation, data: bytes) -> None:
        self.installation, self.data = installation, data
        path = installation.url("in/pieces.bin")
        told = {"Upload-Length": str(len(data))}
        begun = self._ask(0, "POST", f"{path}?uploads", told)
        assert begun.status == 201, begun
        self.location = begun.fields["location"]

    def _ask(
        self,
        machine: int,
        method: str,
        path: str,
        fields: dict[str, str],
        body: bytes | None = None,
    ) -> Answer:
        at = self.installation
        return exchange(at.machines[machine].address, method, path, {**at.key, **fields}, body)

    def offset(self, machine: int) -> int:
        answer = self._ask(machine, "HEAD", self.location, {})
        assert answer.status == 200, answer
        return int(answer.fields["upload-offset"])

    def range(self, first: int, end: int) -> dict[str, str]:
        return {"Content-Range": f"bytes {first}-{end - 1}/{len(self.data)}"}

    def piece(self, machine: int, first: int, end: int) -> Answer:
        return self._ask(
            machine, "PATCH", self.location, self.range(first, end), self.data[first:end]
        )

    def put(self, machine: int) -> Answer:
        return self._ask(machine, "PUT", self.location, {})

    @property
    def id(self) -> str:
        return self.location.rpartition("=")[2]


def let_claim_run_out(ground: Ground, upload: Upload) -> None:
    """As minutes later: the claim of a process that was killed is over."""
    with opened(read_settings(ground.variables(0))) as at:
        organization = look(at).organization
        key = keys.session(organization, upload.id)
        record = at.metadata.get(key)[key]
        session = Session.read(organization, record)
        assert session.claim is not None
        past = replace(session.claim, until=datetime.now(UTC) - timedelta(seconds=1))
        value = replace(session, claim=past).value()
        at.metadata.commit(Put(key, value, at=record.version, expires=record.expires))


def sound(ground: Ground) -> None:
    """Records, references, counters and blobs agree."""
    with opened(read_settings(ground.variables(0))) as at:
        found = look(at)
        assert wrong_counters(found) == []
        assert wrong_references(found) == []
        assert wrong_blobs(at, found, collected=False) == []


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_the_shell_function_of_the_documents_goes_on_where_a_line_was_cut(
    ground: Ground, tmp_path: Path, shell: str
) -> None:
    curl, data = tool("curl"), bytes_of(5 * PART // 2)
    file = tmp_path / "app-1.0.tar.gz"
    file.write_bytes(data)
    with (
        installed(ground, ONE) as installation,
        cutting(installation.machines[0].address, PART + MIB, cuts=2) as proxy,
    ):
        host, port = proxy.address
        url = f"http://{host}:{port}{installation.url('app/1.0.tar.gz')}"
        script = f"{shown_function()}\nsleep() {{ :; }}\nput_resumable {file} {url}"
        done = subprocess.run(
            [tool(shell), "-c", script],
            env={
                **os.environ,
                "KEY": installation.new_keys(1)[0],
                "PATH": f"{curl.parent}{os.pathsep}{os.environ['PATH']}",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert proxy.cuts == 0, "the line was cut twice"
        assert hashlib.sha256(data).hexdigest() in done.stdout
        assert installation.get("app/1.0.tar.gz").body == data
        assert installation.machines[0].faults() == []
        installation.stop()
        sound(ground)


class Unsteady(BaseHTTPRequestHandler):
    """Has all bytes of an upload, and completes it after some answers of every passing kind."""

    protocol_version = "HTTP/1.1"
    answers: ClassVar[list[tuple[int, bytes]]] = []

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Upload-Offset", "5")
        self.end_headers()

    def do_PUT(self) -> None:
        status, body = self.answers.pop(0)
        if not status:  # as where a process is killed
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.mark.parametrize(
    "last, code", [((201, b'{"path": "x"}'), 0), ((409, b'{"detail": "Other bytes."}'), 1)]
)
def test_the_shell_function_asks_again_where_the_answer_to_its_completion_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: tuple[int, bytes], code: int
) -> None:
    curl, file = tool("curl"), tmp_path / "file"
    file.write_bytes(b"bytes")
    passing = [(409, b'{"status": 409, "offset": 5}'), (0, b""), (503, b"{}"), (202, b"{}")]
    monkeypatch.setattr(Unsteady, "answers", [*passing, last, (500, b"asked too often")])
    with ThreadingHTTPServer(("127.0.0.1", 0), Unsteady) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/repositories/files/x"
        script = f"{shown_function()}\nsleep() {{ :; }}\nput_resumable {file} {url} {'0' * 32}"
        path = f"{curl.parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            [tool("sh"), "-c", script],
            env={**os.environ, "KEY": "key", "PATH": path},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        server.shutdown()
    assert done.returncode == code, done.stderr
    assert done.stdout.strip() == last[1].decode()


def test_the_shell_function_sends_nothing_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Else a misspelt name would be published as an empty file."""
    curl = tool("curl")
    done = subprocess.run(
        [tool("sh"), "-c", f"{shown_function()}\nput_resumable {tmp_path}/no http://127.0.0.1:1/x"],
        env={**os.environ, "KEY": "key", "PATH": f"{curl.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{tmp_path}/no can't be read\n"


def test_an_upload_outlives_the_processes_that_it_goes_through(ground: Ground) -> None:
    """Killed between pieces, in a piece, and in its completion; another goes on each time."""
    data = bytes_of(3 * PART + MIB + 17)
    with installed(ground, ONE, ONE) as installation:
        first, second = installation.machines
        upload = Upload(installation, data)
        assert upload.piece(0, 0, PART).status == 202
        first.kill()  # between pieces: nothing is to be waited for
        assert upload.offset(1) == PART

        second.kill()
        for machine in installation.machines:
            machine.start()
        _kill_in_a_piece(installation, upload, PART)
        assert upload.offset(1) == PART
        refused = upload.piece(1, PART, 2 * PART)
        assert refused.status == 409
        assert 1 <= int(refused.fields["retry-after"]) <= CLAIM.total_seconds()
        let_claim_run_out(ground, upload)
        assert upload.piece(1, PART, len(data)).status == 202
        assert upload.offset(1) == len(data)

        first.start()
        answer = _kill_in_its_completion(ground, installation, upload)
        assert answer.status in (200, 201)
        assert upload.put(1).body == answer.body
        got = exchange(second.address, "GET", installation.url("in/pieces.bin"), installation.key)
        assert got.body == data
        installation.stop()
        sound(ground)
        assert second.faults() == []


def _kill_in_a_piece(installation: Installation, upload: Upload, offset: int) -> None:
    """Send the half of a piece to the first machine, and kill it when it has taken that in."""
    first = installation.machines[0]
    begun = upload.data[offset : offset + PART // 2]
    fields = {
        **installation.key,
        **upload.range(offset, len(upload.data)),
        "Content-Length": str(len(upload.data) - offset),
    }
    connection = begin_put(first.address, upload.location, fields, begun, "PATCH")
    with contextlib.closing(connection):
        # The other machine sees the claim, and not only bytes that are missing: it has begun.
        soon(lambda: "retry-after" in upload.put(1).fields, "a claim")
        first.kill()


def _kill_in_its_completion(ground: Ground, installation: Installation, upload: Upload) -> Answer:
    """Ask the first machine to complete, kill it at once, and have the other do it."""
    first = installation.machines[0]
    connection = begin_put(
        first.address, upload.location, {**installation.key, "Content-Length": "0"}, b""
    )
    with contextlib.closing(connection):
        time.sleep(0.02)  # somewhere in it, or before, or behind: all must end well
        first.kill()
    answer = upload.put(1)
    if answer.status == 409:  # it held the claim
        let_claim_run_out(ground, upload)
        answer = upload.put(1)
    return answer
