"""A provider in the process: what tests of SCIM say to a stand."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from auth.scim_tokens import ScimTokens
from tests.http.client import Answer, Client, bearer
from tests.http.stand import Stand

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"


@dataclass
class Provider:
    """Asks `/scim/v2` with a token."""

    client: Client

    def get(self, path: str, /, **query: object) -> Answer:
        texts = [f"{name}={quote(str(value))}" for name, value in query.items()]
        return self.client.get(f"/scim/v2{path}{'?' if texts else ''}{'&'.join(texts)}")

    def post(self, path: str, value: Any) -> Answer:
        return self._send("POST", path, value)

    def put(self, path: str, value: Any, **headers: str) -> Answer:
        return self._send("PUT", path, value, headers)

    def patch(self, path: str, *operations: dict[str, Any], **headers: str) -> Answer:
        message = {"schemas": [PATCH], "Operations": list(operations)}
        return self._send("PATCH", path, message, headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.client.delete(f"/scim/v2{path}", headers=_headers(headers))

    def bulk(self, *operations: dict[str, Any], **more: Any) -> Answer:
        return self.post("/Bulk", {"schemas": [BULK], "Operations": list(operations), **more})

    def user(self, name: str, /, **more: Any) -> Any:
        """A new user."""
        made = self.post("/Users", {"schemas": [USER], "userName": name, **more})
        assert made.status == 201, made.text
        return made.json

    def group(self, name: str, /, *members: str, **more: Any) -> Any:
        """A new group of users with these ids."""
        values = [{"value": member} for member in members]
        asked = {"schemas": [GROUP], "displayName": name, "members": values, **more}
        made = self.post("/Groups", asked)
        assert made.status == 201, made.text
        return made.json

    def _send(
        self, method: str, path: str, value: Any, headers: dict[str, str] | None = None
    ) -> Answer:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        more = {"Content-Type": "application/scim+json", **_headers(headers or {})}
        return self.client.ask(method, f"/scim/v2{path}", body=body, headers=more)


def ids(answer: Answer) -> list[str]:
    """The ids of what a list shows."""
    return [one["id"] for one in answer.json["Resources"]]


def names(answer: Answer) -> list[str]:
    """The user names of what a list shows."""
    return [one["userName"] for one in answer.json["Resources"]]


def _headers(named: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in named.items()}


def provider(stand: Stand, *, administrators: bool = False) -> Provider:
    """A provider with a new token, which may raise administrators or not."""
    at = stand.process.installation
    made = ScimTokens(at.recent, at.journal).create(
        stand.operator, name="of a test", administrators=administrators
    )
    return Provider(stand.client.as_(bearer(made.secret.text)))
