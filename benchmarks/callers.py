"""Callers of many kinds for a service under measure, and one request of theirs at a time."""

import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.processes import BenchmarkFailed
from benchmarks.service import REPOSITORY, Service, basic, path_of

FILE = "small"
GROUPS = 10
PASSWORD = "plum harbour seven kites"
#: So that addresses of clients can be told to a service on loopback.
SETTINGS = {"TRUSTED_PROXIES": "127.0.0.1/32"}
_READ = {"repositories": {REPOSITORY: ["read"]}}
_BY_PATTERN = {"repositories": {"elsewhere-*": ["read"], f"{REPOSITORY[:3]}*": ["read"]}}


@dataclass(frozen=True, slots=True)
class Person:
    """A user, and the header of his password."""

    id: str
    email: str

    @property
    def password(self) -> dict[str, str]:
        return basic(self.email, PASSWORD)


@dataclass(frozen=True, slots=True)
class Answered:
    """The status of an answer, and how long it took to come."""

    status: int
    seconds: float


def person(service: Service, name: str, *, active: bool = True) -> Person:
    """Make a developer who may do nothing yet, at the cost of a slow hash."""
    email = f"{name}@bench.example"
    wanted = {"email": email, "role": "developer", "password": PASSWORD, "active": active}
    return Person(service.call("POST", "/api/users", wanted)["id"], email)


def allow(service: Service, who: Person, grants: object = _READ) -> None:
    """Let him read the repository."""
    service.call("PUT", f"/api/users/{who.id}/permissions", grants)


def key_of(service: Service, who: Person) -> dict[str, str]:
    """The header of a key of his."""
    return basic(
        "api-key", service.call("POST", "/api/keys", {"name": "b", "user": who.id})["secret"]
    )


def by_groups(service: Service) -> dict[str, str]:
    """A key of somebody who reads as a member of ten groups."""
    who = person(service, "in-groups")
    for number in range(GROUPS):
        group = service.call("POST", "/api/groups", {"name": f"group {number}"})["id"]
        service.call("PUT", f"/api/groups/{group}/permissions", _READ)
        service.call("PUT", f"/api/groups/{group}/members/{who.id}")
    return key_of(service, who)


def by_pattern(service: Service) -> dict[str, str]:
    """A key of somebody who reads what has a name of a kind."""
    who = person(service, "by-pattern")
    allow(service, who, _BY_PATTERN)
    return key_of(service, who)


def by_session(service: Service) -> dict[str, str]:
    """A short token that a password was given for."""
    who = person(service, "in-session")
    allow(service, who)
    asked = {"email": who.email, "password": PASSWORD}
    made = service.call("POST", "/auth/session", asked, {"Content-Type": "application/json"})
    return {"Authorization": f"Bearer {made['token']}"}


def put_file(service: Service, content: bytes) -> tuple[str, str]:
    """Store a file that anybody may read too; its path, and that for anybody."""
    service.put(FILE, content)
    service.call("PATCH", f"/api/repositories/{REPOSITORY}", {"public": True})
    return path_of(FILE), f"/public{path_of(FILE)}"


class Client:
    """One connection of somebody at some address."""

    def __init__(self, port: int) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        address: str,
        value: object = None,
    ) -> Answered:
        """One request from an address, with a value as JSON."""
        said = {**headers, "X-Forwarded-For": address, "X-Forwarded-Proto": "https"}
        body = None
        if value is not None:
            body, said["Content-Type"] = json.dumps(value).encode(), "application/json"
        began = time.perf_counter()
        self._line.request(method, path, body=body, headers=said)
        answer = self._line.getresponse()
        answer.read()
        return Answered(answer.status, time.perf_counter() - began)

    def close(self) -> None:
        self._line.close()


def expect(answered: Answered, status: int, what: str) -> Answered:
    """The answer. Raises BenchmarkFailed: it has another status."""
    if answered.status != status:
        raise BenchmarkFailed(f"{what}: {answered.status}, not {status}")
    return answered
