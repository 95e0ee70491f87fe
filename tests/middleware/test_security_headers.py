"""Every answer has what keeps browsers and caches from harm; a route's own word wins."""

import pytest

from middleware.declarations import PUBLIC, by_method
from tests.middleware.edge import Edge

SIGNED = [("Authorization", "Bearer good")]


class Own:
    needs = by_method(GET=PUBLIC)

    def on_get(self, req, resp):
        resp.set_header("Content-Security-Policy", "sandbox")
        resp.set_header("Cache-Control", "public, max-age=60")
        resp.set_header("Cross-Origin-Resource-Policy", "cross-origin")

    def on_head(self, req, resp):
        resp.status = 304
        resp.set_header("ETag", '"1"')


@pytest.mark.parametrize(
    "target", ["/open/x", "/closed/x", "/nowhere", "/broken", "/healthz", "/open/%00", "/api/user"]
)
def test_every_answer_has_them(target):
    headers = Edge().ask(target=target).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers


def test_a_refusal_before_routing_has_them_too():
    headers = Edge().ask(host="evil.example").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_what_a_route_says_itself_stays():
    headers = Edge(routes=[("/own", Own())]).ask(target="/own").headers
    assert headers["content-security-policy"] == "sandbox"
    assert headers["cache-control"] == "public, max-age=60"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["x-frame-options"] == "DENY"


def test_a_304_takes_nothing_off_the_answer_that_is_stored():
    headers = Edge(routes=[("/own", Own())]).ask("HEAD", "/own").headers
    assert "content-security-policy" not in headers
    assert "cache-control" not in headers


@pytest.mark.parametrize(
    "target, cache",
    [
        ("/closed/x", "private"),
        ("/open/x", "private"),
        ("/api/user", "no-store"),
        ("/api/nothing", "no-store"),
        ("/nowhere", "no-store"),
        ("/broken", "no-store"),
    ],
)
def test_what_is_personal_is_kept_by_nobody_else(target, cache):
    assert Edge().ask(target=target, headers=SIGNED).headers["cache-control"] == cache
