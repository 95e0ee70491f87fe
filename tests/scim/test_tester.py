"""scim2-tester, which knows the RFCs and not this service, finds nothing to say against it."""

from collections import Counter
from collections.abc import Iterator

import pytest
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server
from scim2_tester.discovery import get_all_available_tags
from scim2_tester.utils import CheckResult

from tests.clients.server import Server
from tests.http.client import bearer
from tests.scim.served import BASE, Provider, provider, started_on

#: Each of them has to be looked at, in so many results at least.
_TAGS = {
    "discovery",
    "service-provider-config",
    "resource-types",
    "schemas",
    "misc",
    "crud:create",
    "crud:read",
    "crud:read:attributes",
    "crud:update",
    "crud:delete",
    "patch:add",
    "patch:remove",
    "patch:replace",
}
_RESULTS = 100


@pytest.fixture(params=["folder", "aws"])
def empty(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server with nobody else on it: what the tester makes has to be on the first page."""
    with started_on(request.param, tmp_path_factory.mktemp(request.param)) as server:
        yield server


def results_of(asking: Provider) -> list[CheckResult]:
    """Everything that it checks, with nothing left out."""
    headers = {"Authorization": bearer(asking.token)}
    with Client(base_url=f"{asking.server.serving.url}{BASE}", headers=headers, timeout=60) as http:
        return check_server(SyncSCIMClient(http), raise_exceptions=False)


def told(results: list[CheckResult], *statuses: Status) -> list[str]:
    return [
        f"{one.status.name} {one.resource_type or ''} {one.title}: {one.reason}"
        for one in results
        if one.status in statuses
    ]


@pytest.mark.timeout(600)
def test_every_check_of_the_tester_succeeds(empty: Server) -> None:
    results = results_of(provider(empty))
    bad = told(results, *(set(Status) - {Status.SUCCESS, Status.COMPLIANT, Status.ACCEPTABLE}))
    assert bad == []
    assert set().union(*(one.tags for one in results)) - {"*"} >= _TAGS
    assert len(results) > _RESULTS, Counter(one.title for one in results)
    assert {one.resource_type for one in results} == {None, "User", "Group"}


def test_the_tester_has_no_checks_that_are_left_out_here() -> None:
    assert set(get_all_available_tags()) == _TAGS
