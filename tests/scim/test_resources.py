"""What is taken of a resource that a provider sends, and in which spelling."""

from typing import Any

import pytest

from app.scim.attributes import ResourceType
from app.scim.errors import InvalidSyntax, InvalidValue, OverLimit, ScimError
from app.scim.resources import MOST_BYTES, read_resource
from app.scim.schemas import ENTERPRISE, GROUP, USER
from app.scim.simple_values import MOST_CHARACTERS
from app.scim.values import MOST_VALUES

CORE = USER.schema.id


def _user(**attributes: Any) -> dict[str, Any]:
    return {"schemas": [CORE], "userName": "bjensen", **attributes}


def _read(**attributes: Any) -> dict[str, Any]:
    read = read_resource(_user(**attributes), USER)
    assert read_resource(read, USER) == read
    return {name: value for name, value in read.items() if name not in ("schemas", "userName")}


def test_names_and_urns_are_read_in_any_case() -> None:
    body = {
        "SCHEMAS": [CORE.upper(), ENTERPRISE.id.lower()],
        "username": "bjensen",
        "Emails": [{"VALUE": "b@example.com", "Type": "work"}],
        ENTERPRISE.id.upper(): {"DEPARTMENT": "Sales"},
    }
    assert read_resource(body, USER) == {
        "schemas": [CORE, ENTERPRISE.id],
        "userName": "bjensen",
        "emails": [{"value": "b@example.com", "type": "work"}],
        ENTERPRISE.id: {"department": "Sales"},
    }


@pytest.mark.parametrize(
    "given, read",
    [
        ({"active": "False"}, {"active": False}),
        ({"active": "TRUE"}, {"active": True}),
        ({"title": None, "emails": [], "name": {}, "roles": None}, {}),
        ({"name": {"givenName": None, "familyName": []}}, {}),
        ({"emails": "b@example.com"}, {"emails": [{"value": "b@example.com"}]}),
        ({"emails": ["b@example.com"]}, {"emails": [{"value": "b@example.com"}]}),
        ({"emails": {"value": "b"}}, {"emails": [{"value": "b"}]}),
        ({"emails": [None, {}, ""]}, {}),
        ({"roles": ["admin", {"value": "x"}]}, {"roles": [{"value": "admin"}, {"value": "x"}]}),
        ({"emails": [{"value": "b", "primary": "true"}]},
         {"emails": [{"value": "b", "primary": True}]}),
        ({"externalId": "00u1"}, {"externalId": "00u1"}),
        ({"password": "t1meMa$heen"}, {"password": "t1meMa$heen"}),
        ({"profileUrl": "../people/bjensen"}, {"profileUrl": "../people/bjensen"}),
        ({"photos": [{"value": "https://photos.example.com/ü.jpg"}]},
         {"photos": [{"value": "https://photos.example.com/ü.jpg"}]}),
        ({"x509Certificates": ["MIIDQzCC"]}, {"x509Certificates": [{"value": "MIIDQzCC"}]}),
        ({"x509Certificates": [{"value": "AAA"}]}, {"x509Certificates": [{"value": "AAA"}]}),
        ({"addresses": [{"formatted": "100 Plaza\r\nHollywood\tCA"}]},
         {"addresses": [{"formatted": "100 Plaza\r\nHollywood\tCA"}]}),
        ({ENTERPRISE.id: {"manager": "26118915"}},
         {ENTERPRISE.id: {"manager": {"value": "26118915"}}}),
        ({ENTERPRISE.id: {"manager": ""}}, {}),
        ({ENTERPRISE.id: None}, {}),
    ],
)  # fmt: skip
def test_what_providers_write_otherwise_is_read_as_the_schema_has_it(
    given: dict[str, Any], read: dict[str, Any]
) -> None:
    assert _read(**given) == read


def test_what_is_read_only_is_passed_over_whatever_it_is() -> None:
    given = {
        "id": 7,
        "meta": {"resourceType": "User", "whatever": []},
        "groups": "all",
        ENTERPRISE.id: {"manager": {"value": "26118915", "displayName": 5}},
    }
    assert _read(**given) == {ENTERPRISE.id: {"manager": {"value": "26118915"}}}


def test_values_of_one_type_and_value_are_one_and_their_parts_are_joined() -> None:
    emails = [
        {"value": "b@example.com", "type": "work", "display": "B"},
        {"value": "B@example.com", "type": "Work", "primary": True},
        {"value": "b@example.com", "type": "home"},
        {"value": "b@example.com"},
    ]
    assert _read(emails=emails)["emails"] == [
        {"value": "B@example.com", "type": "Work", "display": "B", "primary": True},
        {"value": "b@example.com", "type": "home"},
        {"value": "b@example.com"},
    ]


def test_addresses_have_no_value_and_are_one_only_where_all_of_them_is_the_same() -> None:
    one, other = {"type": "work", "locality": "Bonn"}, {"type": "work", "locality": "Rome"}
    assert _read(addresses=[one, other, one])["addresses"] == [one, other]


@pytest.mark.parametrize(
    "given, message",
    [
        ({"userName": None}, "'userName' has to be given"),
        ({"userName": " \t"}, "control characters"),
        ({"userName": "  "}, "'userName' has to be given"),
        ({"userName": 5}, "'userName' has to be text"),
        ({"usrName": "x"}, "there is no attribute 'usrName'"),
        ({"name": {"surname": "x"}}, "there is no attribute 'name.surname'"),
        ({"name": "Barbara"}, "'name' has to be an object"),
        ({"name": [{"givenName": "B"}]}, "'name' has to be an object"),
        ({"title": {"value": "x"}}, "'title' has to be text"),
        ({"title": ["x"]}, "'title' has to be text"),
        ({"title": "a\nb"}, "control characters"),
        ({"title": "a\x00"}, "control characters"),
        ({"title": "a\x9b"}, "control characters"),
        ({"title": "a\u2028"}, "control characters"),
        ({"title": "\ud800"}, "half characters"),
        ({"name": {"formatted": "a\x00"}}, "control characters"),
        ({"addresses": [{"formatted": "\udfff"}]}, "half characters"),
        ({"title": "x" * (MOST_CHARACTERS + 1)}, "at most 4096 characters"),
        ({"active": "yes"}, "'active' has to be true or false"),
        ({"active": 1}, "'active' has to be true or false"),
        ({"active": [True]}, "'active' has to be true or false"),
        ({"emails": 5}, "'emails' has to be an object"),
        ({"emails": [[{"value": "b"}]]}, "'emails' has to be an object"),
        ({"emails": [{"value": {"value": "b"}}]}, "'emails.value' has to be text"),
        ({"emails": [{"value": "a", "primary": True}, {"value": "b", "primary": "True"}]},
         "only one of 'emails' may be primary"),
        ({"profileUrl": "javascript:alert(1)"}, "runs nothing"),
        ({"profileUrl": "JavaScript:alert(1)"}, "runs nothing"),
        ({"photos": ["data:text/html,x"]}, "runs nothing"),
        ({"profileUrl": " javascript:alert(1)"}, "without blanks"),
        ({"profileUrl": "java\tscript:alert(1)"}, "control characters"),
        ({"profileUrl": 'https://a/"onload='}, "without blanks, quotes"),
        ({"x509Certificates": [{"value": "no base64"}]}, "has to be Base64"),
        ({"x509Certificates": [{"value": "MIID\n"}]}, "has to be Base64"),
        ({"x509Certificates": [{"value": "ü"}]}, "has to be Base64"),
        ({"x509Certificates": [{"value": "A" * (64 * 1024 + 4)}]}, "has to be Base64"),
        ({ENTERPRISE.id: "x"}, "has to be an object"),
        ({ENTERPRISE.id: {"emails": []}}, "there is no attribute 'emails'"),
        ({"urn:ietf:params:scim:schemas:extension:custom:2.0:User": {}}, "there is no attribute"),
        ({"members": []}, "there is no attribute 'members'"),
        ({"schemas": []}, f"'schemas' has to hold {CORE}"),
        ({"schemas": [ENTERPRISE.id]}, f"'schemas' has to hold {CORE}"),
        ({"schemas": None}, "'schemas' has to be a list"),
        ({"schemas": [CORE, 5]}, "'schemas' has to be a list"),
        ({"schemas": [CORE, GROUP.schema.id]}, "'schemas' holds one that a User does not have"),
    ],
)  # fmt: skip
def test_what_no_attribute_can_have_is_refused_in_words(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidValue, match=message) as refused:
        read_resource(_user(**given), USER)
    assert str(refused.value).isprintable()


def test_a_resource_says_which_schemas_it_follows() -> None:
    with pytest.raises(InvalidValue, match="'schemas' has to be a list"):
        read_resource({"userName": "bjensen"}, USER)


@pytest.mark.parametrize(
    "body",
    [
        {"schemas": [CORE], "userName": "a", "username": "b"},
        {"schemas": [CORE], "Schemas": [CORE], "userName": "a"},
        {"schemas": [CORE], "userName": "a", "emails": [{"value": "a", "Value": "b"}]},
        {"schemas": [CORE], "userName": "a", ENTERPRISE.id: {}, ENTERPRISE.id.upper(): {}},
        [{"schemas": [CORE], "userName": "a"}],
        "userName",
        None,
    ],
)
def test_what_is_no_object_or_has_a_name_twice_is_refused_as_syntax(body: Any) -> None:
    with pytest.raises(InvalidSyntax):
        read_resource(body, USER)


@pytest.mark.parametrize("name", ["x" * 65, "a\x00b", "\udc80", "a\u202eb", "x" * 1_000_000])
def test_a_name_that_people_could_not_read_is_not_repeated(name: str) -> None:
    for given in ({name: 1}, {"emails": [{name: 1}]}, {ENTERPRISE.id: {name: 1}}):
        with pytest.raises(InvalidValue, match="by such a name") as refused:
            read_resource(_user(**given), USER)
        assert name not in str(refused.value)


@pytest.mark.parametrize(
    "given",
    [
        {"password": "S3cret\x00"},
        {"password": ["S3cret"]},
        {"password": {"S3cret": "S3cret"}},
        {"active": "S3cret"},
        {"schemas": ["S3cret"]},
        {"schemas": [CORE, "S3cret"]},
        {"profileUrl": "javascript:S3cret"},
        {"emails": [{"value": {"value": "S3cret"}}]},
    ],
)
def test_no_message_repeats_a_value(given: dict[str, Any]) -> None:
    with pytest.raises(ScimError) as refused:
        read_resource(_user(**given), USER)
    assert "S3cret" not in str(refused.value)


def test_the_most_values_of_one_attribute_are_taken_and_one_more_is_not() -> None:
    roles = [{"value": str(n)} for n in range(MOST_VALUES)]
    assert len(_read(roles=roles)["roles"]) == MOST_VALUES
    with pytest.raises(OverLimit, match="at most 1000 values"):
        _read(roles=[*roles, {"value": "more"}])


def test_a_resource_has_a_most_size_as_json() -> None:
    certificate = "A" * (MOST_BYTES - 1_000)
    assert _read(x509Certificates=[{"value": certificate}])
    with pytest.raises(OverLimit, match="65536 bytes"):
        _read(x509Certificates=[{"value": certificate}], title="ü" * 600)


def test_the_members_of_a_group_are_counted_by_who_stores_them() -> None:
    members = [{"value": f"{n:032x}"} for n in range(20_000)]
    body = {"schemas": [GROUP.schema.id], "displayName": "Everyone", "members": members}
    assert len(read_resource(body, GROUP)["members"]) == len(members)


@pytest.mark.parametrize(
    "members, read",
    [
        (["a", {"value": "a", "type": "User"}], [{"value": "a", "type": "User"}]),
        ([{"value": "a", "type": "user", "display": "A"}, {"value": "A"}],
         [{"value": "a", "type": "user"}, {"value": "A"}]),
        ([{"value": "a", "$ref": None}], [{"value": "a"}]),
        ([{"value": "a", "$ref": "https://example.com/Users/a"}],
         [{"value": "a", "$ref": "https://example.com/Users/a"}]),
    ],
)  # fmt: skip
def test_a_member_is_one_by_its_id(members: Any, read: Any) -> None:
    body = {"schemas": [GROUP.schema.id], "displayName": "Tour Guides", "members": members}
    assert read_resource(body, GROUP)["members"] == read


@pytest.mark.parametrize(
    "member, message",
    [
        ({"value": "a", "type": "Group"}, "'members' can't be of that type"),
        ({"display": "Mandy"}, "'members.value' has to be given"),
        ({"value": None}, "'members.value' has to be given"),
        ({"value": " "}, "'members.value' has to be given"),
        ({"value": 5}, "'members.value' has to be text"),
    ],
)
def test_a_member_is_a_user_with_an_id(member: Any, message: str) -> None:
    body = {"schemas": [GROUP.schema.id], "displayName": "Tour Guides", "members": [member]}
    with pytest.raises(InvalidValue, match=message):
        read_resource(body, GROUP)


def test_entra_names_a_schema_for_groups_that_it_never_uses() -> None:
    urns = [
        GROUP.schema.id,
        "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group",
    ]
    body = {"schemas": urns, "displayName": "Sales", "meta": {"resourceType": "Group"}}
    assert read_resource(body, GROUP) == {"schemas": [GROUP.schema.id], "displayName": "Sales"}


@pytest.mark.parametrize("type_", [USER, GROUP])
def test_what_is_required_may_be_left_out_where_the_caller_says_so(type_: ResourceType) -> None:
    body = {"schemas": [type_.schema.id]}
    assert read_resource(body, type_, required=False) == body
    with pytest.raises(InvalidValue, match="has to be given"):
        read_resource(body, type_)
