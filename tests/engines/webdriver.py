"""W3C WebDriver, as much of it as tests need: sessions, elements, commands and errors."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import Any

# What names an element in an answer (WebDriver, section 11, "web element identifier").
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

_SECONDS = 60.0  # two busy cores


class Failed(Exception):
    """The driver could not do what it was asked for; `kind` is one of WebDriver's error codes."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Session:
    """A browser to its driver."""

    port: int
    id: str

    def ask(self, method: str, command: str, value: object = None) -> Any:
        """The value of a command's answer. Raises Failed."""
        return _ask(self.port, method, f"/session/{self.id}/{command}", value)

    def find(self, css: str, within: str = "") -> list["Element"]:
        """All elements that a selector matches, in the page or in what `within` leads to."""
        found = self.ask("POST", f"{within}elements", {"using": "css selector", "value": css})
        return [self.element(one) for one in found]

    def element(self, reference: dict[str, str]) -> "Element":
        """The element that an answer names."""
        return Element(self, reference[_ELEMENT])


@dataclass(frozen=True, slots=True)
class Element:
    """Something on a page, for as long as the page is there."""

    _session: Session = field(repr=False)
    _id: str = field(repr=False)

    @property
    def reference(self) -> dict[str, str]:
        """What a command takes for it."""
        return {_ELEMENT: self._id}

    @property
    def role(self) -> str:
        return str(self._get("computedrole"))

    @property
    def name(self) -> str:
        """What it is called to whoever can't see it (Accessible Name and Description)."""
        return str(self._get("computedlabel"))

    @property
    def text(self) -> str:
        """What is seen of its text."""
        return str(self._get("text"))

    @property
    def tag(self) -> str:
        return str(self._get("name"))

    def attribute(self, name: str) -> str | None:
        found = self._get(f"attribute/{name}")
        return None if found is None else str(found)

    def value(self) -> str:
        return str(self._get("property/value"))

    def click(self) -> None:
        self._session.ask("POST", f"element/{self._id}/click", {})

    def type(self, text: str) -> None:
        """Type into it, in place of what it holds."""
        self._session.ask("POST", f"element/{self._id}/clear", {})
        self._session.ask("POST", f"element/{self._id}/value", {"text": text})

    def all(self, css: str) -> list["Element"]:
        return self._session.find(css, f"element/{self._id}/")

    def _get(self, what: str) -> Any:
        return self._session.ask("GET", f"element/{self._id}/{what}")


@contextlib.contextmanager
def session(port: int, capabilities: Mapping[str, object]) -> Iterator[Session]:
    """Have the driver at a port of the loopback address start a browser, and end it."""
    wanted = {"capabilities": {"alwaysMatch": capabilities}}
    id_ = _ask(port, "POST", "/session", wanted)["sessionId"]
    try:
        yield Session(port, id_)
    finally:
        with contextlib.suppress(Failed, OSError):  # it crashed; the driver's end is its end too
            _ask(port, "DELETE", f"/session/{id_}")


def _ask(port: int, method: str, path: str, value: object = None) -> Any:
    connection = HTTPConnection("127.0.0.1", port, timeout=_SECONDS)
    try:
        body = None if value is None else json.dumps(value)
        connection.request(method, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = json.loads(answer.read())["value"]
    finally:
        connection.close()
    if answer.status != 200:
        raise Failed(told["error"], told["message"].partition("\n")[0])
    return told
