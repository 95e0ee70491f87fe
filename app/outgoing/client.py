"""Fetches documents and files, following redirects, and sends documents to where they are taken.

What goes along with a request for something is listed here: no caller can add a header, so that
none of a client's own can be passed on by mistake. There are no cookies, and no proxies.
"""

import contextlib
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from app.outgoing.addresses import Guard, Network, Resolve, system_addresses
from app.outgoing.bodies import body_of
from app.outgoing.connection import Bounds, Connection, Dialer
from app.outgoing.errors import BadAnswer, Dropped
from app.outgoing.heads import read_head
from app.outgoing.pool import Pool
from app.outgoing.replies import Answer, FileStream, Reply, document
from app.outgoing.urls import InvalidUrl, Url

MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK, _PARTIAL = 200, 206
_AGENT = "strongroom"


@dataclass(frozen=True, slots=True)
class Options:
    """How an operator allows a network, trusts an authority, and gives credentials, as messages
    name it."""

    network: str = "--allow-network"
    authorities: str = "--ca-file"
    credentials: str = "give them in the URL, as https://USER:PASSWORD@HOST/…"


OPTIONS = Options()
BOUNDS = Bounds()


class Client:
    """Fetches from other servers. Safe for any number of threads; keeps connections open."""

    def __init__(
        self,
        *,
        allowed: Sequence[Network] = (),
        cafile: Path | None = None,
        options: Options = OPTIONS,
        bounds: Bounds = BOUNDS,
        resolve: Resolve = system_addresses,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A client without connections.

        Args:
            allowed: networks to go to beside the public internet.
            cafile: certificates of authorities, in PEM, to trust beside the system's.
            options: what messages recommend.
            bounds: how long other servers may take.
            resolve: looks a name up.
            clock: monotonic, in seconds.

        Raises:
            OSError: `cafile` can't be read, or holds no certificates.
        """
        context = ssl.create_default_context()
        if cafile is not None:
            context.load_verify_locations(cafile)
        context.set_alpn_protocols(["http/1.1"])
        guard = Guard(tuple(allowed), resolve, options.network)
        self._dialer = Dialer(guard, context, options.authorities, bounds, clock)
        self._advice = options.credentials
        self._bounds = bounds
        self._clock = clock
        self._pool = Pool(clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close what is idle, and end what is under way, on whichever thread: that one is told
        Unreachable. Nothing is fetched any more."""
        self._pool.close()

    def get(self, url: Url, *, accept: str = "*/*", limit: int) -> Answer:
        """A document, whole and decoded.

        Args:
            url: where it is said to be.
            accept: the header of that name.
            limit: the most bytes that are read, as they come and as they are.

        Raises:
            OutgoingError: by its kinds; Declined for any status but 200.
        """
        headers = {"Accept": accept, "Accept-Encoding": "gzip"}
        deadline = self._clock() + self._bounds.document_seconds
        with self._follow(url, headers, deadline) as reply:
            reply.expect(_OK)
            body = document(reply, limit)
            return Answer(reply.head.status, reply.head.headers, body, reply.url)

    def post(self, url: Url, body: bytes, headers: Mapping[str, str], *, limit: int) -> Answer:
        """What is answered to a document, whatever the status.

        It is sent once, over a connection of its own: where one broke off, nobody can tell
        whether the document came through. Redirects are not followed, so that `headers`, which
        may hold secrets, go nowhere else.

        Args:
            url: where it is taken.
            body: the document.
            headers: what is sent beside host and length; none has a control character in it.
            limit: the most bytes that are read of the answer.

        Raises:
            OutgoingError: by its kinds, but never Declined.
        """
        lines = {**headers, "Content-Length": str(len(body))}
        request = _request(url, lines, "POST") + body
        deadline = self._clock() + self._bounds.document_seconds
        made = self._pool.use(self._dialer.dial(url))
        with self._exchange(made, url, request, deadline) as reply:
            answered = document(reply, limit)
            return Answer(reply.head.status, reply.head.headers, answered, reply.url)

    @contextmanager
    def stream(self, url: Url, offset: int = 0) -> Iterator[FileStream]:
        """A file from an offset on, as it is stored, to be read within the context.

        Nothing here tells whether it is the file that an earlier part was read of: who goes on
        with one compares the digest of the whole.

        Raises:
            OutgoingError: by its kinds; Declined for any status but 200, or 206 for a part.
        """
        # Some servers call the file `x.tar.gz` an `x.tar` in gzip, whatever they are asked for;
        # so Content-Encoding is not looked at.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if offset:
            headers["Range"] = f"bytes={offset}-"
        with self._follow(url, headers, float("inf")) as reply:
            if not (offset and reply.head.status == _PARTIAL):
                reply.expect(_OK)
            if not reply.body.framed:
                raise BadAnswer(f"{reply.url} does not say how long the file is")
            yield FileStream(reply, offset)

    @contextmanager
    def _follow(self, url: Url, headers: dict[str, str], deadline: float) -> Iterator[Reply]:
        """The answer that redirects lead to, each of them checked like the first request."""
        for _ in range(MOST_REDIRECTS + 1):
            with self._ask(url, headers, deadline) as reply:
                if reply.head.status not in _REDIRECTS:
                    yield reply
                    return
                reply.drain()
            url = _redirected(reply)
        raise BadAnswer(f"{url} is where more than {MOST_REDIRECTS} redirects lead")

    def _ask(self, url: Url, headers: dict[str, str], deadline: float) -> Reply:
        """One request, over a connection that is kept where there is one."""
        request = _request(url, headers)
        kept = self._pool.take(url)
        if kept is not None:
            # It may have been closed at the other side meanwhile: then nothing was answered.
            with contextlib.suppress(Dropped):
                return self._exchange(kept, url, request, deadline)
        made = self._pool.use(self._dialer.dial(url))
        return self._exchange(made, url, request, deadline)

    def _exchange(self, connection: Connection, url: Url, request: bytes, deadline: float) -> Reply:
        try:
            connection.deadline = min(deadline, self._clock() + self._bounds.head_seconds)
            connection.send(request)
            head = read_head(connection.file, str(url))
            connection.deadline = deadline
            body = body_of(head, connection.file, str(url))
        except BaseException:
            self._pool.drop(connection)
            raise
        return Reply(url, head, body, connection, self._pool, self._advice)


def _request(url: Url, headers: Mapping[str, str], method: str = "GET") -> bytes:
    """What is sent; a URL's parts are ASCII without controls, as the headers are."""
    lines = {"Host": url.authority, "User-Agent": _AGENT, **headers}
    if url.credentials is not None:
        lines["Authorization"] = url.credentials.header
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {url.target} HTTP/1.1\r\n{head}\r\n".encode("ascii")


def _redirected(reply: Reply) -> Url:
    """Where a redirect leads. The credentials go along to the same origin alone."""
    location = reply.head.headers.get("location")
    if location is None:
        raise reply.declined()
    try:
        # Not all encode it; http.client reads its bytes as Latin-1.
        url = reply.url.join(location.encode("latin-1").decode("utf-8", "replace"))
    except InvalidUrl as error:
        raise BadAnswer(
            f"{reply.url} redirects to where nothing can be fetched: {error}"
        ) from error
    if reply.url.scheme == "https" and url.scheme == "http":
        raise BadAnswer(f"{reply.url} redirects to {url}, which is not encrypted")
    return url
