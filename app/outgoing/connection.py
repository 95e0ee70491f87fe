"""A connection to a checked address, with bounds on how long it keeps anybody waiting."""

import contextlib
import io
import select
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.outgoing.addresses import Address, Guard
from app.outgoing.errors import Dropped, Unreachable, Untrusted
from app.outgoing.urls import Origin, Url

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long another server may take. Times spent waiting for it alone are counted.

    A body that stays below `slow_bytes` in `slow_seconds` ends, however regularly some of it
    comes; `document_seconds` is for a document with all its redirects.
    """

    connect_seconds: float = 10.0
    head_seconds: float = 30.0
    stall_seconds: float = 30.0
    slow_seconds: float = 60.0
    slow_bytes: int = 480 * 1024  # 8 KiB a second
    document_seconds: float = 300.0
    idle_seconds: float = 10.0


class Connection(io.RawIOBase):
    """An open connection, used by one thread at a time.

    Attributes:
        origin: whom it goes to.
        bares: whether credentials may be sent over it in the clear.
        file: what comes from there.
        deadline: when nothing more may come, on the clock.
        idle_since: when it was last used, for whom keeps it.
    """

    def __init__(
        self,
        raw: socket.socket,
        origin: Origin,
        bounds: Bounds,
        clock: Callable[[], float],
        *,
        bares: bool = False,
    ) -> None:
        super().__init__()
        self.origin = origin
        self.bares = bares
        self.deadline = float("inf")
        self.idle_since = clock()
        self._socket = raw
        self._bounds = bounds
        self._clock = clock
        self._waited = 0.0
        self._came = 0
        self.file: io.BufferedReader = io.BufferedReader(self, _BUFFER_BYTES)

    def send(self, request: bytes) -> None:
        """Send all of a request, and count from anew. Raises Unreachable."""
        self._waited, self._came = 0.0, 0
        with self._errors():
            self._socket.settimeout(self._bounds.stall_seconds)
            self._socket.sendall(request)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Receive what is there, after waiting for it; 0 at the end.

        Raises Unreachable, where the bounds were passed or the connection broke off.
        """
        began = self._clock()
        seconds = min(self._bounds.stall_seconds, self.deadline - began)
        if seconds <= 0:
            raise Unreachable(f"{self._name} took too long for its answer")
        with self._errors():
            self._socket.settimeout(seconds)
            count = self._socket.recv_into(buffer)
        self._keep_pace(count, self._clock() - began)
        return count

    def is_fit(self) -> bool:
        """Whether it can be used again: not for idle too long, and nothing came unasked, such
        as its end."""
        if self._clock() - self.idle_since > self._bounds.idle_seconds:
            return False
        try:
            waiting = select.poll()
            waiting.register(self._socket, select.POLLIN)
            return not waiting.poll(0)
        except (OSError, ValueError):
            return False

    def wake(self) -> None:
        """End what waits for it, on whichever thread; that one closes it."""
        # Not SSLSocket's own, which takes the other thread's TLS from under it.
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def close(self) -> None:
        if not self.closed:
            self._socket.close()
        super().close()

    @property
    def _name(self) -> str:
        return f"{self.origin[1]}:{self.origin[2]}"

    def _keep_pace(self, count: int, seconds: float) -> None:
        self._came += count
        self._waited += seconds
        if self._waited < self._bounds.slow_seconds:
            return
        if self._came < self._bounds.slow_bytes:
            raise Unreachable(
                f"{self._name} sent {self._came} bytes in {self._waited:.0f} s, which is too slow"
            )
        self._waited, self._came = 0.0, 0

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise Unreachable(f"{self._name} kept its answer waiting for too long") from error
        except OSError as error:
            raise Dropped(f"{self._name} broke the connection off: {_reason(error)}") from error


@dataclass(frozen=True, slots=True)
class Dialer:
    """Opens connections, each to an address that was looked up and checked for it alone.

    `option` is how an operator names more authorities to trust, for messages.
    """

    guard: Guard
    context: ssl.SSLContext
    option: str
    bounds: Bounds
    clock: Callable[[], float]

    def dial(self, url: Url) -> Connection:
        """Connect to where a URL lies.

        Raises:
            AddressRefused: nobody may go there.
            Untrusted: no certificate that is trusted for the name.
            Unreachable: none of its addresses answered.
        """
        addresses = self.guard.addresses(url.host, bares=url.bares)
        raw = self._connect(url, addresses)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if url.scheme == "https":
                raw = self._secure(raw, url)
            return Connection(raw, url.origin, self.bounds, self.clock, bares=url.bares)
        except BaseException:
            raw.close()
            raise

    def _connect(self, url: Url, addresses: list[Address]) -> socket.socket:
        """A connection to the first address that takes it, within a share of the time each."""
        deadline = self.clock() + self.bounds.connect_seconds
        reason = ""
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            seconds = (deadline - self.clock()) / left
            if seconds <= 0:
                break
            family = socket.AF_INET if address.version == 4 else socket.AF_INET6
            raw = socket.socket(family, socket.SOCK_STREAM)
            try:
                raw.settimeout(seconds)
                raw.connect((str(address), url.port))
            except OSError as error:
                raw.close()
                reason = f"{address}: {_reason(error)}"
            except BaseException:
                raw.close()
                raise
            else:
                return raw
        raise Unreachable(f"no connection to {url.host}:{url.port} ({reason or 'timed out'})")

    def _secure(self, raw: socket.socket, url: Url) -> ssl.SSLSocket:
        raw.settimeout(self.bounds.connect_seconds)  # for the whole of the handshake
        try:
            # An end without a word is no end: it may be anybody's who cuts the wire.
            return self.context.wrap_socket(
                raw, server_hostname=url.host, suppress_ragged_eofs=False
            )
        except ssl.SSLCertVerificationError as error:
            raise Untrusted(
                f"the certificate of {url.host} is not trusted: {error.verify_message}; where an"
                f" authority of your own issued it, name its certificate: {self.option} FILE"
            ) from error
        except (OSError, ValueError) as error:
            raise Unreachable(f"no TLS with {url.host}:{url.port}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS broke off").replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error)
