"""Requests as bytes, and answers taken apart, without any client's kindness."""

import json
import socket
from dataclasses import dataclass
from hashlib import sha256
from typing import Any


@dataclass(frozen=True)
class Answer:
    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def problem(self) -> dict[str, Any]:
        assert self.fields["content-type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(self.body)
        return found


def request(line: str, *fields: str, body: bytes = b"", host: str = "Host: test") -> bytes:
    lines = [f"{line} HTTP/1.1", *([host] if host else []), *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def told(path: str, body: bytes) -> str:
    """What `samples.digest` says of a body."""
    return f"{path} {len(body)} {sha256(body).hexdigest()}"


class Reader:
    """Reads answers off a connection, one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.buffer = bytearray()

    def answer(self, bodyless: bool = False) -> Answer:
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head = self._take(self.buffer.index(b"\r\n\r\n") + 4)[:-4]
        status, *lines = head.decode("latin-1").split("\r\n")
        fields = {}
        for line in lines:
            name, _, value = line.partition(": ")
            assert name.lower() not in fields, f"{name} twice"
            fields[name.lower()] = value
        code = int(status.split(" ")[1])
        if bodyless or code in (204, 304) or code < 200:
            return Answer(code, fields, b"")
        return Answer(code, fields, self._body(fields))

    def _body(self, fields: dict[str, str]) -> bytes:
        if "content-length" not in fields:
            assert "transfer-encoding" not in fields, "use `raw` for chunks"
            while self._more(end=True):
                pass
            return self._take(len(self.buffer))
        length = int(fields["content-length"])
        while len(self.buffer) < length:
            self._more()
        return self._take(length)

    def at_end(self) -> bool:
        """Whether nothing more comes."""
        return not self.buffer and self._connection.recv(1) == b""

    def _take(self, count: int) -> bytes:
        taken = bytes(self.buffer[:count])
        del self.buffer[:count]
        return taken

    def _more(self, end: bool = False) -> bool:
        piece = self._connection.recv(1 << 20)
        if not piece and not end:
            raise EOFError(f"the connection ended behind {self.buffer[:200]!r}")
        self.buffer += piece
        return bool(piece)


def parse(data: bytes) -> list[Answer]:
    """All answers in what a connection brought until its end."""
    left, right = socket.socketpair()
    with left, right:
        left.settimeout(5)
        right.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
        right.sendall(data)
        right.shutdown(socket.SHUT_WR)
        reader, answers = Reader(left), []
        while reader.buffer or reader._more(end=True):
            answers.append(reader.answer())
        return answers
