"""Ids are ours, or of a proxy that we trust."""

import json
import re

import pytest

from tests.middleware.edge import Edge

GIVEN = "0af7651916cd43dd8448eb211c80319c"


def test_every_answer_names_its_request():
    edge = Edge()
    for target in ("/open/x", "/closed/x", "/nowhere", "/broken", "/forgotten", "/healthz"):
        answer = edge.ask(target=target)
        assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"]), target
        if answer.status >= 400:
            assert json.loads(answer.body)["request"] == answer.headers["x-request-id"]


def test_the_id_of_a_trusted_proxy_is_kept():
    edge = Edge(mode="allow", proxies=["127.0.0.0/8"])
    assert edge.ask(headers=[("X-Request-Id", GIVEN)]).headers["x-request-id"] == GIVEN


def test_nobody_else_chooses_an_id():
    for proxies in ([], ["10.0.0.0/8"]):
        edge = Edge(mode="allow", proxies=proxies)
        answer = edge.ask(headers=[("X-Request-Id", GIVEN)])
        assert answer.headers["x-request-id"] != GIVEN


@pytest.mark.parametrize(
    "given",
    ["", "short", "a" * 65, "a b c d e f", "é" * 10, "-abcdefgh", "abcdefgh.", f"{GIVEN},{GIVEN}"],
)
def test_an_id_that_could_break_a_log_is_not_kept(given):
    edge = Edge(mode="allow", proxies=["127.0.0.0/8"])
    answer = edge.ask(headers=[("X-Request-Id", given)])
    assert answer.headers["x-request-id"] != given
    assert answer.status == 200
