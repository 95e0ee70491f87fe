"""What a PATCH does to the members of a group, without those that are there."""

from typing import Any

import pytest

from app.scim.errors import (
    InvalidFilter,
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    NoTarget,
    NotMutable,
    OverLimit,
    ScimError,
)
from app.scim.member_patches import MemberChange, member_changes
from app.scim.patch_messages import PATCH_OP, Operation, Verb, read_patch
from app.scim.schemas import GROUP


def _patch(*operations: dict[str, Any]) -> tuple[Operation, ...]:
    return read_patch({"schemas": [PATCH_OP], "Operations": [*operations]})


def _change(*operations: dict[str, Any]) -> MemberChange:
    others, changes = member_changes(_patch(*operations))
    assert others == ()
    assert not changes.needs_all
    return changes.apply(None)


def _ids(text: str) -> frozenset[str]:
    return frozenset(text)


@pytest.mark.parametrize(
    "operation, change",
    [
        # Okta
        ({"op": "add", "path": "members", "value": [{"value": "a", "display": "A"}]},
         MemberChange(add=_ids("a"))),
        ({"op": "remove", "path": 'members[value eq "a"]'}, MemberChange(remove=_ids("a"))),
        ({"op": "replace", "path": "members", "value": [{"value": "a"}, {"value": "b"}]},
         MemberChange(whole=_ids("ab"))),
        # Entra ID
        ({"op": "Add", "path": "members", "value": [{"$ref": None, "value": "a"}]},
         MemberChange(add=_ids("a"))),
        ({"op": "Remove", "path": "members", "value": [{"$ref": None, "value": "a"}]},
         MemberChange(remove=_ids("a"))),
        ({"op": "Remove", "path": "members"}, MemberChange(whole=_ids(""))),
        # others
        ({"op": "add", "path": f"{GROUP.schema.id}:MEMBERS", "value": "a"},
         MemberChange(add=_ids("a"))),
        ({"op": "add", "value": {"members": [{"value": "a", "type": "User"}]}},
         MemberChange(add=_ids("a"))),
        ({"op": "replace", "value": {"Members": None}}, MemberChange(whole=_ids(""))),
        ({"op": "replace", "path": "members", "value": []}, MemberChange(whole=_ids(""))),
        ({"op": "add", "path": "members", "value": []}, MemberChange()),
        ({"op": "remove", "path": "members", "value": []}, MemberChange()),
        ({"op": "remove", "path": 'members[value eq "a" or value eq "b"]'},
         MemberChange(remove=_ids("ab"))),
        ({"op": "remove", "path": 'members[type eq "User" and value eq "a"]'},
         MemberChange(remove=_ids("a"))),
        ({"op": "remove", "path": 'members[type eq "Group" and value eq "a"]'}, MemberChange()),
        ({"op": "remove", "path": 'members[value eq "a" and value eq "b"]'}, MemberChange()),
        ({"op": "add", "path": 'members[value eq "a"]', "value": {"type": "User"}},
         MemberChange(add=_ids("a"))),
        ({"op": "replace", "path": 'members[value eq "a"]', "value": {"value": "a"}},
         MemberChange()),
    ],
)  # fmt: skip
def test_one_operation_comes_to_ids_or_to_a_whole_set(operation: Any, change: Any) -> None:
    assert _change(operation) == change


ADD_A = {"op": "add", "path": "members", "value": "a"}
ADD_B = {"op": "add", "path": "members", "value": "b"}
REMOVE_A = {"op": "remove", "path": 'members[value eq "a"]'}
ONLY_A = {"op": "replace", "path": "members", "value": "a"}
NOT_A = {"op": "remove", "path": 'members[not (value eq "a")]'}


@pytest.mark.parametrize(
    "operations, change",
    [
        ([], MemberChange()),
        ([ADD_A, ADD_B], MemberChange(add=_ids("ab"))),
        ([ADD_A, REMOVE_A], MemberChange(remove=_ids("a"))),
        ([REMOVE_A, ADD_A], MemberChange(add=_ids("a"))),
        ([ADD_B, REMOVE_A], MemberChange(add=_ids("b"), remove=_ids("a"))),
        ([ADD_B, ONLY_A], MemberChange(whole=_ids("a"))),
        ([ONLY_A, ADD_B, REMOVE_A], MemberChange(whole=_ids("b"))),
        ([NOT_A, ONLY_A, ADD_B, NOT_A], MemberChange(whole=_ids("a"))),
    ],
)
def test_operations_in_their_order_come_to_one_change(operations: Any, change: Any) -> None:
    assert member_changes(_patch(*operations) if operations else ())[1].apply(None) == change


def test_a_filter_that_no_list_of_ids_answers_needs_the_members_that_are_there() -> None:
    _, changes = member_changes(_patch(ADD_B, NOT_A, ADD_B))
    assert changes.needs_all
    assert changes.apply(_ids("ac")) == MemberChange(add=_ids("b"), remove=_ids("c"))
    with pytest.raises(ValueError, match="need the members"):
        changes.apply(None)


def test_with_the_members_that_are_there_nothing_is_changed_in_vain() -> None:
    _, changes = member_changes(_patch(ADD_A, REMOVE_A, ADD_B))
    assert changes.apply(_ids("b")) == MemberChange()
    assert member_changes(_patch(ONLY_A))[1].apply(_ids("ab")) == MemberChange(remove=_ids("b"))


def test_what_is_not_about_members_is_left_to_a_patch_without_them() -> None:
    rename = {"op": "replace", "path": "displayName", "value": "Sales"}
    both = {"op": "replace", "value": {"id": "7", "displayName": "Sales", "members": ["a"]}}
    others, changes = member_changes(_patch(rename, both, ADD_B))
    assert others == (
        Operation(Verb.REPLACE, "displayName", "Sales"),
        Operation(Verb.REPLACE, None, {"id": "7", "displayName": "Sales"}),
    )
    assert changes.apply(None) == MemberChange(whole=_ids("ab"))


@pytest.mark.parametrize(
    "error, operation",
    [
        (InvalidValue, {"op": "add", "path": "members",
                        "value": [{"value": "a", "type": "Group"}]}),
        (InvalidValue, {"op": "add", "path": "members", "value": [{"display": "Babs"}]}),
        (InvalidValue, {"op": "remove", "path": "members", "value": [{"display": "Babs"}]}),
        (InvalidValue, {"op": "add", "path": "members", "value": 5}),
        (InvalidValue, {"op": "add", "path": "members", "value": [{"id": "a"}]}),
        (InvalidSyntax, {"op": "add", "value": {"members": ["a"], "Members": ["b"]}}),
        (InvalidPath, {"op": "add", "value": {"member": ["a"]}}),
        (InvalidPath, {"op": "remove", "path": "member"}),
        (InvalidFilter, {"op": "remove", "path": 'members[display eq "Babs"]'}),
        (InvalidFilter, {"op": "remove", "path": 'members[value eq "a" and $ref pr]'}),
        (InvalidFilter, {"op": "remove", "path": 'members[name eq "a"]'}),
        (InvalidPath, {"op": "remove", "path": "members]"}),
        (InvalidFilter, {"op": "remove", "path": "members[value eq a]"}),
        (NoTarget, {"op": "add", "path": 'members[type eq "User"]', "value": {"type": "User"}}),
        (NoTarget, {"op": "add", "path": 'members[value eq "a" or value eq "b"]', "value": "a"}),
        (NotMutable, {"op": "replace", "path": 'members[value eq "a"]', "value": "b"}),
        (NotMutable, {"op": "add", "path": 'members[value eq "a"]', "value": {"value": "b"}}),
        (NotMutable, {"op": "replace", "path": 'members[value eq "a"].value', "value": "b"}),
        (NotMutable, {"op": "remove", "path": "members.value"}),
        (NotMutable, {"op": "add", "path": 'members[value eq "a"].display', "value": "Babs"}),
    ],
)  # fmt: skip
def test_what_members_can_not_have_is_refused(error: type[ScimError], operation: Any) -> None:
    with pytest.raises(error) as refused:
        member_changes(_patch(ADD_A, operation))
    assert type(refused.value) is error


def test_filters_that_are_held_against_all_members_have_a_bound() -> None:
    assert member_changes(_patch(*[NOT_A] * 30))[1].needs_all
    with pytest.raises(OverLimit, match="send them in several"):
        member_changes(_patch(*[NOT_A] * 50))
    assert not member_changes(_patch(*[REMOVE_A] * 1_000))[1].needs_all
