"""What pages of others, the back button, and who was signed out get: nothing."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.clients.browser import Browser, browser
from tests.clients.people import link_to, new_password, person, sign_in
from tests.clients.server import Server

pytestmark = pytest.mark.slow

#: The service is at 127.0.0.1: the first is another site, the second another origin of its own.
_ELSEWHERE = pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
_FOREIGN = "A page of another origin made this request."


@contextlib.contextmanager
def elsewhere(markup: str) -> Iterator[int]:
    """A server of somebody else's with one page; its port."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"<!DOCTYPE html><title>Elsewhere</title>{markup}".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def form(at: str, fields: Mapping[str, str], button: str, type_: str = "") -> str:
    """A form that sends these fields to an address."""
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
        for name, value in fields.items()
    )
    enctype = f' enctype="{type_}"' if type_ else ""
    return f'<form method="post" action="{at}"{enctype}>{hidden}<button>{button}</button></form>'


def assert_stranger(page: Browser, server: Server) -> None:
    page.open(f"{server.serving.url}/")
    assert "Signed in" not in page.text
    page.link("Sign in")


@_ELSEWHERE
def test_a_page_of_another_origin_signs_nobody_in(
    server: Server, driver: int, tmp_path: Path, host: str
) -> None:
    attacker = person(server)
    at = f"{server.serving.url}/auth/session"
    known = {"email": attacker.email, "password": attacker.password}
    # JSON, as a form can be made to send it: its = lies in a field that counts for nothing.
    json_start = json.dumps(known | {"kind": "cookie"})[:-1] + ', "'
    markup = form(at, known, "Form") + form(at, {json_start: '":""}'}, "JSON", "text/plain")
    with elsewhere(markup) as port, browser(driver, tmp_path) as page:
        for button in ("Form", "JSON"):
            page.open(f"http://{host}:{port}/")
            page.send(button)
            assert page.url == at
            assert _FOREIGN in page.text
            assert page.cookies == {}
            assert_stranger(page, server)


@_ELSEWHERE
def test_a_page_of_another_origin_does_nothing_in_ones_name(
    server: Server, driver: int, tmp_path: Path, host: str
) -> None:
    one = person(server)
    sent = {
        "/auth/sign-out": {},
        "/auth/sessions": {"end": "others"},
        "/auth/second-factor": {"password": one.password},
        "/auth/second-factor/confirm": {"code": "123456"},
        "/auth/second-factor/remove": {"password": one.password, "code": "123456"},
        "/auth/reset": {"email": one.email},
    }
    url = server.serving.url
    markup = "".join(form(f"{url}{path}", fields, path) for path, fields in sent.items())
    with elsewhere(markup) as port, browser(driver, tmp_path) as page:
        sign_in(page, server, one)
        for path in sent:
            page.open(f"http://{host}:{port}/")
            page.send(path)
            assert page.url == f"{url}{path}"
            assert _FOREIGN in page.text, path
        page.open(f"{url}/")
        assert f"Signed in as {one.email}" in page.text


@_ELSEWHERE
def test_no_page_is_shown_in_a_frame(
    server: Server, driver: int, tmp_path: Path, host: str
) -> None:
    one = person(server)
    shown = {"/": "Strongroom", "/auth/sign-in": "Password", "/auth/reset": "mail"}
    markup = "".join(f'<iframe src="{server.serving.url}{path}"></iframe>' for path in shown)
    with elsewhere(markup) as port, browser(driver, tmp_path) as page:
        sign_in(page, server, one)
        page.open(f"http://{host}:{port}/")
        for frame, text in zip(page.all("iframe"), shown.values(), strict=True):
            with page.inside(frame):
                assert text not in page.source
        assert sum("frame-ancestors" in one for one in page.complaints()) == len(shown)


@_ELSEWHERE
def test_script_of_another_origin_reads_nothing(
    server: Server, driver: int, tmp_path: Path, host: str
) -> None:
    one = person(server)
    urls = [f"{server.serving.url}{path}" for path in ("/", "/api/user", "/auth/sessions")]
    script = f"""<script>
    const tries = {urls}.map(url => fetch(url, {{credentials: "include"}}).then(one => one.text()));
    Promise.allSettled(tries).then(all => document.title = all.map(one => one.status).join());
    </script>"""
    with elsewhere(script) as port, browser(driver, tmp_path, script=True) as page:
        sign_in(page, server, one)
        page.open(f"http://{host}:{port}/")
        page.until(lambda: page.title == "rejected,rejected,rejected")
        assert page.complaints()


def test_a_session_that_was_ended_elsewhere_is_over(
    server: Server, driver: int, tmp_path: Path
) -> None:
    one = person(server)
    with browser(driver, tmp_path) as here, browser(driver, tmp_path) as there:
        sign_in(here, server, one)
        sign_in(there, server, one)
        here.follow("Sessions")
        assert here.text.count("(this one)") == 1
        here.send("End all others")
        assert len(here.all("tbody tr")) == 1

        assert_stranger(there, server)
        for path in ("/auth/sessions", "/auth/second-factor"):
            there.open(f"{server.serving.url}{path}")
            assert there.url == f"{server.serving.url}/auth/sign-in"
        here.follow("Strongroom")
        assert f"Signed in as {one.email}" in here.text


def test_a_reset_ends_sessions(server: Server, driver: int, tmp_path: Path) -> None:
    one = person(server)
    with browser(driver, tmp_path) as page:
        sign_in(page, server, one)
        page.open(f"{server.serving.url}/auth/reset")
        page.send("Send the link", {"E-mail address": one.email})
        page.open(link := link_to(server, one))
        page.open(f"{server.serving.url}/")
        assert f"Signed in as {one.email}" in page.text
        page.open(link)
        page.send("Set the password", {"New password": new_password()})
        assert_stranger(page, server)


@pytest.mark.parametrize("script", [False, True], ids=["without script", "with script"])
def test_the_way_back_after_signing_out_shows_nothing(
    server: Server, driver: int, tmp_path: Path, script: bool
) -> None:
    one = person(server)
    with browser(driver, tmp_path, script=script) as page:
        sign_in(page, server, one)
        page.follow("Sessions")
        assert "(this one)" in page.text
        page.follow("Strongroom")
        cookie = page.cookies["__Host-strongroom"]["value"]
        page.send("Sign out")
        assert page.cookies == {}
        for _ in range(4):
            page.back()
            assert one.email not in page.source
            assert "(this one)" not in page.source
        assert cookie not in page.source
        asked = {"Cookie": f"__Host-strongroom={cookie}"}
        assert server.serving.ask("GET", "/auth/sessions", asked)[0] == 401
