"""The application under its own server: bytes on a socket, good and bad, and what they leave.

What a client of the process can't say, a socket can: framing that contradicts itself, a body
that stops, two requests in one. Each leaves no record, no blob and no temporary file.
"""

import hashlib
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.installation import opened
from app.server.limits import Limits
from app.settings import read_settings
from storage import keys
from tests.cli.command import Serving, serving
from tests.http.client import bearer

DATA = hashlib.shake_256(b"served").digest(3 * 1024 * 1024 + 7)
AT = "/repositories/files/"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("served")
    with serving(folder / "data", "--workers", "1", "--threads", "8") as running:
        yield running


@pytest.fixture(scope="module")
def key(server: Serving) -> str:
    found = re.search(r"srk_\w{49}", (server.data / "first-sign-in.txt").read_text())
    assert found is not None
    status, _, _ = server.ask("GET", AT, {"Authorization": bearer(found[0])})
    assert status == 200
    return found[0]


@pytest.fixture(scope="module")
def signed(key: str) -> dict[str, str]:
    return {"Authorization": bearer(key)}


def stored(data: Path) -> tuple[set[str], set[str]]:
    """The keys of all records (of those that stay, and are not the worker's), and the names of
    all files of blobs."""
    with opened(read_settings({"STRONGROOM_DATA": str(data)})) as at:
        page = at.metadata.scan(0, 1, "", 100_000)
    assert page.next is None
    names = {
        f"{record.key.partition} / {record.key.sort}"
        for record in page.records
        if record.expires is None
        and record.key.partition != keys.DUTIES
        and not record.key.partition.endswith(("#readers", "#made"))
    }
    return names, {path.name for path in (data / "blobs").rglob("*") if path.is_file()}


def settled(data: Path, before: tuple[set[str], set[str]]) -> None:
    """What is stored is what was. A break is noticed at once where the reset arrives, and
    else, as a stall is: the server waits for the client no longer than that."""
    deadline = time.monotonic() + 2 * Limits().stall_seconds
    while (changed := _changed(data, before)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert changed == []


def _changed(data: Path, before: tuple[set[str], set[str]]) -> list[str]:
    """The records and files that came or went, and no others: that is what a failure shows. The
    worker may take the record of a folder back that was emptied."""
    return sorted(
        name
        for now, then in zip(stored(data), before, strict=True)
        for name in (now - then) | {one for one in then - now if not is_folder(one)}
    )


def is_folder(name: str) -> bool:
    """Whether a record is what makes a folder known to the one above it."""
    return "#folder#" in name and name.endswith("/")


def talk(server: Serving, *pieces: bytes, shut: bool = True) -> bytes:
    """Send pieces on one connection, and return all that comes back; without `shut` the end of
    what is sent comes once an answer does, for which the server would wait."""
    with socket.create_connection(server.address, timeout=20) as connection:
        for piece in pieces:
            connection.sendall(piece)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while True:
            try:
                piece = connection.recv(1 << 16)
            except ConnectionResetError:
                break
            if not piece:
                break
            answer += piece
            if not shut:
                connection.shutdown(socket.SHUT_WR)
                shut = True
        return answer


def head(key: str, *fields: str, method: str = "PUT", path: str = "bad", host: str = "") -> bytes:
    lines = [
        f"{method} {AT}{path} HTTP/1.1",
        f"Host: {host or '127.0.0.1'}",
        f"Authorization: {bearer(key)}",
        *fields,
        "",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1")


def test_a_file_goes_in_and_out_whole_and_in_part(server: Serving, signed: dict[str, str]) -> None:
    assert server.ask("PUT", f"{AT}in/out", signed, DATA)[0] == 201
    status, headers, body = server.ask("GET", f"{AT}in/out", signed)
    assert (status, body) == (200, DATA)
    assert headers["content-length"] == str(len(DATA))
    for first, last in ((0, 0), (5, 9), (1_000_000, 2_500_000), (len(DATA) - 3, len(DATA) - 1)):
        asked = {**signed, "Range": f"bytes={first}-{last}"}
        status, headers, body = server.ask("GET", f"{AT}in/out", asked)
        assert (status, body) == (206, DATA[first : last + 1])
        assert headers["content-range"] == f"bytes {first}-{last}/{len(DATA)}"
    status, headers, body = server.ask("HEAD", f"{AT}in/out", signed)
    assert (status, body, headers["content-length"]) == (200, b"", str(len(DATA)))
    asked = {**signed, "If-None-Match": headers["etag"]}
    status, headers, body = server.ask("GET", f"{AT}in/out", asked)
    assert (status, body) == (304, b"")
    assert "content-type" not in headers
    assert server.ask("DELETE", f"{AT}in/out", signed)[0] == 204


def test_a_refused_upload_is_answered_before_its_body(server: Serving, key: str) -> None:
    """With `Expect: 100-continue` no byte of it is sent."""
    before = stored(server.data)
    for wanted, sent in (
        (b"401", head("srk_wrong", "Expect: 100-continue", "Content-Length: 5368709120")),
        (b"404", head(key, "Expect: 100-continue", "Content-Length: 9", path="../nowhere/x")
            .replace(b"files/../", b"")),
        (b"400", head(key, "Expect: 100-continue", "Content-Length: 9", path="a//b")),
        (b"412", head(key, "Expect: 100-continue", "Content-Length: 9", 'If-Match: "x"')),
    ):  # fmt: skip
        answer = talk(server, sent, shut=False)
        assert answer.startswith(b"HTTP/1.1 " + wanted), answer[:200]
        assert b"100 Continue" not in answer
    settled(server.data, before)


def test_a_welcome_upload_is_asked_to_go_on(server: Serving, key: str) -> None:
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(head(key, "Expect: 100-continue", "Content-Length: 5", path="asked"))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"bytes")
        assert connection.recv(1000).startswith(b"HTTP/1.1 201 ")


#: Requests that are none, or that a front and this server could take for different ones.
BAD: dict[str, Callable[[str], bytes]] = {
    "both lengths": lambda k: (
        head(k, "Content-Length: 5", "Transfer-Encoding: chunked") + b"5\r\nbytes\r\n0\r\n\r\n"
    ),
    "two lengths": lambda k: head(k, "Content-Length: 5", "Content-Length: 6") + b"bytes!",
    "a list of lengths": lambda k: head(k, "Content-Length: 5, 5") + b"bytes",
    "a signed length": lambda k: head(k, "Content-Length: +5") + b"bytes",
    "a length of letters": lambda k: head(k, "Content-Length: five") + b"bytes",
    "a negative length": lambda k: head(k, "Content-Length: -5") + b"bytes",
    "another coding": lambda k: (
        head(k, "Transfer-Encoding: gzip, chunked") + b"5\r\nbytes\r\n0\r\n\r\n"
    ),
    "a coding that hides": lambda k: head(k, "Transfer-Encoding: xchunked") + b"0\r\n\r\n",
    "chunked twice": lambda k: (
        head(k, "Transfer-Encoding: chunked, chunked") + b"5\r\nbytes\r\n0\r\n\r\n"
    ),
    "a coding behind a blank": lambda k: head(k, "Transfer-Encoding : chunked") + b"0\r\n\r\n",
    "a chunk size of letters": lambda k: (
        head(k, "Transfer-Encoding: chunked") + b"z\r\nbytes\r\n0\r\n\r\n"
    ),
    "a signed chunk size": lambda k: (
        head(k, "Transfer-Encoding: chunked") + b"+5\r\nbytes\r\n0\r\n\r\n"
    ),
    "a chunk size of 0x": lambda k: (
        head(k, "Transfer-Encoding: chunked") + b"0x5\r\nbytes\r\n0\r\n\r\n"
    ),
    "a huge chunk size": lambda k: (
        head(k, "Transfer-Encoding: chunked") + b"fffffffffffffffff\r\nbytes"
    ),
    "a chunk longer than said": lambda k: (
        head(k, "Transfer-Encoding: chunked") + b"3\r\nbytes\r\n0\r\n\r\n"
    ),
    "a chunk without its end": lambda k: head(k, "Transfer-Encoding: chunked") + b"5\r\nbyt",
    "chunks without the last": lambda k: head(k, "Transfer-Encoding: chunked") + b"5\r\nbytes\r\n",
    "a body that stops": lambda k: head(k, "Content-Length: 500000") + b"x" * 300_000,
    "no body at all": lambda k: head(k, "Content-Length: 5"),
    "a bare CR in a field": lambda k: head(k, "X-Thing: a\rb", "Content-Length: 1") + b"x",
    "a bare LF as line ends": lambda k: head(k, "Content-Length: 1").replace(b"\r\n", b"\n") + b"x",
    "a NUL in a field": lambda k: head(k, "X-Thing: a\0b", "Content-Length: 1") + b"x",
    "a folded field": lambda k: head(k, "X-Thing: a", " b", "Content-Length: 1") + b"x",
    "a field without a name": lambda k: head(k, ": a", "Content-Length: 1") + b"x",
    "a field without a colon": lambda k: head(k, "nonsense", "Content-Length: 1") + b"x",
    "a blank in a name": lambda k: head(k, "X Thing: a", "Content-Length: 1") + b"x",
    "two hosts": lambda k: head(k, "Host: 127.0.0.1", "Content-Length: 1") + b"x",
    "another host": lambda k: head(k, "Content-Length: 1", host="evil.example") + b"x",
    "a huge field": lambda k: head(k, "X-Thing: " + "a" * 100_000, "Content-Length: 1") + b"x",
    "very many fields": lambda k: head(k, *[f"X-{n}: {n}" for n in range(2_000)]) + b"",
    "a huge path": lambda k: head(k, "Content-Length: 1", path="a" * 100_000) + b"x",
    "a blank in the path": lambda k: head(k, "Content-Length: 1", path="a b") + b"x",
    "no version": lambda k: head(k, "Content-Length: 1").replace(b" HTTP/1.1", b"") + b"x",
    "an old version": lambda k: head(k, "Content-Length: 1").replace(b"/1.1", b"/0.9") + b"x",
    "a new version": lambda k: head(k, "Content-Length: 1").replace(b"/1.1", b"/2.0") + b"x",
}


@pytest.mark.parametrize("bad", BAD)
def test_what_is_no_request_is_refused_and_leaves_nothing(
    server: Serving, key: str, bad: str
) -> None:
    before = stored(server.data)
    answer = talk(server, BAD[bad](key))
    statuses = re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)
    assert len(statuses) <= 1, "what follows is not taken for another request"
    refusals = {b"400", b"413", b"414", b"421", b"431", b"501", b"505"}
    assert set(statuses) <= refusals, answer[:300]
    assert b"Traceback" not in answer
    settled(server.data, before)
    assert "Traceback" not in server.err


def test_what_follows_a_body_is_another_request_and_no_part_of_it(
    server: Serving, key: str, signed: dict[str, str]
) -> None:
    first = head(key, "Content-Length: 5", path="first") + b"bytes"
    second = head(key, "Content-Length: 4", "Connection: close", path="second") + b"more"
    answer = talk(server, first + second)
    assert re.findall(rb"HTTP/1\.1 (\d{3})", answer) == [b"201", b"201"]
    assert server.ask("GET", f"{AT}first", signed)[2] == b"bytes"
    assert server.ask("GET", f"{AT}second", signed)[2] == b"more"


def test_a_client_that_breaks_off_leaves_nothing(server: Serving, key: str) -> None:
    """By a reset, with megabytes under way."""
    before = stored(server.data)
    for fields in (("Content-Length: 50000000",), ("Transfer-Encoding: chunked",)):
        with socket.create_connection(server.address, timeout=20) as connection:
            connection.sendall(head(key, *fields, path="folder/of/its/own"))
            size = b"" if "Length" in fields[0] else b"%x\r\n" % 40_000_000
            connection.sendall(size + DATA)
            linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    settled(server.data, before)


def test_a_download_that_is_not_taken_holds_nothing(
    server: Serving, key: str, signed: dict[str, str]
) -> None:
    """Clients that vanish in downloads, more of them than there are threads."""
    server.ask("PUT", f"{AT}big", signed, DATA)
    for _ in range(12):
        with socket.create_connection(server.address, timeout=20) as connection:
            connection.sendall(head(key, method="GET", path="big"))
            connection.recv(10)
    assert server.ask("GET", f"{AT}big", signed)[2] == DATA
