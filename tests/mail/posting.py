"""What tests of mail share: an outbox, a mailbox that takes or refuses, and deliveries."""

import json
from collections.abc import Callable
from datetime import UTC, datetime

from app.installation import Installation
from app.mail.decoys import Decoys
from app.mail.delivery import Deliveries
from app.mail.errors import MailError
from app.mail.message import Mail, write
from app.mail.origins import Origins
from auth.outbox import Asked, Letter, Outbox, Waiting, read_mail
from storage import keys
from storage.events import Actor
from storage.metadata import Record

ORG = "org1"
BASE = "https://artifacts.example.com"
ADDRESS = "jo@example.org"
TOKEN = "3f6b2c1e-marked-token"
ORIGINS = Origins(BASE, "default", None)
#: Whom the mail is about, and who asked for it.
ASKED = Asked("a" * 16, Actor(None, "reset", "request1", "192.0.2.1", "an agent"))


def letter(
    to: str | None = ADDRESS,
    name: str = "Jo",
    path: str = f"/auth/reset/{TOKEN}",
    asked: Asked | None = None,
) -> Letter:
    return Letter("reset", to, {"name": name, "path": path}, asked)


def mail(to: str = ADDRESS, name: str = "Jo") -> Mail:
    return write(letter(name=name), to, "mail1", BASE)


class Mailbox:
    """A transport that keeps what it takes; it fails with what a test puts before it."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.failing: list[MailError | Exception] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def send(self, mail: Mail, now: datetime) -> None:
        self.meanwhile()
        if self.failing:
            raise self.failing.pop(0)
        self.mails.append(mail)


class Counts:
    """An observer of mail."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def mail(self, outcome: str) -> None:
        self.told.append(outcome)


class Post:
    """An outbox and deliveries over an installation."""

    def __init__(
        self, at: Installation, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.at = at
        self.metadata = at.metadata
        self.outbox = Outbox(at.sealer, clock)
        self.mailbox = Mailbox()
        self.counts = Counts()

    def deliveries(self, origins: Origins = ORIGINS) -> Deliveries:
        return Deliveries(
            self.metadata, self.at.journal, self.outbox, self.mailbox, origins, self.counts
        )

    def decoys(self) -> Decoys:
        return Decoys(self.metadata, self.outbox, self.counts)

    def wait(self, sent: Letter | None = None, organization: str = ORG) -> None:
        """Have a letter wait, as a commit leaves it."""
        self.metadata.commit(*self.outbox.waiting(organization, sent or letter()))

    def deliver(self, origins: Origins = ORIGINS) -> int:
        """Deliver what is due; how many places that were."""
        deliveries = self.deliveries(origins)
        places = deliveries.due()
        for place in places:
            deliveries.deliver(place)
        return len(places)

    def places(self) -> tuple[Record, ...]:
        return self.metadata.query(keys.MAIL).records

    def waiting(self, organization: str = ORG) -> list[Waiting]:
        found = self.metadata.query(f"{organization}#mail").records
        return [read_mail(organization, record) for record in found]

    def events(self, organization: str = ORG) -> list[tuple[str, str | None]]:
        """What the events of mails say: the action, and the reason where there is one."""
        return [
            (str(record.value["action"]), record.value["details"].get("reason"))
            for record in self.history("events", organization)
        ]

    def history(self, family: str, organization: str = ORG) -> list[Record]:
        """The records of events, or those beside them (`who`), in no order."""
        partition = f"{organization}#{family}#"
        return [one for one in self._everything() if one.key.partition.startswith(partition)]

    def everything(self) -> str:
        """All that is stored, as text."""
        return json.dumps([[*record.key, record.value] for record in self._everything()])

    def _everything(self) -> list[Record]:
        found: list[Record] = []
        page = self.metadata.scan(0, 1)
        found += page.records
        while page.next is not None:
            page = self.metadata.scan(0, 1, page.next)
            found += page.records
        return found
