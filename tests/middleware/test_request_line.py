"""Two names never merge into one, and a method gets what the route says of it."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.middleware.edge import Edge


@pytest.mark.parametrize(
    "target, path",
    [
        ("/open/a%20b", "/open/a b"),
        ("/open/a%2Fb", "/open/a/b"),
        ("/open/a%252Fb", "/open/a%2Fb"),
        ("/open/%25zz", "/open/%zz"),
        ("/open/%C3%A9", "/open/é"),
        ("/open/\xc3\xa9", "/open/é"),
        ("/open/a%23b", "/open/a#b"),
        ("/open/a+b", "/open/a+b"),
        ("/open/a%3Fb?c", "/open/a?b"),
        ("/open/a?%zz&b c", "/open/a"),
    ],
)
def test_a_path_is_decoded_once(target, path):
    answer = Edge().ask(target=target)
    assert (answer.status, json.loads(answer.body)["path"]) == (200, path)


@pytest.mark.parametrize(
    "target",
    [
        "/open/%ff",
        "/open/\xff",
        "/open/%C0%AF",  # an overlong slash
        "/open/%ED%A0%80",  # a surrogate
        "/open/%F5%80%80%80",
        "/open/%C3",
        "/open/a%00b",
        "/open/a%0Ab",
        "/open/a%0D",
        "/open/a%7F",
        "/open/a%C2%85",  # a control of C1
        "/open/a b",
        "/open/a\tb",
        "/open/a#b",
        "/open/a?b#c",
        "/open/%",
        "/open/%zz",
        "/open/%2",
        "/open/100%/x",
    ],
)
def test_a_path_that_is_none_is_refused(target):
    edge = Edge()
    for method in ("GET", "PUT", "OPTIONS", "BREW"):
        answer = edge.ask(method, target)
        assert answer.status == 400
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_server_that_has_no_raw_target_is_served():
    edge = Edge()
    environ = edge.environ()
    del environ["RAW_URI"]
    status = []
    b"".join(edge.application(environ, lambda line, *_: status.append(line)))
    assert status == ["200 OK"]


@pytest.mark.parametrize("method", ["BREW", "TRACE", "CONNECT", "PROPFIND", "WEBSOCKET", "GETS"])
def test_a_method_that_nobody_knows_is_405_with_what_is_allowed(method):
    answer = Edge().ask(method, "/open/x")
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, OPTIONS, PUT"
    assert json.loads(answer.body)["status"] == 405
    assert Edge().ask(method, "/nowhere").status == 404


def test_a_method_that_the_route_lacks_is_405_before_anyone_signs_in():
    edge = Edge()
    answer = edge.ask("POST", "/closed/x")
    assert answer.status == 405
    assert answer.headers["allow"] == "DELETE, GET, OPTIONS, PUT"
    assert edge.ask("DELETE", "/open/x").headers["allow"] == "GET, OPTIONS, PUT"
    assert edge.authenticator.asked == []


def test_options_says_what_a_route_takes_and_reads_no_credential():
    edge = Edge()
    answer = edge.ask("OPTIONS", "/closed/x", headers=[("Authorization", "garbage")])
    assert (answer.status, answer.headers["allow"]) == (204, "DELETE, GET, OPTIONS, PUT")
    assert answer.body == b""
    assert not any(name.startswith("access-control") for name in answer.headers)
    assert edge.ask("OPTIONS", "/nowhere").status == 404
    assert edge.ask("OPTIONS", "/healthz").headers["allow"] == "GET, OPTIONS"


def test_options_of_the_server_itself_names_every_method():
    edge = Edge()
    answer = edge.ask("OPTIONS", "*")
    assert answer.status == 204
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


def test_the_template_is_noted_for_log_and_metrics():
    edge = Edge()
    assert edge.ask(target="/closed/x").context.route == "/closed/{path:path}"
    assert edge.ask("POST", "/closed/x").context.route == "/closed/{path:path}"
    assert edge.ask(target="/nowhere").context.route == "-"


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60))
def test_any_text_without_controls_arrives_as_it_was(text):
    answer = Edge().ask(target="/open/" + quote(text, safe=""))
    assert json.loads(answer.body)["path"] == "/open/" + text


@given(st.binary(min_size=1, max_size=12))
def test_bytes_arrive_as_their_text_or_not_at_all(raw):
    target = "/open/x" + "".join(f"%{byte:02x}" for byte in raw)
    answer = Edge().ask(target=target)
    if answer.status == 200:
        assert json.loads(answer.body)["path"].encode() == b"/open/x" + raw
    else:
        assert answer.status == 400
