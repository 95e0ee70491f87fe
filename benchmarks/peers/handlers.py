"""Bare Falcon handlers, run by the same gunicorn as the service.

They are what Python can do at best with these parts: check one credential by a keyed hash,
and answer.
"""

import base64
import hashlib
import hmac
import secrets
import sqlite3
import threading
from pathlib import Path
from typing import Any

import falcon

USER, SECRET = "api-key", "0123456789abcdef0123456789abcdef"
HEADERS = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{SECRET}".encode()).decode()}
ETAG = '"sha256:bench"'
_KEY = secrets.token_bytes(32)


def _keyed(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), key=_KEY, digest_size=32).digest()


def _check(req: falcon.Request, known: bytes) -> None:
    scheme, _, credentials = (req.get_header("Authorization") or "").partition(" ")
    user, _, secret = base64.b64decode(credentials).decode().partition(":")
    right = hmac.compare_digest(_keyed(secret), known)
    if scheme != "Basic" or user != USER or not right:
        raise falcon.HTTPUnauthorized(challenges=['Basic realm="bench"'])


class File:
    """GET of one file, read and sent whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _keyed(SECRET)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        _check(req, self._known)
        resp.content_type = falcon.MEDIA_TEXT
        resp.data = self._path.read_bytes()


class Record:
    """GET and HEAD answered from one record of SQLite: 304 where the tag is the client's."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._local = threading.local()
        self._known = _keyed(SECRET)

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        _check(req, self._known)
        row = self._connection().execute("SELECT value FROM records WHERE key = ?", ("a",))
        (value,) = row.fetchone()
        resp.set_header("ETag", ETAG)
        if req.get_header("If-None-Match") == ETAG:
            resp.status = falcon.HTTP_304
            return
        resp.content_length = int(value)

    on_head = on_get

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            self._local.connection = sqlite3.connect(self._database)
        connection: sqlite3.Connection = self._local.connection
        return connection


def prepare(folder: Path, content: bytes) -> None:
    """Write the file and the database that the handlers answer from."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "file").write_bytes(content)
    with sqlite3.connect(folder / "records.db") as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE records (key TEXT PRIMARY KEY, value TEXT)")
        connection.execute("INSERT INTO records VALUES ('a', ?)", (str(len(content)),))
    connection.close()


def make_application(folder: Path) -> Any:
    """The handlers, answering from what `prepare` wrote into `folder`."""
    application = falcon.App()
    application.add_route("/file", File(folder / "file"))
    application.add_route("/record", Record(folder / "records.db"))
    return application
