"""The pages for everybody: by the keyboard alone, on a narrow screen, in light and dark."""

import secrets
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest

from tests.clients.browser import ENTER, SPACE, TAB, Browser, browser
from tests.clients.looks import assert_focus_is_seen, assert_usable, contrast
from tests.clients.people import Authenticator, Person, link_to, new_password, person, sign_in
from tests.clients.server import Server

pytestmark = pytest.mark.slow


def test_contrast_is_as_the_recommendation_has_it() -> None:
    assert contrast("rgb(255, 255, 255)", "rgb(0, 0, 0)") == pytest.approx(21)
    assert contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)") == pytest.approx(4.478, abs=0.001)


def test_every_page_can_be_used_by_everybody(server: Server, driver: int, tmp_path: Path) -> None:
    # As long as a part of an address may be: it has to be broken somewhere.
    long = f"{secrets.token_hex(32)}@{'people-' * 8}x.example"
    one = person(server, email=long)
    with browser(driver, tmp_path) as page:
        seen = 0
        for _ in chain(_of_strangers(page, server, one), _of_users(page, server, one)):
            assert_usable(page)
            seen += 1
        assert seen > 15


def _of_strangers(page: Browser, server: Server, one: Person) -> Iterator[None]:
    """Go from page to page, and stop at each."""
    invited = person(server, password=None, invite=True)
    for path in ("/", "/auth/sign-in", "/auth/reset", "/auth/reset/none", "/auth/nowhere"):
        page.open(f"{server.serving.url}{path}")
        yield
    page.open(f"{server.serving.url}/auth/sign-in")
    page.send("Sign in", one.known | {"Password": new_password()})
    yield
    page.open(f"{server.serving.url}/auth/reset")
    page.send("Send the link", {"E-mail address": invited.email})
    yield
    page.open(link := link_to(server, invited))
    yield
    page.send("Accept", {"New password": "password1"})
    yield
    page.send("Accept", {"New password": invited.password})
    yield
    page.open(link)
    page.send("Accept", {"New password": invited.password})
    yield


def _of_users(page: Browser, server: Server, one: Person) -> Iterator[None]:
    """The same, as who has an account."""
    sign_in(page, server, one)
    yield
    page.follow("Sessions")
    yield
    page.follow("Strongroom")
    page.follow("Second factor")
    yield
    page.send("Set up", {"Password": "not-it"})
    yield
    page.send("Set up", {"Password": one.password})
    yield
    authenticator = Authenticator(page.all("p.secret")[0].text)
    page.send("Confirm", {"Code": "12345x"})
    yield
    page.send("Confirm", {"Code": authenticator.code()})
    yield
    page.open(f"{server.serving.url}/auth/second-factor")
    yield
    page.send("Make new recovery codes", {"Code": "12345x"})
    yield


def test_the_keyboard_alone_signs_in_and_out(server: Server, driver: int, tmp_path: Path) -> None:
    one = person(server)
    with browser(driver, tmp_path) as page:
        page.open(f"{server.serving.url}/")
        assert _tab(page) == "Sign in"
        page.led(lambda: page.press(ENTER))
        assert _tab(page) == "Strongroom"
        assert _tab(page) == "E-mail address"
        page.press(*one.email)
        assert _tab(page) == "Password"
        page.press(*one.password)
        assert _tab(page) == "Code"
        assert _tab(page) == "Sign in"
        page.press_backwards()
        assert page.focused().name == "Code"
        page.led(lambda: page.press(ENTER))
        assert f"Signed in as {one.email}" in page.text

        assert [_tab(page) for _ in range(3)] == ["Second factor", "Sessions", "Sign out"]
        page.led(lambda: page.press(SPACE))
        assert "Signed in" not in page.text


def test_the_keyboard_alone_resets_a_password(server: Server, driver: int, tmp_path: Path) -> None:
    one = person(server)
    password = new_password()
    with browser(driver, tmp_path) as page:
        page.open(f"{server.serving.url}/auth/reset")
        _tab_to(page, "E-mail address")
        page.press(*one.email)
        page.led(lambda: page.press(ENTER))
        page.open(link_to(server, one))
        _tab_to(page, "New password")
        page.press(*password)
        page.led(lambda: page.press(ENTER))
        _tab_to(page, "Sign in")
        page.led(lambda: page.press(ENTER))
        assert page.url == f"{server.serving.url}/auth/sign-in"
        _tab_to(page, "E-mail address")
        page.press(*one.email)
        _tab_to(page, "Password")
        page.press(*password)
        page.led(lambda: page.press(ENTER))
        assert f"Signed in as {one.email}" in page.text


def _tab(page: Browser) -> str:
    """Go on to what is next, which is seen to have the focus; its name."""
    page.press(TAB)
    assert_focus_is_seen(page)
    return page.focused().name


def _tab_to(page: Browser, name: str) -> None:
    for _ in range(20):
        if _tab(page) == name:
            return
    raise AssertionError(f"the keyboard does not lead to {name!r}")
