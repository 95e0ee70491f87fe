"""STRONGROOM_MAIL and the settings beside it: what is taken, and that errors hold none of it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.addresses import parse_sender
from app.mail.destinations import (
    Files,
    InvalidDestination,
    Postmark,
    Smtp,
    parse_destination,
)
from tests import certificates

FROM = "Strongroom <strongroom@example.com>"
SENDER = parse_sender(FROM)


def smtp(host: str, port: int, *, tls: bool = False, by: tuple[str, str] | None = None) -> Smtp:
    return Smtp(host, port, tls, by, None, SENDER)


@pytest.mark.parametrize(
    "text, destination",
    [
        ("log:", Files()),
        ("postmark:", Postmark("token", "outbound", SENDER)),
        ("postmark:?stream=resets", Postmark("token", "resets", SENDER)),
        ("smtp://mail.example.org", smtp("mail.example.org", 587)),
        ("smtp://Mail.Example.org/", smtp("mail.example.org", 587)),
        ("smtp://mail.example.org:25", smtp("mail.example.org", 25)),
        ("smtp://10.0.0.7:2525", smtp("10.0.0.7", 2525)),
        ("smtp://[fd00::7]", smtp("fd00::7", 587)),
        ("smtps://mail.example.org", smtp("mail.example.org", 465, tls=True)),
        ("smtps://jo:secret@mail.example.org:4650",
         smtp("mail.example.org", 4650, tls=True, by=("jo", "secret"))),
        ("smtp://jo%40example.org:a%3Ab%2Fc%23%25@mail.example.org",
         smtp("mail.example.org", 587, by=("jo@example.org", "a:b/c#%"))),
    ],
)  # fmt: skip
def test_what_makes_sense_is_taken(text: str, destination: object) -> None:
    assert parse_destination(text, FROM, "token") == destination


@pytest.mark.parametrize(
    "text, named",
    [
        ("", "STRONGROOM_MAIL begins with"),
        ("mail.example.org", "STRONGROOM_MAIL begins with"),
        ("sendmail:", "STRONGROOM_MAIL begins with"),
        ("smtp://[::1", "STRONGROOM_MAIL begins with"),
        ("log:x", "STRONGROOM_MAIL=log:"),
        ("log://x", "STRONGROOM_MAIL=log:"),
        ("postmark://api.example.org", "STRONGROOM_MAIL is postmark:"),
        ("postmark:token", "STRONGROOM_MAIL is postmark:"),
        ("postmark:?stream=", "stream"),
        ("postmark:?stream=a%20b", "stream"),
        ("postmark:?streams=a", "stream"),
        ("postmark:?stream=a&stream=b", "stream"),
        ("postmark:?stream", "stream"),
        ("smtp:", "HOST"),
        ("smtp:mail.example.org", "HOST"),
        ("smtp://", "HOST"),
        ("smtp://user:pass@", "HOST"),
        ("smtp://mail.example.org/path", "path"),
        ("smtp://mail.example.org:0", "HOST"),
        ("smtp://mail.example.org:99999", "port"),
        ("smtp://jo:pass/word@mail.example.org", "percent-encoded"),
        ("smtp://jo@mail.example.org", "both"),
        ("smtp://:secret@mail.example.org", "both"),
        ("smtp://jo:a%0Ab@mail.example.org", "ASCII"),
        ("smtp://jo:%C3%B6@mail.example.org", "ASCII"),
        ("smtp://mail.example.org?from=a@example.org", "ca"),
        ("smtp://mail.example.org#x", "STRONGROOM_MAIL begins with"),
        ("smtp://mail.example.org?ca=/nowhere/ca.pem", "certificates"),
    ],
)
def test_what_makes_none_is_refused_with_what_to_do(text: str, named: str) -> None:
    with pytest.raises(InvalidDestination, match="STRONGROOM_MAIL") as caught:
        parse_destination(text, FROM, "token")
    assert named in str(caught.value)


@pytest.mark.parametrize(
    "text, sender, token, named",
    [
        ("postmark:", None, "token", "STRONGROOM_MAIL_FROM"),
        ("smtp://mail.example.org", None, None, "STRONGROOM_MAIL_FROM"),
        ("smtp://mail.example.org", "nobody", None, "STRONGROOM_MAIL_FROM"),
        ("smtp://mail.example.org", "a@b, c@d", None, "STRONGROOM_MAIL_FROM"),
        ("postmark:", FROM, None, "STRONGROOM_POSTMARK_TOKEN"),
        ("postmark:", FROM, "to ken", "STRONGROOM_POSTMARK_TOKEN"),
        ("postmark:", FROM, "token\r\nX: y", "STRONGROOM_POSTMARK_TOKEN"),
    ],
)
def test_a_server_needs_a_sender_and_postmark_a_token(
    text: str, sender: str | None, token: str | None, named: str
) -> None:
    with pytest.raises(InvalidDestination, match=named):
        parse_destination(text, sender, token)


def test_an_authority_of_ones_own_is_a_file_of_certificates(tmp_path: Path) -> None:
    certificate, key = certificates.make(tmp_path, "mail.example.org")
    found = parse_destination(f"smtp://mail.example.org?ca={certificate}", FROM, None)
    assert isinstance(found, Smtp)
    assert found.cafile == certificate
    with pytest.raises(InvalidDestination, match="certificates"):
        parse_destination(f"smtp://mail.example.org?ca={key}", FROM, None)


@pytest.mark.parametrize(
    "host, loopback",
    [("localhost", True), ("127.0.0.1", True), ("[::1]", True), ("10.0.0.1", False),
     ("localhost.example.org", False), ("127.1", False)],
)  # fmt: skip
def test_a_server_of_this_machine_is_known_by_its_address(host: str, loopback: bool) -> None:
    found = parse_destination(f"smtp://{host}", FROM, None)
    assert isinstance(found, Smtp)
    assert found.loopback is loopback


def test_nothing_secret_shows() -> None:
    found = parse_destination("smtp://marked:marked@mail.example.org", "marked@x.example", None)
    assert "marked" not in repr(found)
    assert "marked" not in repr(parse_destination("postmark:", "marked@x.example", "marked"))


@given(
    st.sampled_from(["smtp://jo:{}@mail.example.org", "smtps://{}@x:y", "postmark:{}", "{}"]),
    st.text(max_size=10),
    st.text(max_size=10),
)
def test_whatever_is_set_is_read_or_refused_without_repeating_it(
    form: str, before: str, behind: str
) -> None:
    text = form.format(f"{before}marked{behind}")
    told = ""
    try:
        found = parse_destination(text, FROM, "token")
    except InvalidDestination as error:
        told = str(error)
    else:
        if not isinstance(found, Smtp) or "marked" not in found.host:
            told = repr(found)
    assert "marked" not in told
