"""Who is on the other side: addresses, and the networks whose word on them is taken.

A forwarding header is what some client wrote until a proxy of ours has added to it. So it is
read from the right, one entry for each hop that we trust, and what lies left of the first
hop that we do not trust is never looked at.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Hops that are followed. Real chains have two or three; a longer one is an attack or a loop.
MOST_HOPS = 32

#: Addresses whose parsing is remembered, by process. An entry takes about 500 bytes.
_REMEMBERED = 4096


class MalformedForwarding(Exception):
    """A trusted proxy, or a client that it does not check, sent what can't be read."""


@dataclass(frozen=True, slots=True)
class Address:
    """One end of a connection."""

    text: str  # canonical; IPv4 also where it came mapped into IPv6
    network: str  # what limits count: the address, of IPv6 its /64, which one customer has
    loopback: bool
    trusted: bool  # its forwarding headers count


#: A peer without an IP address (a Unix socket): nobody's word is taken because of it.
NOWHERE = Address("", "", loopback=False, trusted=False)


class TrustedProxies:
    """The networks whose `X-Forwarded-*` headers count; with none of them, nobody's do."""

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(networks)
        self._address = lru_cache(_REMEMBERED)(self._parse)

    def peer(self, remote_address: str) -> Address:
        """The other end of the connection, from REMOTE_ADDR."""
        try:
            return self._address(remote_address)
        except ValueError:
            return NOWHERE

    def client(self, peer: Address, forwarded_for: str | None) -> Address:
        """The client: the last hop of `X-Forwarded-For` that is not a proxy of ours.

        Args:
            peer: the other end of the connection.
            forwarded_for: the header, several of them joined by commas, or None.

        Raises:
            MalformedForwarding: for an entry that had to be read and is no address.
        """
        if forwarded_for is None or not peer.trusted:
            return peer
        hop = peer
        entries = forwarded_for.rsplit(",", MOST_HOPS)
        for entry in reversed(entries):
            if not hop.trusted:
                return hop
            try:
                hop = self._address(_without_port(entry.strip(" \t")))
            except ValueError:  # without its cause, whose text repeats the entry
                raise MalformedForwarding("an entry of X-Forwarded-For is no address") from None
        return hop

    def _parse(self, text: str) -> Address:
        if len(text) > 64:
            raise ValueError("longer than any address")
        ip = ipaddress.ip_address(text)
        if isinstance(ip, ipaddress.IPv6Address):
            # Without its zone, which is a name of this machine and not of the client.
            ip = ip.ipv4_mapped or ipaddress.IPv6Address(int(ip))
        network = str(ip)
        if isinstance(ip, ipaddress.IPv6Address):
            network = str(ipaddress.IPv6Network((ip, 64), strict=False))
        trusted = any(ip.version == of.version and ip in of for of in self._networks)
        return Address(str(ip), network, ip.is_loopback, trusted)


def _without_port(entry: str) -> str:
    """`192.0.2.1:443`, `[2001:db8::1]:443` and `[2001:db8::1]` without port and brackets.

    Some proxies of the clouds add the client's port.
    """
    if entry.startswith("["):
        address, bracket, port = entry[1:].partition("]")
        known = bracket and (not port or (port[0] == ":" and _is_port(port[1:])))
        return address if known and ":" in address else ""
    address, colon, port = entry.partition(":")
    if colon and "." in address and _is_port(port):
        return address
    return entry


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5
