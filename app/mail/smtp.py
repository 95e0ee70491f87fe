"""SMTP (RFC 5321), encrypted unless the server is on this machine.

The operator named the host, so it may lie in any network, unlike what users name.
"""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from datetime import datetime

from app.mail.destinations import Smtp
from app.mail.errors import Postponed, Refused
from app.mail.message import Mail, as_message

SECONDS = 10.0  # for each answer of the server
_PERMANENT = 500  # RFC 5321, section 4.2.1: 5yz is refused for good, 4yz for now
_UNAUTHENTICATED = 530  # RFC 4954, section 6
_POLICY_CODE = b"5.7."  # RFC 3463, section 3.8: who may send, and how, not to whom


class SmtpTransport:
    """Sends by a mail server, over a connection for each mail."""

    def __init__(self, server: Smtp, seconds: float = SECONDS) -> None:
        self._server = server
        self._seconds = seconds

    def send(self, mail: Mail, now: datetime) -> None:
        """Raises Refused, Postponed."""
        sender = self._server.sender
        message = as_message(mail, sender, now)
        with self._errors(mail), self._connected() as connection:
            # It asks for SMTPUTF8 (RFC 6531) where an address needs that.
            connection.send_message(message, sender.address.addr_spec, [mail.to.addr_spec])

    @contextlib.contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """A conversation that is at the point where mail is taken."""
        connection = self._dial()
        try:
            if self._server.credentials is not None:
                connection.login(*self._server.credentials)
            yield connection
        except BaseException:
            connection.close()
            raise
        # The mail is taken by now: how the conversation ends changes nothing.
        with contextlib.suppress(OSError, smtplib.SMTPException):
            connection.quit()
        connection.close()

    def _dial(self) -> smtplib.SMTP:
        """Connect, and go over to TLS. Never in the clear to another machine."""
        server = self._server
        context = ssl.create_default_context(cafile=server.cafile)
        if server.tls:
            return smtplib.SMTP_SSL(
                server.host, server.port, timeout=self._seconds, context=context
            )
        connection = smtplib.SMTP(server.host, server.port, timeout=self._seconds)
        try:
            if not server.loopback:
                connection.starttls(context=context)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextlib.contextmanager
    def _errors(self, mail: Mail) -> Iterator[None]:
        """Translate what went wrong; what the server said may repeat the address."""
        where = f"{self._server.host}:{self._server.port}"
        try:
            yield
        except smtplib.SMTPRecipientsRefused as error:
            (answer,) = error.recipients.values()
            raise _refusal("recipient", *answer, where) from error
        except smtplib.SMTPDataError as error:
            raise _refusal("message", error.smtp_code, _bytes(error.smtp_error), where) from error
        except smtplib.SMTPAuthenticationError as error:
            raise Postponed(
                "configuration",
                f"{where} refuses the user and the password of STRONGROOM_MAIL ({error.smtp_code})",
            ) from error
        except smtplib.SMTPSenderRefused as error:
            raise Postponed(
                "configuration",
                f"{where} refuses STRONGROOM_MAIL_FROM as the sender ({error.smtp_code})",
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            if not mail.to.addr_spec.isascii():
                raise Refused("recipient", f"{where} takes no such address") from error
            raise Postponed(
                "configuration",
                f"{where} offers no STARTTLS, or no sign-in: STRONGROOM_MAIL names another server,"
                " or smtps:// for TLS from the first byte",
            ) from error
        except smtplib.SMTPResponseException as error:
            raise Postponed("busy", f"{where} answers {error.smtp_code}") from error
        except ssl.SSLCertVerificationError as error:
            raise Postponed(
                "configuration",
                f"the certificate of {where} is not trusted: {error.verify_message}; where an"
                " authority of your own issued it, name its certificate: STRONGROOM_MAIL=…?ca=FILE",
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            raise Postponed("unreachable", f"no mail goes to {where}: {reason}") from error


def _refusal(reason: str, code: int, said: bytes, where: str) -> Refused | Postponed:
    """What a server's answer to this mail means."""
    told = f"{where} answers {code}"
    if code < _PERMANENT:
        return Postponed("busy", told, for_all=False)
    if code == _UNAUTHENTICATED or said.startswith(_POLICY_CODE):
        return Postponed("configuration", f"{told}: it takes no such mail from here", for_all=False)
    return Refused(reason, told)


def _bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()
