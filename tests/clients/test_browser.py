"""People at the pages, in a real browser: with script and without, in clear and over TLS."""

import secrets
from pathlib import Path

import pytest

from tests.clients.browser import Browser, browser, public_key
from tests.clients.people import (
    Person,
    link_to,
    new_password,
    person,
    second_factor_required,
    set_up,
    sign_in,
)
from tests.clients.server import Server

_SCRIPT = pytest.mark.parametrize("script", [False, True], ids=["without script", "with script"])


def assert_known(page: Browser, server: Server, one: Person) -> None:
    assert page.url == f"{server.serving.url}/"
    assert f"Signed in as {one.email}" in page.text


@_SCRIPT
def test_a_forgotten_password_is_reset(
    server: Server, driver: int, tmp_path: Path, script: bool
) -> None:
    one = person(server)
    again = Person(one.id, one.email, new_password())
    with browser(driver, tmp_path, script=script) as page:
        page.open(f"{server.serving.url}/")
        page.follow("Sign in")
        page.follow("Forgot your password?")
        page.send("Send the link", {"E-mail address": one.email})
        assert "a mail with a link is on its way" in page.text

        page.open(link := link_to(server, one))
        page.send("Set the password", {"New password": "password1"})
        assert "is among the commonest passwords" in page.alerts[0]
        page.send("Set the password", {"New password": "short"})
        assert "8" in page.alerts[0]
        page.send("Set the password", {"New password": again.password})
        assert page.alerts == []
        assert "Your password is set" in page.text

        page.follow("Sign in")
        page.send("Sign in", one.known)
        assert page.alerts == ["The e-mail address or the password is wrong."]
        page.send("Sign in", again.known)
        assert_known(page, server, one)

        page.open(link)
        page.send("Set the password", {"New password": new_password()})
        assert "This link is used" in page.alerts[0]
        page.follow("Ask for a new link")
        assert page.url == f"{server.serving.url}/auth/reset"


def test_whoever_has_no_account_is_told_the_same(
    server: Server, driver: int, tmp_path: Path
) -> None:
    one = person(server)
    told = set()
    with browser(driver, tmp_path) as page:
        for email in (one.email, f"nobody-{one.email}"):
            page.open(f"{server.serving.url}/auth/reset")
            page.send("Send the link", {"E-mail address": email})
            told.add((page.url, page.title, page.text))
    assert len(told) == 1


@pytest.mark.parametrize("address", ["renée@people.example", "rene@pêople.example"])
def test_an_address_need_not_be_ascii(
    server: Server, driver: int, tmp_path: Path, address: str
) -> None:
    one = person(server, email=f"{secrets.token_hex(4)}.{address}")
    with browser(driver, tmp_path) as page:
        sign_in(page, server, one)
        assert_known(page, server, one)


@_SCRIPT
def test_a_second_factor_is_set_up_and_asked_for(
    server: Server, driver: int, tmp_path: Path, script: bool
) -> None:
    one = person(server)
    with browser(driver, tmp_path, script=script) as page:
        sign_in(page, server, one)
        page.follow("Second factor")
        page.send("Set up", {"Password": "not-it"})
        assert len(page.alerts) == 1
        page.follow("Strongroom")
        authenticator, recovery = set_up(page, one)
        assert len(set(recovery)) == 10
        page.follow("Done")
        page.send("Sign out")
        assert "Signed in" not in page.text

        sign_in(page, server, one)
        assert "has a second factor" in page.alerts[0]
        page.send("Sign in", one.known | {"Code": (code := authenticator.code())})
        assert_known(page, server, one)
        page.send("Sign out")

        sign_in(page, server, one, code)
        assert "was used" in page.alerts[0]
        page.send("Sign in", one.known | {"Code": recovery[0]})
        assert_known(page, server, one)
        page.send("Sign out")

        sign_in(page, server, one, recovery[0])
        assert len(page.alerts) == 1
        page.follow("Strongroom")
        assert "Signed in" not in page.text


def test_a_required_second_factor_comes_first(
    encrypted: Server, driver: int, tmp_path: Path
) -> None:
    one = person(encrypted)
    trusted = public_key(encrypted.serving.certificate)
    with second_factor_required(encrypted), browser(driver, tmp_path, trusted=trusted) as page:
        sign_in(page, encrypted, one)
        assert page.url == f"{encrypted.serving.url}/auth/second-factor"
        assert "Your organization requires a second factor" in page.text
        page.follow("Strongroom")
        set_up(page, one, "Set up your second factor")
        page.follow("Done")
        assert_known(page, encrypted, one)
        page.follow("Second factor")
        assert "Recovery codes left: 10" in page.text


@_SCRIPT
def test_an_invitation_is_accepted(
    server: Server, driver: int, tmp_path: Path, script: bool
) -> None:
    one = person(server, password=None, invite=True)
    with browser(driver, tmp_path, script=script) as page:
        page.open(link := link_to(server, one))
        page.send("Accept", {"Your name": "Grace", "New password": one.email})
        assert "too near the e-mail address" in page.alerts[0]
        page.send("Accept", {"Your name": "Grace", "New password": one.password})
        assert "Your account is ready" in page.text
        page.follow("Sign in")
        page.send("Sign in", one.known)
        assert_known(page, server, one)

        page.open(link)
        page.send("Accept", {"New password": new_password()})
        assert "This link is used" in page.alerts[0]
    assert server.api("GET", f"/api/users/{one.id}")["name"] == "Grace"


def test_over_tls_it_is_the_same(encrypted: Server, driver: int, tmp_path: Path) -> None:
    one = person(encrypted)
    trusted = public_key(encrypted.serving.certificate)
    with browser(driver, tmp_path, trusted=trusted) as page:
        page.open(f"{encrypted.serving.url}/auth/reset")
        page.send("Send the link", {"E-mail address": one.email})
        page.open(link_to(encrypted, one))
        again = Person(one.id, one.email, new_password())
        page.send("Set the password", {"New password": again.password})
        page.follow("Sign in")
        page.send("Sign in", again.known)
        assert_known(page, encrypted, one)
        authenticator, _ = set_up(page, again)
        page.follow("Done")
        page.send("Sign out")
        sign_in(page, encrypted, again, authenticator.code())
        assert_known(page, encrypted, one)
        kept = page.cookies["__Host-strongroom"]
        assert kept["secure"]
        assert kept["httpOnly"]
        assert kept["sameSite"] == "Strict"
        assert kept["path"] == "/"
