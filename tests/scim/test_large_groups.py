"""A group of a thousand, changed by one, and read while it changes."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.scim.answers import CHANGED
from tests.scim.served import Provider

MEMBERS = 1_000


@pytest.mark.timeout(600)
def test_a_group_of_a_thousand_is_changed_by_one_and_by_all(scim: Provider) -> None:
    with ThreadPoolExecutor(4) as pool:
        people = list(pool.map(lambda _: scim.user("many"), range(MEMBERS + 1)))
    *most, last = people
    group = scim.group(*most)["id"]
    everybody = {one["id"] for one in most}
    assert scim.members(group) == everybody
    at = f"/Groups/{group}"
    come = {"op": "Add", "path": "members", "value": [{"value": last["id"]}]}
    assert scim.patch(at, come).status in CHANGED
    assert scim.members(group) == everybody | {last["id"]}
    gone = {"op": "remove", "path": f'members[value eq "{most[0]["id"]}"]'}
    assert scim.patch(at, gone).status in CHANGED
    assert scim.members(group) == (everybody | {last["id"]}) - {most[0]["id"]}
    by_value = {"op": "Remove", "path": "members", "value": [{"value": most[1]["id"]}]}
    assert scim.patch(at, by_value).status in CHANGED
    assert len(scim.members(group)) == MEMBERS - 1
    few = [{"value": last["id"]}]
    _half_is_never_seen(scim, group, few, [{"value": one["id"]} for one in most])
    found = scim.get("/Groups", filter=f'id eq "{group}" and members eq "{last["id"]}"', count=0)
    found.shows({"totalResults": 0})


def _half_is_never_seen(
    scim: Provider, group: str, few: list[dict[str, str]], most: list[dict[str, str]]
) -> None:
    """Readers see the members before or those after, whatever the change takes."""
    at, over, seen = f"/Groups/{group}", threading.Event(), set[int]()

    def read() -> None:
        while not over.is_set():
            seen.add(len(scim.members(group)))

    for value in (most, few, most):
        assert (
            scim.patch(at, {"op": "replace", "path": "members", "value": value}).status in CHANGED
        )
        reader = threading.Thread(target=read)
        reader.start()
        other = few if value is most else most
        scim.patch(at, {"op": "replace", "path": "members", "value": other})
        over.set()
        reader.join(60)
        over.clear()
    assert scim.patch(at, {"op": "replace", "path": "members", "value": most}).status in CHANGED
    assert scim.members(group) == {one["value"] for one in most}
    assert seen <= {len(few), len(most)}
