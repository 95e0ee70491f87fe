"""Only trusted networks say who a client is, and they are read from the right."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.proxies import MOST_HOPS, MalformedForwarding, TrustedProxies

TRUSTED = TrustedProxies([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])


def client(forwarded, peer="10.0.0.1", proxies=TRUSTED):
    return proxies.client(proxies.peer(peer), forwarded).text


@pytest.mark.parametrize(
    "forwarded, expected",
    [
        (None, "10.0.0.1"),
        ("192.0.2.1", "192.0.2.1"),
        ("203.0.113.9, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.7,10.0.0.8", "192.0.2.1"),
        ("10.0.0.7, 192.0.2.1, fd00::2", "192.0.2.1"),
        ("10.0.0.7, 10.0.0.8", "10.0.0.7"),
        ("garbage, 192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, ::ffff:10.0.0.9", "192.0.2.1"),
        ("\t192.0.2.1 ", "192.0.2.1"),
    ],
)
def test_the_client_is_the_last_hop_that_is_not_trusted(forwarded, expected):
    assert client(forwarded) == expected


@pytest.mark.parametrize(
    "forwarded",
    [
        "",
        ",",
        "192.0.2.1,",
        "unknown",
        "192.0.2.1:port",
        "192.0.2.1:999999",
        "[192.0.2.1]",
        "[2001:db8::1",
        "[2001:db8::1]x",
        "192.0.2.256",
        "0x7f.0.0.1",
        "010.0.0.1",
        "192.0.2.1 10.0.0.1",
        "localhost",
        "1" * 5000,
    ],
)
def test_what_had_to_be_read_and_is_no_address_is_refused(forwarded):
    with pytest.raises(MalformedForwarding):
        client(forwarded)


def test_the_word_of_others_is_not_even_read():
    assert client("garbage", peer="192.0.2.77") == "192.0.2.77"
    assert client("1.2.3.4", peer="10.0.0.1", proxies=TrustedProxies()) == "10.0.0.1"


def test_a_peer_without_address_is_nobody():
    peer = TRUSTED.peer("")
    assert (peer.text, peer.trusted, peer.loopback) == ("", False, False)


def test_a_chain_is_followed_for_so_many_hops():
    assert client(", ".join(["10.0.0.2"] * MOST_HOPS)) == "10.0.0.2"
    with pytest.raises(MalformedForwarding):
        client(", ".join(["192.0.2.1"] + ["10.0.0.2"] * (MOST_HOPS + 1)))


def test_limits_count_the_64_of_ipv6_and_one_address_of_ipv4():
    assert TRUSTED.peer("2001:db8:1:2:3:4:5:6").network == "2001:db8:1:2::/64"
    assert TRUSTED.peer("fe80::1%eth0").network == "fe80::/64"
    assert TRUSTED.peer("192.0.2.1").network == "192.0.2.1"
    assert TRUSTED.peer("::ffff:192.0.2.1").network == "192.0.2.1"


def test_loopback_is_known_in_each_of_its_forms():
    for address in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"):
        assert TRUSTED.peer(address).loopback, address
    for address in ("10.0.0.1", "::2", "0.0.0.0", "::"):
        assert not TRUSTED.peer(address).loopback, address


@given(st.text(max_size=200))
def test_no_header_of_an_untrusted_peer_changes_anything(forwarded):
    assert client(forwarded, peer="192.0.2.77") == "192.0.2.77"


@given(
    st.text(alphabet=st.characters(codec="ascii"), max_size=60),
    st.ip_addresses(),
    st.lists(st.ip_addresses(network="10.0.0.0/8"), max_size=5),
)
def test_nothing_left_of_the_client_counts(left, address, proxies):
    header = ", ".join([left, str(address), *map(str, proxies)])
    unmapped = getattr(address, "ipv4_mapped", None) or address
    known = TRUSTED.peer(str(unmapped))
    if not known.trusted:
        assert client(header) == str(unmapped)


@given(st.text(max_size=80))
def test_any_header_gives_an_address_or_is_refused(header):
    try:
        found = client(header)
    except MalformedForwarding:
        return
    assert str(ip_address(found)) == found
