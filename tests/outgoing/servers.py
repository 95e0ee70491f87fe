"""Servers on the loopback address: one that behaves, and one that says what it is told to."""

import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from app.outgoing import Bounds, Client

LOOPBACK = (ipaddress.ip_network("127.0.0.1/32"),)
#: So small that a test waits for what passes them; what does not is never near them.
SMALL = Bounds(
    connect_seconds=5.0,
    head_seconds=0.5,
    stall_seconds=0.3,
    slow_seconds=0.6,
    slow_bytes=1024,
    document_seconds=1.5,
)


class Names:
    """Looks names up in a table; of a name with several rows each is told once, the last on."""

    def __init__(self, **others: Sequence[Sequence[str]]) -> None:
        self._others = {name.replace("_", "."): list(rows) for name, rows in others.items()}
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        rows = self._others.get(host, [["127.0.0.1"]])
        return rows.pop(0) if len(rows) > 1 else rows[0]


def client(**arguments: Any) -> Client:
    """A client that may go to 127.0.0.1, where every name is."""
    return Client(**{"allowed": LOOPBACK, "resolve": Names()} | arguments)


@dataclass(frozen=True)
class Sent:
    """What a server answers to a path."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """What a server was asked, and over the how-manieth connection."""

    target: str
    headers: Mapping[str, str]
    connection: int


class Server:
    """Answers from a table, keeps connections open, and takes notes."""

    def __init__(self, port: int, scheme: str) -> None:
        self.port = port
        self.scheme = scheme
        self.answers: dict[str, Sent] = {}
        self.asked: list[Asked] = []
        self.connections = 0

    def url(self, path: str = "/", host: str = "a.test", user: str = "") -> str:
        return f"{self.scheme}://{user}{host}:{self.port}{path}"

    def redirect(self, path: str, to: str, status: int = 302) -> None:
        self.answers[path] = Sent(b"elsewhere", status, {"Location": to})


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None, protocol: str = "HTTP/1.1") -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = protocol

        def setup(self) -> None:
            super().setup()
            server.connections += 1
            self.number = server.connections

        def do_GET(self) -> None:
            server.asked.append(Asked(self.path, dict(self.headers), self.number))
            sent = server.answers.get(self.path, Sent(b"nothing here", 404))
            self.send_response(sent.status)
            for name, value in {"Content-Length": str(len(sent.body)), **sent.headers}.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent.body)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    with Quiet(("127.0.0.1", 0), Handler) as listening:
        if context is not None:
            listening.socket = context.wrap_socket(
                listening.socket, server_side=True, do_handshake_on_connect=False
            )
        server = Server(listening.server_port, "http" if context is None else "https")
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()


@contextlib.contextmanager
def saying(*scripts: bytes | Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads a request on each connection and then sends or does the next script;
    its URL. The connection is closed behind it."""
    done = threading.Event()

    def converse() -> None:
        for script in scripts:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(10)
                while b"\r\n\r\n" not in connection.recv(65536):
                    pass
                if callable(script):
                    script(connection)
                else:
                    connection.sendall(script)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536) and not done.is_set():
                    pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        thread = threading.Thread(target=converse, daemon=True)
        thread.start()
        try:
            yield f"http://a.test:{listening.getsockname()[1]}/"
        finally:
            done.set()
            thread.join()
