"""A client of the application in the process: speaks as the server does, trusts no answer.

Every answer is held against what all of them promise (a problem is a problem, one challenge,
no sniffing, a length that is true), so that each test proves those as well.
"""

import base64
import io
import json as json_text
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.util import FileWrapper

from middleware.context import CONTEXT, RequestContext
from middleware.problems import spoken
from tests.http.described import check_described

HOST = "127.0.0.1:8080"
PROBLEM = {"type", "title", "status", "detail", "request"}
_SENT = "tests.json"  # what was sent as JSON

Headers = Mapping[str, str] | Iterable[tuple[str, str]]
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def basic(user: str, password: str) -> str:
    """The value of `Authorization` for a user name and password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def bearer(key: str) -> str:
    return f"Bearer {key}"


@dataclass
class Answer:
    """What came back: status, headers by their names in lower case, and the whole body."""

    status: int
    headers: dict[str, str]
    body: bytes
    environ: dict[str, Any] = field(repr=False)
    reason: str = ""

    @property
    def json(self) -> Any:
        return json_text.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def detail(self) -> str:
        detail: str = self.json["detail"]
        return detail

    @property
    def context(self) -> RequestContext:
        context: RequestContext = self.environ[CONTEXT]
        return context


class Vanishing(io.RawIOBase):
    """A client that sends some bytes and is gone."""

    def __init__(self, data: bytes, error: Exception | None = None) -> None:
        self._data = io.BytesIO(data)
        self._error = error

    def read(self, size: int = -1) -> bytes:
        piece = self._data.read(size)
        if not piece and self._error is not None:
            raise self._error
        return piece


class Client:
    """Sends requests to a WSGI application; `authorization` and `host` go along with each."""

    def __init__(
        self, application: Wsgi, authorization: str | None = None, host: str = HOST
    ) -> None:
        self.application = application
        self.authorization = authorization
        self.host = host

    def as_(self, authorization: str | None) -> "Client":
        """The same application, asked by somebody else."""
        return Client(self.application, authorization, self.host)

    def at(self, host: str) -> "Client":
        """The same application, asked under another of its names."""
        return Client(self.application, self.authorization, host)

    def get(self, target: str, **more: Any) -> Answer:
        return self.ask("GET", target, **more)

    def head(self, target: str, **more: Any) -> Answer:
        return self.ask("HEAD", target, **more)

    def put(self, target: str, body: Any = b"", **more: Any) -> Answer:
        return self.ask("PUT", target, body=body, **more)

    def delete(self, target: str, **more: Any) -> Answer:
        return self.ask("DELETE", target, **more)

    def post(self, target: str, json: Any, **more: Any) -> Answer:
        return self.ask("POST", target, json=json, **more)

    def patch(self, target: str, json: Any, **more: Any) -> Answer:
        return self.ask("PATCH", target, json=json, **more)

    def ask(
        self,
        method: str,
        target: str,
        *,
        headers: Headers = (),
        body: Any = None,
        json: Any = None,
        chunked: bool = False,
        length: str | None = None,
        sendfile: bool = False,
        peer: str = "127.0.0.1",
    ) -> Answer:
        """Ask, and take the whole answer.

        Args:
            method: as it stands in the request line.
            target: as it stands there, byte for byte (as ISO 8859-1).
            headers: beside `Host` and `Authorization`, which they may replace.
            body: bytes, or something to read from (then with `length` or `chunked`).
            json: a value to send as JSON.
            chunked: the body's length is not announced.
            length: what `Content-Length` says instead of the truth.
            sendfile: the server offers `wsgi.file_wrapper`.
            peer: the address of the other end.
        """
        environ = self._environ(method, target, headers, peer)
        if json is not None:
            body = json_text.dumps(json).encode()
            environ.setdefault("CONTENT_TYPE", "application/json")
            environ[_SENT] = body
        if isinstance(body, bytes):
            length = str(len(body)) if length is None else length
            body = io.BytesIO(body)
        if body is not None:
            environ["wsgi.input"] = body
            if chunked:
                environ["wsgi.input_terminated"] = True
                environ["HTTP_TRANSFER_ENCODING"] = "chunked"
            elif length is not None:
                environ["CONTENT_LENGTH"] = length
        if sendfile:
            environ["wsgi.file_wrapper"] = FileWrapper
        return self.send(environ)

    def send(self, environ: dict[str, Any]) -> Answer:
        """Call the application as a server does."""
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _: object = None) -> None:
            started.append((status, headers))

        result = self.application(environ, start)
        try:
            content = b"".join(result)
        finally:
            getattr(result, "close", lambda: None)()
        assert len(started) == 1
        status, pairs = started[0]
        named = {name.lower(): value for name, value in pairs}
        assert len(named) == len(pairs), "a header twice"
        if isinstance(result, FileWrapper):  # the server cuts it at the length, as RFC 9112 has it
            content = content[: int(named["content-length"])]
        answer = Answer(int(status[:3]), named, content, environ, status[4:])
        _check(answer, environ["REQUEST_METHOD"])
        check_described(
            environ["REQUEST_METHOD"],
            answer.context.route,
            environ["QUERY_STRING"],
            environ.get(_SENT),
            answer.status,
            named,
            content,
        )
        return answer

    def _environ(self, method: str, target: str, headers: Headers, peer: str) -> dict[str, Any]:
        path, _, query = target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "RAW_URI": target,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8080",
            "REMOTE_ADDR": peer,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            "HTTP_HOST": self.host,
        }
        if self.authorization is not None:
            environ["HTTP_AUTHORIZATION"] = self.authorization
        for name, value in dict(headers).items():
            variable = name.upper().replace("-", "_")
            if variable not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                variable = f"HTTP_{variable}"
            environ[variable] = value
        return environ


def _by_form(environ: Mapping[str, Any]) -> bool:
    type_, path = environ.get("CONTENT_TYPE", ""), environ["PATH_INFO"]
    return type_.startswith("multipart/form-data") and not path.startswith("/api/")


def _by_page(environ: Mapping[str, Any], status: int) -> bool:
    """Whether a person looks at an error: it is a page for him, and for a browser no 401."""
    type_, accepted = environ.get("CONTENT_TYPE", ""), environ.get("HTTP_ACCEPT", "")
    sent = type_.startswith("application/x-www-form-urlencoded") and status != 401
    return (sent or "text/html" in accepted) and environ["PATH_INFO"].startswith("/auth/")


def _check_problem(answer: Answer, method: str) -> None:
    """What a refusal promises."""
    status, headers = answer.status, answer.headers
    # Maven takes a problem document for something else than an absence.
    absent = {"application/json"} if status == 404 else set()
    assert headers["content-type"] in {"application/problem+json", *absent}
    assert headers["cache-control"] == "no-store"
    for name in _OF_FILES:
        assert name not in headers, f"{name} of a file in a problem"
    if method != "HEAD":
        more = {"field"} if status == 422 else set()
        if status == 409 and "upload-offset" in headers:
            more = {"offset"}
            assert answer.json["offset"] == int(headers["upload-offset"])
        if status == 401 and answer.json.get("second_factor") is True:
            more = {"second_factor"}
        assert answer.json.keys() == PROBLEM | more
        assert answer.json["status"] == status
        assert answer.json["request"] == answer.context.id
        assert answer.json["detail"]


def _check_scim(answer: Answer) -> None:
    """The form of an error that SCIM has (RFC 7644, section 3.12)."""
    assert answer.headers["content-type"] == "application/scim+json"
    assert answer.headers["cache-control"] == "no-store"
    error = answer.json
    assert error.keys() - {"scimType"} == {"schemas", "status", "detail"}
    assert error["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert error["status"] == str(answer.status)
    assert error["detail"]


def _check_refusal(answer: Answer, method: str) -> bool:
    """What every refusal promises, by its form; False where it is none: a service that is asked
    whether it is ready says that it is not."""
    status, headers = answer.status, answer.headers
    if answer.environ["PATH_INFO"] == "/readyz" and status == 503:
        assert headers["cache-control"] == "no-store"
        return False
    if _by_form(answer.environ):
        # Tools that send forms show the status line, or the text as it is.
        assert headers["content-type"] == "text/plain; charset=utf-8"
        assert headers["cache-control"] == "no-store"
        assert answer.reason == spoken(answer.text.removesuffix("\n"))
    elif _by_page(answer.environ, status):
        assert status != 401, "a browser would ask for a password by itself"
        assert headers["content-type"] == "text/html; charset=utf-8"
        assert headers["cache-control"] == "no-store"
        assert 'role="alert"' in answer.text
    elif answer.environ["PATH_INFO"].startswith("/scim/"):
        if method != "HEAD":
            _check_scim(answer)
    else:
        _check_problem(answer, method)
    return True


def _check(answer: Answer, method: str) -> None:
    """What every answer promises."""
    status, headers = answer.status, answer.headers
    assert headers["x-request-id"] == answer.context.id
    assert status < 600
    if method == "HEAD" or status in (204, 304):
        assert answer.body == b""
    elif "content-length" in headers:
        assert int(headers["content-length"]) == len(answer.body)
    if status != 304:
        assert headers["x-content-type-options"] == "nosniff"
        assert "content-security-policy" in headers
    if status >= 400 and not _check_refusal(answer, method):
        return
    if status == 401:
        assert headers["www-authenticate"].startswith('Basic realm="')
        assert "Bearer" not in headers["www-authenticate"]
    if status == 405:
        assert "allow" in headers
    if status in (429, 503):
        assert int(headers["retry-after"]) >= 1


#: What describes a stored file's bytes, and so never a problem's.
_OF_FILES = (
    "content-disposition",
    "etag",
    "last-modified",
    "repr-digest",
    "x-checksum-sha256",
    "accept-ranges",
)
