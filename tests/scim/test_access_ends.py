"""What deactivating and deleting a user by SCIM ends, and what comes back."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.clients.server import Server
from tests.http.client import basic, bearer
from tests.scim.served import ENTERPRISE, PATCH, USER, Provider


@dataclass
class Leaver:
    """A user of a provider, who has a password, a session and an API key."""

    id: str
    name: str
    password: str
    session: str
    key: str
    server: Server

    def signs_in(self) -> int:
        """The status of signing in by the password."""
        return session(self.server, self.name, self.password)[0]

    def gets(self, path: str, authorization: str) -> int:
        return self.server.serving.ask("GET", path, {"Authorization": authorization})[0]

    def statuses(self) -> dict[str, int]:
        """What each of his credentials is answered."""
        return {
            "session": self.gets("/api/user", bearer(self.session)),
            "key": self.gets("/api/user", bearer(self.key)),
            "key for files": self.gets("/repositories/none/file", basic("api-key", self.key)),
            "password": self.gets("/api/user", basic(self.name, self.password)),
        }


def session(server: Server, name: str, password: str) -> tuple[int, Any]:
    body = json.dumps({"email": name, "password": password}).encode()
    headers = {"Content-Type": "application/json"}
    status, _, answer = server.serving.ask("POST", "/auth/session", headers, body)
    return status, json.loads(answer)


@pytest.fixture
def leaver(scim: Provider) -> Leaver:
    password = secrets.token_urlsafe(16)
    made = scim.user("leaver", password=password, active=True)
    name, server = made["userName"], scim.server
    status, opened = session(server, name, password)
    assert status == 201, opened
    key = server.api("POST", "/api/keys", {"name": "build", "user": made["id"]})["secret"]
    found = Leaver(made["id"], name, password, opened["token"], key, server)
    assert found.gets("/api/user", bearer(key)) == 200
    assert found.gets("/api/user", basic(name, password)) == 200  # it is remembered now
    return found


def _whole(one: Leaver, *, active: bool) -> dict[str, Any]:
    known = {"userName": one.name, "emails": [{"value": one.name}]}
    return {"schemas": [USER], "id": one.id, "active": active, **known}


def _patched(*operations: dict[str, Any]) -> Callable[[Provider, Leaver], int]:
    return lambda scim, one: scim.patch(f"/Users/{one.id}", *operations).status


def _bulk(scim: Provider, one: Leaver) -> int:
    data = {"schemas": [PATCH], "Operations": [{"op": "replace", "value": {"active": False}}]}
    operation = {"method": "PATCH", "path": f"/Users/{one.id}", "data": data}
    urn = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
    return scim.post("/Bulk", {"schemas": [urn], "Operations": [operation]}).status


_WAYS: dict[str, Callable[[Provider, Leaver], int]] = {
    "Okta, PATCH without a path": _patched({"op": "replace", "value": {"active": False}}),
    "Okta, PUT": lambda scim, one: scim.put(f"/Users/{one.id}", _whole(one, active=False)).status,
    "Entra, a text": _patched({"op": "Replace", "path": "active", "value": "False"}),
    "Entra, a boolean": _patched({"op": "replace", "path": "active", "value": False}),
    "Entra, with other changes": _patched(
        {"op": "Add", "path": "title", "value": "gone"},
        {"op": "Replace", "path": "active", "value": "false"},
        {"op": "Add", "path": f"{ENTERPRISE}:department", "value": "none"},
    ),
    "JumpCloud, add": _patched({"op": "add", "path": "active", "value": False}),
    "bulk": _bulk,
}


@pytest.mark.parametrize("way", _WAYS)
def test_a_user_who_is_deactivated_is_out_at_once_and_his_keys_come_back_with_him(
    scim: Provider, leaver: Leaver, way: str
) -> None:
    assert _WAYS[way](scim, leaver) == 200
    scim.get(f"/Users/{leaver.id}").shows({"active": False})
    assert set(leaver.statuses().values()) == {401}
    assert leaver.signs_in() == 401
    enabled = {"op": "replace", "value": {"active": True}}
    scim.patch(f"/Users/{leaver.id}", enabled).shows({"active": True})
    back = {"session": 401, "key": 200, "key for files": 404, "password": 200}
    assert leaver.statuses() == back
    assert leaver.signs_in() == 201


def test_a_user_who_is_deleted_is_out_for_good_and_his_name_is_free(
    scim: Provider, leaver: Leaver
) -> None:
    group = scim.group({"id": leaver.id})
    assert scim.delete(f"/Users/{leaver.id}").status == 204
    assert set(leaver.statuses().values()) == {401}
    assert leaver.signs_in() == 401
    assert scim.members(group["id"]) == set()
    scim.delete(f"/Users/{leaver.id}").refused(404)
    anew = scim.post("/Users", {"schemas": [USER], "userName": leaver.name})
    assert anew.status == 201
    assert anew.json["id"] != leaver.id
    assert leaver.gets("/api/user", bearer(leaver.key)) == 401


def test_nothing_that_is_wrong_deactivates_anybody(scim: Provider, leaver: Leaver) -> None:
    at = f"/Users/{leaver.id}"
    good = {"op": "replace", "path": "active", "value": False}
    for wrong in ("no", "", 0, [], {"active": False}, None):
        assert scim.patch(at, good | {"value": wrong}).status in (200, 400)
        # What was unassigned is not shown, and is as it was.
        assert scim.get(at).json.get("active", True) is True
    assert scim.patch(at, good | {"value": True}).status == 200
    for second in ({"op": "replace", "path": "id", "value": "x"}, {"op": "destroy", "path": "x"}):
        assert scim.patch(at, good, second).status == 400
        scim.get(at).shows({"active": True})
    assert leaver.gets("/api/user", bearer(leaver.key)) == 200
