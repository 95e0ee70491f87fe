"""Postmark's API: one request for each mail.

Its documentation, "Email API" and "API overview" (error codes), says what is sent and answered.
"""

import json
import logging
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from app.mail.destinations import Postmark
from app.mail.errors import Postponed, Refused
from app.mail.message import Mail
from app.outgoing import Answer, Bounds, Client, OutgoingError, Url

URL = "https://api.postmarkapp.com/email"
#: Together below the pause after which another worker tries.
BOUNDS = Bounds(connect_seconds=10.0, head_seconds=20.0, stall_seconds=20.0, document_seconds=30.0)
_ANSWER_BYTES = 64 * 1024
_INACTIVE = 406  # an error code: the address bounced, complained or unsubscribed
_INVALID = 300  # an error code: something about this mail, its sender among it

_log = logging.getLogger("strongroom.worker")


def connected() -> Client:
    """A client for mail."""
    return Client(bounds=BOUNDS)


class PostmarkTransport:
    """Sends by Postmark. `connect` makes the client, `url` is where the API is."""

    def __init__(
        self, server: Postmark, connect: Callable[[], Client] = connected, url: str = URL
    ) -> None:
        self._server = server
        self._connect = connect
        self._url = Url.parse(url)

    def send(self, mail: Mail, now: datetime) -> None:
        """Raises Refused, Postponed."""
        try:
            # One for each mail: mails are few, and a connection kept for the next is closed by
            # the other side until then.
            with self._connect() as client:
                answer = client.post(
                    self._url, self._body(mail), self._headers(), limit=_ANSWER_BYTES
                )
        except OutgoingError as error:
            raise Postponed("unreachable", str(error)) from error
        _judge(answer)

    def _headers(self) -> dict[str, str]:
        return {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "X-Postmark-Server-Token": self._server.token,
        }

    def _body(self, mail: Mail) -> bytes:
        body = {
            "From": self._server.sender.text,
            "To": str(mail.to),
            "Subject": mail.subject,
            "TextBody": mail.text,
            "HtmlBody": mail.html,
            "MessageStream": self._server.stream,
            "Tag": mail.kind,
            # Followed links go by way of a server of Postmark's, which would have the token.
            "TrackOpens": False,
            "TrackLinks": "None",
        }
        return json.dumps(body).encode()


def _judge(answer: Answer) -> None:
    """Return where Postmark took the mail. What it says in words may repeat the address."""
    status, code = answer.status, _error_code(answer.body)
    told = f"Postmark answers {status}, error code {code}"
    if status == HTTPStatus.OK and code == 0:
        return
    if status == HTTPStatus.UNAUTHORIZED:
        raise Postponed("configuration", f"{told}: look at STRONGROOM_POSTMARK_TOKEN")
    if status != HTTPStatus.UNPROCESSABLE_ENTITY:
        raise Postponed("busy", told)
    if code == _INACTIVE:
        raise Refused("recipient", f"{told}: nothing goes to this address any more")
    raise Postponed(
        "configuration",
        f"{told}: look at the sender (STRONGROOM_MAIL_FROM), the message stream and the account",
        for_all=code != _INVALID,
    )


def _error_code(body: bytes) -> int | None:
    try:
        found = json.loads(body)
    except ValueError:
        return None
    code = found.get("ErrorCode") if isinstance(found, dict) else None
    return code if isinstance(code, int) else None
