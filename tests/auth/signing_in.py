"""Sessions and second factors of one process, and somebody who has an authenticator."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from auth import totp
from auth.code_rates import CodeRates
from auth.codes import Codes
from auth.credentials import ApiKeySecret, EmailPassword
from auth.factor_resets import FactorResets
from auth.factor_rule import SecondFactorRule
from auth.principals import Authority, Principal, Role
from auth.proven_passwords import ProvenPasswords
from auth.sealing import Sealer
from auth.second_factors import SecondFactors
from auth.session_records import Kind
from auth.sessions import Asking, Opened, Sessions
from storage import keys
from storage.metadata import Record
from tests.auth.installation import ADDRESS, PASSWORD, SECRET, Process

EMAIL = "dev@example.org"


class SigningIn:
    """What `app.routes` composes, over a test's process and clock."""

    def __init__(self, process: Process) -> None:
        self.process = process
        recent, journal, clock = process.recent, process.journal, process.clock
        self.passwords = ProvenPasswords(recent, process.authenticator)
        self.codes = Codes(recent, journal, Sealer(SECRET), CodeRates(SECRET), clock)
        self.sessions = Sessions(recent, journal, self.passwords, self.codes, clock)
        self.factors = SecondFactors(
            recent, journal, process.outbox, Sealer(SECRET), self.codes, clock
        )
        self.resets = FactorResets(recent, journal, process.outbox, clock)
        self.rule = SecondFactorRule(recent, journal)

    def open(
        self,
        code: str | None = None,
        kind: Kind = Kind.BEARER,
        *,
        email: str = EMAIL,
        password: str = PASSWORD,
        address: str = ADDRESS,
    ) -> Opened:
        """Sign in."""
        credentials = EmailPassword(email, password)
        asking = Asking("a request", address, address, "a test")
        return self.sessions.open(self.process.standing, credentials, code, kind, asking)

    def principal(self, secret: ApiKeySecret) -> Principal:
        """Who comes with the secret of a session, as a request finds out."""
        return self.process.authenticate(secret)

    def authority(self, secret: ApiKeySecret) -> Authority:
        return self.principal(secret).acting("a request", ADDRESS, "a test")

    def person(self, email: str = EMAIL, role: Role = Role.DEVELOPER) -> "Person":
        """A user who has signed in."""
        user = self.process.user(email, role)
        return Person(self, user.id, email, self.open(email=email).secret)


@dataclass
class Person:
    """A user, with the session that he has open and his authenticator."""

    at: SigningIn
    id: str
    email: str
    secret: ApiKeySecret
    device: bytes = b""
    recovery: tuple[str, ...] = field(default=())

    @property
    def by(self) -> Authority:
        return self.at.authority(self.secret)

    def code(self, steps: int = 0) -> str:
        """What the authenticator shows so many steps from now."""
        return totp.hotp(self.device, totp.step_at(self.at.process.clock()) + steps)

    def next_code(self) -> str:
        """A code that nobody used: the clock goes on to it."""
        self.at.process.clock.pass_by(seconds=30)
        return self.code()

    def begin(self, code: str | None = None) -> bytes:
        """Begin to set up, and have the authenticator take the secret."""
        proven = self.at.passwords.prove_own(self.at.process.standing, self.id, PASSWORD, ADDRESS)
        begun = self.at.factors.begin(self.by, proven, code, ADDRESS)
        return totp.read_secret(begun.secret)

    def enrol(self) -> "Person":
        """Set up a second factor, by a code of a moment ago."""
        self.device = self.begin()
        self.recovery = self.at.factors.confirm(self.by, self.code(-1), ADDRESS)
        return self

    def remove(self, code: str) -> None:
        proven = self.at.passwords.prove_own(self.at.process.standing, self.id, PASSWORD, ADDRESS)
        self.at.factors.remove(self.by, proven, code, ADDRESS)

    @property
    def record(self) -> Record:
        """The user's record."""
        key = keys.user(self.at.process.organization, self.id)
        return self.at.process.recent.get(key)[key]


def events(process: Process, action: str) -> list[Mapping[str, object]]:
    """The details of all events of an action within a day, in their order."""
    found: list[Record] = []
    for hours, stripe in itertools.product(range(25), "0123456789abcdef"):
        hour = process.clock() - timedelta(hours=hours)
        found += process.recent.query_all(keys.events(process.organization, hour, stripe))
    return [
        record.value["details"]
        for record in sorted(found, key=lambda one: one.key.sort)
        if record.value["action"] == action
    ]
