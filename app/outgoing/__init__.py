"""Going out: the one client for whatever the service fetches from other servers.

Where it goes is decided by others: an operator, a user who names an upstream, a page full of
links, a redirect. So every name is looked up once for each connection, all its addresses are
checked, and the connection goes to an address that was checked: a name that changes between the
check and the use changes nothing. Credentials belong to an origin and never leave it. Whatever
comes back is bounded in time and size.
"""

from app.outgoing.addresses import Network, Resolve, is_public
from app.outgoing.client import Client, Options
from app.outgoing.connection import Bounds
from app.outgoing.errors import (
    AddressRefused,
    BadAnswer,
    CutShort,
    Declined,
    OutgoingError,
    Unreachable,
    Untrusted,
)
from app.outgoing.replies import Answer, FileStream
from app.outgoing.shown import printable, quoted
from app.outgoing.urls import Credentials, InvalidUrl, Url

__all__ = [
    "AddressRefused",
    "Answer",
    "BadAnswer",
    "Bounds",
    "Client",
    "Credentials",
    "CutShort",
    "Declined",
    "FileStream",
    "InvalidUrl",
    "Network",
    "Options",
    "OutgoingError",
    "Resolve",
    "Unreachable",
    "Untrusted",
    "Url",
    "is_public",
    "printable",
    "quoted",
]
