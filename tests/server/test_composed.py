"""What the server lets through, and the whole application then judges: its socket to its rules."""

import socket
from collections.abc import Iterator

import pytest

from tests.cli.command import Serving, serving
from tests.server.running import read_all
from tests.server.wire import Answer, parse, request


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("composed")
    with serving(folder / "data", "--workers", "1", "--threads", "4") as running:
        yield running


def ask(server: Serving, line: str, host: str) -> Answer:
    with socket.create_connection(server.address, timeout=20) as connection:
        connection.sendall(request(line, "Connection: close", host=f"Host: {host}"))
        [answer] = parse(read_all(connection))
        return answer


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/public/repositories/none/a", "/api/user"]
)
def test_a_target_and_a_host_that_differ_are_400(server: Serving, path: str) -> None:
    """A front that believes the other of the two would have judged another request."""
    ours = f"127.0.0.1:{server.address[1]}"
    for target, host in ((ours, "evil.example"), ("evil.example", ours), (ours, "127.0.0.1:1")):
        assert ask(server, f"GET http://{target}{path}", host).status == 400, (target, host)
    assert ask(server, f"GET http://{ours}{path}", ours).status in (200, 401, 404)


@pytest.mark.parametrize("method", ["get", "Get", "gET", "g", "put", "brew", "BREW"])
def test_a_method_in_small_letters_is_another_and_405(server: Serving, method: str) -> None:
    """RFC 9110 section 9.1: methods are compared by case. The answer says what is allowed."""
    answer = ask(server, f"{method} /public/repositories/none/a", "localhost")
    assert answer.status == 405
    assert answer.problem["status"] == 405
    assert {"GET", "HEAD", "OPTIONS"} <= set(answer.fields["allow"].split(", "))
