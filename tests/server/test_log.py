"""The log: JSON lines, whole, and without what they must not say."""

import json
import logging
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from middleware.access_log import AccessLog, Clock, ErrorStream
from middleware.context import RequestContext
from tests.server.running import running
from tests.server.wire import request


@pytest.fixture
def log(tmp_path: Path) -> AccessLog:
    """A log into files, with the loggers that it takes over put back afterwards."""
    before = logging.getLogger().handlers[:]
    options = SimpleNamespace(
        loglevel="info", accesslog=str(tmp_path / "access"), errorlog=str(tmp_path / "error")
    )
    made = AccessLog(options)  # type: ignore[arg-type]  # of gunicorn's options it reads three
    logging.getLogger().handlers = before
    return made


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_says_who_did_what_by_ids(log: AccessLog, tmp_path: Path) -> None:
    context = RequestContext(
        id="r1", organization="o1", user="u1", credential="k1", route="/api/users/{id}"
    )
    context.status, context.bytes_in, context.bytes_out = 200, 5, 1024
    context.address = "203.0.113.9"
    log.answered("GET", context, 0.0123456, whole=True)
    [line] = lines(tmp_path / "access")
    assert line.pop("time")
    assert line == {
        "level": "info",
        "request": "r1",
        "method": "GET",
        "route": "/api/users/{id}",
        "status": 200,
        "bytes_in": 5,
        "bytes_out": 1024,
        "seconds": 0.012346,
        "user": "u1",
        "credential": "k1",
        "organization": "o1",
    }


def test_an_answer_that_was_cut_says_so(log: AccessLog, tmp_path: Path) -> None:
    log.answered("GET", RequestContext(), 1, whole=False)
    assert lines(tmp_path / "access")[0]["whole"] is False


def test_errors_are_lines_too(log: AccessLog, tmp_path: Path) -> None:
    """With their trace inside, whatever line breaks it has; so is what goes to wsgi.errors."""
    try:
        raise ValueError("two\nlines")
    except ValueError:
        log.exception("a %s", "failure")
    ErrorStream(log).write("more\nwords\n")
    failure, words = lines(tmp_path / "error")
    assert failure["message"] == "a failure"
    assert "ValueError: two\nlines" in str(failure["trace"])
    assert words["message"] == "more\nwords"


def test_nobody_loses_an_answer_by_a_log_that_is_full(log: AccessLog, tmp_path: Path) -> None:
    log._access._descriptor = os.open("/dev/full", os.O_WRONLY)  # type: ignore[union-attr]
    log.answered("GET", RequestContext(), 1, whole=True)
    os.close(log._access._descriptor)  # type: ignore[union-attr]


def test_times_are_utc_in_milliseconds() -> None:
    clock = Clock(now=lambda: 1.9999)
    assert clock.text() == clock.text() == "1970-01-01T00:00:01.999Z"
    assert clock.text(86400.0) == "1970-01-02T00:00:00.000Z"


def test_a_running_server_logs_every_request_and_nothing_private() -> None:
    """Neither path nor query nor credential nor address, of good requests and of bad."""
    secret = "marked-secret"
    fields = [f"Authorization: Bearer {secret}", f"Cookie: {secret}", f"Referer: /{secret}"]
    with running("tests.server.samples:answers") as server:
        server.exchange(request(f"GET /hello?{secret}", *fields, "Connection: close"))
        server.exchange(request(f"GET /{secret}", *fields, "Connection: close"))
        server.exchange(request(f"GET /{secret} x", *fields))
        server.exchange(request("GET /a", f"X-A: \0{secret}"))
        server.exchange(request("BREW /hello", "Connection: close"))
        server.stop()
        assert [line["status"] for line in server.access()] == [200, 500, 400, 400, 200]
        assert server.access()[4]["method"] == "BREW"
        written = (server.folder / "stdout").read_text() + server.errors()
    assert secret not in written.replace(f"KeyError: '/{secret}'", "")
    assert '"127.0.0.1"' not in written
