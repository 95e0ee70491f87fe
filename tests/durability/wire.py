"""Requests as the tests send them: whole ones, and ones that end where they please."""

import base64
import http.client
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Address = tuple[str, int]

#: Seconds without a byte. The service cuts what stalls for 30 s, so this is a hang.
TIMEOUT = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    fields: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.status} {self.body[:300]!r}"


def basic(user: str, secret: str) -> dict[str, str]:
    """The header of Basic credentials."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}


def exchange(
    address: Address,
    method: str,
    path: str,
    fields: Mapping[str, str] | None = None,
    body: bytes | Iterable[bytes] | None = None,
    source: str = "",
) -> Answer:
    """One request on a connection of its own, from the address `source` where that matters; a
    body that is no bytes is sent in chunks unless `fields` have its length."""
    connection = http.client.HTTPConnection(*address, TIMEOUT, (source, 0) if source else None)
    try:
        return send(connection, method, path, fields or {}, body)
    finally:
        connection.close()


def send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    fields: Mapping[str, str],
    body: bytes | Iterable[bytes] | None = None,
) -> Answer:
    """One request on a connection that is kept."""
    connection.request(method, path, body=body, headers=dict(fields))
    response = connection.getresponse()
    answered = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, answered, response.read())


def begin_put(
    address: Address,
    path: str,
    fields: Mapping[str, str],
    begun: bytes,
    method: str = "PUT",
) -> socket.socket:
    """Begin an upload, and send what its framing in `fields` makes the first of its bytes."""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {address[0]}:{address[1]}",
        *(f"{name}: {value}" for name, value in fields.items()),
    ]
    connection = socket.create_connection(address, timeout=TIMEOUT)
    try:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + begun)
    except OSError:
        connection.close()
        raise
    return connection


def read_answer(connection: socket.socket, method: str = "PUT") -> Answer:
    """The answer on a connection of `begin_put`."""
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    answered = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, answered, response.read())
