"""A started server on either pair of stores, and a provider that provisions it with a token."""

import contextlib
import secrets
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.clients.server import Server, started
from tests.engines.dynamodb_local import CREDENTIALS, dynamodb_local
from tests.engines.s3_server import REGION, s3_server
from tests.http.client import bearer
from tests.scim.answers import Said, said

BASE = "/scim/v2"
USERS = "/Users"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
BULK = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"

_BUCKET = "scim"


@dataclass
class Provider:
    """Provisioning by one token; parameters of a query are written as they are meant."""

    server: Server
    token: str = field(repr=False)
    quote: Callable[[str], str] = urllib.parse.quote  # of the query; some send "+" for a blank

    def get(self, path: str, /, headers: dict[str, str] | None = None, **query: Any) -> Said:
        return self.ask("GET", path, headers=headers, **query)

    def post(self, path: str, value: Any, /, **more: Any) -> Said:
        return self.ask("POST", path, value, **more)

    def put(self, path: str, value: Any, /, **more: Any) -> Said:
        return self.ask("PUT", path, value, **more)

    def patch(self, path: str, *operations: dict[str, Any], **more: Any) -> Said:
        """These operations, as one message."""
        message = {"schemas": [PATCH], "Operations": list(operations)}
        return self.ask("PATCH", path, message, **more)

    def delete(self, path: str, /, **more: Any) -> Said:
        return self.ask("DELETE", path, **more)

    def ask(
        self,
        method: str,
        path: str,
        value: Any = None,
        *,
        headers: dict[str, str] | None = None,
        **query: Any,
    ) -> Said:
        """One request below `/scim/v2`; its answer keeps what every answer promises."""
        sent = {"Authorization": bearer(self.token), "Accept": "application/scim+json"}
        if value is not None:
            sent["Content-Type"] = "application/scim+json; charset=utf-8"
        texts = [f"{name}={self.quote(str(one))}" for name, one in query.items()]
        target = f"{BASE}{path}{'?' if texts else ''}{'&'.join(texts)}"
        return said(self.server.serving, method, target, sent | (headers or {}), value)

    def user(self, called: str = "user", /, **more: Any) -> Any:
        """A new user, called so and something of his own, with an address of that name."""
        known = name_of(called)
        asked = {"schemas": [USER], "userName": known, "emails": [{"value": known}], **more}
        made = self.post("/Users", asked)
        assert made.status == 201, made
        return made.json

    def group(self, *members: Any, **more: Any) -> Any:
        """A new group of these users."""
        asked = {
            "schemas": [GROUP],
            "displayName": name_of("group"),
            "members": [{"value": one["id"]} for one in members],
            **more,
        }
        made = self.post("/Groups", asked)
        assert made.status == 201, made
        return made.json

    def members(self, group: str) -> set[str]:
        """The ids of who is in a group."""
        found = self.get(f"/Groups/{group}")
        assert found.status == 200, found
        ids = [one["value"] for one in found.json.get("members") or []]
        assert len(ids) == len(set(ids))
        return set(ids)


def name_of(what: str) -> str:
    """An address that nobody else has."""
    return f"{what}.{secrets.token_hex(5)}@scim.example"


def provider(server: Server, *, administrators: bool = True) -> Provider:
    """A provider with a new token, in the place of the one that was there for this purpose."""
    name = f"provider {administrators}"
    for old in server.api("GET", "/api/scim-tokens")["tokens"]:
        if old["name"] == name:
            server.api("DELETE", f"/api/scim-tokens/{old['id']}")
    wanted = {"name": name, "administrators": administrators}
    return Provider(server, server.api("POST", "/api/scim-tokens", wanted)["secret"])


@contextlib.contextmanager
def started_on(stores: str, place: Path) -> Iterator[Server]:
    """A server of its own over a data folder (`folder`), or over DynamoDB and S3 (`aws`)."""
    if stores == "folder":
        with started(place / "data") as server:
            yield server
        return
    with s3_server() as s3, dynamodb_local() as dynamodb, pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        client = boto3.client("s3", endpoint_url=s3, region_name=REGION)
        client.create_bucket(Bucket=_BUCKET)
        client.close()
        settings = {
            "BLOBS": f"s3://{_BUCKET}/all?region={REGION}&endpoint={s3}",
            "METADATA": f"dynamodb://scim?region={REGION}&endpoint={dynamodb}",
            "SECRET_KEY": secrets.token_urlsafe(32),
        }
        with started(place / "data", **settings) as server:
            yield server
