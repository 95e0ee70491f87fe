"""An installation under test: machines over the same stores, set up through their own API."""

import contextlib
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.durability.machines import COMMAND, Ground, Housekeeper, Machine, Process
from tests.durability.wire import Answer, basic, exchange

ADMIN = "admin@durability.example"
REPOSITORY = "durable"
RULES = {"format": "raw", "kind": "hosted", "overwrite": True}
SOON = 20.0  # seconds, on two busy cores


@dataclass
class Installation:
    """Machines over the same stores, an administrator's key, and one repository."""

    ground: Ground
    machines: list[Machine]
    housekeepers: list[Housekeeper] = field(default_factory=list)
    key: dict[str, str] = field(default_factory=dict, repr=False)

    def url(self, path: str) -> str:
        return f"/repositories/{REPOSITORY}/{path}"

    def api(self, method: str, path: str, value: object = None) -> Any:
        """One request to the management API as the administrator; its JSON."""
        body = None if value is None else json.dumps(value).encode()
        fields = {"Content-Type": "application/json", **self.key}
        answer = exchange(self.machines[0].address, method, path, fields, body)
        assert 200 <= answer.status < 300, (method, path, answer)
        return json.loads(answer.body) if answer.body else None

    def new_keys(self, count: int) -> list[str]:
        """The secrets of so many new API keys."""
        names = [f"client {number}" for number in range(count)]
        return [self.api("POST", "/api/keys", {"name": name})["secret"] for name in names]

    def new_developers(self, count: int) -> list[str]:
        """The secrets of API keys of so many new people who may use the repository."""
        secrets = []
        for number in range(count):
            person = {"email": f"developer-{number}@durability.example", "role": "developer"}
            user = self.api("POST", "/api/users", person)["id"]
            grants = {"repositories": {REPOSITORY: ["read", "write", "delete"]}}
            self.api("PUT", f"/api/users/{user}/permissions", grants)
            made = self.api("POST", "/api/keys", {"name": "builds", "user": user})
            secrets.append(made["secret"])
        return secrets

    def command(self, *words: str) -> Any:
        """Run a command of the command line beside the service; its JSON."""
        done = subprocess.run(
            [COMMAND, *words, "--json"],
            env=self.ground.environ(0),
            cwd=self.ground.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return json.loads(done.stdout)

    def put(self, path: str, body: bytes | Iterable[bytes]) -> Answer:
        """Upload a file through the first machine; what is no bytes goes in chunks."""
        return exchange(self.machines[0].address, "PUT", self.url(path), self.key, body)

    def get(self, path: str) -> Answer:
        """Download a file through the first machine."""
        return exchange(self.machines[0].address, "GET", self.url(path), self.key)

    def delete(self, path: str) -> Answer:
        """Delete a file through the first machine."""
        return exchange(self.machines[0].address, "DELETE", self.url(path), self.key)

    @property
    def processes(self) -> list[Process]:
        """All that serve, and all that keep house."""
        return [*self.machines, *self.housekeepers]

    def stop(self) -> None:
        """Stop every process that runs as an orchestrator does; each has to end well."""
        running = [process for process in self.processes if process.runs()]
        for process in running:
            process.terminate()
        for process in running:
            assert process.wait() == 0, process.tail()

    def metric(self, name: str) -> float:
        """A metric, summed over its labels and over all machines."""
        total = 0.0
        for machine in self.machines:
            answer = exchange(machine.address, "GET", "/metrics", self.key)
            assert answer.status == 200, answer
            for line in answer.body.decode().splitlines():
                if line.partition(" ")[0].partition("{")[0] == name:
                    total += float(line.split()[-1])
        return total


@contextlib.contextmanager
def installed(
    ground: Ground, *machines: Sequence[str], rules: Mapping[str, object] = RULES
) -> Iterator[Installation]:
    """Start a new installation: a machine for each sequence of flags, and a repository of these
    rules. All is ended after it."""
    ground.folder.mkdir(parents=True, exist_ok=True)
    installation = Installation(
        ground, [Machine(ground, number, *flags) for number, flags in enumerate(machines)]
    )
    try:
        for machine in installation.machines:
            machine.start()
        installation.key = basic("api-key", _first_key(installation))
        installation.api("POST", "/api/repositories", {"name": REPOSITORY, **rules})
        yield installation
    finally:
        for process in installation.processes:
            process.close()


def soon(holds: Callable[[], bool], what: str) -> None:
    """Return as soon as something holds; it has to within 20 s."""
    deadline = time.monotonic() + SOON
    while not holds():
        assert time.monotonic() < deadline, f"not within {SOON} s: {what}"
        time.sleep(0.002)


def _first_key(installation: Installation) -> str:
    """The secret of an administrator's key, got the way that each ground has for it."""
    if installation.ground.shared:
        text = (installation.ground.data(0) / "first-sign-in.txt").read_text()
        found = re.search(r"API key\s+(\S+)", text)
        assert found is not None
        return found[1]
    secret: str = installation.command("key", "create", ADMIN, "--name", "durability")["secret"]
    return secret
