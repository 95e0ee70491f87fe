"""The message of a PATCH, before it is known what it is about."""

from typing import Any

import pytest

from app.scim.errors import InvalidSyntax, InvalidValue, NoTarget, OverLimit, ScimError
from app.scim.patch_messages import MOST_OPERATIONS, PATCH_OP, Operation, Verb, read_patch
from app.scim.schemas import USER
from tests.scim.patch_samples import changed_by, read


def test_a_message_is_read_whatever_the_case_of_its_names() -> None:
    body = {
        "Schemas": [PATCH_OP.upper()],
        "operations": [
            {"OP": "ADD", "Path": "title", "VALUE": "x", "name": "addTitle"},
            {"op": "Remove", "path": "title"},
        ],
    }
    assert read_patch(body) == (
        Operation(Verb.ADD, "title", "x"),
        Operation(Verb.REMOVE, "title"),
    )


@pytest.mark.parametrize(
    "error, operation",
    [
        (NoTarget, {"op": "remove"}),
        (NoTarget, {"op": "remove", "path": None, "value": {"title": None}}),
        (InvalidSyntax, {"op": "move", "path": "title", "value": "x"}),
        (InvalidSyntax, {"op": None, "path": "title", "value": "x"}),
        (InvalidSyntax, {"path": "title", "value": "x"}),
        (InvalidSyntax, {"op": "add", "path": ["title"], "value": "x"}),
        (InvalidSyntax, {"op": "add", "OP": "remove", "path": "title", "value": "x"}),
        (InvalidSyntax, "add"),
        (InvalidSyntax, None),
        (InvalidValue, {"op": "add", "path": "title"}),
        (InvalidValue, {"op": "replace", "path": "title"}),
    ],
)
def test_an_operation_that_is_none_is_refused(error: type[ScimError], operation: Any) -> None:
    with pytest.raises(error):
        read(operation)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"Operations": [{"op": "remove", "path": "title"}]},
        {"schemas": [USER.schema.id], "Operations": [{"op": "remove", "path": "title"}]},
        {"schemas": {PATCH_OP: 1}, "Operations": [{"op": "remove", "path": "title"}]},
        {"schemas": [PATCH_OP]},
        {"schemas": [PATCH_OP], "Operations": []},
        {"schemas": [PATCH_OP], "Operations": {"op": "remove", "path": "title"}},
        {"schemas": [PATCH_OP], "Operations": [], "operations": []},
    ],
)
def test_a_message_that_is_no_patch_is_refused(body: Any) -> None:
    with pytest.raises(InvalidSyntax):
        read_patch(body)


def test_the_most_operations_are_taken_and_one_more_is_not() -> None:
    operation = {"op": "replace", "path": "title", "value": "x"}
    assert changed_by(*[operation] * MOST_OPERATIONS) == {"title": "x"}
    with pytest.raises(OverLimit, match="at most 1000"):
        read(*[operation] * (MOST_OPERATIONS + 1))


def test_what_an_operation_carries_shows_in_no_repr() -> None:
    assert "t1meMa$heen" not in repr(Operation(Verb.REPLACE, "password", "t1meMa$heen"))
