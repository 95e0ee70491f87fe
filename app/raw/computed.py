"""What is computed when it is asked for, sent: a document, or a file's checksum."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from falcon import HTTP_200, HTTP_304, Request, Response

from app.raw.conditions import Outcome, parse_conditions
from app.raw.downloads import type_headers
from app.repositories import Repository
from middleware.response_headers import put_headers


@dataclass(frozen=True, slots=True)
class Computed:
    """Bytes under a strong entity tag, quotes included. `modified` is aware; `headers` say what it
    is, where that is not told by its name, and `caching` for whom it may be kept."""

    name: str
    body: bytes
    etag: str
    modified: datetime
    headers: Mapping[str, str] | None = None
    caching: str | None = None


def send(req: Request, resp: Response, repository: Repository, computed: Computed) -> None:
    """Answer with it, or that it was not modified. Raises PreconditionFailed, InvalidCondition.

    Its time is neither told nor asked for: it may go back, where a file is deleted, and a
    client that goes by times would keep what is no longer so.
    """
    visibility = "public" if repository.public else "private"
    caching = computed.caching or f"{visibility}, no-cache"
    put_headers(resp, {"etag": computed.etag, "cache-control": caching})
    match, none_match = req.env.get("HTTP_IF_MATCH"), req.env.get("HTTP_IF_NONE_MATCH")
    conditions = parse_conditions(match, none_match, None, None)
    if conditions.for_reading(computed) is Outcome.NOT_MODIFIED:
        resp.status = HTTP_304
        return
    resp.status = HTTP_200
    put_headers(resp, computed.headers or type_headers(computed.name))
    resp.data = computed.body
