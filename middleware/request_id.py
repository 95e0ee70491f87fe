"""The id of a request: in its answer, in the log, in problems, in the audit.

It is made here, at random; a proxy that we trust may hand in its own, so that its log and
ours can be laid side by side. Nobody else's is taken: an id that a client chooses could
point the audit at another's request.
"""

import re

from falcon import Request, Response

from middleware.context import context_of
from middleware.proxies import TrustedProxies

_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{6,62})[A-Za-z0-9]", re.ASCII)


class RequestId:
    """Settles the id, and answers it as `X-Request-Id`."""

    def __init__(self, proxies: TrustedProxies) -> None:
        self._proxies = proxies

    def process_request(self, req: Request, _resp: Response) -> None:
        context = context_of(req)
        req.context.strongroom = context
        given = req.env.get("HTTP_X_REQUEST_ID")
        if (
            given is not None
            and self._proxies.peer(req.env.get("REMOTE_ADDR", "")).trusted
            and _ID.fullmatch(given)
        ):
            context.id = given

    def process_response(
        self, req: Request, resp: Response, _resource: object, _succeeded: bool
    ) -> None:
        resp.set_header("X-Request-Id", context_of(req).id)
