"""PATCH against an implementation that shares nothing with it, and what holds of any PATCH."""

import copy
import json
from typing import Any

from hypothesis import assume, example, given
from hypothesis import strategies as st

from app.scim.attributes import ResourceType
from app.scim.errors import ScimError
from app.scim.member_patches import MemberChange, member_changes
from app.scim.patch_messages import PATCH_OP, Operation, Verb, read_patch
from app.scim.patching import patch
from app.scim.resources import read_resource
from app.scim.schemas import ENTERPRISE, GROUP, USER
from tests.scim.naive_patch import Refused, Step, naive_patch

TEXTS = st.sampled_from(["a", "A", "b", "c"])
TYPES = st.sampled_from(["work", "Work", "home"])
VALUES = st.fixed_dictionaries(
    {}, optional={"value": TEXTS, "type": TYPES, "primary": st.booleans(), "display": TEXTS}
).filter(bool)
LISTS = st.lists(VALUES, min_size=1, max_size=3)
NAMES = st.fixed_dictionaries({}, optional={"givenName": TEXTS, "familyName": TEXTS}).filter(bool)
MANAGERS = st.just({"value": "a"}) | st.just({"value": "b", "$ref": "../Users/b"})
VERBS = st.sampled_from(["add", "replace", "remove"])
PICKED = st.lists(
    st.tuples(st.just("value"), TEXTS)
    | st.tuples(st.just("type"), TYPES)
    | st.tuples(st.just("primary"), st.just(True)),
    min_size=1,
    max_size=2,
    unique_by=lambda condition: condition[0],
).map(tuple)
ID = "2819c223"


def _resources() -> st.SearchStrategy[dict[str, Any]]:
    core = st.fixed_dictionaries(
        {"userName": TEXTS},
        optional={"title": TEXTS, "name": NAMES, "emails": LISTS, "roles": LISTS},
    )
    extended = st.fixed_dictionaries({}, optional={"department": TEXTS, "manager": MANAGERS})

    def whole(parts: tuple[dict[str, Any], dict[str, Any]]) -> dict[str, Any] | None:
        body = {"schemas": [USER.schema.id], **parts[0], ENTERPRISE.id: parts[1]}
        try:
            return read_resource(body, USER) | {"id": ID}
        except ScimError:
            return None  # two are primary

    return st.tuples(core, extended).map(whole).filter(bool)


def _steps() -> st.SearchStrategy[Step]:
    several = st.sampled_from(["emails", "roles"])
    no_value = st.none()
    return st.one_of(
        st.builds(Step, VERBS, st.sampled_from(["title", "userName", "department"]), value=TEXTS),
        st.builds(Step, st.just("replace"), st.sampled_from(["title", "name", "emails"])),
        st.builds(Step, VERBS, st.just("name"), value=NAMES),
        st.builds(
            Step,
            VERBS,
            st.just("name"),
            part=st.sampled_from(["givenName"]),
            value=TEXTS | no_value,
        ),
        st.builds(Step, VERBS, st.just("manager"), value=MANAGERS | no_value),
        st.builds(Step, VERBS, several, value=LISTS | no_value),
        st.builds(Step, VERBS, several, PICKED, value=VALUES),
        st.builds(
            Step,
            VERBS,
            several,
            PICKED | no_value,
            st.sampled_from(["value", "type", "display"]),
            TEXTS | no_value,
        ),
        st.builds(Step, VERBS, several, PICKED, st.just("primary"), st.booleans()),
    )


def _operation(step: Step) -> Operation:
    return Operation(Verb(step.verb), step.path, step.value)


@given(_resources(), st.lists(_steps(), max_size=5))
@example({"schemas": [USER.schema.id], "userName": "a"}, [])
def test_a_patch_does_what_a_naive_one_does(resource: dict[str, Any], steps: list[Step]) -> None:
    try:
        wanted: Any = naive_patch(resource, steps)
    except Refused as refused:
        wanted = str(refused)
    before = copy.deepcopy(resource)
    try:
        found: Any = patch(resource, [_operation(step) for step in steps], USER)
    except ScimError as error:
        found = type(error).__name__
    assert found == wanted
    assert resource == before


@given(_resources(), st.lists(_steps(), max_size=5), st.integers(0, 5))
def test_operations_together_are_the_same_as_one_after_the_other(
    resource: dict[str, Any], steps: list[Step], cut: int
) -> None:
    operations = [_operation(step) for step in steps]
    try:
        together = patch(resource, operations, USER)
    except ScimError:
        assume(False)
    assert patch(patch(resource, operations[:cut], USER), operations[cut:], USER) == together


@given(_resources(), st.lists(_steps(), max_size=4))
def test_what_a_patch_makes_is_a_resource_that_could_be_sent(
    resource: dict[str, Any], steps: list[Step]
) -> None:
    try:
        patched = patch(resource, [_operation(step) for step in steps], USER)
    except ScimError:
        assume(False)
    assert read_resource(patched, USER) | {"id": ID} == patched | {"id": ID}


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.sampled_from(
        [
            *["schemas", "userName", "emails", "EMAILS", "value", "type", "primary", "name"],
            *["manager", "members", "displayName", "active", "x509Certificates", "photos"],
            *["addresses", "$ref", "id", "meta", "groups", "password", "givenName"],
            *[ENTERPRISE.id, f"{ENTERPRISE.id}:manager", 'emails[type eq "work"].value'],
        ]
    )
    objects = st.dictionaries(names | st.text(max_size=4), inner, max_size=4)
    return st.lists(inner, max_size=3) | objects


SIMPLE = st.sampled_from(["a@b", "\udc80", "\x00", "true", USER.schema.id, "members", "emails"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | SIMPLE,
    _nested,
    max_leaves=12,
)


def _read(body: Any, type_: ResourceType) -> dict[str, Any] | ScimError:
    try:
        return read_resource(body, type_, required=False)
    except ScimError as error:
        return error


def _patched(body: Any, resource: dict[str, Any], type_: ResourceType) -> Any:
    try:
        operations = read_patch(body)
        if type_ is GROUP:
            member_changes(operations)[1].apply(frozenset())
        return patch(resource, operations, type_)
    except ScimError as error:
        return error


@given(JSON, st.sampled_from([USER, GROUP]))
def test_whatever_is_sent_is_a_resource_or_refused(body: Any, type_: ResourceType) -> None:
    if isinstance(body, dict):
        body["schemas"] = [type_.schema.id]
    read = _read(body, type_)
    if isinstance(read, ScimError):
        assert str(read).isprintable()
        assert len(str(read)) < 300
    else:
        assert _read(read, type_) == read
        assert json.loads(json.dumps(read)) == read


@given(_resources(), st.sampled_from([*Verb]), st.none() | st.text(max_size=6) | JSON, JSON)
def test_whatever_is_sent_is_a_patch_or_refused(
    resource: dict[str, Any], verb: Verb, path: Any, value: Any
) -> None:
    before = copy.deepcopy(resource)
    operation = {"op": verb, "path": path, "value": value}
    body = {"schemas": [PATCH_OP], "Operations": [operation]}
    for type_ in (USER, GROUP):
        patched = _patched(body, resource, type_)
        if isinstance(patched, ScimError):
            assert str(patched).isprintable()
        else:
            assert json.loads(json.dumps(patched)) == patched
    assert resource == before


MEMBER_STEPS = st.lists(
    st.tuples(
        VERBS,
        st.sampled_from(
            [
                "members",
                'members[value eq "a"]',
                'members[value eq "a" or value eq "b"]',
                'members[value eq "a" and type eq "User"]',
                'members[not (value eq "a")]',
                'members[value sw "c"]',
            ]
        ),
        st.none() | st.lists(st.sampled_from("abcd").map(lambda id_: {"value": id_}), max_size=3),
    ),
    max_size=5,
)


@given(st.frozensets(st.sampled_from("abcd")), MEMBER_STEPS)
def test_what_is_told_of_members_is_what_a_patch_of_all_of_them_comes_to(
    present: frozenset[str], steps: list[tuple[str, str, Any]]
) -> None:
    steps = [step for step in steps if step[0] == "remove" or step[1] == "members"]
    operations = [Operation(Verb(verb), path, value) for verb, path, value in steps]
    members = set(present)
    for verb, path, value in steps:
        ids = None if value is None else {one["value"] for one in value}
        if path == "members" and verb == "add":
            members |= ids or set()
        elif path == "members" and verb == "replace":
            members = ids or set()
        elif path == "members":
            members = members - ids if ids is not None else set()
        else:
            members -= {
                'members[value eq "a"]': {"a"},
                'members[value eq "a" or value eq "b"]': {"a", "b"},
                'members[value eq "a" and type eq "User"]': {"a"},
                'members[not (value eq "a")]': {"b", "c", "d"},
                'members[value sw "c"]': {"c"},
            }[path]
    others, changes = member_changes(operations)
    assert others == ()
    exact = changes.apply(present)
    assert exact == MemberChange(frozenset(members) - present, present - frozenset(members))
    if not changes.needs_all:
        told = changes.apply(None)
        start = present if told.whole is None else told.whole
        assert (start - told.remove) | told.add == members
        assert not told.add & told.remove
