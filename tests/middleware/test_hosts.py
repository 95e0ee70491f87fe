"""The hosts that are ours, in each way to write them, and none beside."""

import json
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.hosts import Hosts, MalformedHost, split_authority
from tests.middleware.edge import Edge

BASE = "https://repo.example.com"


def ask(host, secure=True, **settings):
    edge = Edge(**{"base_url": BASE, "loopback": False, "mode": "allow"} | settings)
    return edge.ask(host=host, scheme="https" if secure else "http")


@pytest.mark.parametrize(
    "host",
    [
        "repo.example.com",
        "REPO.Example.COM",
        "repo.example.com:443",
        "repo.example.com.",
        "repo.example.com.:443",
        "repo.example.com:",
    ],
)
def test_the_base_url_is_ours(host):
    answer = ask(host)
    assert answer.status == 200
    assert json.loads(answer.body)["organization"] == "default"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "repo.example.com.evil.example",
        "evilrepo.example.com",
        "x.repo.example.com",
        "example.com",
        "repo.example.com:8443",
        "repo.example.com:80",
        "localhost",
        "127.0.0.1",
        "[::1]",
        "192.0.2.1",
        "repo_example.com",
    ],
)
def test_every_other_host_is_misdirected(host):
    answer = ask(host)
    assert answer.status == 421
    assert host.encode() not in answer.body


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "repo.example.com,repo.example.com",
        "repo.example.com, evil.example",
        "user@repo.example.com",
        "user:pw@repo.example.com",
        "repo.example.com@evil.example",
        "repo.example.com/evil",
        "repo.example.com#",
        "repo.example.com?x",
        "repo.example.com\\evil",
        "repo.example.com:443:443",
        "repo.example.com:x",
        "repo.example.com:99999",
        "repo.example.com:-1",
        "repo.example.com:+443",
        "repo.example.com..",
        ".repo.example.com",
        "repo..example.com",
        "-repo.example.com",
        "repo.example.com%00",
        "repo.example.com\t",
        " repo.example.com",
        "repo.example.com evil",
        "https://repo.example.com",
        "[::1",
        "::1",
        "[]",
        "[::g]",
        "[127.0.0.1]",
        "[fe80::1%25eth0]",
        "repo.example.com:٤٤٣",
        "répo.example.com",
        "\u212aepo",
        "a" * 64 + ".example.com",
        "a." * 200 + "com",
    ],
)
def test_what_is_no_host_is_refused(host):
    assert ask(host).status == 400


def test_forwarded_host_never_counts():
    edge = Edge(base_url=BASE, mode="allow", proxies=["127.0.0.0/8"])
    forwarded = [("X-Forwarded-Host", "repo.example.com"), ("Forwarded", "host=repo.example.com")]
    assert edge.ask(host="evil.example", headers=forwarded).status == 421
    evil = [("X-Forwarded-Host", "evil.example")]
    answer = edge.ask(host="repo.example.com", headers=evil)
    assert (answer.status, answer.context.place.authority) == (200, "repo.example.com")


def test_two_hosts_are_none():
    edge = Edge(base_url=BASE, mode="allow")
    headers = [("Host", "repo.example.com")]
    assert edge.ask(host="repo.example.com", headers=headers).status == 400


@pytest.mark.parametrize(
    "base, host, secure, status",
    [
        ("https://repo.example.com:8443", "repo.example.com:8443", True, 200),
        ("https://repo.example.com:8443", "repo.example.com", True, 421),
        ("https://repo.example.com:8443", "repo.example.com", False, 200),
        ("https://repo.example.com:8443", "repo.example.com:8080", False, 421),
        ("http://repo.example.com:8080", "repo.example.com:8080", False, 200),
        ("http://repo.example.com", "repo.example.com", False, 200),
        ("http://10.0.0.5:8080", "10.0.0.5:8080", False, 200),
        ("http://10.0.0.5:8080", "10.0.0.05:8080", False, 421),
        ("http://[2001:db8::1]:8080", "[2001:db8:0:0::1]:8080", False, 200),
        ("http://[2001:db8::1]:8080", "[2001:db8::2]:8080", False, 421),
    ],
)
def test_the_port_is_the_base_urls_or_that_of_plain_http(base, host, secure, status):
    assert ask(host, secure, base_url=base).status == status


@pytest.mark.parametrize(
    "host, organization",
    [
        ("acme.example.org", "acme"),
        ("ACME.example.org.", "acme"),
        ("acme.example.org:8443", "acme"),
        ("a-1.example.org", "a-1"),
        ("default.example.org", "default"),
        ("repo.example.com", "default"),
    ],
)
def test_a_host_of_the_domain_selects_its_organization(host, organization):
    answer = ask(host, domain="example.org")
    assert json.loads(answer.body)["organization"] == organization


@pytest.mark.parametrize(
    "host, status",
    [
        ("example.org", 421),
        ("a.b.example.org", 421),
        ("_.example.org", 421),
        ("a_b.example.org", 421),
        ("acmeexample.org", 421),
        ("acme.example.org.evil.example", 421),
        ("-a.example.org", 400),
        ("*.example.org", 400),
    ],
)
def test_a_domain_has_one_label_before_it(host, status):
    assert ask(host, domain="example.org").status == status


def test_the_port_of_the_domain_counts_where_it_has_one():
    assert ask("acme.example.org:8443", domain="example.org:8443").status == 200
    assert ask("acme.example.org", domain="example.org:8443").status == 421
    assert ask("acme.example.org", secure=False, domain="example.org:8443").status == 200


@pytest.mark.parametrize(
    "base, domain, organization",
    [
        ("https://acme.example.org", "example.org", "acme"),
        ("https://acme.example.org:8443", "example.org", "acme"),
        ("https://default.example.org", "example.org", "default"),
        ("https://acme.example.org", "acme.example.org", "default"),
        ("https://acme.example.org", "example.org:8443", "default"),
        ("https://acme.example.org", None, "default"),
    ],
)
@pytest.mark.parametrize("secure", [True, False])
def test_a_base_url_within_the_domain_is_its_organization(base, domain, organization, secure):
    """And the one that is asked for at the start is the one that requests are answered by."""
    parts = urlsplit(base)
    host = parts.netloc if secure else parts.hostname
    answer = ask(host, secure, base_url=base, domain=domain)
    assert json.loads(answer.body)["organization"] == organization
    assert Hosts(base, domain, False, frozenset()).base_organization == organization


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1:8080",
        "127.3.2.1",
        "[::1]:8080",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
    ],
)
def test_bound_to_loopback_its_names_are_ours(host):
    assert ask(host, base_url=None, loopback=True, secure=False).status == 200
    assert ask(host, loopback=False).status == 421


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "x.localhost",
        "10.0.0.1",
        "0.0.0.0",
        "[::]",
        "[::2]",
    ],
)
def test_bound_to_loopback_no_rebound_name_is_ours(host):
    assert ask(host, base_url=None, loopback=True, secure=False).status == 421


@pytest.mark.parametrize(
    "target, host, status",
    [
        ("https://repo.example.com/open/x", "repo.example.com", 200),
        ("HTTPS://Repo.Example.Com/open/x", "repo.example.com", 200),
        ("http://evil.example/open/x", "repo.example.com", 400),
        ("http://repo.example.com/open/x", "evil.example", 400),
        ("http://evil.example/open/x", "evil.example", 421),
        ("https://user@repo.example.com/open/x", "repo.example.com", 400),
        ("https://repo.example.com:444/open/x", "repo.example.com", 400),
        ("ftp://repo.example.com/open/x", "repo.example.com", 400),
        ("https:///open/x", "repo.example.com", 400),
        ("repo.example.com:443", "repo.example.com", 400),
    ],
)
def test_a_target_with_a_host_names_the_same_one(target, host, status):
    edge = Edge(base_url=BASE, loopback=False, mode="allow")
    assert edge.ask(target=target, host=host, scheme="https").status == status


@pytest.mark.parametrize(
    "base, domain",
    [
        ("https://exa mple", None),
        ("ftp://example.com", None),
        ("https://", None),
        ("repo.example.com", None),
        ("https://u@example.com", None),
        (None, "*.example.org"),
        (None, "example.org/"),
    ],
)
def test_a_setting_that_names_no_host_is_refused_at_the_start(base, domain):
    with pytest.raises(ValueError):
        Hosts(base, domain, False, frozenset())


LABELS = st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,5}[a-zA-Z0-9])?", fullmatch=True)


@given(st.text(max_size=80) | st.from_regex(r"[a-z.:\[\]0-9@/%-]{0,40}", fullmatch=True))
def test_no_text_is_ours_but_the_names_we_know(text):
    """A text is accepted only if, cut down by hand, it is one of the names."""
    hosts = Hosts(BASE, "example.org", True, frozenset())
    try:
        place = hosts.judge(text, True)
    except MalformedHost:
        return
    if place is None:
        return
    name = text.lower()
    name = name if name.endswith("]") else name.rsplit(":", 1)[0] if ":" in name else name
    name = name.removesuffix(".")
    ours = name in ("repo.example.com", "localhost") or name.startswith(("127.", "["))
    assert ours or (name.endswith(".example.org") and name.count(".") == 2)


@given(LABELS, st.integers(0, 65535) | st.none(), st.booleans())
def test_every_name_of_the_domain_is_an_organization(label, port, dot):
    host = f"{label}.Example.org{'.' if dot else ''}" + (f":{port}" if port is not None else "")
    place = Hosts(None, "example.org", False, frozenset()).judge(host, True)
    assert place is not None
    assert place.organization == label.lower()


@given(LABELS, st.integers(0, 65535) | st.none())
def test_splitting_is_settled_after_once(label, port):
    text = label if port is None else f"{label}:{port}"
    name, found = split_authority(text)
    assert split_authority(name if found is None else f"{name}:{found}") == (name, found)
    assert (name, found) == (label.lower(), port)
