"""A server on a socket that reads one request, and answers as a test says or not at all."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

Answer: TypeAlias = Callable[[socket.socket], None]


def http(
    status: int,
    body: bytes | dict[str, Any] | list[Any],
    date: str = "",
    cut: int = 0,
    crc: int = 0,
) -> Answer:
    """An answer, `cut` bytes short."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} -", f"Content-Length: {len(content)}", "Connection: close"]
    if date:
        lines.append(f"Date: {date}")
    if crc:
        lines.append(f"x-amz-crc32: {crc}")
    head = "\r\n".join(lines).encode() + b"\r\n\r\n"

    def answer(connection: socket.socket) -> None:
        connection.sendall(head + content[: len(content) - cut])

    return answer


def error(status: int, code: str, **more: Any) -> Answer:
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return http(status, {"__type": kind, "message": "made up", **more})


def cancelled(*codes: str) -> Answer:
    reasons = [{"Code": code, "Message": "made up"} for code in codes]
    return error(400, "TransactionCanceledException", CancellationReasons=reasons)


def silence(connection: socket.socket) -> None:
    """Keep it open, and say nothing for longer than a client here waits."""
    time.sleep(0.6)


def hangup(connection: socket.socket) -> None:
    """Close it without a word."""


def garbage(connection: socket.socket) -> None:
    connection.sendall(b"\x00\xffnot http at all\r\n\r\n")


def below_tls(data: bytes) -> Answer:
    """Send bytes past the encryption: to the client they are no record of TLS."""

    def answer(connection: socket.socket) -> None:
        with socket.socket(fileno=connection.detach()) as bare:
            bare.sendall(data)

    return answer


class Server:
    """Reads one request a connection and gives the next of its answers; the last stays."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.answers: list[Answer] = []
        self.requests: list[dict[str, Any]] = []
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._socket.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # The client may have gone.
        with connection, suppress(OSError):
            if self._tls is None:
                self._answer(connection)
            else:
                with self._tls.wrap_socket(connection, server_side=True) as wrapped:
                    self._answer(wrapped)

    def _answer(self, connection: socket.socket) -> None:
        self.requests.append(self._request(connection))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        answer(connection)

    def _request(self, connection: socket.socket) -> dict[str, Any]:
        read = b""
        while b"\r\n\r\n" not in read:
            read += connection.recv(65536)
        head, _, body = read.partition(b"\r\n\r\n")
        lines = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:]]
        fields = {name.lower(): value for name, value in lines}
        while len(body) < int(fields[b"content-length"]):
            body += connection.recv(65536)
        return {"target": fields[b"x-amz-target"].decode().rsplit(".", 1)[-1], **json.loads(body)}
