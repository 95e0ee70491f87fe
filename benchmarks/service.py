"""The service under measure: started as a person starts it, set up through its own API."""

import base64
import http.client
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.processes import BenchmarkFailed, Server, free_port, serving

ADMIN = "admin@bench.example"
DEVELOPER = "developer@bench.example"
REPOSITORY = "bench"


def basic(user: str, secret: str) -> dict[str, str]:
    """The header of Basic credentials."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}


def path_of(name: str) -> str:
    """The path that a file of the repository has."""
    return f"/repositories/{REPOSITORY}/{name}"


@dataclass(frozen=True, slots=True)
class Service:
    """A running service with one raw repository, a developer, and a key that may use it."""

    server: Server
    admin: Mapping[str, str]
    key: Mapping[str, str]
    password: Mapping[str, str]
    data: Path

    @property
    def port(self) -> int:
        return self.server.port

    def call(
        self, method: str, path: str, value: object = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """One request to the management API as the administrator; its JSON.

        Raises:
            BenchmarkFailed: the status is not of the 200s.
        """
        body = None if value is None else json.dumps(value).encode()
        fields = {"Content-Type": "application/json", **(headers or self.admin)}
        status, answer = exchange(self.port, method, path, fields, body)
        if not 200 <= status < 300:
            raise BenchmarkFailed(f"{method} {path}: {status} {answer[:500]!r}")
        return json.loads(answer) if answer else None

    def put(self, name: str, content: bytes) -> None:
        """Store a file under `name`."""
        status, answer = exchange(self.port, "PUT", path_of(name), self.key, content)
        if status not in (200, 201):
            raise BenchmarkFailed(f"PUT {name}: {status} {answer[:500]!r}")

    def new_key(self, name: str) -> dict[str, str]:
        """The header of another API key of the administrator."""
        made = self.call("POST", "/api/keys", {"name": name})
        return basic("api-key", made["secret"])

    def metric(self, name: str) -> float:
        """A metric's value, summed over its labels; one that nobody defines is no nought.

        The count and the sum of a histogram have its name with `_count` and `_sum` behind it.
        """
        status, text = exchange(self.port, "GET", "/metrics", self.key, None)
        lines = text.decode().splitlines()
        defined = {f"# TYPE {name}", f"# TYPE {name.removesuffix('_count').removesuffix('_sum')}"}
        if status != 200 or defined.isdisjoint(line.rpartition(" ")[0] for line in lines):
            raise BenchmarkFailed(f"/metrics: {status}, without {name}")
        rows = [line for line in lines if line and line[0] != "#"]
        return sum(
            float(line.split()[-1]) for line in rows if line.split()[0].partition("{")[0] == name
        )


def exchange(
    port: int, method: str, path: str, headers: Mapping[str, str], body: bytes | None
) -> tuple[int, bytes]:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@contextmanager
def strongroom(
    folder: Path,
    *,
    workers: int = 2,
    threads: int = 32,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Service]:
    """Run `strongroom serve` on a new data folder; `settings` are names without the prefix."""
    password = secrets.token_urlsafe(16)
    own = {"ADMIN_EMAIL": ADMIN, "ADMIN_PASSWORD": password, **(settings or {})}
    with started(
        folder, workers=workers, threads=threads, settings=own, environment=environment
    ) as server:
        yield _set_up(server, basic(ADMIN, password), folder / "data")


@contextmanager
def started(
    folder: Path,
    *,
    workers: int = 2,
    threads: int = 32,
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run `strongroom serve` on what is in a folder, as `strongroom` does."""
    folder.mkdir(parents=True, exist_ok=True)
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("STRONGROOM_")
    }
    port = free_port()
    command = [str(Path(sys.executable).with_name("strongroom")), "serve"]
    command += ["--bind", f"127.0.0.1:{port}", "--data", str(folder / "data")]
    command += ["--workers", str(workers), "--threads", str(threads)]
    names = {f"STRONGROOM_{name}": value for name, value in (settings or {}).items()}
    with serving(
        command, port, folder / "log", inherited | dict(environment or {}) | names, folder
    ) as server:
        yield server


def _set_up(server: Server, admin: Mapping[str, str], data: Path) -> Service:
    service = Service(server, admin, {}, {}, data)
    repository = {"name": REPOSITORY, "format": "raw", "kind": "hosted", "overwrite": True}
    service.call("POST", "/api/repositories", repository)
    password = secrets.token_urlsafe(16)
    person = {"email": DEVELOPER, "name": "D", "role": "developer", "password": password}
    developer = service.call("POST", "/api/users", person)
    grants = {"repositories": {REPOSITORY: ["read", "write", "delete"]}}
    service.call("PUT", f"/api/users/{developer['id']}/permissions", grants)
    key = service.new_key("bench")
    return Service(server, admin, key, basic(DEVELOPER, password), data)
