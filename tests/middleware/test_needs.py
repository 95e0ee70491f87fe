"""What a route declares is what holds, whoever calls it; and a session's cookie is read."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.credentials import ApiKeySecret
from auth.errors import Forbidden, SecondFactorNeeded
from auth.principals import Action, Principal, Rights, Role
from middleware.authentication import COOKIE, session_cookie
from middleware.declarations import (
    GUEST,
    HEALTH,
    MANAGER,
    MEMBER,
    PUBLIC,
    SCIM,
    SELF,
    Who,
    by_method,
    on,
)
from tests.middleware.edge import Edge, Open

ADMIN = Principal("org", "user", Role.ADMIN, Rights(), "key", "key")
CALLERS = {
    "administrator": ADMIN,
    "developer": replace(ADMIN, role=Role.DEVELOPER),
    "key with scopes": replace(ADMIN, scopes=Rights()),
    "subscriber": replace(ADMIN, role=Role.READER, kind="subscriber"),
    "SCIM token": replace(ADMIN, role=Role.READER, kind="scim"),
    "who has to enrol": replace(ADMIN, method="session", key_id=None, enrolling=True),
}
EVERYBODY = set(CALLERS)
MEMBERS = EVERYBODY - {"subscriber", "SCIM token"}
ADMITTED = [
    (SELF, MEMBERS),
    (GUEST, MEMBERS),
    (MEMBER, MEMBERS - {"who has to enrol"}),
    (on(Action.READ), MEMBERS - {"who has to enrol"}),  # through the API, beside the door
    (MANAGER, {"administrator"}),
    (SCIM, {"SCIM token"}),
]


@pytest.mark.parametrize("need, admitted", ADMITTED, ids=[need.who.value for need, _ in ADMITTED])
def test_a_need_admits_whom_it_is_for(need, admitted):
    for name, principal in CALLERS.items():
        if name in admitted:
            need.admit(principal)
        else:
            with pytest.raises(Forbidden):
                need.admit(principal)


def test_every_kind_of_need_is_in_that_table():
    told = {need.who for need, _ in ADMITTED} | {PUBLIC.who, HEALTH.who}
    assert told == set(Who)


def test_who_has_to_enrol_is_told_where():
    with pytest.raises(SecondFactorNeeded, match="/auth/second-factor"):
        MEMBER.admit(CALLERS["who has to enrol"])


class Guests(Open):
    needs = by_method(GET=GUEST, PUT=MEMBER)


def edge() -> Edge:
    return Edge(routes=[("/guests/{path:path}", Guests())])


def test_a_cookie_is_a_session_where_credentials_are_needed():
    asked = edge()
    answer = asked.ask("PUT", "/guests/x", headers=[("Cookie", f"a=b; {COOKIE}=srs_good; c=d")])
    assert answer.status == 201
    assert answer.context.claim.holder == "user-1"
    assert asked.authenticator.asked[0][1] == ApiKeySecret("srs_good")
    assert "HTTP_COOKIE" not in answer.environ


def test_a_header_is_taken_before_a_cookie():
    headers = [("Cookie", f"{COOKIE}=srs_good"), ("Authorization", "Bearer bad")]
    assert edge().ask("PUT", "/guests/x", headers=headers).status == 401


def test_a_cookie_that_is_worth_nothing_is_refused_where_it_is_needed():
    assert edge().ask("PUT", "/guests/x", headers=[("Cookie", f"{COOKIE}=srs_bad")]).status == 401


@pytest.mark.parametrize(
    "cookie", ["", f"{COOKIE}=srs_bad", "other=good", f"{COOKIE}=srs_a; {COOKIE}=srs_b"]
)
def test_a_guest_without_a_good_session_is_a_stranger(cookie):
    answer = edge().ask("GET", "/guests/x", headers=[("Cookie", cookie)])
    assert (answer.status, answer.context.claim) == (200, None)


def test_a_guest_with_a_good_session_is_known():
    answer = edge().ask("GET", "/guests/x", headers=[("Cookie", f"{COOKIE}=srs_good")])
    assert answer.context.claim.holder == "user-1"


def test_a_public_route_reads_no_cookie():
    asked = edge()
    asked.ask(headers=[("Cookie", f"{COOKIE}=srs_good")])
    assert asked.authenticator.asked == []


VALUES = st.text("abcXYZ019_-.~+/", min_size=1, max_size=20)
OTHERS = st.lists(st.tuples(st.sampled_from(["a", "__Host-other", "x-strongroom"]), VALUES))


@given(value=VALUES, before=OTHERS, after=OTHERS, blank=st.sampled_from(["", " "]))
def test_our_cookie_is_found_among_others(value, before, after, blank):
    secret = f"srs_{value}"
    pairs = [f"{name}={text}" for name, text in [*before, (COOKIE, secret), *after]]
    assert session_cookie(f";{blank}".join(pairs)) == secret


@given(st.text(max_size=200))
def test_any_header_is_read_without_a_fault(header):
    found = session_cookie(header)
    assert found is None or found in header


@pytest.mark.parametrize(
    "header",
    [
        f"{COOKIE}",
        f"{COOKIE}=",
        f"{COOKIE}=srs_a b",
        f'{COOKIE}="srs_a"',
        f"{COOKIE}=srs_a,b",
        f"{COOKIE}=srk_a",
        f"{COOKIE}=srt_a",
        f"{COOKIE}=SRS_a",
        f"{COOKIE}=a",
        "x" * 9_000,
    ],
)
def test_what_is_no_session_is_none(header):
    assert session_cookie(header) is None


def test_a_door_is_opened_for_declared_actions_alone():
    for actions in itertools.combinations(Action, 2):
        assert on(*actions).actions == frozenset(actions)
    assert MEMBER.actions == frozenset()
