"""How long a bulk request goes on, and on whose word: over operations that only note what was
asked of them."""

import io
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
from falcon import Request, Response
from falcon.testing import create_environ

from app.errors import refusal
from app.scim.attributes import ResourceType
from app.scim.bulk import Bulk
from app.scim.limits import BULK_SECONDS
from app.scim.operations import Done
from app.scim.routing import Routing
from app.scim.schemas import USER
from app.scim.versions import Condition
from auth.errors import NotAuthenticated
from auth.principals import Authority, operating
from middleware.context import CONTEXT, RequestContext
from storage.events import SYSTEM
from storage.metadata import Unavailable
from tests.http.provisioning import BULK

AUTHORITY = operating("a" * 16, SYSTEM)


class Noting:
    """Makes users of nothing, after `before` was called."""

    type: ResourceType = USER

    def __init__(self, before: Callable[[int], object]) -> None:
        self.made: list[str] = []
        self._before = before

    def create(
        self, _by: Authority, body: Mapping[str, Any], _base: str, new_id: str | None = None
    ) -> Done:
        self._before(len(self.made))
        self.made.append(body["userName"])
        return Done(new_id or "", {}, 'W/"1"')

    def replace(self, *_: object) -> Done:
        raise AssertionError

    def patch(self, *_: object) -> Done:
        raise AssertionError

    def delete(self, _by: Authority, id_: str, _condition: Condition) -> None:
        raise AssertionError(id_)


class Confirming:
    """A routing that confirms as long as it may."""

    def __init__(self) -> None:
        self.revoked = False

    def base(self, _req: Request) -> str:
        return "/scim/v2"

    def authority(self, _req: Request) -> Authority:
        return AUTHORITY

    def still(self, _req: Request) -> Authority:
        if self.revoked:
            raise NotAuthenticated
        return AUTHORITY


def run(
    routing: Confirming, kind: Noting, clock: Callable[[], float] = lambda: 0.0
) -> list[tuple[str, str]]:
    """Five users in one message; what is answered, by bulkId."""
    operations = [
        {"method": "POST", "path": "/Users", "bulkId": name, "data": {"userName": name}}
        for name in "abcde"
    ]
    body = json.dumps({"schemas": [BULK], "Operations": operations}).encode()
    environ = create_environ(method="POST", path="/scim/v2/Bulk", body=body)
    environ["wsgi.input"] = io.BytesIO(body)
    environ[CONTEXT] = RequestContext()
    response = Response()
    bulk = Bulk(cast(Routing, routing), {"Users": kind}, refusal, clock)
    bulk.on_post(Request(environ), response)
    answered = json.loads(response.data or b"")["Operations"]
    return [(one["bulkId"], one["status"]) for one in answered]


def test_a_token_that_is_revoked_meanwhile_does_nothing_more() -> None:
    routing = Confirming()

    def revoke(made: int) -> None:
        routing.revoked = made == 1

    kind = Noting(revoke)
    assert run(routing, kind) == [("a", "201"), ("b", "201"), ("c", "401")]
    assert kind.made == ["a", "b"]


def test_it_ends_in_time_and_tells_what_was_done() -> None:
    seconds = [0.0]

    def take(_made: int) -> None:
        seconds[0] += BULK_SECONDS / 2 + 1

    kind = Noting(take)
    assert run(Confirming(), kind, lambda: seconds[0]) == [("a", "201"), ("b", "201"), ("c", "503")]
    assert kind.made == ["a", "b"]


def test_a_store_that_is_away_is_not_asked_again() -> None:
    def away(made: int) -> None:
        if made:
            raise Unavailable("away")

    assert run(Confirming(), Noting(away)) == [("a", "201"), ("b", "503")]


def test_a_fault_of_ours_is_told_with_what_was_done_before_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fault(made: int) -> None:
        if made == 2:
            raise ZeroDivisionError

    assert run(Confirming(), Noting(fault)) == [("a", "201"), ("b", "201"), ("c", "500")]
    assert "ZeroDivisionError" in caplog.text
