"""Postmark: what it is asked, held against its documentation, and what its answers mean."""

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.mail.addresses import parse_sender
from app.mail.destinations import Postmark
from app.mail.errors import MailError, Postponed, Refused
from app.mail.postmark import PostmarkTransport
from app.outgoing import Bounds, Client
from tests import certificates
from tests.mail.posting import ADDRESS, BASE, TOKEN, mail
from tests.outgoing.servers import LOOPBACK, Names

HOST = "api.test"
SERVER_TOKEN = "0f1e-marked-server-token"
NOW = datetime(2026, 11, 26, tzinfo=UTC)
TAKEN = {"ErrorCode": 0, "Message": "OK", "MessageID": "b7bc2f4a", "To": ADDRESS}
#: What may be in a request, by its type: "Send a single email" of Postmark's documentation.
FIELDS = {
    "From": str, "To": str, "Subject": str, "TextBody": str, "HtmlBody": str,
    "MessageStream": str, "Tag": str, "TrackOpens": bool, "TrackLinks": str,
}  # fmt: skip


class StandIn:
    """Answers as Postmark does, and notes what is wrong with a request and what it held."""

    def __init__(self) -> None:
        self.status = 200
        self.answer: Any = TAKEN
        self.wrong: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}/email"

    def check(self, handler: BaseHTTPRequestHandler) -> None:
        """Note each thing that Postmark would not take."""
        headers = handler.headers
        body = handler.rfile.read(int(headers["Content-Length"]))
        if (handler.command, handler.path) != ("POST", "/email"):
            self.wrong.append(f"{handler.command} {handler.path}")
        for name, value in {
            "X-Postmark-Server-Token": SERVER_TOKEN,
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Host": f"{HOST}:{self.port}",
        }.items():
            if headers.get_all(name) != [value]:
                self.wrong.append(f"{name}: {headers.get_all(name)}")
        asked = json.loads(body)
        for name, value in asked.items():
            if not isinstance(value, FIELDS.get(name, type(None))):
                self.wrong.append(f"{name}: {value!r}")
        missing = FIELDS.keys() - asked.keys()
        if missing:
            self.wrong.append(f"without {missing}")
        self.asked.append(asked)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificates.make(tmp_path_factory.mktemp("tls"), HOST)


@pytest.fixture
def postmark(certificate: tuple[Path, Path]) -> Iterator[StandIn]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with answering(StandIn(), context) as running:
        yield running


@contextlib.contextmanager
def answering(stand_in: StandIn, context: ssl.SSLContext) -> Iterator[StandIn]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            stand_in.check(self)
            answer = stand_in.answer
            body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(stand_in.status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json")
            if 300 <= stand_in.status < 400:
                self.send_header("Location", "https://elsewhere.test/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    with Quiet(("127.0.0.1", 0), Handler) as listening:
        listening.socket = context.wrap_socket(
            listening.socket, server_side=True, do_handshake_on_connect=False
        )
        stand_in.port = listening.server_port
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield stand_in
        finally:
            listening.shutdown()
            thread.join()


def transport(
    stand_in: StandIn, certificate: tuple[Path, Path], stream: str = "outbound"
) -> PostmarkTransport:
    sender = parse_sender("Files, Inc. <files@example.com>")
    return PostmarkTransport(
        Postmark(SERVER_TOKEN, stream, sender), connecting(certificate[0]), stand_in.url
    )


def connecting(cafile: Path | None) -> Callable[[], Client]:
    bounds = Bounds(connect_seconds=2, head_seconds=2, stall_seconds=2, document_seconds=2)
    return lambda: Client(allowed=LOOPBACK, resolve=Names(), cafile=cafile, bounds=bounds)


def test_a_request_is_one_that_postmark_takes(
    postmark: StandIn, certificate: tuple[Path, Path]
) -> None:
    sent = mail(name="Jo Müller")
    transport(postmark, certificate, "resets").send(sent, NOW)
    assert postmark.wrong == []
    (asked,) = postmark.asked
    assert asked["From"] == '"Files, Inc." <files@example.com>'
    assert asked["To"] == ADDRESS
    assert asked["Subject"] == "A new password for artifacts.example.com"
    assert asked["TextBody"].startswith("Hello Jo Müller,")
    assert f"{BASE}/auth/reset/{TOKEN}" in asked["TextBody"]
    assert f'href="{BASE}/auth/reset/{TOKEN}"' in asked["HtmlBody"]
    assert (asked["MessageStream"], asked["Tag"]) == ("resets", "reset")
    # Whoever follows opens and links gets the token first.
    assert (asked["TrackOpens"], asked["TrackLinks"]) == (False, "None")


@pytest.mark.parametrize(
    "status, answer, kind, reason, for_all",
    [
        (422, {"ErrorCode": 406, "Message": f"inactive: {ADDRESS}"}, Refused, "recipient", None),
        (422, {"ErrorCode": 300, "Message": "x"}, Postponed, "configuration", False),
        (422, {"ErrorCode": 400, "Message": "x"}, Postponed, "configuration", True),
        (422, {"ErrorCode": 412, "Message": "x"}, Postponed, "configuration", True),
        (401, {"ErrorCode": 10, "Message": "x"}, Postponed, "configuration", True),
        (429, {"ErrorCode": 429, "Message": "x"}, Postponed, "busy", True),
        (500, b"", Postponed, "busy", True),
        (503, b"<html>", Postponed, "busy", True),
        (200, {"ErrorCode": 406}, Postponed, "busy", True),
        (200, [], Postponed, "busy", True),
        (200, {"ErrorCode": "0"}, Postponed, "busy", True),
        (302, b"", Postponed, "busy", True),
    ],
)
def test_what_an_answer_means(
    postmark: StandIn,
    certificate: tuple[Path, Path],
    status: int,
    answer: Any,
    kind: type[MailError],
    reason: str,
    for_all: bool | None,
) -> None:
    postmark.status, postmark.answer = status, answer
    with pytest.raises(kind) as caught:
        transport(postmark, certificate).send(mail(), NOW)
    assert caught.value.reason == reason
    assert getattr(caught.value, "for_all", None) == for_all
    assert len(postmark.asked) == 1
    for secret in (ADDRESS, TOKEN, SERVER_TOKEN):
        assert secret not in str(caught.value)


def test_a_server_without_a_trusted_certificate_gets_nothing(postmark: StandIn) -> None:
    server = Postmark(SERVER_TOKEN, "outbound", parse_sender("a@example.com"))
    with pytest.raises(Postponed) as caught:
        PostmarkTransport(server, connecting(None), postmark.url).send(mail(), NOW)
    assert caught.value.reason == "unreachable"
    assert postmark.asked == []


def test_a_server_that_is_away_is_asked_again_later(
    postmark: StandIn, certificate: tuple[Path, Path]
) -> None:
    postmark.port = 1
    with pytest.raises(Postponed) as caught:
        transport(postmark, certificate).send(mail(), NOW)
    assert (caught.value.reason, caught.value.for_all) == ("unreachable", True)


def test_the_token_does_not_show() -> None:
    assert "marked" not in repr(Postmark(SERVER_TOKEN, "outbound", parse_sender("a@example.com")))
