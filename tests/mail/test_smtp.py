"""SMTP, held against aiosmtpd: STARTTLS and TLS, sign-in, and what a server's answers mean."""

import contextlib
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from app.mail.destinations import Smtp, parse_destination
from app.mail.errors import MailError, Postponed, Refused
from app.mail.smtp import SmtpTransport
from tests import certificates
from tests.mail.posting import ADDRESS, BASE, TOKEN, mail
from tests.ports import free_port

#: 127.0.0.1 to the system; to the settings, which take no short forms, a host like any other.
OTHER = "127.1"
SENDER = "Files <files@example.com>"
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


class Mailbox:
    """Takes mail, or answers what a test puts before a command."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.secure: list[bool] = []
        self.answers: dict[str, str] = {}
        self.logins: list[tuple[bytes, bytes]] = []

    async def handle_MAIL(  # noqa: N802 - by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 - by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 OK")

    async def handle_DATA(  # noqa: N802 - by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        answer = self.answers.get("DATA", "250 OK")
        if answer.startswith("250"):
            self.taken.append(envelope)
            assert server.transport is not None
            self.secure.append(server.transport.get_extra_info("ssl_object") is not None)
        return answer

    async def handle_QUIT(  # noqa: N802 - by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        return self.answers.get("QUIT", "221 Bye")

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"p@ss/word", handled=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificates.make(tmp_path_factory.mktemp("smtp"), OTHER)


@pytest.fixture
def context(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*certificate)
    return made


@contextlib.contextmanager
def serving(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """A mail server; its port."""
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def transport(url: str) -> SmtpTransport:
    server = parse_destination(url, SENDER, None)
    assert isinstance(server, Smtp)
    return SmtpTransport(server, seconds=5)


def test_a_server_on_this_machine_gets_mail_as_it_is() -> None:
    mailbox = Mailbox()
    with serving(mailbox) as port:
        transport(f"smtp://127.0.0.1:{port}").send(mail(name="Jo Müller"), NOW)
    (taken,) = mailbox.taken
    assert (taken.mail_from, taken.rcpt_tos) == ("files@example.com", [ADDRESS])
    assert isinstance(taken.content, bytes)
    assert taken.content.isascii()
    message = message_from_bytes(taken.content, policy=default)
    assert isinstance(message, EmailMessage)
    assert message["From"] == SENDER
    assert message["To"] == ADDRESS
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        assert f"{BASE}/auth/reset/{TOKEN}" in part.get_content()
        assert "Jo Müller" in part.get_content()


def test_another_machine_gets_user_password_and_mail_under_tls_alone(
    certificate: tuple[Path, Path], context: ssl.SSLContext
) -> None:
    mailbox = Mailbox()
    options = {
        "tls_context": context,
        "require_starttls": True,
        "authenticator": mailbox.authenticate,
        "auth_required": True,
    }
    with serving(mailbox, **options) as port:
        transport(f"smtp://jo:p%40ss%2Fword@{OTHER}:{port}?ca={certificate[0]}").send(mail(), NOW)
    assert mailbox.logins == [(b"jo", b"p@ss/word")]
    assert mailbox.secure == [True]


def test_a_server_may_speak_tls_from_the_first_byte(
    certificate: tuple[Path, Path], context: ssl.SSLContext
) -> None:
    mailbox = Mailbox()
    with serving(mailbox, ssl_context=context) as port:
        transport(f"smtps://{OTHER}:{port}?ca={certificate[0]}").send(mail(), NOW)
    assert mailbox.secure == [True]


def test_without_starttls_another_machine_gets_nothing() -> None:
    mailbox = Mailbox()
    with serving(mailbox) as port, pytest.raises(Postponed) as caught:
        transport(f"smtp://jo:p%40ss%2Fword@{OTHER}:{port}").send(mail(), NOW)
    assert caught.value.reason == "configuration"
    assert "STARTTLS" in str(caught.value)
    assert (mailbox.taken, mailbox.logins) == ([], [])


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_certificate_that_nobody_trusts_gets_nothing(
    context: ssl.SSLContext, scheme: str
) -> None:
    mailbox = Mailbox()
    options = {"tls_context": context} if scheme == "smtp" else {"ssl_context": context}
    with serving(mailbox, **options) as port, pytest.raises(Postponed) as caught:
        transport(f"{scheme}://jo:p%40ss%2Fword@{OTHER}:{port}").send(mail(), NOW)
    assert caught.value.reason == "configuration"
    assert "certificate" in str(caught.value)
    assert (mailbox.taken, mailbox.logins) == ([], [])


def test_a_wrong_password_is_the_operators_to_mend() -> None:
    mailbox = Mailbox()
    options = {"authenticator": mailbox.authenticate, "auth_require_tls": False}
    with serving(mailbox, **options) as port, pytest.raises(Postponed) as caught:
        transport(f"smtp://jo:marked-wrong@127.0.0.1:{port}").send(mail(), NOW)
    assert (caught.value.reason, caught.value.for_all) == ("configuration", True)
    assert "marked" not in str(caught.value)
    assert mailbox.taken == []


@pytest.mark.parametrize(
    "command, answer, kind, reason, for_all",
    [
        ("RCPT", f"550 5.1.1 <{ADDRESS}> is unknown", Refused, "recipient", None),
        ("RCPT", f"450 4.2.0 <{ADDRESS}> is greylisted", Postponed, "busy", False),
        ("RCPT", "554 5.7.1 relaying denied", Postponed, "configuration", False),
        ("RCPT", "530 sign in first", Postponed, "configuration", False),
        ("RCPT", "421 closing", Postponed, "busy", False),
        ("MAIL", "550 no such sender", Postponed, "configuration", True),
        ("DATA", f"554 5.6.0 not for {ADDRESS}", Refused, "message", None),
        ("DATA", "451 later", Postponed, "busy", False),
    ],
)
def test_what_an_answer_means(
    command: str, answer: str, kind: type[MailError], reason: str, for_all: bool | None
) -> None:
    mailbox = Mailbox()
    mailbox.answers[command] = answer
    with serving(mailbox) as port, pytest.raises(kind) as caught:
        transport(f"smtp://127.0.0.1:{port}").send(mail(), NOW)
    assert caught.value.reason == reason
    assert getattr(caught.value, "for_all", None) == for_all
    assert mailbox.taken == []
    for secret in (ADDRESS, TOKEN):
        assert secret not in str(caught.value)


def test_a_mail_that_was_taken_is_sent_however_the_conversation_ends() -> None:
    mailbox = Mailbox()
    mailbox.answers["QUIT"] = "500 no"
    with serving(mailbox) as port:
        transport(f"smtp://127.0.0.1:{port}").send(mail(), NOW)
    assert len(mailbox.taken) == 1


def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    mailbox = Mailbox()
    with serving(mailbox, enable_SMTPUTF8=True) as port:
        transport(f"smtp://127.0.0.1:{port}").send(mail("jö@example.org"), NOW)
    (taken,) = mailbox.taken
    assert taken.rcpt_tos == ["jö@example.org"]
    with serving(mailbox, enable_SMTPUTF8=False) as port, pytest.raises(Refused) as caught:
        transport(f"smtp://127.0.0.1:{port}").send(mail("jö@example.org"), NOW)
    assert caught.value.reason == "recipient"


def test_a_server_that_is_away_is_asked_again_later() -> None:
    with pytest.raises(Postponed) as caught:
        transport(f"smtp://127.0.0.1:{free_port()}").send(mail(), NOW)
    assert (caught.value.reason, caught.value.for_all) == ("unreachable", True)
