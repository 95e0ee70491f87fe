"""A subscriber outside the organization: his tools read what he is given, and nothing more."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.clients.artifacts import Artifact, jar
from tests.clients.commands import run, succeed
from tests.clients.maven import Maven
from tests.clients.projects import Release, furnished, installed
from tests.clients.python import Python
from tests.clients.server import USER, Repository, Server
from tests.clients.stores import over_both_stores
from tests.http.client import bearer
from tests.parts import tool

LIB, PACKAGE = Artifact("lib", "1.0"), Release("sample-lib")


@dataclass
class Customer:
    """A subscriber of some repositories of the server, and his key."""

    server: Server
    id: str
    key: str = field(repr=False)

    def status(self, method: str, path: str) -> int:
        headers = {"Authorization": bearer(self.key)}
        return self.server.serving.ask(method, path, headers, b"x" if method == "PUT" else None)[0]


def customer(server: Server, *repositories: Repository) -> Customer:
    names = [repository.name for repository in repositories]
    group = server.api(
        "POST", "/api/subscriber-groups", {"name": secrets.token_hex(4), "repositories": names}
    )
    one = server.api("POST", "/api/subscribers", {"name": "Customer", "groups": [group["id"]]})
    key = server.api("POST", f"/api/subscribers/{one['id']}/keys", {"name": "builds"})
    return Customer(server, one["id"], key["secret"])


@over_both_stores
def test_curl_gets_a_file_with_the_key_and_no_other(
    server: Server, releases: Repository, tmp_path: Path
) -> None:
    LIB.publish(releases, jar({"lib.txt": "one"}))
    hidden = server.repository()
    LIB.publish(hidden, jar({"lib.txt": "two"}))
    he = customer(server, releases)
    command: list[str | Path] = [
        tool("curl"), "--silent", "--show-error", "--fail", "--user", f"{USER}:{he.key}",
    ]  # fmt: skip
    succeed([*command, "--remote-name", releases.url + LIB.path()], tmp_path, tmp_path)
    assert (tmp_path / "lib-1.0.jar").read_bytes() == jar({"lib.txt": "one"})
    ran = run([*command, hidden.url + LIB.path()], tmp_path, tmp_path, None)
    assert (ran.status, "404" in ran.out) == (22, True)
    sending = [*command, "--upload-file", "lib-1.0.jar", f"{releases.url}new"]
    assert "403" in run(sending, tmp_path, tmp_path, None).out
    assert he.status("GET", "/api/user") == 403


@over_both_stores
def test_pip_installs_with_the_key(server: Server, tmp_path: Path) -> None:
    pypi = furnished(server.pypi(), PACKAGE)
    he = customer(server, pypi)
    python = Python(tmp_path / "python", pypi.url, he.key)
    ran = python.install("pip", tmp_path / "consumer", "sample-lib")
    assert ran.status == 0, ran.out
    assert installed(tmp_path / "consumer") == {PACKAGE.installed}


def test_maven_resolves_with_the_key(server: Server, tmp_path: Path) -> None:
    releases, snapshots = server.repository("release"), server.repository("snapshot")
    LIB.publish(releases, jar({"lib.txt": "one"}))
    he = customer(server, releases, snapshots)
    maven = Maven("3.9", tmp_path, he.key, releases, snapshots)
    app = maven.project(Artifact("app", "1"), dependencies=[LIB.elements])
    local = maven.resolve(app)
    assert (local / LIB.path()).read_bytes() == jar({"lib.txt": "one"})


@pytest.mark.parametrize("how", ["suspended", "deleted"])
def test_a_subscription_that_ends_ends_at_the_server(
    server: Server, releases: Repository, how: str
) -> None:
    LIB.publish(releases, jar({"lib.txt": "one"}))
    he, path = customer(server, releases), f"/repositories/{releases.name}/{LIB.path()}"
    assert he.status("GET", path) == 200
    if how == "deleted":
        server.api("DELETE", f"/api/subscribers/{he.id}")
    else:
        server.api("PATCH", f"/api/subscribers/{he.id}", {"active": False})
    assert he.status("GET", path) == 401
