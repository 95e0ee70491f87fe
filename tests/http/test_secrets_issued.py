"""Every secret that the service itself makes is told once, to who asked, and written nowhere (S3).

Each is made, used, and sent where it does not belong: as another kind of credential, in paths,
queries, forms and bodies. Then all that was written is searched for all of them.
"""

import json
import logging
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from auth.totp import read_secret, secret_text
from middleware.authentication import COOKIE
from tests.http.client import Answer, Client, basic, bearer
from tests.http.provisioning import GROUP, SEARCH, Provider, provider
from tests.http.signed_in import FORM, Browser, enrol, in_session, sign_in
from tests.http.stand import Person, Stand
from tests.http.test_access import TABLE
from tests.http.test_reset import letters
from tests.http.test_secrets import files_under, search

NEW = "marked-phrase-of-somebody-else"
WHEN_MADE = re.compile(rb"sr[kst]_[0-9A-Za-z]{40,}")


class Issued:
    """Whatever was told, by what it is; and the answers that may tell it."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.admins = in_session(stand, stand.admin)
        self.secrets: dict[str, str] = {}

    def all(self) -> dict[str, str]:
        """Make one of each kind, as its owner does, and use it as it is meant."""
        person = self._people()
        self._keys(person)
        self._letters(person)
        return self.secrets

    def _people(self) -> Person:
        person = self.stand.person()
        client = in_session(self.stand, person)
        device, codes = enrol(client, person)
        self.secrets["secret of an authenticator"] = secret_text(device.secret)
        self.secrets |= {f"recovery code {n}": code for n, code in enumerate(codes)}
        opened = sign_in(self.stand, person, codes[0])
        self.secrets["session"] = opened.json["token"]
        browser = Browser(self.stand.client)
        browser.sign_in(person, device.code())
        assert browser.cookie is not None
        self.secrets["cookie"] = browser.cookie
        renewed = client.post("/auth/second-factor/recovery-codes", {"code": device.code()})
        self.secrets |= {f"new code {n}": c for n, c in enumerate(renewed.json["recovery_codes"])}
        return person

    def _keys(self, person: Person) -> None:
        made = self._secret("key", "/api/keys", {"name": "x", "user": person.id})
        self._secret("rotated key", f"/api/keys/{made}/rotate", {})
        token = self._secret("SCIM token", "/api/scim-tokens", {"name": "idp"})
        self._secret("rotated SCIM token", f"/api/scim-tokens/{token}/rotate", {})
        subscriber = self.admins.post("/api/subscribers", {"name": "them"}).json["id"]
        self._secret("access key", f"/api/subscribers/{subscriber}/keys", {"name": "x"})

    def _secret(self, what: str, target: str, body: dict[str, Any]) -> str:
        answer = self.admins.post(target, body)
        assert answer.status == 201, (what, answer.text)
        self.secrets[what] = answer.json["secret"]
        return str(answer.json["id"])

    def _letters(self, person: Person) -> None:
        self.stand.client.post("/auth/reset", {"email": person.email})
        invited = {"email": "new@example.org", "role": "reader", "invite": True}
        assert self.admins.post("/api/users", invited).status == 201
        for letter in letters(self.stand):
            if "path" not in letter.fields:  # it tells of a change, and holds no secret
                continue
            what = f"{letter.kind} for {'nobody' if letter.to is None else letter.to}"
            self.secrets[what] = letter.fields["path"].rpartition("/")[2]
        reset = self.secrets[f"reset for {person.email}"]
        sent = {"token": reset, "password": NEW}
        assert self.stand.client.post("/auth/reset/confirm", sent).status == 204
        self.secrets["new password"] = NEW
        self.stand.client.get(f"/auth/reset/{reset}")


def misplaced(client: Client, secret: str) -> Iterator[Answer]:
    """A secret where it does not belong."""
    for header in (bearer(secret), basic("api-key", secret), basic("a@example.org", secret)):
        yield client.as_(header).get("/api/user")
        yield client.as_(header).get("/repositories/none/x")
        yield client.as_(header).get("/scim/v2/Me")
        yield client.as_(header).get("/scim/v2/Users")
    yield client.get("/api/user", headers={"Cookie": f"{COOKIE}={secret}"})
    text = quote(secret, safe="")
    for target in (f"/auth/reset/{text}", f"/auth/invitation/{text}", f"/auth/{text}", f"/{text}"):
        yield client.get(target)
    yield client.get(f"/auth/sign-in?next={text}")
    names = ("email", "password", "code", "token", "name", "current_password")
    for target in ("/auth/session", "/auth/reset", "/auth/reset/confirm", "/auth/sign-out"):
        for name in names:
            body = {"email": "a@example.org", "password": "a phrase of no use", name: secret}
            yield client.post(target, body)
            form = urlencode(body).encode()
            yield client.ask("POST", target, headers=FORM, body=form)


def misplaced_in_scim(by: Provider, secret: str) -> Iterator[Answer]:
    """A secret where a provider sends something else."""
    for endpoint in ("/Users", "/Groups", "/Schemas", "/ResourceTypes"):
        yield by.get(f"{endpoint}/{quote(secret, safe='')}")
    for name in ("filter", "sortBy", "attributes", "startIndex"):
        yield by.get("/Users", **{name: f'userName eq "{secret}"'})
        yield by.get("/Users", **{name: secret})
        yield by.post("/.search", {"schemas": [SEARCH], name: secret})
    yield by.patch(f"/Users/{'a' * 16}", {"op": "replace", "path": secret, "value": secret})
    yield by.post("/Users", {"schemas": [secret], "password": secret})
    yield by.post("/Groups", {"schemas": [GROUP], "displayName": "x", "members": secret})
    yield by.bulk({"method": "POST", "path": f"/Users/{secret}", "data": {"password": secret}})


def test_what_is_made_here_is_told_once_and_written_nowhere(
    folder_stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    issued = Issued(folder_stand)
    secrets_ = issued.all()
    assert len(secrets_) > 25
    needles = {what: secret.encode() for what, secret in secrets_.items()}
    plain = read_secret(secrets_["secret of an authenticator"])
    needles["secret of an authenticator, as bytes"] = plain
    needles["secret of an authenticator, in hex"] = plain.hex().encode()
    told = [answer for secret in secrets_.values() for answer in misplaced(
        folder_stand.client, secret
    )]  # fmt: skip
    by = provider(folder_stand)
    told += [answer for secret in secrets_.values() for answer in misplaced_in_scim(by, secret)]
    for client in (issued.admins, by.client):
        told += [client.get(target) for target in readable(folder_stand)]
    for answer in told:
        # A page gives the token of its own address back to its form.
        own = b"" if b'name="token"' not in answer.body else answer.body
        text = f"{answer.headers}".encode() + (b"" if own else answer.body)
        for what, needle in needles.items():
            assert needle not in text, (what, answer.environ["PATH_INFO"], answer.status)
        assert not WHEN_MADE.search(text)
    _search_what_was_written(folder_stand, caplog, needles)
    folder_stand.process.work()
    _search_what_was_written(folder_stand, caplog, needles)


def readable(stand: Stand) -> list[str]:
    """Every address of the API that an administrator may read."""
    found = []
    for template, method in TABLE:
        if method == "GET" and template.startswith(("/api/", "/auth/sess", "/metrics", "/scim")):
            target = template.replace("{user}", stand.admin.id).replace("{key}", stand.admin.key_id)
            found.append(re.sub(r"\{\w+\}", "none", target))
    return found


def _search_what_was_written(
    stand: Stand, caplog: pytest.LogCaptureFixture, needles: dict[str, bytes]
) -> None:
    records = "\n".join(json.dumps(record.value) for record in stand.records()).encode()
    places = "\n".join(f"{record.key}" for record in stand.records()).encode()
    logged = "\n".join(
        f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records
    ).encode()
    found = [
        ("the metadata store", records + places),
        ("the log", logged),
        ("the metrics", stand.process.metrics.render().encode()),
        # Mail that is logged is written out for who runs the service: that is what it is for.
        *(one for one in files_under(stand.settings.data) if not one[0].endswith(".eml")),
    ]
    for where, data in found:
        search(where, data, list(needles.values()))
        assert not WHEN_MADE.search(data), where
