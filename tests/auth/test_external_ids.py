"""What a provisioning service calls users and groups: kept exactly, the same way of both."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth import AlreadyTaken, InvalidField
from auth.external_ids import (
    BYTES_MOST,
    group_external_id_key,
    parse_external_id,
    user_external_id_key,
)
from auth.provisioned_groups import WantedGroup
from tests.auth.installation import Process
from tests.auth.membership_office import Office
from tests.auth.provisioning import service, wanted

KEPT = (
    "00u1A",
    "00u1a",
    " 00u1A",
    "00u1A ",
    " ",
    "CN=Bj\u00f6rn,OU=x",
    "CN=Bjo\u0308rn,OU=x",
    "a\u200bb",
    "a\u3164b",
    "x" * BYTES_MOST,
    "\u00e9" * (BYTES_MOST // 2),
)
REFUSED = ("", "a\0", "a\nb", "\x7f", "\x85", "\ud800", "x" * 1_025, "\u00e9" * 513, "x" * 10**6)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_external_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidField) as caught:
        parse_external_id(text)
    assert caught.value.field == "external_id"


@given(st.text(max_size=600))
def test_what_is_taken_is_taken_as_it_is(text: str) -> None:
    try:
        assert parse_external_id(text) == text
    except InvalidField:
        assert not text or not text.isprintable() or len(text.encode()) > BYTES_MOST


@pytest.mark.parametrize("key", [user_external_id_key, group_external_id_key])
def test_keys_differ_by_organization_and_name_nobody(key: Callable[[str, str], object]) -> None:
    assert len({key(org, text) for org in ("a", "b") for text in KEPT}) == 2 * len(KEPT)
    assert "00u1A" not in str(key("a", "00u1A"))


def test_users_have_what_no_two_of_differ_but_in_form_or_case(process: Process) -> None:
    by, users = service(process), process.provisioned
    for number, text in enumerate(KEPT):
        made = users.create(by, wanted(f"user{number}", external_id=text))
        assert made.external_id == text
        assert users.find_by_external_id(by, text) == made
        with pytest.raises(AlreadyTaken):
            users.create(by, wanted("another", external_id=text))
    for text in REFUSED:
        assert users.external_id_needs(process.organization, text) == ()


def test_groups_have_too(office: Office) -> None:
    by, groups = office.token(), office.provisioned
    for number, text in enumerate(KEPT):
        made = groups.create(by, WantedGroup(f"group{number}", text))
        assert made.external_id == text
        assert groups.find_by_external_id(by, text) == made
        with pytest.raises(AlreadyTaken):
            groups.create(by, WantedGroup("another", text))
    for text in REFUSED:
        assert groups.external_id_needs(office.organization, text) == ()
