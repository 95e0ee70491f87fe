"""A browser as a person uses it: what is on a page is found by what it says, not by its markup.

Headless Chromium, driven through chromedriver (W3C WebDriver). An input is found by its label and
a button by its text, as the browser computes them for whoever can't see the page, so that a page
without them can't be used here either. What the driver itself runs in a page runs also where
script is switched off; the page's own does not.
"""

import base64
import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.engines.webdriver import Element, Failed, Session, session
from tests.parts import tool

TAB, ENTER, SHIFT, SPACE = "\ue004", "\ue007", "\ue008", " "

_SECONDS = 60.0  # two busy cores
_SWITCHED_OFF = 2  # a value of Chromium's content settings
_LOOPBACK = "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"


class Browser:
    """One browser with one page, and a profile of its own."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def open(self, url: str) -> None:
        self._session.ask("POST", "url", {"url": url})

    def back(self) -> None:
        self._session.ask("POST", "back", {})

    def reload(self) -> None:
        self._session.ask("POST", "refresh", {})

    @property
    def url(self) -> str:
        return str(self._session.ask("GET", "url"))

    @property
    def title(self) -> str:
        return str(self._session.ask("GET", "title"))

    @property
    def text(self) -> str:
        """What is seen of the page's text."""
        return self.all("body")[0].text

    @property
    def source(self) -> str:
        """The page's markup as it is now."""
        return str(self._session.ask("GET", "source"))

    @property
    def alerts(self) -> list[str]:
        """What is announced by itself to whoever can't see the page."""
        return [one.text for one in self.all("[role]") if one.role == "alert"]

    @property
    def cookies(self) -> dict[str, dict[str, Any]]:
        return {one["name"]: one for one in self._session.ask("GET", "cookie")}

    def all(self, css: str) -> list[Element]:
        return self._session.find(css)

    def input(self, label: str) -> Element:
        """The one input with this label."""
        return _one(self.all("input, select, textarea"), label)

    def button(self, text: str) -> Element:
        return _one(self.all("button, [type=submit]"), text)

    def link(self, text: str) -> Element:
        return _one(self.all("a[href]"), text)

    def follow(self, text: str) -> None:
        """Follow a link, to the page that it leads to."""
        self.led(self.link(text).click)

    def send(self, button: str, values: Mapping[str, str] | None = None) -> None:
        """Fill in the form that has this button, press it, and wait for the page that follows.

        Args:
            button: its text.
            values: what to type, by the labels of inputs.
        """
        (form,) = [
            form for form in self.all("form") if any(_is(one, button) for one in form.all("button"))
        ]
        for label, value in (values or {}).items():
            _one(form.all("input"), label).type(value)
        self.led(_one(form.all("button"), button).click)

    def led(self, act: Callable[[], object]) -> None:
        """Do what leads to another page, and wait for that."""
        before = self._document()
        act()
        self.until(lambda: self._document() != before)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what comes by itself."""
        end = time.monotonic() + _SECONDS
        while not condition():
            assert time.monotonic() < end, f"still at {self.url}: {self.text}"
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._act(strokes)

    def press_backwards(self) -> None:
        """Shift and Tab."""
        down, up = "keyDown", "keyUp"
        chord = ((down, SHIFT), (down, TAB), (up, TAB), (up, SHIFT))
        self._act([{"type": kind, "value": key} for kind, key in chord])

    def focused(self) -> Element:
        """What has the focus."""
        return self._session.element(self._session.ask("GET", "element/active"))

    @contextlib.contextmanager
    def inside(self, frame: Element) -> Iterator[None]:
        """Look at the page in a frame, for the time of the block."""
        self._session.ask("POST", "frame", {"id": frame.reference})
        try:
            yield
        finally:
            self._session.ask("POST", "frame/parent", {})

    def emulate(self, *, width: int | None = None, scheme: str | None = None) -> None:
        """Have a window of this many CSS pixels, or a taste for `light` or `dark` pages."""
        if width is not None:
            metrics = {"width": width, "height": 640, "deviceScaleFactor": 1, "mobile": False}
            self._devtools("Emulation.setDeviceMetricsOverride", metrics)
        if scheme is not None:
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            self._devtools("Emulation.setEmulatedMedia", {"features": features})

    def measure(self, script: str, *arguments: object) -> Any:
        """What a script of the test returns."""
        asked = {"script": script, "args": arguments}
        return self._session.ask("POST", "execute/sync", asked)

    def complaints(self) -> list[str]:
        """What the browser said of pages since this was last called, such as what their policy
        forbade; not the statuses of answers, which tests look at by themselves."""
        told = self._session.ask("POST", "se/log", {"type": "browser"})
        loud = [one for one in told if one["level"] in ("WARNING", "SEVERE")]
        return [one["message"] for one in loud if one["source"] != "network"]

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._session.ask("GET", "screenshot")))

    def _act(self, strokes: list[dict[str, str]]) -> None:
        actions = [{"type": "key", "id": "keyboard", "actions": strokes}]
        self._session.ask("POST", "actions", {"actions": actions})

    def _document(self) -> str:
        """What the page that is there now was loaded as."""
        return str(self._devtools("Page.getFrameTree", {})["frameTree"]["frame"]["loaderId"])

    def _devtools(self, command: str, parameters: object) -> Any:
        asked = {"cmd": command, "params": parameters}
        return self._session.ask("POST", "goog/cdp/execute", asked)


@contextlib.contextmanager
def browser(
    driver: int, folder: Path, *, script: bool = False, trusted: str | None = None
) -> Iterator[Browser]:
    """Start a browser with a fresh profile, and end it with the block.

    A block that fails leaves a picture of the page in `folder`. One that does not has to have
    asked for all complaints that there were.

    Args:
        driver: the port of chromedriver.
        folder: where the picture goes.
        script: whether pages may run script.
        trusted: the SHA-256 of the public key, in base64, of a certificate to believe.
    """
    with session(driver, _wanted(script, trusted)) as started:
        opened = Browser(started)
        try:
            yield opened
            complaints = opened.complaints()
            assert complaints == [], complaints
        except BaseException as error:
            with contextlib.suppress(Failed, OSError):
                opened.picture(picture := folder / "failed.png")
                error.add_note(f"{opened.url} looked like {picture}")
            raise


def public_key(certificate: Path | None) -> str:
    """What `trusted` takes of a certificate in PEM."""
    assert certificate is not None
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(sha256(der).digest()).decode()


def _wanted(script: bool, trusted: str | None) -> dict[str, object]:
    # The browser ends with the driver's end of the pipe, however that comes about.
    flags = ["--headless=new", "--remote-debugging-pipe", f"--host-resolver-rules={_LOOPBACK}"]
    flags += ["--no-sandbox"] if os.geteuid() == 0 else []
    flags += [f"--ignore-certificate-errors-spki-list={trusted}"] if trusted else []
    settings = {} if script else {"javascript": _SWITCHED_OFF}
    chromium = {
        "binary": str(tool("chromium")),
        "args": flags,
        "prefs": {"profile": {"default_content_setting_values": settings}},
    }
    logged = {"browser": "ALL"}
    return {"browserName": "chrome", "goog:chromeOptions": chromium, "goog:loggingPrefs": logged}


def _one(elements: list[Element], name: str) -> Element:
    found = [one for one in elements if _is(one, name)]
    assert len(found) == 1, (name, [one.name for one in elements])
    return found[0]


def _is(element: Element, name: str) -> bool:
    return element.name == name
