"""What provisioned accounts are called and may have: whose it is, and what is refused."""

import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth import (
    AlreadyTaken,
    InvalidField,
)
from auth.emails import parse_email
from auth.profiles import BYTES_MOST, DEPTH_MOST
from auth.provisioned_users import WantedUser
from auth.user_names import parse_user_name
from tests.auth.installation import (
    Process,
)
from tests.auth.provisioning import same, service, wanted
from tests.auth.test_users import dump


@pytest.mark.parametrize(
    "taken",
    [
        wanted("BJENSEN", email=None),
        wanted("JO@example.org"),
        wanted("babs@EXAMPLE.org", email=None),
        wanted("ku\u0308hn"),
    ],
    ids=["another case", "an address and name", "another's address", "another form"],
)
def test_a_user_name_is_one_users(process: Process, taken: WantedUser) -> None:
    """Also where it is another's address, in whatever case and form."""
    by = service(process)
    for one in (
        wanted("bjensen", email="babs@example.org"),
        wanted("jo@example.org"),
        wanted("k\u00fchn"),
    ):
        process.provisioned.create(by, one)
    other = process.provisioned.create(by, wanted("other"))
    before = dump(process)
    for call in (
        lambda: process.provisioned.create(by, taken),
        lambda: process.provisioned.change(by, other.user.id, lambda _: taken),
    ):
        with pytest.raises(AlreadyTaken) as caught:
            call()
        assert caught.value.field == "user_name"
    assert dump(process) == before


def test_an_address_is_no_others_user_name(process: Process) -> None:
    by = service(process)
    process.provisioned.create(by, wanted("jo@example.org", email=None))
    with pytest.raises(AlreadyTaken) as caught:
        process.provisioned.create(by, wanted("kim", email="Jo@example.org"))
    assert caught.value.field == "email"
    with pytest.raises(AlreadyTaken) as caught:
        process.user("jo@example.org")
    assert caught.value.field == "email"


def test_an_external_id_is_one_users_and_free_again_afterwards(process: Process) -> None:
    by = service(process)
    one = process.provisioned.create(by, wanted("one", external_id="e"))
    two = process.provisioned.create(by, wanted("two", external_id="E"))
    with pytest.raises(AlreadyTaken) as caught:
        process.provisioned.create(by, wanted("three", external_id="e"))
    assert caught.value.field == "external_id"
    with pytest.raises(AlreadyTaken):
        process.provisioned.change(by, two.user.id, lambda it: same(it, external_id="e"))
    freed = process.provisioned.change(by, one.user.id, lambda it: same(it, external_id=None))
    assert freed.external_id is None
    process.provisioned.change(by, two.user.id, lambda it: same(it, external_id="e"))
    process.provisioned.delete(by, two.user.id, lambda _: None)
    process.provisioned.create(by, wanted("three", external_id="e"))


@pytest.mark.parametrize(
    "field, value",
    [
        ("user_name", ""),
        ("user_name", " jo"),
        ("user_name", "jo\u200b"),
        ("user_name", "jo\u3164"),
        ("email", "admin@example.org\u3164"),
        ("user_name", "j\no"),
        ("user_name", "\ud800"),
        ("user_name", "\u00fc" * 128),
        ("user_name", "x" * 1_000_000),
        ("email", "no address"),
        ("email", ""),
        ("name", " "),
        ("role", "owner"),
        ("external_id", ""),
        ("external_id", "x" * 1_025),
        ("external_id", "a\0"),
        ("password", "1234567"),
        ("password", "password"),
        ("attributes", {"x": "y" * BYTES_MOST}),
        ("attributes", {"x": "\ud800"}),
        ("attributes", {"x": float("nan")}),
        ("attributes", {"x": object()}),
        ("attributes", {"x": 10**5000}),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_written(
    process: Process, field: str, value: Any
) -> None:
    by = service(process)
    user = process.provisioned.create(by, wanted("jo")).user
    before = dump(process)
    for call in (
        lambda: process.provisioned.create(by, wanted(**{"user_name": "new", field: value})),
        lambda: process.provisioned.change(by, user.id, lambda it: same(it, **{field: value})),
    ):
        with pytest.raises(InvalidField) as caught:
            call()
        assert caught.value.field == field
        assert len(str(caught.value)) < 300
    assert dump(process) == before


def test_attributes_are_as_deep_as_they_may_be_and_no_deeper(process: Process) -> None:
    def nested(depth: int) -> Any:
        return {"x": [nested(depth - 2)]} if depth else {}

    by = service(process)
    made = process.provisioned.create(by, wanted("jo", attributes=nested(DEPTH_MOST - 1 - 1)))
    assert made.attributes == nested(DEPTH_MOST - 2)
    with pytest.raises(InvalidField):
        process.provisioned.create(by, wanted("kim", attributes=nested(DEPTH_MOST)))
    deep: Any = {}
    for _ in range(900):
        deep = {"x": deep}
    with pytest.raises(InvalidField):
        process.provisioned.create(by, wanted("kim", attributes=deep))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=40))
def test_every_address_is_a_user_name_and_is_compared_as_that(text: str) -> None:
    try:
        email = parse_email(text)
    except InvalidField:
        return
    assert parse_user_name(text).compared == email.compared


@given(st.text(max_size=40))
def test_a_user_name_is_the_same_in_every_case_and_form(text: str) -> None:
    try:
        name = parse_user_name(text)
    except InvalidField:
        return
    for form in ("NFC", "NFD"):
        spelt = unicodedata.normalize(form, name.text.lower())
        assert parse_user_name(spelt).compared == parse_user_name(name.compared).compared
