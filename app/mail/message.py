"""What mails say: each kind in text and in HTML, of the same words.

A link is the organization's origin, which the settings give, and a path that is checked. There
is no script and nothing to load from anywhere: opening a mail tells nobody of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from html import escape
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from app.mail.addresses import InvalidAddress, Sender, parse_address
from app.mail.errors import Refused
from auth.outbox import Letter

#: Lines that every mail server can carry (RFC 5321, section 2.3.1).
PLAIN = SMTP.clone(cte_type="7bit")
_PATH = re.compile(r"/(?!/)[A-Za-z0-9/_.?=&%-]{0,400}", re.ASCII)
#: In a name: what mail programs make a link of. A name with that in it is no greeting.
_LINK = re.compile(r"[/\\:@<>]|\w\.\w")


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as it goes out."""

    id: str
    kind: str
    to: Address = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Wording:
    """What stands before the link, on it, and behind it; `{host}` is the organization's. A mail
    that has nobody do anything has no link."""

    subject: str
    before: str
    after: str
    link: str | None = None


_UNKNOWN = (
    "If you don't know why, ask those who manage the accounts at {host}: somebody else may have"
    " your account now."
)
_WORDINGS: Final[Mapping[str, _Wording]] = MappingProxyType(
    {
        "reset": _Wording(
            "A new password for {host}",
            "somebody asked for a new password for your account at {host}. To choose one, open"
            " this address within two hours:",
            "If that was not you, there is nothing to do: your password stays as it is.",
            "Choose a new password",
        ),
        "invitation": _Wording(
            "Your account at {host}",
            "there is an account for you at {host}. To choose its password, open this address"
            " within seven days:",
            "If you don't know what this is about, there is nothing to do: nobody can sign in"
            " to the account until then.",
            "Choose a password",
        ),
        "address": _Wording(
            "The address of your account at {host}",
            "the e-mail address of your account at {host} was changed, by an administrator or by"
            " the service that manages your organization's accounts. Mail about the account goes"
            " elsewhere from now on, and links that came here before are good no longer.",
            _UNKNOWN,
        ),
        "password": _Wording(
            "The password of your account at {host}",
            "a new password was set for your account at {host}: by whoever had the old one or the"
            " link of a mail, by an administrator, or by the service that manages your"
            " organization's accounts. Other sessions have ended; API keys go on.",
            _UNKNOWN + ' To have it back, choose "Forgot your password?" where you sign in, and'
            " look through its API keys.",
        ),
        "second-factor": _Wording(
            "The second factor of your account at {host}",
            "a second factor was set up for your account at {host}, by whoever had its password,"
            " and a code if there was one before. Signing in takes a code of it, or one of the new"
            " recovery codes, from now on. Other sessions have ended; API keys go on.",
            _UNKNOWN,
        ),
        "no-second-factor": _Wording(
            "Your account at {host} has no second factor",
            "the second factor of your account at {host} was removed, by whoever had its password"
            " and a code, or by an administrator. Whoever has the password can set up another one"
            " now. Other sessions have ended; API keys go on.",
            _UNKNOWN,
        ),
        "recovery-codes": _Wording(
            "The recovery codes of your account at {host}",
            "new recovery codes were made for your account at {host}, by whoever was signed in to"
            " it and had a code. Those from before are good no longer.",
            _UNKNOWN,
        ),
    }
)


def write(letter: Letter, to: str, mail_id: str, origin: str) -> Mail:
    """The mail of a letter, to an address, with its link, if it has one, to an origin.

    Raises:
        Refused: no mail can go to that address, or the path is not one of ours.
    """
    try:
        address = parse_address(to)
    except InvalidAddress as error:
        raise Refused("recipient", "no mail can go to its address") from error
    host, wording = urlsplit(origin).netloc, _WORDINGS[letter.kind]
    parts = _Parts(
        _greeting(letter.fields["name"]),
        wording.before.format(host=host),
        None if wording.link is None else (wording.link, _link(letter, origin)),
        wording.after.format(host=host),
        f"Strongroom at {origin}",
    )
    subject = wording.subject.format(host=host)
    return Mail(mail_id, letter.kind, address, subject, _text(parts), _html(subject, parts))


def as_message(
    mail: Mail, sender: Sender | None, date: datetime, policy: "EmailPolicy[EmailMessage]" = PLAIN
) -> EmailMessage:
    """The mail as mail servers take it (RFC 5322).

    Sent twice, it has the same Message-ID, so that whoever gets both can tell.
    """
    message = EmailMessage(policy=policy)
    message["Subject"] = mail.subject
    if sender is not None:
        message["From"] = sender.address
    message["To"] = mail.to
    message["Date"] = format_datetime(date)
    domain = "strongroom.invalid" if sender is None else sender.address.domain
    message["Message-ID"] = f"<{mail.id}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers it
    cte = "8bit" if policy.cte_type == "8bit" else "quoted-printable"
    message.set_content(mail.text, cte=cte)
    message.add_alternative(mail.html, subtype="html", cte=cte)
    return message


@dataclass(frozen=True, slots=True)
class _Parts:
    """The paragraphs of a mail, in their order; a link is what stands on it, and where it leads."""

    greeting: str
    before: str
    link: tuple[str, str] | None
    after: str
    signature: str


def _link(letter: Letter, origin: str) -> str:
    """Where the link of a letter leads. Raises Refused."""
    path = letter.fields["path"]
    if _PATH.fullmatch(path) is None:
        raise Refused("link", "its link is not a path of the service")
    return f"{origin}{path}"


def _greeting(name: str) -> str:
    """Whoever asks for a mail to another may have chosen the name in it: it can't lead away."""
    shown = name.strip()
    if not shown or not shown.isprintable() or _LINK.search(shown):
        return "Hello,"
    return f"Hello {shown},"


def _text(parts: _Parts) -> str:
    link = () if parts.link is None else (parts.link[1],)
    paragraphs = (parts.greeting, parts.before, *link, parts.after, f"-- \n{parts.signature}")
    return "\n\n".join(paragraphs) + "\n"


def _html(title: str, parts: _Parts) -> str:
    link = ""
    if parts.link is not None:
        shown, href = map(escape, parts.link)
        link = f'<p><a href="{href}">{shown}</a><br>\n{href}</p>\n'
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8">'
        f"<title>{escape(title)}</title></head>\n"
        '<body style="font-family: sans-serif; line-height: 1.5; max-width: 36em">\n'
        f"<p>{escape(parts.greeting)}</p>\n"
        f"<p>{escape(parts.before)}</p>\n"
        f"{link}"
        f"<p>{escape(parts.after)}</p>\n"
        f"<p>{escape(parts.signature)}</p>\n"
        "</body>\n</html>\n"
    )
