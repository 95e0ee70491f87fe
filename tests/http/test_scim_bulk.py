"""Several operations of SCIM at once."""

from typing import Any

import pytest

from tests.http.provisioning import GROUP, USER, Provider, provider
from tests.http.stand import Stand


@pytest.fixture
def at(memory_stand: Stand) -> Provider:
    return provider(memory_stand)


def posted(kind: str, bulk_id: str, **data: Any) -> dict[str, Any]:
    schema = USER if kind == "Users" else GROUP
    return {
        "method": "POST",
        "path": f"/{kind}",
        "bulkId": bulk_id,
        "data": {"schemas": [schema], **data},
    }


def test_what_is_referred_to_is_made_first(at: Provider) -> None:
    answer = at.bulk(
        posted("Groups", "g", displayName="g", members=[{"value": "bulkId:u"}]),
        {
            "method": "PATCH",
            "path": "/Users/bulkId:u",
            "data": {
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
                "Operations": [{"op": "add", "path": "title", "value": "x"}],
            },
        },
        posted("Users", "u", userName="ada"),
    )
    operations = answer.json["Operations"]
    assert [one["status"] for one in operations] == ["201", "200", "201"]
    user = at.get("/Users", filter='userName eq "ada"').json["Resources"][0]
    assert user["title"] == "x"
    assert [one["display"] for one in user["groups"]] == ["g"]
    assert operations[2]["location"] == user["meta"]["location"]


def test_a_failure_leaves_the_others_and_what_refers_to_it(at: Provider) -> None:
    at.user("taken")
    answer = at.bulk(
        posted("Users", "a", userName="taken"),
        posted("Groups", "g", displayName="g", members=[{"value": "bulkId:a"}]),
        posted("Groups", "h", displayName="h", members=[{"value": "bulkId:nobody"}]),
        posted("Users", "b", userName="free"),
    )
    operations = answer.json["Operations"]
    assert [one["status"] for one in operations] == ["409", "409", "409", "201"]
    assert operations[0]["response"]["scimType"] == "uniqueness"
    assert at.get("/Groups", count=0).json["totalResults"] == 0


def test_after_so_many_errors_the_rest_is_left_undone(at: Provider) -> None:
    at.user("taken")
    taken = [posted("Users", str(number), userName="taken") for number in range(3)]
    answer = at.bulk(taken[0], taken[1], posted("Users", "b", userName="free"), failOnErrors=2)
    assert [one["status"] for one in answer.json["Operations"]] == ["409", "409"]
    assert at.get("/Users", filter='userName eq "free"').json["totalResults"] == 0


def test_two_may_name_each_other_as_manager(at: Provider) -> None:
    urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    answer = at.bulk(
        posted("Users", "a", userName="a", **{urn: {"manager": {"value": "bulkId:b"}}}),
        posted("Users", "b", userName="b", **{urn: {"manager": {"value": "bulkId:a"}}}),
    )
    assert [one["status"] for one in answer.json["Operations"]] == ["201", "201"]
    users = {one["userName"]: one for one in at.get("/Users").json["Resources"]}
    assert users["a"][urn]["manager"]["value"] == users["b"]["id"]
    assert users["b"][urn]["manager"]["value"] == users["a"]["id"]
