"""What can go wrong on the way to another server and back.

`passes` says whether it may pass by itself, so that it makes sense to ask again later. No
message holds credentials or the query of a URL.
"""

from http import HTTPStatus

from app.outgoing.urls import Url

_PASSING = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class OutgoingError(Exception):
    """Nothing usable came back; the message says why, and what an operator can do."""

    passes = False


class AddressRefused(OutgoingError):
    """A name lies at an address that nobody allowed."""


class Unreachable(OutgoingError):
    """No connection, or one that stalled."""

    passes = True


class Dropped(Unreachable):
    """The other side ended the connection before its answer was through."""


class Untrusted(Unreachable):
    """The other side has no certificate that is trusted for its name."""

    passes = False


class BadAnswer(OutgoingError):
    """An answer that is not followed or can't be used."""


class CutShort(BadAnswer):
    """A body that ended before its end."""

    passes = True


class Declined(BadAnswer):
    """A proper answer, with another status than that of what was asked for.

    Attributes:
        status: such as 404.
        url: who answered so, behind all redirects.
        retry_after: the seconds that the server asks to wait, where it does so in seconds.
    """

    def __init__(self, message: str, status: int, url: Url, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.url = url
        self.retry_after = retry_after
        self.passes = status in _PASSING
