"""Which connections make way when a process holds as many as it may.

Whoever holds most gives first, so that one address that opens connections and says nothing
shuts nobody out but itself. Nothing is counted while there is room: many clients behind one
proxy share its address, and may have all there is.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from app.server.connection import Connection
from app.server.parking import Stage
from middleware.proxies import TrustedProxies

Waiting: TypeAlias = tuple[Connection, Stage]


def making_way(
    waiting: Iterable[Waiting], addresses: TrustedProxies, share: int
) -> list[Connection]:
    """Those that can be spared, the first to go first; never one whose request is under way.

    Args:
        waiting: the connections that the loop waits for, the longest-waiting first. What a
            thread holds, or will, is not among them.
        addresses: says what counts as one client: an address, of IPv6 its /64.
        share: what one client keeps. Beyond it also go half a head, a refused body and an
            end that nobody confirms; below it only connections that have sent nothing since
            they came, or since their last answer.
    """
    held: dict[str, list[Waiting]] = {}
    for each in waiting:
        held.setdefault(addresses.peer(each[0].peer[0]).network, []).append(each)
    clients = sorted(held.values(), key=len, reverse=True)
    going: list[Connection] = []
    for mine in clients:
        if len(mine) > share:
            going += _dispensable_first(mine)[: len(mine) - share]
    for mine in clients:
        going += [connection for connection, stage in mine if _has_nothing(connection, stage)]
    return list(dict.fromkeys(going))


def _dispensable_first(mine: Sequence[Waiting]) -> list[Connection]:
    ordered = sorted(mine, key=lambda each: not _has_nothing(*each))
    return [connection for connection, _stage in ordered]


def _has_nothing(connection: Connection, stage: Stage) -> bool:
    """Whether there is nothing of a request: idle, silent since it came, or in a handshake."""
    return stage is Stage.IDLE or (stage is Stage.HEAD and not connection.pending)
