"""PATCH: what is refused, and that nothing is done then."""

import copy
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
from app.scim.patching import MOST_LOOKED_AT, patch
from app.scim.schemas import ENTERPRISE, GROUP, USER
from tests.scim.patch_samples import (
    GROUP_RESOURCE,
    HOME,
    RESOURCE,
    WORK,
    changed_by,
    read,
)


@pytest.mark.parametrize(
    "error, operation",
    [
        (NotMutable, {"op": "remove", "path": "userName"}),
        (NotMutable, {"op": "replace", "path": "userName", "value": None}),
        (NotMutable, {"op": "replace", "path": "id", "value": "2819c223"}),
        (NotMutable, {"op": "replace", "value": {"id": "other"}}),
        (NotMutable, {"op": "replace", "path": "schemas", "value": []}),
        (NotMutable, {"op": "add", "path": "meta.version", "value": "1"}),
        (NotMutable, {"op": "add", "path": "groups", "value": [{"value": "e9e30dba"}]}),
        (NotMutable, {"op": "remove", "path": 'groups[value eq "e9e30dba"]'}),
        (NotMutable, {"op": "replace", "value": {"groups": []}}),
        (NotMutable, {"op": "add", "path": f"{ENTERPRISE.id}:manager.displayName", "value": "B"}),
        (NoTarget, {"op": "replace", "path": 'emails[type eq "other"].value', "value": "b"}),
        (NoTarget, {"op": "replace", "path": 'emails[type eq "other"]', "value": {"value": "b"}}),
        (NoTarget, {"op": "remove", "path": 'emails[type eq "other"]'}),
        (NoTarget, {"op": "remove", "path": 'emails[type eq "other"].display'}),
        (NoTarget, {"op": "add", "path": 'emails[type sw "other"].value', "value": "b"}),
        (NoTarget, {"op": "add", "path": "emails[not (value pr)].value", "value": "b"}),
        (NoTarget, {"op": "add", "path": 'ims[type eq "a" or type eq "b"].value', "value": "b"}),
        (NoTarget, {"op": "add", "path": 'ims[type eq "a" and type eq "b"].value', "value": "b"}),
        (InvalidPath, {"op": "add", "path": "surname", "value": "b"}),
        (InvalidPath, {"op": "add", "path": "", "value": "b"}),
        (InvalidPath, {"op": "add", "path": "name.surname", "value": "b"}),
        (InvalidPath, {"op": "add", "path": 'name[givenName eq "b"]', "value": {}}),
        (InvalidPath, {"op": "add", "path": 'title[value eq "b"]', "value": "b"}),
        (InvalidPath, {"op": "add", "path": 'emails[type eq "work"].surname', "value": "b"}),
        (InvalidPath, {"op": "add", "path": "members", "value": "b"}),
        (InvalidPath, {"op": "add", "path": f"{GROUP.schema.id}:displayName", "value": "b"}),
        (InvalidPath, {"op": "add", "path": f"{ENTERPRISE.id}:title", "value": "b"}),
        (InvalidPath, {"op": "add", "value": {"surname": "b"}}),
        (InvalidPath, {"op": "add", "value": {ENTERPRISE.id: {"": "b"}}}),
        (InvalidPath, {"op": "remove", "path": 'emails[type eq "work"]]'}),
        (InvalidFilter, {"op": "remove", "path": 'emails[type is "work"]'}),
        (InvalidFilter, {"op": "remove", "path": 'emails[surname eq "work"]'}),
        (InvalidFilter, {"op": "remove", "path": 'emails[primary gt "work"]'}),
        (InvalidValue, {"op": "replace", "path": "userName", "value": " "}),
        (InvalidValue, {"op": "replace", "path": "title", "value": {"value": "b"}}),
        (InvalidValue, {"op": "replace", "path": "active", "value": "no"}),
        (InvalidValue, {"op": "replace", "path": "name", "value": "Barbara"}),
        (InvalidValue, {"op": "add", "path": "name", "value": {"surname": "b"}}),
        (InvalidValue, {"op": "add", "path": "emails.primary", "value": True}),
        (InvalidValue, {"op": "add", "path": 'emails[type eq "work"]', "value": [WORK, HOME]}),
        (InvalidValue, {"op": "replace", "path": "emails",
                        "value": [WORK, {**HOME, "primary": True}]}),
        (InvalidValue, {"op": "add", "path": "profileUrl", "value": "javascript:alert(1)"}),
        (InvalidValue, {"op": "add", "value": "title"}),
        (InvalidValue, {"op": "add", "value": None}),
        (InvalidValue, {"op": "add", "path": ENTERPRISE.id, "value": "b"}),
        (InvalidSyntax, {"op": "add", "value": {"title": "a", "TITLE": "b"}}),
        (InvalidSyntax, {"op": "add", "path": "name",
                         "value": {"givenName": "a", "givenname": "b"}}),
        (InvalidSyntax, {"op": "add", "value": {
            ENTERPRISE.id: {"division": "a", "Division": "b"}}}),
    ],
)  # fmt: skip
def test_what_can_not_be_done_is_refused_and_nothing_is_done(
    error: type[ScimError], operation: Any
) -> None:
    before = copy.deepcopy(RESOURCE)
    with pytest.raises(error) as refused:
        patch(RESOURCE, read({"op": "add", "path": "title", "value": "x"}, operation), USER)
    assert type(refused.value) is error
    assert before == RESOURCE


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": 'members[value eq "2819c223"].value', "value": "08e1d05d"},
        {"op": "replace", "path": 'members[value eq "2819c223"]', "value": {"value": "08e1d05d"}},
        {"op": "add", "path": 'members[value eq "2819c223"]', "value": {"value": "08e1d05d"}},
        {"op": "remove", "path": 'members[value eq "2819c223"].value'},
        {"op": "add", "path": "members.value", "value": "08e1d05d"},
        {"op": "replace", "path": 'members[value eq "2819c223"].display', "value": "B"},
        {"op": "remove", "path": "displayName"},
    ],
)
def test_a_member_is_added_and_removed_but_never_changed(operation: Any) -> None:
    with pytest.raises(NotMutable):
        patch(GROUP_RESOURCE, read(operation), GROUP)


def test_operations_that_look_at_too_many_values_are_refused() -> None:
    roles = [{"value": str(n)} for n in range(1_000)]
    add = {"op": "add", "path": "roles", "value": roles}
    look = {"op": "replace", "path": 'roles[value eq "5"].display', "value": "x"}
    assert len(changed_by(add, look)["roles"]) == len(roles)
    with pytest.raises(OverLimit, match="look at too many values"):
        changed_by(add, *[look] * (1 + MOST_LOOKED_AT // len(roles)))


def test_a_resource_does_not_grow_over_its_bounds() -> None:
    roles = [{"value": str(n)} for n in range(600)]
    more = [{"value": f"more {n}"} for n in range(600)]
    with pytest.raises(OverLimit, match="at most 1000 values"):
        changed_by(
            {"op": "add", "path": "roles", "value": roles},
            {"op": "add", "path": "roles", "value": more},
        )
    parts = ("streetAddress", "formatted", "locality")
    large = [{"type": str(n), **dict.fromkeys(parts, "x" * 4_000)} for n in range(6)]
    with pytest.raises(OverLimit, match="65536 bytes"):
        changed_by({"op": "add", "path": "addresses", "value": large})


def test_no_message_repeats_a_value_that_was_sent() -> None:
    secret = "S3cret"
    for operation in (
        {"op": "replace", "path": "password", "value": [secret]},
        {"op": "replace", "path": "password", "value": f"{secret}\x00"},
        {"op": "replace", "path": "active", "value": secret},
        {"op": "replace", "value": secret},
        {"op": "add", "path": f'emails[value sw "{secret}"].value', "value": secret},
    ):
        with pytest.raises(ScimError) as refused:
            changed_by(operation)
        assert secret not in str(refused.value)
