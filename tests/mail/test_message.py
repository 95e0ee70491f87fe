"""What mails say, and that nothing that somebody chose makes another mail of them."""

import html
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.addresses import InvalidAddress, parse_address, parse_sender
from app.mail.errors import Refused
from app.mail.message import Mail, as_message, write
from auth.emails import parse_email
from auth.errors import InvalidField
from auth.outbox import KINDS, Letter
from tests.mail.posting import ADDRESS, BASE, TOKEN, letter, mail

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
LINK = f"{BASE}/auth/reset/{TOKEN}"
SENDER = parse_sender("Strongroom <strongroom@example.com>")


class Tags(HTMLParser):
    """The tags and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src", "action")]


def parsed(sent: Mail) -> EmailMessage:
    """The mail as whoever gets it reads it."""
    message = message_from_bytes(as_message(sent, SENDER, NOW).as_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_says_the_same_in_text_and_in_html(kind: str) -> None:
    fields = {"name": "Jo", "path": f"/auth/reset/{TOKEN}"}
    taken = {name: fields[name] for name in KINDS[kind]}
    written = write(Letter(kind, ADDRESS, taken), ADDRESS, "mail1", BASE)
    assert written.text.startswith("Hello Jo,\n")
    assert (f"\n{LINK}\n" in written.text) is ("path" in taken)
    assert "artifacts.example.com" in written.subject
    page = Tags(written.html)
    assert page.links == ([LINK] if "path" in taken else [])
    assert not {"script", "img", "link", "form", "iframe", "object"} & set(page.tags)
    for paragraph in written.text.split("\n\n")[:2]:
        assert html.escape(paragraph) in written.html


def test_a_reset_says_how_long_and_an_invitation_too() -> None:
    assert "two hours" in mail().text
    invited = Letter("invitation", ADDRESS, {"name": "", "path": "/x"})
    assert "seven days" in write(invited, ADDRESS, "mail1", BASE).text


#: Of each kind that tells of a change, words that say what it was.
TOLD = {
    "address": "the e-mail address of your account at artifacts.example.com was changed",
    "password": "a new password was set for your account at artifacts.example.com",
    "second-factor": "a second factor was set up for your account at artifacts.example.com",
    "no-second-factor": "the second factor of your account at artifacts.example.com was removed",
    "recovery-codes": "new recovery codes were made for your account at artifacts.example.com",
}


def test_of_each_kind_without_a_link_it_is_known_what_it_says() -> None:
    assert TOLD.keys() == {kind for kind, fields in KINDS.items() if "path" not in fields}


@pytest.mark.parametrize("kind, said", sorted(TOLD.items()))
def test_what_tells_of_a_change_says_which_and_whom_to_ask_and_names_nobody(
    kind: str, said: str
) -> None:
    told = write(Letter(kind, ADDRESS, {"name": "Jo"}), ADDRESS, "mail1", BASE)
    assert said in told.text
    assert "ask those who manage the accounts at artifacts.example.com" in told.text
    assert "@" not in told.text
    assert "{" not in told.text + told.subject
    assert "<a" not in told.html
    assert BASE in told.text.split("-- ")[1]


def test_the_message_is_one_that_mail_servers_take() -> None:
    message = parsed(mail(name="Jo Müller \U0001f600"))
    assert message["From"] == "Strongroom <strongroom@example.com>"
    assert message["To"] == ADDRESS
    assert message["Date"].datetime == NOW
    assert message["Message-ID"] == "<mail1@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "text/plain",
        "text/html",
    ]
    assert "Hello Jo Müller \U0001f600," in body(message, "plain")
    assert LINK in body(message, "html")
    raw = as_message(mail(name="Jo Müller"), SENDER, NOW).as_bytes()
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) < 998  # RFC 5322, section 2.1.1


@pytest.mark.parametrize(
    "name",
    ["", "  ", "see https://evil.example", "evil.example", "a@evil.example", "<b>Jo</b>",
     "Jo\nBcc: x", "Jo\u2028x", "\u202eJo", "//evil", "www.evil"],
)  # fmt: skip
def test_a_name_that_could_lead_away_is_no_greeting(name: str) -> None:
    written = mail(name=name)
    assert written.text.startswith("Hello,\n")
    assert "evil" not in written.html


@pytest.mark.parametrize("name", ["Jo", "J. R. Hacker", "O'Neill & Sons", 'Jo "J"', "李小龍"])
def test_a_name_greets_its_owner(name: str) -> None:
    written = mail(name=name)
    assert written.text.startswith(f"Hello {name},\n")
    assert f"<p>Hello {html.escape(name)},</p>" in written.html


@pytest.mark.parametrize(
    "path",
    ["//evil.example/x", "https://evil.example", "", "x", "@evil.example", "/a\nb", "/a b",
     "/a#b", "/<script>", '/"', "/\\evil", "/" + "a" * 500, "/\u0430"],
)  # fmt: skip
def test_a_link_stays_on_the_service(path: str) -> None:
    with pytest.raises(Refused) as caught:
        write(letter(path=path), ADDRESS, "mail1", BASE)
    assert caught.value.reason == "link"


@pytest.mark.parametrize(
    "address, header",
    [
        ("jo@example.org", "jo@example.org"),
        ("Jo.X+tag@Example.ORG", "Jo.X+tag@example.org"),
        ("admin@localhost", "admin@localhost"),
        ("a,b@example.org", '"a,b"@example.org'),
        ("a<b>c@example.org", '"a<b>c"@example.org'),
        ('a"b\\c@example.org', '"a\\"b\\\\c"@example.org'),
        ("jo@b\u00fccher.example", "jo@xn--bcher-kva.example"),
        ("j\u00f6@example.org", "j\u00f6@example.org"),
    ],
)
def test_an_address_stays_one_recipient(address: str, header: str) -> None:
    found = parse_address(address)
    assert found.addr_spec == header
    message = as_message(mail(address), SENDER, NOW)
    assert [one.addr_spec for one in message["To"].addresses] == [header]


@pytest.mark.parametrize(
    "address",
    ["jo", "@example.org", "jo@", "a@b@c", "jo@exam ple.org", "jo@x>,evil@y", "jo@x,y", "jo@-x",
     "jo@x..y", "jo@[192.0.2.1]", "jo@x\r\nBcc: evil", "jo@" + "x" * 64 + ".org", "jo@x;y"],
)  # fmt: skip
def test_no_mail_goes_to_what_is_no_address(address: str) -> None:
    with pytest.raises(InvalidAddress):
        parse_address(address)
    with pytest.raises(Refused) as caught:
        write(letter(), address, "mail1", BASE)
    assert caught.value.reason == "recipient"
    assert address not in str(caught.value)


@given(st.text(max_size=60), st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_whatever_an_account_is_called_there_is_one_recipient_and_no_other_header(
    address: str, name: str
) -> None:
    try:
        parse_email(f"{address}@example.org")
    except InvalidField:
        return
    sent = as_message(mail(f"{address}@example.org", name), SENDER, NOW)
    read = message_from_bytes(sent.as_bytes(), policy=default)
    assert list(read.keys()) == list(sent.keys())
    assert len(read.get_all("To") or []) == 1
    assert len(read["To"].addresses) == 1


@pytest.mark.parametrize(
    "text, header",
    [
        ("a@example.org", "a@example.org"),
        ("Strongroom <a@example.org>", "Strongroom <a@example.org>"),
        ('"Files, Inc." <a@example.org>', '"Files, Inc." <a@example.org>'),
        ("Files, Inc. <a@example.org>", '"Files, Inc." <a@example.org>'),
        ("<a@example.org>", "a@example.org"),
        ("B\u00fcro <a@example.org>", "B\u00fcro <a@example.org>"),
    ],
)
def test_a_sender_has_a_name_or_none(text: str, header: str) -> None:
    assert parse_sender(text).text == header


@pytest.mark.parametrize(
    "text", ["", "a", "a@b <", "<a>", "a@x <b@y> <c@z>", "x\ny <a@b>", "a b@c", "a, b@c <d@e>, f@g"]
)
def test_what_is_no_sender_is_refused(text: str) -> None:
    with pytest.raises(InvalidAddress):
        parse_sender(text)
