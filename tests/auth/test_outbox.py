"""The outbox: what waits is sealed, as large for nobody as for anybody, and gone in two hours."""

import json
import uuid
from dataclasses import replace
from datetime import timedelta

import pytest

from auth.errors import CorruptRecord
from auth.outbox import KEPT, Asked, Letter, Outbox, Waiting, read_mail
from auth.records import time_text
from auth.sealing import NotSealedHere, Sealer
from storage import keys
from storage.events import Actor
from storage.metadata import Put, Record
from tests.auth.installation import Process

ADDRESS = "marked@example.org"
TOKEN = "marked-0a4b"
SEALER = Sealer(b"s" * 32)
LOUD = Actor(None, "reset", "r" * 100, "2001:db8:" + "f" * 30, "\x01" * 1000)
ASKED = Asked("a" * 16, Actor(None, "reset", "request", "192.0.2.1", "marked agent"))


def letter(
    to: str | None = ADDRESS,
    name: str = "marked Jo",
    path: str = f"/r/{TOKEN}",
    asked: Asked | None = ASKED,
) -> Letter:
    return Letter("reset", to, {"name": name, "path": path}, asked)


def written(process: Process, sent: Letter) -> Waiting:
    """What a commit left of a letter."""
    outbox = Outbox(SEALER, process.clock)
    operations = outbox.waiting(process.organization, sent)
    process.metadata.commit(*operations)
    (record,) = process.metadata.query(f"{process.organization}#mail").records
    return read_mail(process.organization, record)


def test_a_letter_waits_in_the_commit_and_in_the_queue_of_all(process: Process) -> None:
    mail = written(process, letter())
    (place,) = process.metadata.query(keys.MAIL).records
    due = process.clock() - timedelta(hours=2, minutes=2)  # before all that may wait for longer
    assert place.key.sort == f"{keys.time(due)}#{mail.id}"
    assert mail.record.value["due"] == time_text(due), "for who has only the mail"
    assert place.value == {"organization": process.organization}
    assert (mail.kind, mail.attempts, mail.until) == ("reset", 0, process.clock() + KEPT)
    assert Outbox(SEALER).open(mail) == letter()


def test_nothing_of_a_person_and_no_token_is_stored_in_clear(process: Process) -> None:
    written(process, letter())
    stored = [record.value for record in process.metadata.scan(0, 1).records]
    assert "marked" not in json.dumps(stored)
    assert "marked" not in repr(letter())


@pytest.mark.parametrize(
    "real",
    [
        letter(),
        letter("a" * 242 + "@example.org", "\U0001f600" * 200, "/reset/" + "t" * 100),
        letter('"' * 242 + "@example.org", "\\" * 200),
        letter("a" * 242 + "@example.org", "\U0001f600" * 200, asked=replace(ASKED, by=LOUD)),
        letter("a@b", "", asked=None),
    ],
    ids=["usual", "long", "escaped", "by a loud one", "short"],
)
def test_a_mail_to_nobody_is_written_like_any_other(real: Letter) -> None:
    """Each of the same records, of the same size but for what is random anyway."""

    def shapes(sent: Letter) -> list[tuple[str, bool, bool, int]]:
        operations = Outbox(SEALER).waiting("org1", sent)
        assert all(isinstance(one, Put) for one in operations)
        return [
            (one.key.partition, one.absent, one.expires is None, len(json.dumps(dict(one.value))))
            for one in operations
            if isinstance(one, Put)
        ]

    decoy = letter(None, "", f"/auth/reset/{uuid.UUID(int=0)}")
    assert shapes(decoy) == shapes(real)


def test_what_is_secret_is_gone_after_two_hours_even_without_a_worker(process: Process) -> None:
    mail = written(process, letter())
    process.clock.pass_by(hours=2, seconds=1)
    assert process.metadata.get(mail.record.key) == {}
    assert len(process.metadata.query(keys.MAIL).records) == 1  # for a worker to tell of it


def test_a_mail_opens_in_its_own_place_alone(process: Process) -> None:
    mail = written(process, letter())
    outbox = Outbox(SEALER)
    for moved in (replace(mail, organization="other"), replace(mail, id="other")):
        with pytest.raises(NotSealedHere):
            outbox.open(moved)
    with pytest.raises(NotSealedHere):
        Outbox(Sealer(b"t" * 32)).open(mail)


def test_a_mail_of_another_version_can_not_be_read(process: Process) -> None:
    mail = written(process, letter())
    with pytest.raises(CorruptRecord):
        Outbox(SEALER).open(replace(mail, kind="a kind of later"))
    with pytest.raises(CorruptRecord):
        read_mail("org1", replace(mail.record, value={"kind": "reset"}))


@pytest.mark.parametrize("kind, fields", [("reset", {"path": "/"}), ("other", {}), ("reset", {})])
def test_a_letter_has_the_fields_of_its_kind(kind: str, fields: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        Letter(kind, ADDRESS, fields)


def test_a_mail_says_whom_it_is_about_and_one_of_before_may_not() -> None:
    outbox = Outbox(SEALER)
    about = Letter("address", ADDRESS, {"name": "Jo"}, about="u" * 16)
    (mail, _) = outbox.waiting("org1", about)
    assert isinstance(mail, Put)
    waits = read_mail("org1", Record(mail.key, mail.value, 1))
    assert outbox.open(waits) == about
    assert (about.subject, letter().subject, letter(asked=None).subject) == (
        "u" * 16,
        ASKED.about,
        None,
    )
    of_before = json.dumps({"to": ADDRESS, "fields": {"name": "Jo"}, "asked": None})
    sealed = SEALER.seal(of_before, "mail", "org1", mail.key.sort)
    assert outbox.open(replace(waits, sealed=sealed)) == replace(about, about=None)


def test_two_hours_are_what_the_practice_says() -> None:
    assert timedelta(hours=2) == KEPT
