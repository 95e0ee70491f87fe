"""Twenty processes deploy twenty versions of one artifact at once: none is lost."""

import hashlib
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from tests.clients.server import Server
from tests.parts import ROOT

PROCESSES = 20
both_stores = pytest.mark.parametrize("server", ["folder", "aws"], indirect=True)


class Target:
    """A Maven repository, past the line that is listened to."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.name = server.repository().name

    def get(self, path: str) -> tuple[dict[str, str], bytes]:
        status, headers, body = self.server.ask("GET", f"/repositories/{self.name}/{path}")
        assert status == 200, (path, status, body)
        return headers, body

    def deploy_at_once(self, artifact: str) -> list[str]:
        """The versions that as many processes have deployed, each one of them, all at once."""
        versions = [f"1.{number}" for number in range(PROCESSES)]
        processes = [self._deployer(artifact, version) for version in versions]
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        told = [process.communicate(timeout=300)[0].strip() for process in processes]
        assert told == [""] * PROCESSES
        return versions

    def check(self, artifact: str, versions: list[str]) -> None:
        """That the document has all of the versions, and its checksums are its own."""
        url = f"com/example/{artifact}/maven-metadata.xml"
        headers, document = self.get(url)
        root = ElementTree.fromstring(document)
        assert [one.text for one in root.iterfind("versioning/versions/version")] == versions
        for algorithm in ("md5", "sha1", "sha256", "sha512"):
            said = self.get(f"{url}.{algorithm}")[1].decode()
            assert said == hashlib.new(algorithm, document).hexdigest()
            assert said == headers[f"x-checksum-{algorithm}"]

    def _deployer(self, artifact: str, version: str) -> subprocess.Popen[str]:
        host, port = self.server.serving.address
        command = (sys.executable, "-m", "tests.clients.deployer", host, str(port))
        return subprocess.Popen(
            [*command, self.server.key, self.name, artifact, version],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


@both_stores
def test_every_version_of_twenty_deploys_at_once_is_in_the_metadata(server: Server) -> None:
    target = Target(server)
    target.check("at-once", target.deploy_at_once("at-once"))


@pytest.mark.slow
@both_stores
def test_and_so_it_is_ten_times(server: Server) -> None:
    target = Target(server)
    for number in range(10):
        target.check(f"at-once-{number}", target.deploy_at_once(f"at-once-{number}"))
