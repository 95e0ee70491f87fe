"""PATCH: the examples of RFC 7644, what providers send, and what comes of it."""

from typing import Any

import pytest

from app.scim.patching import patch
from app.scim.schemas import ENTERPRISE, GROUP, USER
from tests.scim.patch_samples import (
    BABS,
    GROUP_RESOURCE,
    HOME,
    MANDY,
    PLAZA,
    WORK,
    changed_by,
    read,
)


@pytest.mark.parametrize(
    "operation, members",
    [
        # section 3.5.2.1
        ({"op": "add", "path": "members", "value": [{"display": "James", "value": "08e1d05d"}]},
         [BABS, MANDY, {"value": "08e1d05d"}]),
        # section 3.5.2.2
        ({"op": "remove", "path": 'members[value eq "2819c223"]'}, [MANDY]),
        ({"op": "remove", "path": "members"}, None),
        # section 3.5.2.3
        ({"op": "replace", "path": "members", "value": [{"value": "2819c223"}]},
         [{"value": "2819c223"}]),
    ],
)  # fmt: skip
def test_the_examples_of_the_rfc_for_groups(operation: Any, members: Any) -> None:
    assert patch(GROUP_RESOURCE, read(operation), GROUP).get("members") == members


def test_all_members_are_taken_out_and_new_ones_put_in_by_one_message() -> None:
    operations = read(
        {"op": "remove", "path": "members"},
        {"op": "add", "path": "members", "value": [{"value": "2819c223"}, {"value": "08e1d05d"}]},
    )
    found = patch(GROUP_RESOURCE, operations, GROUP)
    assert found["members"] == [{"value": "2819c223"}, {"value": "08e1d05d"}]


@pytest.mark.parametrize(
    "operation, changed",
    [
        # section 3.5.2.1
        ({"op": "add", "value": {
            "emails": [{"value": "babs@example.org", "type": "home"}], "nickname": "Babs"}},
         {"emails": [WORK, HOME, {"value": "babs@example.org", "type": "home"}],
          "nickName": "Babs"}),
        # section 3.5.2.2
        ({"op": "remove", "path": 'emails[type eq "work" and value ew "example.com"]'},
         {"emails": [HOME]}),
        # section 3.5.2.3
        ({"op": "replace", "path": 'addresses[type eq "work"]',
          "value": {"type": "work", "streetAddress": "911 Universal City Plaza", "primary": True}},
         {"addresses": [
             {"type": "work", "streetAddress": "911 Universal City Plaza", "primary": True}]}),
        ({"op": "replace", "path": 'addresses[type eq "work"].streetAddress',
          "value": "1010 Broadway Ave"},
         {"addresses": [{**PLAZA, "streetAddress": "1010 Broadway Ave"}]}),
        ({"op": "replace", "value": {
            "emails": [{"value": "b@example.org", "type": "home"}], "nickname": "Babs"}},
         {"emails": [{"value": "b@example.org", "type": "home"}], "nickName": "Babs"}),
    ],
)  # fmt: skip
def test_the_examples_of_the_rfc_for_users(operation: Any, changed: Any) -> None:
    assert changed_by(operation) == changed


@pytest.mark.parametrize(
    "operation, changed",
    [
        # Okta
        ({"op": "replace", "value": {"active": False}}, {"active": False}),
        ({"op": "replace", "value": {"password": "t1meMa$heen"}}, {"password": "t1meMa$heen"}),
        ({"op": "replace", "value": {"id": "2819c223", "title": "Boss"}}, {"title": "Boss"}),
        # Entra ID
        ({"op": "Replace", "path": "active", "value": "False"}, {"active": False}),
        ({"op": "Add", "path": "displayName", "value": "Babs"}, {"displayName": "Babs"}),
        ({"op": "Replace", "path": 'emails[type eq "work"].value', "value": "b@example.org"},
         {"emails": [{**WORK, "value": "b@example.org"}, HOME]}),
        ({"op": "Add", "path": 'phoneNumbers[type eq "mobile"].value', "value": "555"},
         {"phoneNumbers": [{"type": "mobile", "value": "555"}]}),
        ({"op": "Add", "path": 'roles[primary eq "True"].value', "value": "admin"},
         {"roles": [{"primary": True, "value": "admin"}]}),
        ({"op": "Replace", "path": f"{ENTERPRISE.id}:manager", "value": "5d5d"},
         {ENTERPRISE.id: {"department": "Sales", "manager": {"value": "5d5d"}}}),
        ({"op": "Add", "path": f"{ENTERPRISE.id}:department", "value": "Bar"},
         {ENTERPRISE.id: {"department": "Bar", "manager": {"value": "26118915"}}}),
        ({"op": "Replace", "value": {
            "displayName": "Babs", "name.givenName": "B", f"{ENTERPRISE.id}:employeeNumber": "7",
            'emails[type eq "home"].value': "b@example.org"}},
         {"displayName": "Babs", "name": {"givenName": "B", "familyName": "Jensen"},
          "emails": [WORK, {**HOME, "value": "b@example.org"}],
          ENTERPRISE.id: {
              "department": "Sales", "manager": {"value": "26118915"}, "employeeNumber": "7"}}),
        ({"op": "Add", "value": {ENTERPRISE.id: {"costCenter": "5", "manager.value": "5d5d"}}},
         {ENTERPRISE.id: {
             "department": "Sales", "manager": {"value": "5d5d"}, "costCenter": "5"}}),
        ({"op": "Remove", "path": f"{ENTERPRISE.id}:manager"},
         {ENTERPRISE.id: {"department": "Sales"}}),
        ({"op": "Remove", "path": "emails", "value": [{"value": "BABS@jensen.org"}]},
         {"emails": [WORK]}),
    ],
)  # fmt: skip
def test_what_large_providers_send(operation: Any, changed: Any) -> None:
    assert changed_by(operation) == changed


def test_entra_gives_the_parts_of_a_first_role_one_after_the_other() -> None:
    parts = [("display", "Boss"), ("value", "admin"), ("type", "app")]
    operations = [
        {"op": "add", "path": f'roles[primary eq "True"].{part}', "value": value}
        for part, value in parts
    ]
    assert changed_by(*operations) == {"roles": [{"primary": True, **dict(parts)}]}


@pytest.mark.parametrize(
    "operation, changed",
    [
        # what is there, or not there, already
        ({"op": "add", "path": "title", "value": "Tour Guide"}, {}),
        ({"op": "add", "path": "emails", "value": [HOME]}, {}),
        ({"op": "remove", "path": "nickName"}, {}),
        ({"op": "remove", "path": "phoneNumbers"}, {}),
        ({"op": "remove", "path": "phoneNumbers.type"}, {}),
        ({"op": "remove", "path": "emails", "value": [{"value": "none"}]}, {}),
        ({"op": "remove", "path": "emails", "value": []}, {}),
        # null
        ({"op": "add", "path": "title", "value": None}, {}),
        ({"op": "replace", "path": "title", "value": None}, {"title": None}),
        ({"op": "replace", "path": "emails", "value": []}, {"emails": None}),
        ({"op": "replace", "path": 'emails[type eq "home"]', "value": None}, {"emails": [WORK]}),
        ({"op": "replace", "path": "name", "value": {"givenName": None}},
         {"name": {"familyName": "Jensen"}}),
        ({"op": "replace", "value": {"name": None, ENTERPRISE.id: None}},
         {"name": None, ENTERPRISE.id: None, "schemas": [USER.schema.id]}),
        # names and their spelling
        ({"op": "replace", "path": "EXTERNALID", "value": "7"}, {"externalId": "7"}),
        ({"op": "replace", "path": f"{USER.schema.id}:name.familyName", "value": "J"},
         {"name": {"givenName": "Barbara", "familyName": "J"}}),
        ({"op": "replace", "path": f"{USER.schema.id.upper()}:NAME.FAMILYNAME", "value": "J"},
         {"name": {"givenName": "Barbara", "familyName": "J"}}),
        ({"op": "add", "value": {"schemas": ["whatever"], "TITLE": "Boss"}}, {"title": "Boss"}),
        # parts
        ({"op": "replace", "path": "name", "value": {"givenName": "B"}},
         {"name": {"givenName": "B", "familyName": "Jensen"}}),
        ({"op": "remove", "path": "name.givenName"}, {"name": {"familyName": "Jensen"}}),
        ({"op": "add", "path": "emails.display", "value": "B"},
         {"emails": [{**WORK, "display": "B"}, {**HOME, "display": "B"}]}),
        ({"op": "replace", "path": "phoneNumbers.value", "value": "555"},
         {"phoneNumbers": [{"value": "555"}]}),
        ({"op": "remove", "path": 'emails[type eq "work"].type'},
         {"emails": [{"value": WORK["value"], "primary": True}, HOME]}),
        ({"op": "add", "path": 'emails[type eq "home"]', "value": {"display": "B"}},
         {"emails": [WORK, {**HOME, "display": "B"}]}),
        ({"op": "add", "path": 'emails[type eq "home"]', "value": [{"display": "B"}]},
         {"emails": [WORK, {**HOME, "display": "B"}]}),
        # what becomes empty is gone
        ({"op": "remove", "path": "emails[value pr]"}, {"emails": None}),
        ({"op": "remove", "path": f"{ENTERPRISE.id}:manager.value"},
         {ENTERPRISE.id: {"department": "Sales"}}),
        ({"op": "remove", "path": ENTERPRISE.id},
         {ENTERPRISE.id: None, "schemas": [USER.schema.id]}),
        # the one that is primary
        ({"op": "add", "path": "emails", "value": {"value": "new", "primary": True}},
         {"emails": [{**WORK, "primary": False}, HOME, {"value": "new", "primary": True}]}),
        ({"op": "replace", "path": 'emails[type eq "home"].primary', "value": "true"},
         {"emails": [{**WORK, "primary": False}, {**HOME, "primary": True}]}),
        ({"op": "add", "path": 'emails[type eq "other"]', "value": {"primary": True}},
         {"emails": [
             {**WORK, "primary": False}, HOME, {"type": "other", "primary": True}]}),
        ({"op": "replace", "path": 'emails[type eq "work"].display', "value": "B"},
         {"emails": [{**WORK, "display": "B"}, HOME]}),
        # two that become one
        ({"op": "replace", "path": "emails.type", "value": "work"},
         {"emails": [WORK, {**HOME, "type": "work"}]}),
        ({"op": "replace", "path": "emails[value pr]", "value": {"value": "one"}},
         {"emails": [{"value": "one"}]}),
    ],
)  # fmt: skip
def test_what_an_operation_changes(operation: Any, changed: Any) -> None:
    assert changed_by(operation) == changed
