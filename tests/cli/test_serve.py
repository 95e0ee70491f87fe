"""`strongroom serve`: the first sign-in, refusals to start, and the end."""

import re
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import run, serving
from tests.http.client import basic, bearer
from tests.parts import tool

QUICK = ("--workers", "1", "--threads", "4")


def test_the_first_start_keeps_the_first_sign_in_until_it_happened(tmp_path: Path) -> None:
    """A file of mode 0600 under DATA where there is no terminal, never in what is printed."""
    data = tmp_path / "data"
    file = data / "first-sign-in.txt"
    with serving(data, *QUICK) as server:
        text = file.read_text()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
        key, password = (
            re.search(pattern, text)[1]  # type: ignore[index]
            for pattern in (r"API key +(srk_\w+)", r"password +(\S+)")
        )
        assert str(file) in server.out
        wrong = {"Authorization": basic("admin@localhost", "not the password")}
        assert server.ask("GET", "/api/user", wrong)[0] == 401
        assert file.exists()
        right = {"Authorization": basic("admin@localhost", password)}
        assert server.ask("GET", "/api/user", right)[0] == 200
        assert not file.exists()
        assert server.stop() == 0
    assert password not in server.out + server.err
    assert key not in server.out + server.err
    with serving(data, *QUICK) as server:
        assert server.ask("GET", "/api/user", {"Authorization": bearer(key)})[0] == 200
        assert not file.exists(), "the second start makes nobody"
        assert server.ask("GET", "/api/user", right)[0] == 200


def test_the_lines_that_are_shown_work_as_they_stand(tmp_path: Path) -> None:
    """Three lines to paste: upload, download, list; and with the first the file is gone."""
    tool("curl")
    data = tmp_path / "data"
    with serving(data, *QUICK):
        text = (data / "first-sign-in.txt").read_text()
        lines = [line.strip() for line in text.splitlines() if " curl " in f" {line}"]
        assert len(lines) == 3
        answers = [
            subprocess.run(
                ["/bin/sh", "-c", line], capture_output=True, text=True, check=True, timeout=60
            ).stdout
            for line in lines
        ]
    assert not (data / "first-sign-in.txt").exists()
    assert '"path": "hello.txt"' in answers[0]
    assert answers[1] == "hello\n"
    assert '"hello.txt"' in answers[2]


def test_the_administrator_of_the_settings_is_made_and_not_shown(tmp_path: Path) -> None:
    data = tmp_path / "data"
    given = {"ADMIN_EMAIL": "boss@example.org", "ADMIN_PASSWORD": "the boss's own password"}
    with serving(data, *QUICK, **given) as server:
        header = {"Authorization": basic("boss@example.org", "the boss's own password")}
        assert server.ask("GET", "/api/user", header)[0] == 200
        assert not (data / "first-sign-in.txt").exists()
    assert "boss" not in server.out + server.err


def test_an_address_in_use_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = run(tmp_path / "data", "serve", "--bind", f"127.0.0.1:{taken.getsockname()[1]}")
    assert ended.status == 1
    assert "in use" in ended.err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "arguments, settings, said",
    [
        (("--bind", "0.0.0.0:0"), {}, "STRONGROOM_BASE_URL"),
        (("--bind", "nonsense"), {}, "STRONGROOM_BIND"),
        (("--bind", "192.0.2.1:8080"), {"BASE_URL": "https://x.example"}, "192.0.2.1"),
        (("--workers", "0"), {}, "STRONGROOM_WORKERS"),
        ((), {"BINDD": "127.0.0.1:0"}, "STRONGROOM_BIND"),
        ((), {"ADMIN_EMAIL": "a@example.org", "ADMIN_PASSWORD": "short"}, "password"),
        ((), {"ADMIN_EMAIL": "a@example.org", "ADMIN_PASSWORD": "Passw0rd!"}, "commonest"),
        ((), {"ADMIN_EMAIL": "nonsense", "ADMIN_PASSWORD": "a long password"}, "email"),
        ((), {"TLS_CERT": "/none/cert.pem", "TLS_KEY": "/none/key.pem"}, "/none/cert.pem"),
        ((), {"DATA": "/dev/null/x"}, "/dev/null"),
        ((), {"BLOBS": "file:"}, "STRONGROOM_BLOBS"),
        ((), {"BLOBS": "file:/dev/null/x"}, "blobs"),
    ],
)
def test_what_cant_be_served_ends_with_1_and_a_reason(
    tmp_path: Path, arguments: tuple[str, ...], settings: dict[str, str], said: str
) -> None:
    bind = () if "--bind" in arguments else ("--bind", "127.0.0.1:0")
    ended = run(tmp_path / "data", "serve", *bind, *arguments, **settings)
    assert ended.status == 1
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    for name in ("cert.pem", "key.pem"):
        (tmp_path / name).write_text("nonsense")
    given = {"TLS_CERT": str(tmp_path / "cert.pem"), "TLS_KEY": str(tmp_path / "key.pem")}
    ended = run(tmp_path / "data", "serve", "--bind", "127.0.0.1:0", **given)
    assert ended.status == 1
    assert "Traceback" not in ended.err
    assert "STRONGROOM_TLS_CERT" in ended.err
