"""No credential is ever written or told (S3): every route, every form, then a search of it all.

What is searched: every answer but the one that shows a new key, all records, all files under
DATA, all that is logged at any level, the metrics, and what a real server writes.
"""

import base64
import json
import logging
import re
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.cli.command import Serving, serving
from tests.http.client import Answer, Client, basic, bearer
from tests.http.provisioning import BULK, PATCH, SEARCH, USER, provider
from tests.http.stand import ADMIN_PASSWORD, Stand
from tests.http.test_access import TABLE

MARK = "marked-secret-hunter2"
PASSWORD = f"{MARK}-of-a-user"
NEW_PASSWORD = f"{MARK}-changed"
WRONG = f"{MARK}-that-is-wrong"
EMAIL = "marked-person@example.org"
_SCIM = {"Content-Type": "application/scim+json"}
#: The text of any API key, session or SCIM token.
KEY = re.compile(rb"sr[kst]_[0-9A-Za-z]{10,}")


def forms(key: str) -> Iterator[dict[str, str]]:
    """Headers with credentials, good and bad, in every form that somebody might send."""
    yield {"Authorization": basic("api-key", key)}
    yield {"Authorization": basic("__token__", key)}
    yield {"Authorization": bearer(key)}
    yield {"Authorization": basic(EMAIL, PASSWORD)}
    yield {"Authorization": basic(EMAIL, WRONG)}
    yield {"Authorization": basic(WRONG, "x" * 8)}
    yield {"Authorization": basic("api-key", f"srk_{MARK}")}
    yield {"Authorization": basic(EMAIL, key)}
    for malformed in (
        WRONG,
        f"Basic {WRONG}",
        f"Basic {WRONG} {WRONG}",
        f"Basic {base64.b64encode(WRONG.encode()).decode()}",
        f"Basic {base64.b64encode(WRONG.encode()).decode()}=!",
        f"Basic  {basic(EMAIL, PASSWORD)}",
        f"basic:{EMAIL}:{PASSWORD}",
        f"Bearer {WRONG}",
        f"Bearer {key}x",
        f"Bearer {key}, Bearer {key}",
        f"Digest username={EMAIL}, response={WRONG}",
        f"Token {key}",
        f"AWS4-HMAC-SHA256 Credential={WRONG}",
        basic(EMAIL, f"{PASSWORD}\x00"),
        basic(EMAIL, f"{PASSWORD}\r\nX: y"),
        "Basic " + "A" * 9000 + WRONG,
    ):
        yield {"Authorization": malformed}
    good = {"Authorization": bearer(key)}
    yield {**good, "Proxy-Authorization": basic(EMAIL, PASSWORD)}
    yield {**good, "Cookie": f"__Host-session={WRONG}; other={key}"}
    yield {**good, "X-Api-Key": key, "X-Forwarded-Proto": "https"}
    yield {**good, "Referer": f"http://127.0.0.1/?key={key}", "Origin": f"http://{MARK}"}
    yield {**good, "X-Request-Id": key, "Host": f"{MARK}@127.0.0.1"}
    yield {**good, "If-Match": f"{MARK}", "Range": MARK, "Accept": MARK}
    yield {**good, "X-Checksum-Sha256": key, "Repr-Digest": key, "Content-MD5": WRONG}


def bodies(key: str) -> Iterator[tuple[str, str, object]]:
    """Requests whose bodies hold secrets, with what is wrong about them or not."""
    user = {"email": EMAIL, "role": "developer", "password": PASSWORD}
    yield "POST", "/api/users", user
    yield "POST", "/api/users", {**user, "role": "none"}
    yield "POST", "/api/users", {**user, "secret": PASSWORD}
    yield "POST", "/api/users", {**user, "password": f"{MARK}\n"}
    yield "POST", "/api/users", {**user, "password": MARK * 50}
    yield "POST", "/api/users", {**user, "password": [PASSWORD]}
    yield "POST", "/api/users", {**user, "email": f"{PASSWORD}"}
    yield "POST", "/api/users", {**user, "role": PASSWORD}
    yield "POST", "/api/users", {PASSWORD: PASSWORD}
    yield "POST", "/auth/reset", {"email": PASSWORD}
    yield "POST", "/auth/reset/confirm", {"token": WRONG, "password": PASSWORD}
    yield "POST", "/auth/invitation/confirm", {"token": key, "password": PASSWORD, "name": "x"}
    yield "POST", "/auth/session", {"email": EMAIL, "password": PASSWORD, "code": WRONG}
    yield "POST", "/auth/session", {"email": EMAIL, "password": WRONG, "code": WRONG}
    yield "POST", "/auth/session", {"email": WRONG, "password": WRONG, "kind": "cookie"}
    yield "POST", "/auth/session", {"email": EMAIL, "password": PASSWORD, "kind": WRONG}
    yield "POST", "/auth/second-factor", {"password": WRONG, "code": WRONG}
    yield "POST", "/auth/second-factor/confirm", {"code": WRONG}
    yield "POST", "/auth/second-factor/remove", {"password": PASSWORD, WRONG: WRONG}
    yield "POST", "/api/keys", {"name": "x", "secret": key}
    yield "POST", "/api/keys", {"name": "x", "expires": key}
    yield "POST", "/api/keys", {"name": "x", "scopes": {key: ["read"]}}
    yield "POST", "/api/keys", {"name": "x", "user": key}
    yield "POST", "/api/repositories", {"name": key}
    yield "POST", "/api/repositories", {"name": "x", "format": key}
    yield "POST", "/api/repositories", f'{{"name": "{key}", "password": "{PASSWORD}"'


def scim_bodies(user: str) -> Iterator[tuple[str, str, object]]:
    """The same of SCIM, as a provider sends them, about a user and about new ones."""
    at, new = f"/scim/v2/Users/{user}", {"schemas": [USER], "userName": "marked"}
    for name, more in (
        ("one", {"password": PASSWORD}),
        ("one", {"password": PASSWORD}),  # there is one of that name
        ("two", {"password": f"{MARK}\n"}),
        ("two", {"password": MARK * 50}),
        ("two", {"password": [PASSWORD]}),
        ("two", {"password": PASSWORD, "active": PASSWORD}),
        ("two", {"password": PASSWORD, "emails": [{"value": PASSWORD}]}),
        ("two", {"password": PASSWORD, "emails": PASSWORD}),
        ("two", {"password": PASSWORD, "shoeSize": PASSWORD}),
        ("two", {"schemas": [PASSWORD]}),
        ("two", {"password": PASSWORD, "PASSWORD": PASSWORD}),
    ):
        yield "POST", "/scim/v2/Users", {**new, "userName": name, **more}
        yield "PUT", at, {**new, "userName": name, **more}
        data = {"data": {**new, "userName": f"{name}-in-bulk", **more}}
        operation = {"method": "POST", "path": "/Users", "bulkId": "1"} | data
        yield "POST", "/scim/v2/Bulk", {"schemas": [BULK], "Operations": [operation]}
    for operation in (
        {"op": "replace", "path": "password", "value": NEW_PASSWORD},
        {"op": "add", "value": {"password": NEW_PASSWORD}},
        {"op": "replace", "path": "password", "value": [NEW_PASSWORD]},
        {"op": "add", "value": {"password": NEW_PASSWORD, "active": NEW_PASSWORD}},
        {"op": "add", "path": f'password[value eq "{WRONG}"]', "value": NEW_PASSWORD},
        {"op": "add", "path": WRONG, "value": WRONG},
        {"op": WRONG, "path": "password", "value": NEW_PASSWORD},
        {"op": "remove", "path": f'emails[value eq "{WRONG}"]', "value": WRONG},
    ):
        yield "PATCH", at, {"schemas": [PATCH], "Operations": [operation]}
    for filter_ in (f'password eq "{WRONG}"', f'userName eq "{WRONG}"', f'"{WRONG}"', WRONG):
        for field in ("filter", "sortBy", "attributes", "count"):
            for under in ("", "/Users", "/Groups"):
                yield "POST", f"/scim/v2{under}/.search", {"schemas": [SEARCH], field: filter_}
                yield "GET", f"/scim/v2{under or '/'}?{field}={quote(filter_)}", {}
    yield "POST", "/scim/v2/Users", f'{{"password": "{PASSWORD}"'


def traces(secrets_: Iterable[str]) -> list[bytes]:
    """What a secret could be found as: plain, in base64 with what goes before it, escaped."""
    found = []
    for secret in secrets_:
        found += [secret.encode(), base64.b64encode(secret.encode()).rstrip(b"=")]
        for user in (EMAIL, "api-key", "__token__", "admin@example.org", "admin@localhost"):
            found.append(basic(user, secret).removeprefix("Basic ").rstrip("=").encode()[:-2])
        found += [quote(secret, safe="").encode(), json.dumps(secret)[1:-1].encode()]
    return list(dict.fromkeys(found))


def search(where: str, data: bytes, secrets_: list[bytes]) -> None:
    for secret in secrets_:
        at = data.find(secret)
        assert at < 0, f"{where} holds {secret!r}: {data[max(0, at - 80) : at + 80]!r}"


def files_under(data: Path) -> Iterator[tuple[str, bytes]]:
    for path in data.rglob("*"):
        if path.is_file():
            yield path.name, path.read_bytes()


def _drive(stand: Stand, client: Client) -> Iterator[Answer]:
    """Everything that there is, asked with everything that is secret."""
    targets = {
        template.replace("{path:path}", "file")
        .replace("{repository}", "files")
        .replace("{name}", "files")
        .replace("{user}", stand.admin.id)
        .replace("{key}", stand.admin.key_id)
        .replace("{id_}", stand.admin.id)
        for template, _ in TABLE
    }
    key = stand.person(grants={}).key
    for headers in forms(key):
        for target in sorted(targets):
            for method in ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "BREW"):
                if (method, target) == ("DELETE", "/api/repositories/files"):
                    continue
                yield client.ask(method, target, headers=headers, body=b"{}")
    for method, target, body in bodies(key):
        for each in (client.as_(stand.admin.by_key), client.as_(bearer(key)), client):
            text = body if isinstance(body, str) else json.dumps(body)
            yield each.ask(method, target, body=text.encode())
    yield from _provide(stand, client)
    admins = client.as_(stand.admin.by_key)
    for target in (f"/api/user?access_token={key}", f"/repositories/files/?password={PASSWORD}"):
        yield admins.get(target)
    yield admins.get(f"/repositories/files/{key}")
    made = admins.post("/api/users", {"email": "b@example.org", "role": "admin"}).json["id"]
    yield admins.patch(f"/api/users/{made}", {"password": NEW_PASSWORD})
    changed = client.as_(basic("b@example.org", NEW_PASSWORD))
    yield changed.get("/api/user")
    yield changed.get("/repositories/files/")
    yield client.as_(stand.admin.by_password).get("/api/user")
    yield client.as_(stand.admin.by_password).get("/repositories/files/x")


def _provide(stand: Stand, client: Client) -> Iterator[Answer]:
    """What a provider sends, by itself and by others; whose password it is can sign in then."""
    by, person = provider(stand), stand.person()
    for method, target, body in scim_bodies(person.id):
        for each in (by.client, client.as_(stand.admin.by_key), client):
            text = body if isinstance(body, str) else json.dumps(body)
            yield each.ask(method, target, headers=_SCIM, body=text.encode())
    made = by.user("marked", password=PASSWORD)["id"]
    for headers in ({}, {"If-None-Match": WRONG}, {"If-Match": WRONG}):
        yield by.client.get(f"/scim/v2/Users/{made}", headers=headers)
    yield by.client.get("/scim/v2/Users?attributes=userName,emails")
    person_of = client.as_(basic("marked", PASSWORD))
    assert person_of.get("/api/user").status == 200
    yield person_of.get("/scim/v2/Me")


def test_no_secret_is_written_or_told(
    folder_stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    folder_stand.repository("files")
    caplog.set_level(logging.DEBUG)
    secrets_ = traces([PASSWORD, NEW_PASSWORD, WRONG, MARK, ADMIN_PASSWORD])
    written = b""
    for answer in _drive(folder_stand, folder_stand.client):
        text = f"{answer.headers}".encode() + answer.body
        if answer.environ["REQUEST_METHOD"] == "POST" and answer.status == 201:
            text = re.sub(rb'"(?:secret|token)": "sr[kst]_\w+"', b"", text)
        search("an answer", text, secrets_)
        assert not KEY.search(text), "an answer shows a key"
        written += answer.environ["wsgi.errors"].getvalue().encode()
    assert any(r.key.partition.endswith("#users") for r in folder_stand.records())
    records = "\n".join(repr(record) for record in folder_stand.records()).encode()
    metrics = folder_stand.process.metrics.render().encode()
    logged = "\n".join(
        f"{record.getMessage()} {record.args} {record.exc_text} {record.stack_info}"
        for record in caplog.records
    ).encode()
    for where, data in (
        ("the metadata store", records),
        ("the metrics", metrics),
        ("the log", logged + caplog.text.encode()),
        ("wsgi.errors", written),
        *files_under(folder_stand.settings.data),
    ):
        search(where, data, secrets_)
        assert not KEY.search(data), f"{where} holds a key"
    assert b"strongroom_storage" in metrics


def _drive_server(server: Serving, key: str, password: str) -> str:
    """The same over sockets; returns the secret of a key that was made."""
    for target in (
        "/api/user",
        "/repositories/files/x",
        "/public/repositories/files/x",
        "/nowhere",
    ):
        for headers in forms(key):
            sendable = {name: value for name, value in headers.items() if "\r" not in value}
            for method in ("GET", "PUT", "DELETE"):
                server.ask(method, target, sendable, body=b"x" if method == "PUT" else None)
    good = {"Authorization": bearer(key), "Content-Type": "application/json"}
    made = ""
    for method, target, body in bodies(key):
        text = body if isinstance(body, str) else json.dumps(body)
        server.ask(method, target, good, text.encode())
    _, _, answer = server.ask("POST", "/api/scim-tokens", good, b'{"name": "made"}')
    by = {"Authorization": bearer(json.loads(answer)["secret"]), **_SCIM}
    user = {"schemas": [USER], "userName": "provided"}
    status, _, answer = server.ask("POST", "/scim/v2/Users", by, json.dumps(user).encode())
    assert status == 201
    for method, target, body in scim_bodies(json.loads(answer)["id"]):
        text = body if isinstance(body, str) else json.dumps(body)
        server.ask(method, target, by, text.encode())
    _, _, answer = server.ask("POST", "/api/keys", good, b'{"name": "made"}')
    made = json.loads(answer)["secret"]
    status, _, _ = server.ask("GET", "/repositories/files/", {"Authorization": bearer(made)})
    assert status == 200
    for user_password in (password, WRONG):
        headers = {"Authorization": basic("admin@localhost", user_password)}
        server.ask("GET", "/api/user", headers)
        server.ask("GET", "/repositories/files/x", headers)
    # Not HTTP, or nearly: what the server itself refuses.
    for raw in (
        f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: {WRONG}\r\nContent-Length: x\r\n\r\n",
        f"GET /{MARK} HTTP/9.9\r\nAuthorization: {WRONG}\r\n\r\n",
        f"{MARK}\r\n\r\n",
        f"GET / HTTP/1.1\r\nAuthorization {WRONG}\r\n\r\n",
        f"GET /{'x' * 20_000}{MARK} HTTP/1.1\r\n\r\n",
    ):
        _send(server, raw.encode())
    return made


def _send(server: Serving, data: bytes) -> bytes:
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
        return answer


def test_a_server_writes_no_secret(tmp_path: Path) -> None:
    """`strongroom serve` at its most talkative, from its first start to its end."""
    data = tmp_path / "data"
    with serving(data, "--workers", "1", "--threads", "4") as server:
        shown = (data / "first-sign-in.txt").read_text()
        found = re.search(r"srk_[0-9A-Za-z]{49}", shown)
        assert found is not None
        password = re.search(r"password +(\S+)", shown)
        assert password is not None
        made = _drive_server(server, found[0], password[1])
        assert not (data / "first-sign-in.txt").exists(), "it goes away at the first sign-in"
        assert server.stop() == 0
    secrets_ = traces([PASSWORD, WRONG, MARK, password[1], found[0], made])
    assert json.loads(server.out.splitlines()[-1])["status"]
    for where, text in (
        ("stdout", server.out.encode()),
        ("stderr", server.err.encode()),
        *files_under(data),
    ):
        search(where, text, secrets_)
        assert not KEY.search(text), f"{where} holds a key"
