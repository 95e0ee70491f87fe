"""Plain HTTP gets what the setting says, and credentials in clear are never sent on."""

import base64

import pytest

from tests.middleware.edge import Edge

BASE = "https://repo.example.com"
HOST = "repo.example.com"
BASIC = ("Authorization", "Basic " + base64.b64encode(b"a@example.com:good").decode())
FAR = "192.0.2.9"


def edge(mode="reject", **more):
    return Edge(**{"base_url": BASE, "loopback": False, "mode": mode} | more)


def test_reject_refuses_what_came_in_clear():
    answer = edge().ask(host=HOST, peer=FAR)
    assert answer.status == 403
    assert b"TLS" in answer.body


@pytest.mark.parametrize("mode", ["reject", "redirect", "allow"])
def test_tls_is_served_in_every_mode(mode):
    assert edge(mode).ask(host=HOST, peer=FAR, scheme="https").status == 200


def test_allow_serves_what_came_in_clear():
    answer = edge("allow").ask(host=HOST, peer=FAR)
    assert answer.status == 200
    assert not answer.context.secure


@pytest.mark.parametrize(
    "target, location",
    [
        ("/open/a%20b%2Fc?x=%20y&z", "https://repo.example.com/open/a%20b/c?x=%20y&z"),
        ("//evil.example/x", "https://repo.example.com//evil.example/x"),
        ("/open/%0d%0aSet-Cookie:%20a", "https://repo.example.com/open/%0D%0ASet-Cookie:%20a"),
        ("/open/é", "https://repo.example.com/open/%C3%A9"),
        ("/open/x?q=\xc3\xa9", "https://repo.example.com/open/x?q=%C3%A9"),
    ],
)
def test_redirect_goes_to_the_base_url(target, location):
    line = target.encode().decode("latin-1") if "é" in target else target
    for method in ("GET", "HEAD"):
        answer = edge("redirect").ask(method, line, host=HOST, peer=FAR)
        assert answer.status == 301
        assert answer.headers["location"] == location


def test_redirect_goes_to_the_organization():
    edges = edge("redirect", domain="example.org", base_url=None)
    answer = edges.ask(host="acme.example.org", peer=FAR)
    assert answer.headers["location"] == "https://acme.example.org/open/x"
    edges = edge("redirect", domain="example.org:8443", base_url=None)
    answer = edges.ask(host="acme.example.org", peer=FAR)
    assert answer.headers["location"] == "https://acme.example.org:8443/open/x"


def test_redirect_never_goes_to_a_host_that_is_not_ours():
    answer = edge("redirect").ask(host="evil.example", peer=FAR)
    assert answer.status == 421
    assert "location" not in answer.headers


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE", "OPTIONS"])
def test_what_may_carry_a_body_is_not_redirected(method):
    assert edge("redirect").ask(method, "/closed/x", host=HOST, peer=FAR).status == 403


@pytest.mark.parametrize("mode", ["reject", "redirect"])
@pytest.mark.parametrize(
    "header",
    [
        BASIC,
        ("Authorization", ""),
        ("Authorization", "nonsense"),
        ("Proxy-Authorization", "Basic x"),
        ("Cookie", "a=b; __Host-session=1"),
    ],
)
def test_credentials_in_clear_are_refused_and_never_redirected(mode, header):
    answer = edge(mode).ask(host=HOST, peer=FAR, headers=[header])
    assert answer.status == 403
    assert "location" not in answer.headers
    assert b"replace" in answer.body


def test_a_cookie_of_somebody_else_does_not_stop_a_redirect():
    answer = edge("redirect").ask(host=HOST, peer=FAR, headers=[("Cookie", "seen=1")])
    assert answer.status == 301


@pytest.mark.parametrize(
    "value, status",
    [
        ("https", 200),
        ("HTTPS", 200),
        ("https, https", 200),
        ("http", 403),
        ("https, http", 403),
        ("http,https", 403),
        ("", 400),
        ("https;q=1", 400),
        ("wss", 400),
        ("https,", 400),
    ],
)
def test_a_trusted_proxy_says_how_the_client_came(value, status):
    edges = edge(proxies=["10.0.0.0/8"])
    answer = edges.ask(host=HOST, peer="10.1.2.3", headers=[("X-Forwarded-Proto", value)])
    assert answer.status == status


def test_a_proxy_that_talks_tls_to_us_is_believed_that_its_client_did_not():
    edges = edge(proxies=["10.0.0.0/8"])
    headers = [("X-Forwarded-Proto", "http")]
    assert edges.ask(host=HOST, peer="10.1.2.3", scheme="https", headers=headers).status == 403


@pytest.mark.parametrize("peer", [FAR, "127.0.0.1", "", "2001:db8::1"])
def test_nobody_else_is_believed(peer):
    edges = edge(proxies=["10.0.0.0/8"])
    headers = [
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Ssl", "on"),
        ("Forwarded", "proto=https"),
        ("X-Forwarded-Host", "repo.example.com"),
    ]
    answer = edges.ask(host=HOST, peer=peer, headers=headers)
    assert answer.status == 403
    assert answer.context.address == peer


def test_the_client_behind_a_proxy_is_noted_with_its_network():
    edges = edge(proxies=["10.0.0.0/8"])
    headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "1.2.3.4, 2001:db8::5")]
    context = edges.ask(host=HOST, peer="10.0.0.1", headers=headers).context
    assert (context.address, context.network) == ("2001:db8::5", "2001:db8::/64")


def test_a_malformed_client_behind_a_proxy_is_refused():
    edges = edge(proxies=["10.0.0.0/8"])
    headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "<secret>")]
    answer = edges.ask(host=HOST, peer="10.0.0.1", headers=headers)
    assert answer.status == 400
    assert b"secret" not in answer.body


def test_bound_to_loopback_plain_http_from_loopback_is_served():
    for peer in ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1"):
        answer = Edge().ask(peer=peer, headers=[BASIC], target="/closed/x")
        assert answer.status == 200, peer
    assert Edge().ask(peer=FAR).status == 403


def test_bound_elsewhere_loopback_is_nothing_special():
    assert edge().ask(host=HOST, peer="127.0.0.1").status == 403


@pytest.mark.parametrize(
    "name",
    [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Forwarded-Anything",
        "Via",
        "X-Real-IP",
        "CF-Connecting-IP",
        "X-Original-Host",
        "True-Client-IP",
    ],
)
@pytest.mark.parametrize("value", ["", "127.0.0.1", "https"])
def test_a_proxy_on_this_machine_makes_loopback_the_open_network(name, value):
    for mode in ("reject", "redirect"):
        answer = Edge(mode=mode).ask(headers=[(name, value)])
        assert answer.status == 403, "there is no https to redirect to either"
    assert Edge(mode="allow").ask(headers=[(name, value)]).status == 200


def test_a_trusted_proxy_on_this_machine_counts():
    edges = Edge(base_url=BASE, proxies=["127.0.0.1/32"])
    headers = [("X-Forwarded-Proto", "https"), ("X-Forwarded-For", FAR)]
    answer = edges.ask(host=HOST, headers=headers)
    assert answer.status == 200
    assert answer.context.address == FAR
    assert answer.context.secure


@pytest.mark.parametrize("mode", ["reject", "redirect", "allow"])
def test_health_is_answered_in_clear_under_any_host_and_reads_no_credential(mode):
    edges = edge(mode, proxies=["192.0.2.0/24"])
    for headers in ([], [BASIC], [("Authorization", "garbage")], [("X-Forwarded-For", "bad")]):
        for host in ("10.0.0.5:8080", "evil.example", "a b", None):
            answer = edges.ask(target="/healthz", host=host, peer=FAR, headers=headers)
            assert answer.status == 200, (headers, host)
    assert edges.authenticator.asked == []


@pytest.mark.parametrize("target", ["/healthz/", "//healthz", "/healthz/..", "/HEALTHZ", "/x"])
def test_only_health_itself_is_exempt(target):
    assert edge().ask(target=target, host="10.0.0.5", peer=FAR).status == 421


def test_hsts_is_told_over_tls_alone_and_only_where_plain_http_is_not_allowed():
    hsts = "strict-transport-security"
    assert hsts in edge().ask(host=HOST, scheme="https").headers
    assert hsts in edge("redirect").ask(target="/nowhere", host=HOST, scheme="https").headers
    assert hsts not in edge().ask(host=HOST).headers
    assert hsts not in edge("redirect").ask(host=HOST).headers
    assert hsts not in edge("allow").ask(host=HOST, scheme="https").headers
    assert hsts not in Edge().ask(scheme="https").headers, "it would hold for all of localhost"
    assert hsts not in edge().ask(host="evil.example", scheme="https").headers


def test_an_unknown_mode_is_no_mode():
    with pytest.raises(ValueError):
        edge("none")
