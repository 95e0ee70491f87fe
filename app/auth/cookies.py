"""The cookie of a session (RFC 6265bis): to this host alone, and never out of a foreign page.

`__Host-` has browsers refuse it without `Secure`, with a domain or for a path, so that no other
host of the domain can set one. Where plain HTTP is allowed beyond loopback it is not kept: a
session of a page needs TLS.
"""

from datetime import UTC, datetime

from falcon import Response

from auth.session_records import LIFETIMES, Kind
from middleware.authentication import COOKIE

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def give_cookie(resp: Response, secret: str) -> None:
    """Have the browser keep a session's secret, for as long as the session lasts."""
    _set(resp, secret, max_age=int(LIFETIMES[Kind.COOKIE].total_seconds()))


def take_cookie(resp: Response) -> None:
    """Have the browser forget it, and the pages that it showed."""
    # By a date: the framework leaves an age of 0 out.
    _set(resp, "", expires=_LONG_AGO)
    # Despite `no-store` a browser keeps pages for the way back, and shows them signed out.
    resp.set_header("Clear-Site-Data", '"cache"')


def _set(
    resp: Response, value: str, *, max_age: int | None = None, expires: datetime | None = None
) -> None:
    resp.set_cookie(
        COOKIE,
        value,
        max_age=max_age,
        expires=expires,
        path="/",
        secure=True,
        http_only=True,
        same_site="Strict",
    )
