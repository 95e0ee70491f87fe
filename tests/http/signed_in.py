"""A person with an authenticator, by JSON and as a browser: it keeps its cookie, sends forms."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from auth import totp
from middleware.authentication import COOKIE
from tests.http.client import Answer, Client, bearer
from tests.http.stand import Person, Stand

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PAGE = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@dataclass
class Device:
    """An authenticator. The time is real, so it shows codes of a moment ago first: each of
    them can be used once, and three hold at a time."""

    secret: bytes
    used: int = -2

    def code(self) -> str:
        """One that was not used, and that holds for half a minute at least."""
        self.used += 1
        return totp.hotp(self.secret, totp.step_at(datetime.now(UTC)) + self.used)


def sign_in(stand: Stand, person: Person, code: str | None = None, **more: Any) -> Answer:
    """`POST /auth/session` in JSON."""
    sent = {"email": person.email, "password": person.password, **more}
    return stand.client.post("/auth/session", sent if code is None else {**sent, "code": code})


def in_session(stand: Stand, person: Person, code: str | None = None) -> Client:
    """Asks with a session that was just opened."""
    opened = sign_in(stand, person, code)
    assert opened.status == 201, opened.text
    return stand.client.as_(bearer(opened.json["token"]))


def enrol(client: Client, person: Person) -> tuple[Device, list[str]]:
    """Set up a second factor: the authenticator, and the recovery codes."""
    begun = client.post("/auth/second-factor", {"password": person.password})
    assert begun.status == 200, begun.text
    device = Device(totp.read_secret(begun.json["secret"]))
    confirmed = client.post("/auth/second-factor/confirm", {"code": device.code()})
    assert confirmed.status == 200, confirmed.text
    return device, confirmed.json["recovery_codes"]


@dataclass
class Browser:
    """What a browser does without script: it follows no link by itself, and keeps one cookie."""

    client: Client
    cookie: str | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: {"Sec-Fetch-Site": "same-origin"})

    def get(self, path: str) -> Answer:
        return self._keep(self.client.get(path, headers={**PAGE, **self._sent()}))

    def post(self, path: str, **fields: str) -> Answer:
        body = urlencode(fields).encode()
        headers = {**PAGE, **FORM, **self._sent()}
        return self._keep(self.client.ask("POST", path, headers=headers, body=body))

    def sign_in(self, person: Person, code: str = "") -> Answer:
        return self.post("/auth/session", email=person.email, password=person.password, code=code)

    def _sent(self) -> dict[str, str]:
        own = {} if self.cookie is None else {"Cookie": f"theme=dark; {COOKIE}={self.cookie}"}
        return {**self.headers, **own}

    def _keep(self, answer: Answer) -> Answer:
        given = answer.headers.get("set-cookie")
        if given is not None:
            found = re.match(rf"{COOKIE}=([^;]*);", given)
            assert found is not None
            self.cookie = found[1].strip('"') or None
        return answer


def secret_on(page: str) -> bytes:
    """The secret of an authenticator, as a page shows it."""
    found = re.search(r'<p class="secret">([A-Z2-7 ]+)</p>', page)
    assert found is not None, page
    return totp.read_secret(found[1].replace(" ", ""))


def codes_on(page: str) -> list[str]:
    """The recovery codes on a page."""
    return re.findall(r"<li>([a-z2-7-]+)</li>", page)
