"""The status listener: health in detail and metrics, answered outside of the request threads.

A service that is busy to its last thread must still say that it is alive, so its listener has
threads of its own: few, each with a client for two seconds at the most. The checks of the
stores, which may hang as long as a store does, run one at a time, and never keep `/healthz`
waiting.
"""

import json
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import BoundedSemaphore, Lock, Thread
from time import monotonic, sleep
from typing import TypeAlias

#: Name of a store (or anything that must be there) to "ok", or to what is wrong with it.
Checks: TypeAlias = Callable[[], Mapping[str, str]]

CLIENTS = 16
CLIENT_SECONDS = 2.0
CHECK_SECONDS = 5.0  # how long a caller waits for checks that another one has begun
FRESH_SECONDS = 1.0
REQUEST_BYTES = 4096

_JSON = "application/json"
_METRICS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reply:
    status: str
    kind: str
    body: bytes


def bind_status(address: str) -> socket.socket:
    """A listening socket on `HOST:PORT`; made before the fork and shared by all workers.

    Raises:
        OSError: the address is taken, or none of this machine's.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, int(port)), family=family, backlog=64)
    listener.setblocking(True)
    return listener


class StatusListener:
    """Answers on a listening socket, in daemon threads."""

    def __init__(
        self,
        listener: socket.socket,
        checks: Checks | None,
        metrics: Callable[[], str] | None,
        client_seconds: float = CLIENT_SECONDS,
    ) -> None:
        self._listener = listener
        self._metrics = metrics
        self._readiness = None if checks is None else Readiness(checks)
        self._client_seconds = client_seconds
        self._clients = BoundedSemaphore(CLIENTS)

    def start(self) -> None:
        """Begin to answer; returns at once."""
        Thread(target=self._accept, name="status", daemon=True).start()

    def _accept(self) -> None:
        while True:
            self._clients.acquire()
            try:
                client, _ = self._listener.accept()
            except OSError as error:
                self._clients.release()
                if self._listener.fileno() < 0:
                    return
                logging.getLogger(__name__).warning("the status listener can't accept: %s", error)
                sleep(FRESH_SECONDS)
                continue
            Thread(target=self._serve, args=(client,), name="status-client", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with client:
                request = self._receive(client)
                if request is None:
                    return
                client.settimeout(self._client_seconds)
                client.sendall(_render(self.reply(request)))
                client.shutdown(socket.SHUT_WR)
        except OSError:
            return  # The client is gone or too slow: there is nobody to be told.
        finally:
            self._clients.release()

    def _receive(self, client: socket.socket) -> bytes | None:
        """The request's head, or None where it is none, is too long or comes too slowly."""
        deadline = monotonic() + self._client_seconds
        data = b""
        while b"\r\n\r\n" not in data:
            left = deadline - monotonic()
            if left <= 0 or len(data) > REQUEST_BYTES:
                return None
            client.settimeout(left)
            piece = client.recv(REQUEST_BYTES)
            if not piece:
                return None
            data += piece
        return data

    def reply(self, request: bytes) -> Reply:
        """The reply to a request's head."""
        words = request.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return Reply("400 Bad Request", _JSON, b"{}")
        if words[0] != b"GET":
            return Reply("405 Method Not Allowed", _JSON, b"{}")
        try:
            return self._reply(words[1].partition(b"?")[0])
        except Exception as error:  # a check or the metrics failed: say that, not why
            logging.getLogger(__name__).exception("the status can't be told")
            answer = json.dumps({"error": type(error).__name__}).encode()
            return Reply("500 Internal Server Error", _JSON, answer)

    def _reply(self, path: bytes) -> Reply:
        if path == b"/healthz":
            return Reply("200 OK", _JSON, b'{"status":"ok"}')
        if path == b"/readyz":
            found = {} if self._readiness is None else self._readiness.found()
            ready = all(state == "ok" for state in found.values())
            answer = {"status": "ok" if ready else "unavailable", "checks": found}
            status = "200 OK" if ready else "503 Service Unavailable"
            return Reply(status, _JSON, json.dumps(answer).encode())
        if path == b"/metrics" and self._metrics is not None:
            return Reply("200 OK", _METRICS, self._metrics().encode())
        return Reply("404 Not Found", _JSON, b"{}")


class Readiness:
    """The checks, run by one caller at a time; what they found serves others for a second."""

    def __init__(
        self,
        checks: Checks,
        patience: float = CHECK_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._checks = checks
        self._clock = clock
        self._patience = patience
        self._lock = Lock()
        # Half of the threads may wait here; the others stay free for /healthz.
        self._waiting = BoundedSemaphore(CLIENTS // 2)
        self._found: Mapping[str, str] = {}
        self._until = 0.0

    def found(self) -> Mapping[str, str]:
        """What the checks say, or that they hang."""
        if not self._waiting.acquire(blocking=False):
            return {"checks": "too many are waiting for them"}
        try:
            if not self._lock.acquire(timeout=self._patience):
                return {"checks": f"no answer within {self._patience:g} s"}
            try:
                if self._clock() >= self._until:
                    self._found = self._checks()
                    self._until = self._clock() + FRESH_SECONDS
                return self._found
            finally:
                self._lock.release()
        finally:
            self._waiting.release()


def _render(reply: Reply) -> bytes:
    head = (
        f"HTTP/1.1 {reply.status}\r\nContent-Type: {reply.kind}\r\n"
        f"Content-Length: {len(reply.body)}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode("ascii") + reply.body
