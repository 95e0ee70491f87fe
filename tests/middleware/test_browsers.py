"""A page of another origin can't make a browser write here."""

import pytest

from tests.middleware.edge import Edge

SIGNED = ("Authorization", "Bearer good")
WRITES = ["PUT", "DELETE"]


def ask(method, *headers, secure=True, **settings):
    edge = Edge(**{"base_url": "https://repo.example.com", "mode": "allow"} | settings)
    return edge.ask(
        method,
        "/closed/x",
        host=settings.pop("host", "repo.example.com"),
        scheme="https" if secure else "http",
        headers=[SIGNED, *headers],
    ).status


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "nonsense", "Same-Origin"])
def test_a_write_from_another_site_is_refused(method, site):
    assert ask(method, ("Sec-Fetch-Site", site)) == 403


@pytest.mark.parametrize("method", WRITES)
@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://repo.example.com",
        "https://repo.example.com:8443",
        "https://repo.example.com.evil.example",
        "https://repo.example.com/",
        "https://user@repo.example.com",
        "https://repo.example.com https://evil.example",
        "https://acme.example.org",
    ],
)
def test_a_write_from_a_foreign_origin_is_refused(method, origin):
    assert ask(method, ("Origin", origin), domain="example.org") == 403
    assert ask(method, ("Origin", origin), ("Sec-Fetch-Site", "same-origin")) == 403


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("Origin", "https://repo.example.com")],
        [("Sec-Fetch-Site", "same-origin")],
        [("Sec-Fetch-Site", "none")],
        [("Origin", "https://repo.example.com"), ("Sec-Fetch-Site", "same-origin")],
    ],
)
def test_a_write_from_here_or_from_no_browser_is_served(headers):
    assert ask("PUT", *headers) == 201


def test_both_have_to_be_ours():
    own = ("Origin", "https://repo.example.com")
    assert ask("PUT", own, ("Sec-Fetch-Site", "cross-site")) == 403


def test_in_clear_the_page_may_have_come_over_tls_that_ends_before_us():
    for origin in ("http://repo.example.com", "https://repo.example.com"):
        assert ask("PUT", ("Origin", origin), secure=False) == 201


def test_an_origin_has_the_port_that_the_host_has():
    edge = Edge()
    for origin, status in (("http://localhost:8080", 201), ("http://localhost", 403)):
        headers = [SIGNED, ("Origin", origin)]
        assert edge.ask("PUT", "/closed/x", headers=headers).status == status


def test_a_host_with_its_default_port_is_the_origin_without():
    edge = Edge(base_url="https://repo.example.com", mode="allow")
    headers = [SIGNED, ("Origin", "https://repo.example.com")]
    answer = edge.ask(
        "PUT", "/closed/x", host="Repo.example.com.:443", scheme="https", headers=headers
    )
    assert answer.status == 201


def test_following_a_link_from_anywhere_is_no_write():
    headers = [("Sec-Fetch-Site", "cross-site"), ("Origin", "https://evil.example")]
    assert ask("GET", *headers) == 200


def test_where_no_host_was_checked_no_origin_is_ours():
    headers = [("Origin", "http://localhost:8080")]
    assert Edge().ask("PUT", "/healthz", headers=headers).status == 403
