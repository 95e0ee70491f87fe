"""A process that deploys a version as Maven does: files, each with its checksums, then metadata.

Run as `python -m tests.clients.deployer HOST PORT KEY REPOSITORY ARTIFACT VERSION`. It waits for
a line on standard input before it begins, so that many begin at once, and says what went wrong.
"""

import hashlib
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from threading import local

GROUP, ARTIFACT = "com.example", "contended"
_ALGORITHMS = ("sha1", "md5")
_here = local()


class Deployer:
    """Deploys over connections that stay, one a thread, as Maven Resolver does."""

    def __init__(self, address: tuple[str, int], at: str, headers: Mapping[str, str]) -> None:
        """`at` is the path that those of the repository's files begin with."""
        self._address = address
        self._at = at
        self._headers = dict(headers)
        self.requests = 0
        self.wrong: list[str] = []

    def deploy(self, artifact: str, version: str) -> None:
        """Five connections at most, metadata last."""
        folder = f"com/example/{artifact}/{version}/{artifact}-{version}"
        pom = (
            f"<project><modelVersion>4.0.0</modelVersion><groupId>{GROUP}</groupId>"
            f"<artifactId>{artifact}</artifactId><version>{version}</version></project>"
        )
        files = {
            f"{folder}.jar": f"the jar of {artifact} {version}".encode(),
            f"{folder}-sources.jar": f"the sources of {artifact} {version}".encode(),
            f"{folder}.pom": pom.encode(),
        }
        with ThreadPoolExecutor(5) as pool:
            list(pool.map(lambda file: self._put_with_checksums(*file), files.items()))
        url = f"com/example/{artifact}/maven-metadata.xml"
        status, headers, before = self._ask("GET", url)
        said = headers.get("x-checksum-sha1")
        if status == 200 and said not in (None, hashlib.sha1(before).hexdigest()):
            self.wrong.append(f"{url}: the checksum beside the document is not its own")
        self._put_with_checksums(url, _with(before, artifact, version))

    def _put_with_checksums(self, path: str, data: bytes) -> None:
        self._put(path, data)
        for algorithm in _ALGORITHMS:
            self._put(f"{path}.{algorithm}", hashlib.new(algorithm, data).hexdigest().encode())

    def _put(self, path: str, data: bytes) -> None:
        status, _, body = self._ask("PUT", path, data)
        if status not in (200, 201, 204):
            self.wrong.append(f"{path}: {status} {body!r}")

    def _ask(
        self, method: str, path: str, body: bytes | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        self.requests += 1
        connection = getattr(_here, "connection", None)
        if connection is None or (connection.host, connection.port) != self._address:
            connection = _here.connection = HTTPConnection(*self._address, timeout=120)
        connection.request(method, self._at + path, body=body, headers=self._headers)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read()


def _with(before: bytes, artifact: str, version: str) -> bytes:
    """The document that a client makes of what it was given: one version more."""
    if not before.startswith(b"<?xml"):
        before = (
            f"<metadata><groupId>{GROUP}</groupId><artifactId>{artifact}</artifactId>"
            "<versioning><versions></versions></versioning></metadata>"
        ).encode()
    return before.replace(b"</versions>", f"<version>{version}</version></versions>".encode())


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    host, port, key, repository, artifact, version = sys.argv[1:]
    headers = {"Authorization": f"Bearer {key}"}
    deployer = Deployer((host, int(port)), f"/repositories/{repository}/", headers)
    _say("ready")
    sys.stdin.readline()
    deployer.deploy(artifact, version)
    _say("\n".join(deployer.wrong))
    return 1 if deployer.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
