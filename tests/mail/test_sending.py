"""From the outbox to a mailbox: by the duty, with the settings as an operator gives them."""

import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from app.background import Background, background
from app.installation import Installation, open_installation
from app.mail.delivery import Deliveries
from app.mail.files import MailFiles
from app.mail.message import Mail
from app.settings import read_settings
from app.work import Worker
from auth.outbox import Letter, Outbox
from middleware.metrics import Metrics
from storage import keys
from storage.metadata import Key, Record
from tests.mail.conftest import found
from tests.mail.posting import ADDRESS, ORG, TOKEN, letter
from tests.mail.test_smtp import Mailbox, serving
from tests.ports import free_port

MOMENT = timedelta(seconds=0.02)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    opened = open_installation(read_settings({"STRONGROOM_DATA": str(tmp_path / "data")}))
    opened.engine.prepare()
    found(opened.metadata)
    yield opened
    opened.close()


def sent_by(at: Installation, **given: str) -> Background:
    """The background work of an installation with these settings."""
    environment = {f"STRONGROOM_{name}": value for name, value in given.items()}
    settings = read_settings({**environment, "STRONGROOM_DATA": str(at.settings.data)})
    return background(replace(at, settings=settings))


def wait(at: Installation) -> None:
    at.metadata.commit(*Outbox(at.sealer).waiting(ORG, letter()))


def files(at: Installation) -> list[Path]:
    return sorted((at.settings.data / "mail").glob("[!.]*.eml"))


def test_without_a_mail_server_a_mail_lies_in_a_file(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    """As `make serve` has it: no settings, on a loopback address."""
    wait(installation)
    with caplog.at_level(logging.DEBUG):
        ran = sent_by(installation).worker().run_due()
    assert ran.duties["mail"] == "done"
    (file,) = files(installation)
    message = message_from_bytes(file.read_bytes(), policy=default)
    assert f"http://127.0.0.1:8080/auth/reset/{TOKEN}" in message.as_string()
    assert str(file) in caplog.text
    assert TOKEN not in caplog.text
    assert ADDRESS not in caplog.text
    assert installation.metadata.query(keys.MAIL).records == ()


def test_a_mail_to_a_server_leads_to_no_address_of_this_machine(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = Mailbox()
    wait(installation)
    with serving(mailbox) as port:
        given = {"MAIL": f"smtp://127.0.0.1:{port}", "MAIL_FROM": "files@example.com"}
        sent_by(installation, **given).worker().run_due()
        assert mailbox.taken == []
        assert "STRONGROOM_BASE_URL" in caplog.text
        wait(installation)
        sent_by(installation, **given, BASE_URL="https://a.example").worker().run_due()
    (taken,) = mailbox.taken
    assert f"https://a.example/auth/reset/{TOKEN}".encode() in bytes(taken.content or b"")


def test_organizations_have_links_to_their_own_host(installation: Installation) -> None:
    wait(installation)
    sent_by(installation, DOMAIN="x.example").worker().run_due()
    (file,) = files(installation)
    assert f"https://default.x.example/auth/reset/{TOKEN}".encode() in file.read_bytes()


def test_a_running_worker_sends_before_the_duty_is_due(installation: Installation) -> None:
    work = sent_by(installation)
    work.worker().run_due()  # which is the next time in five minutes
    worker = Worker(work.jobs, work.schedule, poll=MOMENT, look=timedelta(hours=1))
    worker.start()
    try:
        wait(installation)
        deadline = time.monotonic() + 20
        while not files(installation):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        worker.stop(10)


def test_while_nothing_waits_nothing_is_written(installation: Installation) -> None:
    work = sent_by(installation)
    work.worker().run_due()
    before = installation.metadata.get(keys.duty("mail"))
    assert list(work.schedule.pressing()) == []
    assert installation.metadata.get(keys.duty("mail")) == before


def test_the_tries_are_counted(installation: Installation, tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics")
    wait(installation)
    background(installation, metrics).worker().run_due()
    assert 'strongroom_mails_total{outcome="sent"} 1' in metrics.render()
    metrics.close()


def test_mails_to_nobody_are_dropped_before_a_mail_server_is_asked(
    installation: Installation,
) -> None:
    """Where it is away, too: the first real mail ends the run."""
    wait(installation)
    for _ in range(3):
        operations = Outbox(installation.sealer).waiting(ORG, letter(to=None))
        installation.metadata.commit(*operations)
    given = {
        "MAIL": f"smtp://127.0.0.1:{free_port()}",
        "MAIL_FROM": "files@example.com",
        "BASE_URL": "https://a.example",
    }
    sent_by(installation, **given).worker().run_due()
    assert len(installation.metadata.query(keys.MAIL).records) == 1


def test_where_the_mail_server_is_away_the_run_is_done_and_the_mail_waits(
    installation: Installation,
) -> None:
    wait(installation)
    given = {
        "MAIL": f"smtp://127.0.0.1:{free_port()}",
        "MAIL_FROM": "files@example.com",
        "BASE_URL": "https://a.example",
    }
    ran = sent_by(installation, **given).worker().run_due()
    assert ran.duties["mail"] == "done"
    (place,) = installation.metadata.query(keys.MAIL).records
    assert place.key.sort > keys.time(installation.metadata.now())


def test_a_reset_that_comes_while_many_are_told_goes_before_most_of_them(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run looks what came every twenty mails."""
    outbox = Outbox(installation.sealer)
    for _ in range(50):
        telling = Letter("password", ADDRESS, {"name": "Jo"})
        installation.metadata.commit(*outbox.waiting(ORG, telling))
    sent: list[str] = []

    def send(_: MailFiles, mail: Mail, _now: datetime) -> None:
        sent.append(mail.kind)
        if len(sent) == 5:
            wait(installation)

    monkeypatch.setattr("app.mail.files.MailFiles.send", send)
    ran = sent_by(installation).worker().run_due()
    assert ran.duties["mail"] == "done"
    assert sent == [*["password"] * 20, "reset", *["password"] * 30]


def test_a_mail_that_fails_unforeseen_is_tried_once_a_run_and_keeps_no_other(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays where it is, first of those that are due: the run must come to its end."""
    tried: list[Key] = []

    def deliver(_: Deliveries, place: Record) -> None:
        tried.append(place.key)
        raise RuntimeError("unforeseen")

    for _ in range(30):
        wait(installation)
    monkeypatch.setattr(Deliveries, "deliver", deliver)
    assert sent_by(installation).worker().run_due().duties["mail"] == "failed"
    assert len(tried) == len(set(tried)) == 30
