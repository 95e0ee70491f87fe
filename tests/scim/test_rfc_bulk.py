"""Bulk (RFC 7644, section 3.7): references, circles, failures and limits."""

from typing import Any

import pytest

from tests.scim.answers import Said
from tests.scim.served import BULK, ENTERPRISE, GROUP, PATCH, USER, USERS, Provider, name_of

_RESPONSE = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"


def _bulk(scim: Provider, *operations: dict[str, Any], **more: Any) -> Said:
    return scim.post("/Bulk", {"schemas": [BULK], "Operations": list(operations), **more})


def _user(bulk_id: str, name: str = "", **more: Any) -> dict[str, Any]:
    data = {"schemas": [USER], "userName": name or name_of("bulk"), **more}
    return {"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data}


def _group(bulk_id: str, *members: str) -> dict[str, Any]:
    listed = [{"type": "User", "value": one} for one in members]
    data = {"schemas": [GROUP], "displayName": name_of("guides"), "members": listed}
    return {"method": "POST", "path": "/Groups", "bulkId": bulk_id, "data": data}


def _led(bulk_id: str, manager: str) -> dict[str, Any]:
    return _user(bulk_id, **{ENTERPRISE: {"manager": {"value": manager}}})


def _statuses(answer: Said) -> list[str]:
    assert answer.status == 200, answer
    assert answer.json["schemas"] == [_RESPONSE]
    return [one["status"] for one in answer.json["Operations"]]


def _id_of(answer: Said, bulk_id: str) -> str:
    (found,) = [one for one in answer.json["Operations"] if one.get("bulkId") == bulk_id]
    return str(found["location"]).rpartition("/")[2]


def test_3_7_each_operation_is_told_in_order(scim: Provider) -> None:
    old, going = scim.user("old"), scim.user("going")
    patch = {"schemas": [PATCH], "Operations": [{"op": "add", "path": "title", "value": "x"}]}
    whole = {"schemas": [USER], "userName": old["userName"], "nickName": "y"}
    answer = _bulk(
        scim,
        _user("qwerty"),
        {"method": "PUT", "path": f"/Users/{old['id']}", "data": whole},
        {"method": "PATCH", "path": f"/Users/{old['id']}", "data": patch},
        {"method": "DELETE", "path": f"/Users/{going['id']}"},
    )
    assert _statuses(answer) == ["201", "200", "200", "204"]
    told = answer.json["Operations"]
    assert [one["method"] for one in told] == ["POST", "PUT", "PATCH", "DELETE"]
    assert (told[0]["bulkId"], told[0]["version"][:3]) == ("qwerty", 'W/"')
    assert told[1]["location"] == old["meta"]["location"]
    scim.get(f"/Users/{old['id']}").shows({"nickName": "y", "title": "x"})
    assert scim.get(f"/Users/{going['id']}").status == 404


@pytest.mark.parametrize("group_first", [False, True])
def test_3_7_2_a_member_is_named_by_his_bulk_id(scim: Provider, group_first: bool) -> None:
    operations = [_user("qwerty"), _group("ytrewq", "bulkId:qwerty")]
    answer = _bulk(scim, *(reversed(operations) if group_first else operations))
    assert _statuses(answer) == ["201", "201"]
    assert scim.members(_id_of(answer, "ytrewq")) == {_id_of(answer, "qwerty")}


def test_3_7_1_two_who_manage_each_other_are_both_made(scim: Provider) -> None:
    answer = _bulk(scim, _led("a", "bulkId:b"), _led("b", "bulkId:a"))
    assert _statuses(answer) == ["201", "201"]
    one, other = _id_of(answer, "a"), _id_of(answer, "b")
    for led, manager in ((one, other), (other, one)):
        scim.get(f"/Users/{led}").shows({ENTERPRISE: {"manager": {"value": manager}}})


def test_3_7_2_what_was_just_made_is_changed_in_a_path_and_a_patch(scim: Provider) -> None:
    member = [{"op": "add", "path": "members", "value": [{"value": "bulkId:u"}]}]
    answer = _bulk(
        scim,
        _user("u"),
        _group("g"),
        {
            "method": "PATCH",
            "path": "/Groups/bulkId:g",
            "data": {"schemas": [PATCH], "Operations": member},
        },
    )
    assert _statuses(answer) == ["201", "201", "200"] or _statuses(answer)[2] == "204"
    assert scim.members(_id_of(answer, "g")) == {_id_of(answer, "u")}


def test_3_7_3_a_failure_stops_what_follows_when_so_many_are_reached(scim: Provider) -> None:
    taken = scim.user()["userName"]
    again = [_user(f"bad{number}", taken) for number in range(3)]
    good = [_user("first"), *again, _user("last")]
    assert _statuses(_bulk(scim, *good)) == ["201", "409", "409", "409", "201"]
    names = [_user("first"), *again, _user("last")]
    answer = _bulk(scim, *names, failOnErrors=2)
    assert _statuses(answer) == ["201", "409", "409"]
    failed = answer.json["Operations"][1]["response"]
    assert (failed["scimType"], failed["status"]) == ("uniqueness", "409")
    unmade = names[-1]["data"]["userName"]
    scim.get("/Users", filter=f'userName eq "{unmade}"').shows({"totalResults": 0})


def test_3_7_2_a_reference_to_what_failed_or_is_not_there_fails(scim: Provider) -> None:
    taken = scim.user()["userName"]
    answer = _bulk(scim, _user("bad", taken), _group("g", "bulkId:bad"), _group("h", "bulkId:none"))
    statuses = _statuses(answer)
    assert statuses[0] == "409"
    assert {one[0] for one in statuses[1:]} == {"4"}


def test_3_7_4_what_is_more_than_the_limits_is_413_and_nothing_is_done(scim: Provider) -> None:
    bulk = scim.get("/ServiceProviderConfig").json["bulk"]
    assert bulk["supported"] is True
    name = name_of("toomany")
    one = {"method": "DELETE", "path": f"{USERS}/none"}
    answer = _bulk(scim, _user("first", name), *([one] * bulk["maxOperations"]))
    answer.refused(413)
    assert str(bulk["maxOperations"]) in answer.json["detail"]
    large = {
        "schemas": [BULK],
        "Operations": [_user("first", name, title="x" * bulk["maxPayloadSize"])],
    }
    scim.post("/Bulk", large).refused(413)
    scim.get("/Users", filter=f'userName eq "{name}"').shows({"totalResults": 0})


@pytest.mark.parametrize(
    "operation",
    [
        {"method": "GET", "path": "/Users"},
        {"method": "POST", "path": "/Users", "data": {"schemas": [USER], "userName": "x"}},
        {"method": "POST", "path": "/Bulk", "bulkId": "a", "data": {}},
        {"method": "PUT", "path": "/Users", "data": {}},
        {"path": "/Users"},
        7,
    ],
)
def test_3_7_an_operation_that_is_none_is_refused(scim: Provider, operation: Any) -> None:
    answer = scim.post("/Bulk", {"schemas": [BULK], "Operations": [operation]})
    statuses = _statuses(answer) if answer.status == 200 else [str(answer.status)]
    assert [one[0] for one in statuses] == ["4"]
