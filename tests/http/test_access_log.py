"""The access log holds ids alone (S13): no address, no path, no e-mail, no name."""

import json
import re

import pytest

from tests.cli.command import run, serving
from tests.http.client import basic

PERSON, ELSEWHERE = "secret.person@example.org", "127.0.0.2"
LINE = {
    "time", "level", "request", "method", "route", "status", "bytes_in", "bytes_out",
    "seconds", "user", "credential", "organization",
}  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str, dict[str, str]]:
    """What a server wrote to stdout and stderr while it was used, and the ids involved."""
    data = tmp_path_factory.mktemp("log") / "data"
    with serving(data, "--workers", "2", "--threads", "4") as server:
        user = run(data, "user", "create", PERSON, "--name", "Secret Person", "--json").json
        run(data, "user", "grant", PERSON, "files", "read", "write", "delete")
        key = run(data, "key", "create", PERSON, "--name", "secret purpose", "--json").json
        headers = {"Authorization": basic("api-key", key["secret"])}
        path = "/repositories/files/secret-folder/secret-file.txt"

        def ask(method: str, target: str, **more: object) -> int:
            status: int = server.ask(method, target, source=ELSEWHERE, **more)[0]  # type: ignore[arg-type]
            return status

        assert ask("PUT", path, headers=headers, body=b"12345") == 201
        assert ask("GET", path, headers=headers) == 200
        assert ask("GET", f"{path}?token=secret-query", headers=headers) == 200
        assert ask("GET", "/repositories/files/secret-folder/", headers=headers) == 200
        assert ask("GET", f"{path}.none", headers=headers) == 404
        assert ask("GET", "/public" + path) == 404
        assert ask("GET", "/secret-nowhere") == 404
        assert ask("GET", f"/api/users/{user['id']}", headers=headers) == 200
        assert ask("GET", "/api/user", headers={"Authorization": basic(PERSON, "wrong one")}) == 401
        agent = {**headers, "User-Agent": "secret-agent", "Referer": "http://secret-referer/"}
        assert ask("DELETE", path, headers=agent) == 204
        assert ask("GET", path, headers={**headers, "Host": "secret-host"}) == 421
        assert server.stop() == 0
    ids = {"user": user["id"], "credential": key["id"]}
    return server.out, server.err, ids


def test_nothing_of_a_person_or_a_path_is_logged(
    written: tuple[str, str, dict[str, str]],
) -> None:
    for text in written[:2]:
        assert not re.search("secret", text, re.IGNORECASE)
        assert "example.org" not in text
        assert ELSEWHERE not in text


def test_every_request_is_a_line_of_json_with_ids(
    written: tuple[str, str, dict[str, str]],
) -> None:
    out, _, ids = written
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    ours = [line for line in lines if line["route"] != "/readyz"]
    assert len(ours) == 11
    for line in lines:
        assert line.keys() - {"whole"} == LINE
        assert re.fullmatch("[0-9a-f]{32}", line["request"])
    # A line is written behind its answer: the next request's may come before it.
    (put,) = [line for line in ours if line["method"] == "PUT"]
    assert (put["status"], put["bytes_in"]) == (201, 5)
    assert put["route"] == "/repositories/{repository}/{path:path}"
    assert (put["user"], put["credential"]) == (ids["user"], ids["credential"])
    nobody = [line for line in ours if line["status"] == 401]
    assert [line["user"] for line in nobody] == [None]


def test_all_else_that_is_written_is_json_too(written: tuple[str, str, dict[str, str]]) -> None:
    """But for the line that says where the first sign-in is."""
    out, err, _ = written
    plain = [line for line in out.splitlines() if not line.startswith("{")]
    assert len(plain) == 1
    assert "first-sign-in.txt" in plain[0]
    for line in err.splitlines():
        assert json.loads(line)["level"] in ("info", "warning")
