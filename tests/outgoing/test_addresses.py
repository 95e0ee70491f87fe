"""Addresses: the public internet alone, whatever form an address hides in."""

import ipaddress
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.outgoing.addresses import Guard, Network, is_public, system_addresses, unmapped
from app.outgoing.errors import AddressRefused, Unreachable


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254",
        "168.63.129.16", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192",
        "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.7", "203.0.113.7",
        "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "::", "::1", "::7f00:1", "100::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
        "fec0::1", "ff02::1", "ff0e::1", "2001::1", "2001:db8::1", "3fff::1", "5f00::1",
        "64:ff9b:1::5db8:d822", "1000::1", "4000::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::10.0.0.1", "2002:7f00:1::1",
        "2002:a00:1::1",
    ],
)  # fmt: skip
def test_an_address_inside_is_not_public(text: str) -> None:
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "text",
    [
        "1.1.1.1", "93.184.216.34", "100.63.255.255", "100.128.0.0", "172.32.0.0",
        "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2620:4f:8000::1",
        "::ffff:93.184.216.34", "64:ff9b::93.184.216.34", "2002:5db8:d822::1",
    ],
)  # fmt: skip
def test_an_address_of_the_internet_is_public(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))


@given(st.ip_addresses(v=4))
def test_every_form_of_an_address_is_as_public_as_itself(address: ipaddress.IPv4Address) -> None:
    for prefix, shift in (("::ffff:0:0", 0), ("64:ff9b::", 0), ("2002::", 80)):
        form = ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | int(address) << shift)
        assert unmapped(form) == address
        assert is_public(form) == is_public(address)


@given(st.ip_addresses())
def test_nothing_is_public_that_python_knows_for_private(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address):
        inner = unmapped(address)
        assert inner.is_global
        assert not any((inner.is_multicast, inner.is_reserved, inner.is_link_local))


def _guard(*addresses: str, allowed: Sequence[str] = ()) -> Guard:
    networks: list[Network] = [ipaddress.ip_network(text) for text in allowed]
    return Guard(networks, lambda _: addresses, "--allow-network")


def test_one_address_inside_refuses_the_name() -> None:
    with pytest.raises(AddressRefused) as raised:
        _guard("93.184.216.34", "10.1.2.3").addresses("repo.test")
    assert str(raised.value) == (
        "repo.test is at 10.1.2.3, which is no public address, and connections go to no others"
        " unless an operator allows their network: --allow-network 10.1.2.3/32"
    )


def test_an_address_that_is_given_itself_is_named_once() -> None:
    with pytest.raises(AddressRefused, match=r"^::1 is no public address.* ::1/128$"):
        _guard("::1").addresses("::1")


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203"])
def test_an_allowed_network_is_gone_to_in_every_form(address: str) -> None:
    found = _guard(address, allowed=["10.0.0.0/8", "fd00::/8"]).addresses("repo.test")
    assert found == [ipaddress.ip_address(address)]


def test_who_allows_all_of_ipv6_has_not_allowed_ipv4() -> None:
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.1/32"):
        _guard("::ffff:127.0.0.1", allowed=["::/0"]).addresses("repo.test")


def test_a_name_without_addresses_is_unreachable() -> None:
    with pytest.raises(Unreachable, match=r"repo\.test has no address"):
        _guard().addresses("repo.test")


@pytest.mark.parametrize("host", ["127.1", "0x7f.0.0.1", "2130706433", "0177.0.0.1"])
def test_spellings_that_the_system_takes_for_an_address_are_checked_as_one(host: str) -> None:
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.1"):
        Guard((), system_addresses, "--allow-network").addresses(host)


def test_what_the_system_cannot_look_up_is_unreachable() -> None:
    for host in ("a" * 64 + ".test", "a..test"):
        with pytest.raises(Unreachable, match="can't be looked up"):
            Guard((), system_addresses, "--allow-network").addresses(host)
