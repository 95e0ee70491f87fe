"""What says who somebody is: read strictly, asked once, refused with one challenge."""

import base64
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.credentials import ApiKeySecret, EmailPassword
from auth.errors import Busy, TooManyAttempts
from middleware.authentication import (
    CHALLENGE,
    KEY_USERS,
    LONGEST,
    MalformedCredentials,
    parse_authorization,
)
from tests.middleware.edge import Edge, FakeAuthenticator


def basic(text, encoding="utf-8"):
    return "Basic " + base64.b64encode(text.encode(encoding)).decode()


@pytest.mark.parametrize(
    "header, credentials",
    [
        (basic("a@example.com:pass word:1"), EmailPassword("a@example.com", "pass word:1")),
        (basic("a@example.com:pässwörd"), EmailPassword("a@example.com", "pässwörd")),
        (basic("a@example.com:pässwörd", "latin-1"), EmailPassword("a@example.com", "pässwörd")),
        (basic("api-key:srk_1"), ApiKeySecret("srk_1")),
        (basic("__token__:srk_1"), ApiKeySecret("srk_1")),
        (basic("API-KEY:sr_1"), EmailPassword("API-KEY", "sr_1")),
        ("BASIC   " + base64.b64encode(b"a:b").decode(), EmailPassword("a", "b")),
        ("Bearer sr_1", ApiKeySecret("sr_1")),
        ("bearer  sr_1-._~+/==", ApiKeySecret("sr_1-._~+/==")),
    ],
)
def test_credentials_are_read_in_each_of_their_forms(header, credentials):
    assert parse_authorization(header) == credentials


MALFORMED = [
    "",
    " ",
    "Basic",
    "Basic ",
    "Basic =",
    "Basic ====",
    "Basic %%%",
    "Basic YQ",  # no padding
    "Basic YTpi YTpi",
    "Basic YTpi,Basic YTpi",
    "Basic YTpi, Basic YTpi",
    "Basic YT\tpi",
    "Basic YTpi\x00",
    "Basic YTpi=",
    "Basic -_-_",
    "Basic YTpi~~~~",
    "Basic\tYTpi",
    "Basic:YTpi",
    "BasicYTpi",
    basic("nocolon"),
    basic(":password"),
    basic("user:"),
    basic("api-key:srs_1"),  # a session
    basic("__token__:srt_1"),  # a SCIM token
    basic("api-key:password"),
    basic(":"),
    basic("user:pass\nword"),
    basic("us\x00er:password"),
    basic("user:pass\x7f"),
    basic("user:pass\x85", "latin-1"),
    "Bearer",
    "Bearer ",
    "Bearer a b",
    "Bearer a,b",
    'Bearer token="a"',
    "Bearer =a",
    "Bearer é",
    "Digest username=a",
    "Negotiate YTpi",
    "token abc",
    "sr_1",
    "Bearer " + "a" * LONGEST,
    basic("a:" + "b" * LONGEST),
]


@pytest.mark.parametrize("header", MALFORMED)
def test_every_other_form_is_401_with_one_challenge(header):
    edge = Edge()
    answer = edge.ask(target="/closed/x", headers=[("Authorization", header)])
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == CHALLENGE
    document = json.loads(answer.body)
    assert document["status"] == 401
    assert "Traceback" not in answer.body.decode()
    told = answer.body.decode().replace(document["request"], "")  # which is random
    token = header.partition(" ")[2].strip()
    assert len(token) < 3 or token not in told
    assert edge.authenticator.asked == []


def test_two_headers_are_none():
    headers = [("Authorization", basic("a:good")), ("Authorization", basic("a:good"))]
    answer = Edge().ask(target="/closed/x", headers=headers)
    assert answer.status == 401


def test_without_credentials_nothing_is_looked_up():
    edge = Edge()
    for method in ("GET", "PUT", "DELETE"):
        answer = edge.ask(method, "/closed/x")
        assert (answer.status, answer.headers["www-authenticate"]) == (401, CHALLENGE)
    assert edge.authenticator.asked == []


def test_who_calls_is_asked_with_organization_and_network():
    edge = Edge(domain="example.org", base_url=None, mode="allow", proxies=["127.0.0.1/32"])
    answer = edge.ask(
        target="/closed/x",
        host="acme.example.org",
        headers=[("Authorization", basic("a@b:good")), ("X-Forwarded-For", "2001:db8::1")],
    )
    assert answer.status == 200
    assert answer.context.claim.holder == "user-1"
    assert answer.context.organization == "id-of-acme"
    assert edge.authenticator.asked == [
        ("id-of-acme", EmailPassword("a@b", "good"), "2001:db8::1"),
    ]


def test_a_sign_in_can_be_told_with_its_request() -> None:
    edge = Edge()
    headers = [("Authorization", basic("a@b:good")), ("User-Agent", "an agent")]
    answer = edge.ask(target="/closed/x", headers=headers)
    assert edge.authenticator.told == [(answer.context.id, "an agent")]


def test_a_secret_is_one_claim_however_it_is_sent():
    """Else one key would fill the memory, by a blank more each time."""
    edge = Edge()
    headers = [
        *(f"Bearer{' ' * number}srk_good" for number in range(1, 20)),
        "bearer srk_good",
        "BEARER srk_good ",
        basic("api-key:srk_good"),
        basic("__token__:srk_good"),
    ]
    claims = {
        id(edge.ask(target="/closed/x", headers=[("Authorization", header)]).context.claim)
        for header in headers
    }
    assert len(claims) == 1
    assert len(edge.authenticator.asked) == 1


def test_a_claim_of_one_organization_is_none_of_another():
    edge = Edge(domain="example.org", base_url=None, mode="allow")
    headers = [("Authorization", "Bearer good")]
    for name in ("acme", "other", "acme"):
        answer = edge.ask(target="/closed/x", host=f"{name}.example.org", headers=headers)
        assert answer.context.claim.organization == answer.context.organization == f"id-of-{name}"
    assert len(edge.authenticator.asked) == 2


def test_credentials_that_are_not_valid_get_the_challenge_too():
    answer = Edge().ask(target="/closed/x", headers=[("Authorization", basic("a@b:bad"))])
    assert (answer.status, answer.headers["www-authenticate"]) == (401, CHALLENGE)


def test_past_the_rate_is_429_with_when_to_come_back():
    edge = Edge(authenticator=FakeAuthenticator(failure=TooManyAttempts(timedelta(seconds=12.2))))
    answer = edge.ask(target="/closed/x", headers=[("Authorization", basic("a@b:bad"))])
    assert (answer.status, answer.headers["retry-after"]) == (429, "13")
    assert "www-authenticate" not in answer.headers


def test_a_machine_too_busy_to_hash_is_503_with_when_to_come_back():
    edge = Edge(authenticator=FakeAuthenticator(failure=Busy(timedelta(seconds=2))))
    answer = edge.ask(target="/closed/x", headers=[("Authorization", basic("a@b:bad"))])
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")


def test_an_organization_that_is_not_there_looks_like_wrong_credentials():
    edge = Edge(domain="example.org", base_url=None, mode="allow")
    headers = [("Authorization", basic("a@b:good"))]
    none = edge.ask(target="/closed/x", host="nobody.example.org", headers=headers)
    headers = [("Authorization", basic("a@b:bad"))]
    wrong = edge.ask(target="/closed/x", host="acme.example.org", headers=headers)
    assert (none.status, none.headers["www-authenticate"]) == (401, CHALLENGE)
    assert json.loads(none.body) | {"request": ""} == json.loads(wrong.body) | {"request": ""}
    assert edge.ask(host="nobody.example.org").status == 404


@pytest.mark.parametrize("target", ["/open/x", "/healthz"])
def test_a_public_route_reads_no_credential(target):
    edge = Edge()
    answer = edge.ask(target=target, headers=[("Authorization", "garbage")])
    assert answer.status == 200
    assert edge.authenticator.asked == []


@pytest.mark.parametrize("target", ["/open/x", "/closed/x", "/nowhere", "/broken", "/healthz"])
@pytest.mark.parametrize("value", [basic("a@b:good"), "garbage"])
def test_nothing_of_it_stays(target, value):
    headers = [("Authorization", value), ("Cookie", "c=1"), ("Proxy-Authorization", value)]
    answer = Edge().ask(target=target, headers=headers)
    left = {key: text for key, text in answer.environ.items() if isinstance(text, str)}
    assert value not in left.values()
    assert "HTTP_COOKIE" not in left
    assert answer.context.authorization is None


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters=":"), min_size=1),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1),
)
def test_what_a_client_encodes_is_what_is_read(user, password):
    if user in KEY_USERS:
        password = f"srk_{password}"
    header = basic(f"{user}:{password}")
    if len(header) > LONGEST:
        return
    found = parse_authorization(header)
    if user in KEY_USERS:
        assert found == ApiKeySecret(password)
    else:
        assert found == EmailPassword(user, password)


@given(st.text(max_size=100) | st.binary(max_size=60).map(lambda raw: f"Basic {raw.hex()}"))
def test_any_header_is_credentials_or_malformed(header):
    malformed = None
    try:
        parse_authorization(header)
    except MalformedCredentials as error:
        malformed = error
    if malformed is not None:
        assert len(header) < 8 or header not in str(malformed)
        assert malformed.__cause__ is None, "a cause might say what was sent"
