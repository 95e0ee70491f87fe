"""curl takes a single file from a Maven repository, and compares it with its checksum."""

import hashlib
from pathlib import Path

from tests.clients.artifacts import Artifact, jar
from tests.clients.commands import succeed
from tests.clients.server import USER, Repository, Server
from tests.clients.stores import over_both_stores
from tests.parts import tool

LIB = Artifact("lib", "1.0")


@over_both_stores
def test_a_file_is_what_the_checksum_beside_it_says(
    server: Server, releases: Repository, tmp_path: Path
) -> None:
    LIB.publish(releases, jar({"lib.txt": "one"}))
    url = releases.url + LIB.path()
    command: list[str | Path] = [
        tool("curl"),
        "--silent",
        "--fail",
        "--user",
        f"{USER}:{server.key}",
    ]
    for ending in ("", ".sha1", ".sha256"):
        succeed([*command, "--remote-name", url + ending], tmp_path, tmp_path)
    data = (tmp_path / "lib-1.0.jar").read_bytes()
    for algorithm in ("sha1", "sha256"):
        told = (tmp_path / f"lib-1.0.jar.{algorithm}").read_text().split()[0]
        assert hashlib.new(algorithm, data).hexdigest() == told
