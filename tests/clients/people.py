"""People who use pages: their accounts, their mail, and the authenticator that they carry."""

import base64
import contextlib
import hashlib
import hmac
import json
import re
import secrets
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from tests.clients.browser import Browser
from tests.clients.server import Server
from tests.http.client import bearer

_SECONDS = 60.0  # two busy cores
_STEP_SECONDS = 30
_SLACK_SECONDS = 10.0  # a code is in the server's hands by then


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the server."""

    id: str
    email: str
    password: str = field(repr=False)

    @property
    def known(self) -> dict[str, str]:
        """What signs in, by the labels of the form."""
        return {"E-mail address": self.email, "Password": self.password}


def person(server: Server, **more: object) -> Person:
    """A new user with a password, unless `more` says otherwise."""
    email, password = f"{secrets.token_hex(6)}@people.example", new_password()
    wanted = {"email": email, "role": "developer", "password": password, **more}
    made = server.api("POST", "/api/users", {k: v for k, v in wanted.items() if v is not None})
    return Person(made["id"], made["email"], password)


def new_password() -> str:
    return secrets.token_urlsafe(16)


def sign_in(page: Browser, server: Server, one: Person, code: str = "") -> None:
    page.open(f"{server.serving.url}/auth/sign-in")
    page.send("Sign in", one.known | ({"Code": code} if code else {}))


def link_to(server: Server, person: Person) -> str:
    """The link in the mail to a person, once there is one that holds one; it is thrown away."""
    end = time.monotonic() + _SECONDS
    while True:
        # What begins with a point is being written.
        for path in server.serving.data.joinpath("mail").glob("[!.]*.eml"):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            if mail["To"] == person.email and (link := _link_in(mail)) is not None:
                path.unlink()
                return link
        assert time.monotonic() < end, server.serving.err
        time.sleep(0.05)


def _link_in(mail: EmailMessage) -> str | None:
    """The same in the text as in the HTML; None where it holds none."""
    plain, html = mail.get_body(["plain"]), mail.get_body(["html"])
    assert plain is not None
    assert html is not None
    lines = plain.get_content().splitlines()
    links = [line for line in lines if line.startswith(("http://", "https://"))]
    assert re.findall(r'href="([^"]+)"', html.get_content()) == links
    if not links:
        return None
    (link,) = links
    return str(link)


@contextlib.contextmanager
def second_factor_required(server: Server) -> Iterator[None]:
    """Have the organization require one for the time of the block: an administrator does, who
    has one himself."""
    admin = person(server, role="admin")
    asked = {"email": admin.email, "password": admin.password}
    token = _ask(server, "POST", "/auth/session", asked)["token"]
    # The session may end with the change that it is for; a key does not.
    made = {"name": "requires a second factor"}
    key = _ask(server, "POST", "/api/keys", made, token)["secret"]
    begun = _ask(server, "POST", "/auth/second-factor", {"password": admin.password}, token)
    code = Authenticator(begun["secret"]).code()
    _ask(server, "POST", "/auth/second-factor/confirm", {"code": code}, token)
    _ask(server, "PATCH", "/api/organization", {"second_factor": "required"}, key)
    try:
        yield
    finally:
        _ask(server, "PATCH", "/api/organization", {"second_factor": "optional"}, key)


def _ask(server: Server, method: str, path: str, value: object, token: str = "") -> Any:
    headers = {"Content-Type": "application/json"}
    headers |= {"Authorization": bearer(token)} if token else {}
    status, _, answer = server.serving.ask(method, path, headers, json.dumps(value).encode())
    assert 200 <= status < 300, (method, path, status, answer)
    return json.loads(answer)


class Authenticator:
    """Shows codes (RFC 6238: SHA-1, six digits, 30 seconds) for a secret as a page shows it.

    It tells one code after the other, the first of the step before: a test does in seconds what
    takes a person minutes, and the server takes codes a step early and late.
    """

    def __init__(self, secret: str) -> None:
        text = "".join(secret.split())
        self._secret = base64.b32decode(text + "=" * (-len(text) % 8))
        self._last = 0

    def code(self) -> str:
        """A code that is good now, and was never told before."""
        while True:
            step, gone = divmod(time.time(), _STEP_SECONDS)
            early = _STEP_SECONDS - gone > _SLACK_SECONDS
            wanted = max(self._last + 1, int(step) - early)
            if wanted <= step + 1:
                self._last = wanted
                return self._of(wanted)
            time.sleep(_STEP_SECONDS - gone)

    def _of(self, step: int) -> str:
        digest = hmac.new(self._secret, struct.pack(">Q", step), hashlib.sha1).digest()
        (number,) = struct.unpack_from(">I", digest, digest[-1] % 16)
        return f"{number % 2**31:010}"[-6:]


def set_up(
    page: Browser, one: Person, link: str = "Second factor"
) -> tuple[Authenticator, list[str]]:
    """Set up a second factor, from the portal on; the authenticator, and the recovery codes."""
    page.follow(link)
    page.send("Set up", {"Password": one.password})
    authenticator = Authenticator(page.all("p.secret")[0].text)
    page.send("Confirm", {"Code": authenticator.code()})
    return authenticator, [row.text for row in page.all("ul.secret > li")]
