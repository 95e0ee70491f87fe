"""The server that clients talk to, and repositories in it, one for each purpose of a test."""

import contextlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cli.command import Serving, run, serving
from tests.clients.watched import Asked, Watched, watching
from tests.http.client import bearer

ADMIN = "admin@clients.example"

#: What the user is called beside an API key.
USER = "api-key"

_SIMPLE_JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class Repository:
    """A repository of the server, as clients reach it."""

    name: str
    url: str
    _server: "Server" = field(repr=False)
    _told: int = 0

    @property
    def public_url(self) -> str:
        """For who has no credentials, if it is public."""
        return self.url.replace("/repositories/", "/public/repositories/")

    def asked(self) -> list[Asked]:
        """What was asked of it since this was last called; paths are those of its files.

        It is told while no client runs: a connection that is open could have more to tell.
        """
        prefix = f"/repositories/{self.name}/"
        everything = [
            (asked, asked.path.removeprefix("/public")) for asked in self._server.line.asked()
        ]
        mine = [
            Asked(asked.method, path.removeprefix(prefix), asked.status)
            for asked, path in everything
            if path.startswith(prefix)
        ]
        new, self._told = mine[self._told :], len(mine)
        return new

    def put(self, path: str, data: bytes) -> None:
        """Upload a file, as curl does, past the line that is listened to."""
        status, _, answer = self._server.ask("PUT", f"/repositories/{self.name}/{path}", data)
        assert status == 201, (path, status, answer)

    def get(self, path: str) -> bytes:
        """A file that is there, past the line that is listened to."""
        status, _, answer = self._server.ask("GET", f"/repositories/{self.name}/{path}")
        assert status == 200, (path, status, answer)
        return answer

    def page(self, project: str) -> Any:
        """The files that the index of a Python repository has of a project."""
        at = f"/repositories/{self.name}/simple/{project}/"
        headers = {"Authorization": bearer(self._server.key), "Accept": _SIMPLE_JSON}
        status, _, answer = self._server.serving.ask("GET", at, headers)
        assert status == 200, (project, status, answer)
        return json.loads(answer)["files"]

    def api(self, method: str, path: str, value: object = None) -> Any:
        """One request to the management API, about this repository; its JSON."""
        return self._server.api(method, f"/api/repositories/{self.name}/{path}", value)


@dataclass
class Server:
    """The server, an administrator's key, and the line on which clients reach it."""

    serving: Serving
    line: Watched
    key: str = field(repr=False)

    def repository(self, policy: str = "mixed") -> Repository:
        """A new, empty Maven repository."""
        return self._made(policy, format="maven", policy=policy)

    def pypi(self, *, public: bool = False) -> Repository:
        """A new, empty Python repository."""
        return self._made("pypi", format="python", public=public)

    def key_for(self, repository: Repository, *actions: str) -> str:
        """A key with which one can do these in a repository, and nothing else."""
        wanted = {"name": repository.name, "scopes": {repository.name: actions}}
        made: str = self.api("POST", "/api/keys", wanted)["secret"]
        return made

    def api(self, method: str, path: str, value: object = None) -> Any:
        """One request to the management API; its JSON."""
        body = None if value is None else json.dumps(value).encode()
        status, _, answer = self.ask(method, path, body, "application/json")
        assert 200 <= status < 300, (method, path, status, answer)
        return json.loads(answer) if answer else None

    def ask(
        self, method: str, path: str, body: bytes | None = None, type_: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """One request with the key, past the line: status, headers in lower case, body."""
        headers = {"Authorization": bearer(self.key)}
        if type_:
            headers["Content-Type"] = type_
        return self.serving.ask(method, path, headers, body)

    def _made(self, kind: str, **rules: object) -> Repository:
        name = f"{kind}-{secrets.token_hex(4)}"
        self.api("POST", "/api/repositories", {"name": name, **rules})
        host, port = self.line.address
        return Repository(name, f"http://{host}:{port}/repositories/{name}/", self)


@contextlib.contextmanager
def started(data: Path, **stores: str) -> Iterator[Server]:
    """A server over `data`, or over the stores of these settings."""
    settings = {"ADMIN_EMAIL": ADMIN, "ADMIN_PASSWORD": secrets.token_urlsafe(16), **stores}
    with serving(data, "--workers", "1", "--threads", "16", **settings) as running:
        made = run(data, "key", "create", ADMIN, "--name", "clients", "--json", **settings)
        assert made.status == 0, made
        with watching(running.address) as line:
            yield Server(running, line, made.json["secret"])
