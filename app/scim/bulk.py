"""`POST /scim/v2/Bulk`: many operations in one request (RFC 7644, section 3.7).

Each operation is all or nothing by itself. What one of them makes has its id before anything is
done, so that two may refer to each other; otherwise what is referred to is made first.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from falcon import Request, Response

from app.scim.bulk_messages import (
    RESPONSE,
    BulkOperation,
    BulkRequest,
    read_bulk,
    references,
    resolved,
)
from app.scim.errors import UnresolvedReference
from app.scim.limits import BULK_BYTES, BULK_SECONDS
from app.scim.media import read_body, show
from app.scim.operations import Operations
from app.scim.refusals import scim_error
from app.scim.routing import Routing
from app.scim.versions import condition_in
from auth.errors import NotAuthenticated, Suspended
from auth.principals import Authority
from auth.records import new_id
from middleware.declarations import SCIM, by_method
from middleware.problems import Problem
from storage.metadata import MetadataError

_TOO_LONG = Problem(
    503, "Service Unavailable", "This took too long together: send the rest in another request."
)
#: After these no other operation can succeed.
_ENDING = (MetadataError, NotAuthenticated, Suspended)


class Bulk:
    """`POST /scim/v2/Bulk`.

    Args:
        routing: confirms the request.
        kinds: what can be done, by the endpoint of the resources.
        refusal: the answer to an error, which it logs where that is the operator's matter.
        clock: monotonic seconds.
    """

    needs = by_method(POST=SCIM)

    def __init__(
        self,
        routing: Routing,
        kinds: Mapping[str, Operations],
        refusal: Callable[[Request, Exception], Problem],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._routing = routing
        self._kinds = kinds
        self._refusal = refusal
        self._clock = clock

    def on_post(self, req: Request, resp: Response) -> None:
        """Do all of it, up to as many errors as the client takes."""
        self._routing.authority(req)  # nobody else's message is read
        run = _Run(read_bulk(read_body(req, BULK_BYTES)))
        base, end = self._routing.base(req), self._clock() + BULK_SECONDS
        for place in run.order():
            if self._clock() > end:
                run.failed(place, _TOO_LONG, base, stops=True)
            else:
                self._perform(req, run, place, base)
            if run.is_over:
                break
        show(resp, {"schemas": [RESPONSE], "Operations": run.answers()})

    def _perform(self, req: Request, run: "_Run", place: int, base: str) -> None:
        try:
            by = self._routing.still(req)
            run.succeeded(place, self._do(run, run.operations[place], by, base))
        except Exception as error:  # noqa: BLE001 - it is logged, and told
            # What was done is told all the same, whatever comes to an end here.
            problem = self._refusal(req, error)
            stops = isinstance(error, _ENDING) or problem.status == 500
            run.failed(place, problem, base, stops=stops)

    def _do(
        self, run: "_Run", operation: BulkOperation, by: Authority, base: str
    ) -> dict[str, Any]:
        kind = self._kinds.get(operation.endpoint)
        if kind is None:
            raise Problem(404, "Not Found", "There are no such resources: see /ResourceTypes.")
        data, id_ = run.data_of(operation), run.id_of(operation)
        condition = condition_in(operation.version)
        if operation.method == "DELETE":
            kind.delete(by, id_, condition)
            return {"location": f"{base}{kind.type.endpoint}/{id_}", "status": "204"}
        if operation.method == "POST":
            done, status = kind.create(by, data, base, id_), "201"
        elif operation.method == "PUT":
            done, status = kind.replace(by, id_, data, condition, base), "200"
        else:
            done, status = kind.patch(by, id_, data, condition, base), "200"
        location = f"{base}{kind.type.endpoint}/{done.id}"
        return {"location": location, "version": done.version, "status": status}


@dataclass(slots=True)
class _Made:
    """What an operation is to make: under which id, and whether it did."""

    place: int
    id: str
    done: bool | None = None


class _Run:
    """The state of one message."""

    def __init__(self, request: BulkRequest) -> None:
        self.operations = request.operations
        self.is_over = False
        self._left = request.fail_on_errors
        self._answers: dict[int, dict[str, Any]] = {}
        self._made = {
            one.bulk_id: _Made(place, new_id())
            for place, one in enumerate(request.operations)
            if one.method == "POST" and one.bulk_id is not None
        }
        self._needed = [
            tuple({*references(one.data), *filter(None, (one.target,))} & self._made.keys())
            for one in request.operations
        ]

    def order(self) -> Iterator[int]:
        """The places of the operations, as they are to be done: as they came, but for those that
        wait for what another one makes. Of those that wait for each other the first goes on."""
        waiting = dict.fromkeys(range(len(self.operations)))
        while waiting:
            ready = [place for place in waiting if not self._blocked(place)]
            for place in ready or [next(iter(waiting))]:
                del waiting[place]
                yield place

    def id_of(self, operation: BulkOperation) -> str:
        """The id of what an operation is about. Raises UnresolvedReference."""
        if operation.method == "POST":
            return self._made[operation.bulk_id or ""].id
        target = operation.target
        if target is None:
            return operation.id or ""
        made = self._made.get(target)
        if made is None or not made.done:
            raise UnresolvedReference
        return made.id

    def data_of(self, operation: BulkOperation) -> dict[str, Any]:
        """The data of an operation, with ids for references. Raises UnresolvedReference."""
        for name in references(operation.data):
            made = self._made.get(name)
            if made is None or made.done is False:
                raise UnresolvedReference
        ids = {name: made.id for name, made in self._made.items()}
        data: dict[str, Any] = resolved(operation.data or {}, ids)
        return data

    def succeeded(self, place: int, answer: dict[str, Any]) -> None:
        """Note what an operation led to."""
        self._note(place, answer, done=True)

    def failed(self, place: int, problem: Problem, base: str, *, stops: bool) -> None:
        """Note that an operation failed; `stops` says that no other one can succeed now."""
        operation, error = self.operations[place], scim_error(problem)
        answer = {"status": error["status"], "response": error}
        if operation.id is not None and operation.target is None:
            answer["location"] = f"{base}/{operation.endpoint}/{operation.id}"
        self._note(place, answer, done=False)
        if self._left is not None:
            self._left -= 1
        self.is_over = stops or self._left == 0

    def answers(self) -> list[dict[str, Any]]:
        """What became of the operations that were tried, in the order in which they came."""
        return [self._answers[place] for place in sorted(self._answers)]

    def _note(self, place: int, answer: dict[str, Any], *, done: bool) -> None:
        operation = self.operations[place]
        named = {} if operation.bulk_id is None else {"bulkId": operation.bulk_id}
        self._answers[place] = {"method": operation.method, **named, **answer}
        made = self._made.get(operation.bulk_id or "")
        if made is not None and made.place == place:
            made.done = done

    def _blocked(self, place: int) -> bool:
        needed = (self._made[name] for name in self._needed[place])
        return any(one.done is None and one.place != place for one in needed)
