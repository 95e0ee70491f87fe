"""Which addresses a connection may go to: those of the public internet, and what is allowed.

A server that fetches what it is told to can be sent to its own network: to a database, or to
the service that hands out a machine's credentials. So the networks to go to are listed from
IANA's registries, not taken from `ipaddress.is_global`, which differs between versions of
Python, and calls multicast and transition addresses global.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from app.outgoing.errors import AddressRefused, Unreachable

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
#: The addresses of a name, in the order in which they are tried; OSError where there are none.
Resolve: TypeAlias = Callable[[str], Sequence[str]]

_REFUSED_4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network: RFC 791, section 3.2
        "10.0.0.0/8",  # private: RFC 1918
        "100.64.0.0/10",  # shared: RFC 6598
        "127.0.0.0/8",  # loopback: RFC 1122, section 3.2.1.3
        "168.63.129.16/32",  # public by its number, and Azure's service for its own machines
        "169.254.0.0/16",  # link-local, where clouds hand out credentials: RFC 3927
        "172.16.0.0/12",  # private: RFC 1918
        "192.0.0.0/24",  # protocol assignments: RFC 6890
        "192.0.2.0/24",  # documentation: RFC 5737
        "192.88.99.0/24",  # relays of 6to4, given up: RFC 7526
        "192.168.0.0/16",  # private: RFC 1918
        "198.18.0.0/15",  # benchmarks: RFC 2544
        "198.51.100.0/24",  # documentation: RFC 5737
        "203.0.113.0/24",  # documentation: RFC 5737
        "224.0.0.0/4",  # multicast: RFC 5771
        "240.0.0.0/4",  # reserved, and broadcast: RFC 1112, section 4
    )
)
#: All that is given out of IPv6 (RFC 4291, section 2.4) …
_UNICAST_6 = ipaddress.IPv6Network("2000::/3")
#: … but for this.
_REFUSED_6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, with Teredo and ORCHID: RFC 2928
        "2001:db8::/32",  # documentation: RFC 3849
        "3fff::/20",  # documentation: RFC 9637
    )
)
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # RFC 4291, section 2.5.5.2
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052, section 2.1
_6TO4 = ipaddress.IPv6Network("2002::/16")  # RFC 3056, section 2


def unmapped(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does, and itself otherwise."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _MAPPED or address in _NAT64:
        return ipaddress.IPv4Address(address.packed[12:])
    if address in _6TO4:
        return ipaddress.IPv4Address(address.packed[2:6])
    return address


def is_public(address: Address) -> bool:
    """Whether it is one machine's on the public internet, unmapped."""
    address = unmapped(address)
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _REFUSED_4)
    return address in _UNICAST_6 and not any(address in network for network in _REFUSED_6)


def system_addresses(host: str) -> list[str]:
    """What the system says of a name. It has its own bounds of time (`resolv.conf`)."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class Guard:
    """Looks names up, and refuses those that lie where nobody may go.

    `option` is how an operator allows a network, as messages name it.
    """

    allowed: Sequence[Network]
    resolve: Resolve
    option: str

    def addresses(self, host: str, *, bares: bool = False) -> list[Address]:
        """All addresses of a name, each of them one to go to.

        With `bares` the connection sends credentials in the clear, and goes to the networks
        alone that an operator allowed: what is public is not his.

        Raises:
            AddressRefused: one of them is not: a name that has an address inside as well is
                refused as a whole, because nobody but an attacker gains from such a one.
            Unreachable: there are none.
        """
        try:
            texts = self.resolve(host)
        except (OSError, UnicodeError) as error:
            raise Unreachable(
                f"the name {host} can't be looked up: {getattr(error, 'strerror', None) or error}"
            ) from error
        if not texts:
            raise Unreachable(f"the name {host} has no address")
        found = [ipaddress.ip_address(text) for text in texts]
        for address in found:
            self._check(host, address, bares)
        return found

    def _check(self, host: str, address: Address, bares: bool) -> None:
        target = unmapped(address)
        # Of an address that stands for another, the other one has to be allowed: nobody who
        # allows a network of IPv6 means all of IPv4.
        if any(target in network for network in self.allowed):
            return
        network = f"{str(target).partition('%')[0]}/{target.max_prefixlen}"
        if bares:
            raise AddressRefused(
                f"credentials are not sent to {host} unencrypted: name it with https://, or, where"
                f" {address} is in a network of your own, allow that: {self.option} {network}"
            )
        if is_public(target):
            return
        name = str(address) if host == str(address) else f"{host} is at {address}, which"
        raise AddressRefused(
            f"{name} is no public address, and connections go to no others unless an operator"
            f" allows their network: {self.option} {network}"
        )
