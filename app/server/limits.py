"""What one connection may cost: every bound of the server in one frozen value.

Nothing under `app.server` reads a bound from anywhere else, so a test that wants a stall
to end in a tenth of a second hands in another value, and no clock is patched.
"""

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one connection. Times are in seconds, sizes in bytes.

    Attributes:
        request_line_bytes: Longest request line; RFC 9112 section 3 recommends at least 8,000.
        field_bytes: Longest header line (RFC 9110 section 5.4: 431 beyond it).
        fields: Most header lines.
        head_bytes: Longest head, its request line included.
        head_seconds: From the first byte of a head (or the accept) to its end, however it
            trickles; also the time for a TLS handshake.
        idle_seconds: How long an idle connection is kept; above the 60 s of common load
            balancers, so that it is they who close, and no request meets a closed door.
        stall_seconds: How long a body or an answer may not move at all.
        slow_bytes_per_second: What a body or an answer must average ...
        slow_seconds: ... over this much time spent waiting for the client.
        settle_bytes: A refused body with no more than this left, and already here, is
            discarded, and the connection kept.
        drain_bytes: How much of a refused body is read and thrown away ...
        drain_seconds: ... and for how long, before the connection is half-closed.
        close_seconds: How long a half-closed connection waits for the client's end.
        tick_seconds: The longest single wait of a thread in the kernel; also how long a
            thread waits for a connection's next request before it turns to others.
        connections: How many a process holds, nearly all of them idle, at about 10 KiB each.
            When it is full, those without a request make way for new ones, see `room`.
        courtesy_seconds: How long a process leaves new connections to one that has less to do.
        cleanup_seconds: What remains of the grace period, after transfers were cut, for
            their uploads to be aborted.
    """

    request_line_bytes: int = 8_190
    field_bytes: int = 8_190
    fields: int = 100
    head_bytes: int = 32 * KIB
    head_seconds: float = 10.0
    idle_seconds: float = 75.0
    stall_seconds: float = 30.0
    slow_bytes_per_second: int = 8 * KIB
    slow_seconds: float = 60.0
    settle_bytes: int = 64 * KIB
    drain_bytes: int = 16 * MIB
    drain_seconds: float = 5.0
    close_seconds: float = 2.0
    tick_seconds: float = 0.05
    connections: int = 1_000
    courtesy_seconds: float = 0.001
    cleanup_seconds: float = 3.0

    @property
    def share(self) -> int:
        """How many connections without a request under way one client keeps, however full."""
        return max(self.connections // 4, 1)

    @property
    def spare(self) -> int:
        """How many make way at once: who is to go is looked for rarely."""
        return max(self.connections // 64, 1)
