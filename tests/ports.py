"""Ports for servers that tests start."""

import secrets
import socket
from contextlib import suppress

_FIRST, _EPHEMERAL = 10_240, 32_768  # Linux gives outgoing connections ports from there on


def free_port() -> int:
    """A port of the loopback address that nobody listens at.

    It is none that the kernel gives to outgoing connections. With one of those, another test's
    connection may have it by the time that the server binds; and a client that asks again and
    again whether the server is there may be given it as its own, and be connected to itself.
    """
    while True:
        port = _FIRST + secrets.randbelow(_EPHEMERAL - _FIRST)  # not by a seed that others have
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
