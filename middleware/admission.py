"""Who gets a thread when there are few left: a place for each request, or a turn to wait.

A request that has to wait gives its thread back: the server, where it can do that, keeps the
connection and asks again when the place is there. Nothing of the body was read by then. Where
it can't, or too many wait already, the client is told to come back.
"""

import math
from typing import Any

from falcon import Request, Response

from middleware.context import TURN, context_of
from middleware.declarations import HEALTH
from middleware.places import Places, Turn
from middleware.problems import Problem

#: What a refused client is asked to wait, in seconds: about what large transfers take.
RETRY_AFTER_SECONDS = 5


class Admission:
    """Takes a place for every routed request; it is given back when the answer was sent."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def process_resource(
        self, req: Request, _resp: Response, _resource: object, _params: dict[str, Any]
    ) -> None:
        context = context_of(req)
        if context.need is HEALTH:
            return
        turn: Turn | None = req.env.get(TURN)
        if turn is not None:  # It waited, and the server gives back what came of that.
            if turn.granted:
                return
            raise busy()
        anonymous = context.claim is None
        holders: tuple[str, ...] = (f"address {context.network}",)
        if context.holder is not None:
            holders = (*holders, f"principal {context.holder}")
        places = self._places
        if places.take(holders, anonymous):
            context.on_finish(lambda: places.release(holders, anonymous))
            return
        if TURN in req.env:
            context.turn = places.line_up(holders, anonymous)
        raise busy()


def busy(retry_after_seconds: float = RETRY_AFTER_SECONDS) -> Problem:
    """What is answered to those who have to come back."""
    return Problem(
        503,
        "Service Unavailable",
        "Too many requests of yours, or of anonymous readers, are under way at once."
        " Try again in a few seconds, with fewer in parallel.",
        {"Retry-After": str(max(1, math.ceil(retry_after_seconds)))},
    )
