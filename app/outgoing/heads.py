"""The head of an answer: bounded in lines and bytes, and read strictly (RFC 9112)."""

import http.client
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass

from app.outgoing.errors import BadAnswer, Dropped
from app.outgoing.shown import quoted

#: Others' servers send some 2 KiB. Lines: as many as http.client takes.
HEAD_BYTES = 64 * 1024
#: Interim answers, which nothing was asked that would bring one.
MOST_INTERIM = 4

_STATUS = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class Head:
    """Status and headers; their names are in lower case, and several values of one joined."""

    status: int
    keeps_open: bool
    headers: Mapping[str, str]


def read_head(file: io.BufferedReader, where: str) -> Head:
    """The head that comes next; interim ones are left out.

    Raises:
        Dropped: the connection ended before it began.
        BadAnswer: it is none, or too large.
    """
    left = HEAD_BYTES
    for _ in range(MOST_INTERIM + 1):
        lines, left = _lines(file, left, where)
        found = _STATUS.fullmatch(lines[0])
        if found is None:
            raise BadAnswer(f"{where} does not answer as an HTTP/1.1 server: {_text(lines[0])}")
        if found[2][0:1] != b"1" or found[2] == b"101":
            headers = _headers(lines[1:], where)
            return Head(int(found[2]), _keeps_open(found[1], headers), headers)
    raise BadAnswer(f"{where} sends one interim answer after the other")


def _lines(file: io.BufferedReader, left: int, where: str) -> tuple[list[bytes], int]:
    """The lines up to the empty one, and how many bytes may still come."""
    lines: list[bytes] = []
    while True:
        line = file.readline(left + 1)
        left -= len(line)
        if left < 0:
            raise BadAnswer(f"{where} sends headers of more than {HEAD_BYTES // 1024} KiB")
        if not line.endswith(b"\n"):
            if not lines and not line:
                raise Dropped(f"{where} closed the connection without an answer")
            raise BadAnswer(f"{where} ends in the middle of the headers")
        lines.append(line)
        if line in (b"\r\n", b"\n"):
            return lines, left


def _headers(lines: list[bytes], where: str) -> Mapping[str, str]:
    try:
        parsed = http.client.parse_headers(io.BytesIO(b"".join(lines)))
    except http.client.HTTPException as error:
        raise BadAnswer(f"{where} sends too many headers") from error
    headers: dict[str, str] = {}
    for written, value in parsed.items():
        name = written.lower()
        if not _NAME.fullmatch(name):
            raise BadAnswer(f"{where} sends a header without a proper name: {quoted(name)}")
        headers[name] = f"{headers[name]}, {value.strip()}" if name in headers else value.strip()
    if parsed.defects:
        raise BadAnswer(f"{where} sends headers that can't be told apart")
    return headers


def _keeps_open(minor: bytes, headers: Mapping[str, str]) -> bool:
    """Whether the connection stays (RFC 9112, section 9.3)."""
    options = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    return "close" not in options and (minor != b"0" or "keep-alive" in options)


def _text(line: bytes) -> str:
    return quoted(line.decode("ascii", "replace").strip())
