"""What gunicorn is told, and that no head gets past the parser in two minds."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gunicorn.config import Config
from hypothesis import given
from hypothesis import strategies as st

from app.server.head import Head, Refused, parse
from app.server.limits import Limits
from app.server.run import GRACE_SECONDS, gunicorn_options
from app.settings import Settings
from tests.parts import ROOT


def configured(settings: Settings) -> Config:
    config = Config()
    for name, value in gunicorn_options(settings).items():
        config.set(name, value)
    return config


def test_gunicorn_trusts_nobody_and_takes_no_commands() -> None:
    config = configured(Settings())
    assert config.forwarded_allow_ips == []
    assert config.secure_scheme_headers == {}
    assert config.forwarder_headers == []
    assert config.proxy_protocol == "off"
    assert config.http_protocols == ["h1"]
    assert config.control_socket_disable
    assert config.header_map == "drop"


def test_the_grace_ends_before_orchestrators_kill() -> None:
    """Kubernetes and ECS kill after 30 s; transfers must be cut and cleaned up by then."""
    assert configured(Settings()).graceful_timeout == GRACE_SECONDS <= 28
    assert Limits().cleanup_seconds < GRACE_SECONDS / 2


def test_idle_connections_outlive_the_load_balancers() -> None:
    assert Limits().idle_seconds > 60


def test_gunicorns_own_way_in_gives_the_same_options(tmp_path: Path) -> None:
    """`gunicorn -c gunicorn.conf.py` reads the environment's settings."""
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("STRONGROOM_")},
        "STRONGROOM_THREADS": "7",
        "STRONGROOM_BIND": "127.0.0.1:8099",
        "STRONGROOM_DATA": str(tmp_path),
    }
    command = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "--print-config"]
    shown = subprocess.check_output(
        [*command, "tests.server.samples:count"], cwd=ROOT, env=environment, text=True
    )
    found = {
        line.partition("=")[0].strip(): line.partition("=")[2].strip() for line in shown.split("\n")
    }
    assert found["threads"] == "7"
    assert found["bind"] == "['127.0.0.1:8099']"
    assert found["worker_class"] == "<StrongroomWorker()>"
    assert found["forwarded_allow_ips"] == "[]"


def test_a_certificate_that_is_none_is_found_before_anything_starts(tmp_path: Path) -> None:
    from app.server.run import serve

    missing = tmp_path / "none.pem"
    settings = Settings(tls_cert=missing, tls_key=missing)
    with pytest.raises(FileNotFoundError):
        serve(settings, lambda: None)  # type: ignore[arg-type, return-value]  # never called


HEADS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"GET / HTTP/1.1\r\n",
                b"PUT /a?b HTTP/1.0\r\n",
                b"Host: a\r\n",
                b"Content-Length: 5\r\n",
                b"Transfer-Encoding: chunked\r\n",
                b"Expect: 100-continue\r\n",
                b"Connection: close, x\r\n",
                b"\r",
                b"\n",
                b"\r\n",
                b" ",
                b"\t",
                b":",
                b"%",
                b"%zz",
            ]
        ),
        st.binary(max_size=8),
    ),
    max_size=12,
).map(lambda pieces: b"".join(pieces) + b"\r\n\r\n")


@given(HEADS)
def test_any_bytes_are_a_head_or_refused(data: bytes) -> None:
    """Never another error; and what is taken has one length, and a path that begins with /."""
    try:
        head = parse(data, ("s", "1"), ("c", "2"), "http", Limits())
    except Refused:
        return
    check(head)


def check(head: Head) -> None:
    environ: dict[str, Any] = head.environ
    assert environ["PATH_INFO"].startswith("/") or environ["PATH_INFO"] == "*"
    if head.length is None:
        assert environ["HTTP_TRANSFER_ENCODING"].lower() == "chunked"
        assert "CONTENT_LENGTH" not in environ
    elif head.length:
        assert int(environ["CONTENT_LENGTH"]) == head.length
    assert not head.http10 or not head.expects_continue
    sent = [value for name, value in environ.items() if name != "PATH_INFO"]
    assert not any("\n" in value or "\r" in value for value in sent)
