"""Ways for mail to go out, one for each kind of destination."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from app.mail.destinations import Destination, Files, Postmark, Smtp
from app.mail.files import MailFiles
from app.mail.message import Mail
from app.mail.postmark import PostmarkTransport, connected
from app.mail.smtp import SmtpTransport
from app.outgoing import Client


class Transport(Protocol):
    """Sends mails, within a minute or so each."""

    def send(self, mail: Mail, now: datetime) -> None:
        """Hand a mail on. Once it returns, somebody else answers for it.

        Raises:
            Refused: it can't go out.
            Postponed: it may later.
        """


def transport_to(
    destination: Destination, files: MailFiles, connect: Callable[[], Client] = connected
) -> Transport:
    """The way to a destination."""
    match destination:
        case Files():
            return files
        case Postmark():
            return PostmarkTransport(destination, connect)
        case Smtp():
            return SmtpTransport(destination)


def files_of(data: Path) -> MailFiles:
    """The mails that lie in the data folder of this machine."""
    return MailFiles(data / "mail")
