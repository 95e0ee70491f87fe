"""`/auth` for programs: sessions and second factors over HTTP, on every pair of stores."""

import threading

import pytest

from middleware.authentication import COOKIE
from tests.http.client import Answer, basic, bearer
from tests.http.distributed import scim_token
from tests.http.signed_in import FORM, Device, enrol, in_session, sign_in
from tests.http.stand import Person, Stand


def test_a_token_is_its_user_everywhere(any_stand: Stand) -> None:
    files = any_stand.repository("files")
    person = any_stand.person(grants={files.id: ["read", "write"]})
    opened = sign_in(any_stand, person)
    assert opened.status == 201
    assert opened.headers["cache-control"] == "no-store"
    assert "set-cookie" not in opened.headers
    assert opened.json.keys() == {
        "id", "kind", "second_factor", "created", "expires", "enrolling", "token",
    }  # fmt: skip
    client = any_stand.client.as_(bearer(opened.json["token"]))
    assert client.get("/api/user").json["id"] == person.id
    assert client.put("/repositories/files/a", b"a").status == 201
    assert client.get("/repositories/files/a").body == b"a"
    (listed,) = client.get("/auth/sessions").json["sessions"]
    assert listed["id"] == opened.json["id"]
    assert listed["current"] is True
    assert client.delete("/auth/session").status == 204
    for target in ("/api/user", "/repositories/files/a", "/auth/sessions"):
        assert client.get(target).status == 401
    assert client.delete("/auth/session").status == 401


def test_a_sign_in_and_its_refusal_are_told_with_their_requests(memory_stand: Stand) -> None:
    """By whole addresses; and who is refused is not said to be the one whose password it was."""
    person = memory_stand.person()
    opened = sign_in(memory_stand, person)
    agent = {"User-Agent": "an agent"}
    sent = {"email": person.email, "password": "not the password"}
    refused = [
        memory_stand.client.post("/auth/session", sent, headers=agent, peer="127.8.8.8"),
        memory_stand.client.as_(basic(person.email, "no password")).get(
            "/api/user", headers=agent, peer="127.8.8.9"
        ),
        in_session(memory_stand, person).ask(
            "PATCH",
            f"/api/users/{person.id}",
            json={"password": "an entirely other phrase", "current_password": "wrong password"},
            headers=agent,
        ),
    ]
    assert [answer.status for answer in refused] == [401, 401, 403]
    told = memory_stand.admins.get("/api/audit?limit=50").json["events"]
    (right,) = [
        one for one in told if one["action"] == "sign-in" and one["request"] == opened.context.id
    ]
    assert (right["user"], right["details"]) == (person.id, {"second_factor": False})
    wrong = {one["request"]: one for one in told if one["action"] == "sign-in.refused"}
    for answer in refused:
        event = wrong[answer.context.id]
        assert (event["user"], event["agent"]) == (None, "an agent")
        assert event["address"] == answer.context.address
        assert event["details"]["account"] == person.id


@pytest.mark.parametrize("kind", ["API key", "SCIM token"])
def test_only_a_sessions_secret_is_good_in_the_cookie(memory_stand: Stand, kind: str) -> None:
    secret = memory_stand.admin.key if kind == "API key" else scim_token(memory_stand).secret.text
    headers = {"Cookie": f"{COOKIE}={secret}"}
    for target in ("/api/user", "/auth/sessions", "/repositories/none/x", "/scim/v2/Users"):
        assert memory_stand.client.get(target, headers=headers).status in (401, 404)
    assert memory_stand.client.get("/api/user", headers=headers).status == 401


def test_a_sessions_token_is_no_password(memory_stand: Stand) -> None:
    person = memory_stand.person()
    token = sign_in(memory_stand, person).json["token"]
    for user in ("api-key", "__token__", person.email):
        assert memory_stand.client.as_(basic(user, token)).get("/api/user").status == 401
    assert memory_stand.client.as_(bearer(token)).get("/api/user").status == 200


def test_an_administrators_session_opens_what_his_password_does_not(memory_stand: Stand) -> None:
    """It does not lie in the settings of a build."""
    memory_stand.repository("files")
    by_password = memory_stand.client.as_(memory_stand.admin.by_password)
    assert by_password.get("/repositories/files/").status == 403
    client = in_session(memory_stand, memory_stand.admin)
    assert client.get("/repositories/files/").status == 200


def test_a_cookie_is_given_as_browsers_keep_it_best(memory_stand: Stand) -> None:
    person = memory_stand.person()
    opened = sign_in(memory_stand, person, kind="cookie")
    assert (opened.status, "token" in opened.json) == (201, False)
    first, *rest = opened.headers["set-cookie"].split("; ")
    name, _, secret = first.partition("=")
    assert name == COOKIE == "__Host-strongroom"
    assert {one.lower() for one in rest} == {
        "max-age=28800", "path=/", "secure", "httponly", "samesite=strict",
    }  # fmt: skip
    headers = {"Cookie": f"{name}={secret}"}
    assert memory_stand.client.get("/api/user", headers=headers).json["id"] == person.id
    ended = memory_stand.client.delete("/auth/session", headers=headers)
    assert ended.status == 204
    assert f"{COOKIE}=" in ended.headers["set-cookie"]
    assert "expires=Thu, 01 Jan 1970" in ended.headers["set-cookie"]
    assert "Secure" in ended.headers["set-cookie"], "or the prefix has browsers refuse it"
    assert memory_stand.client.get("/api/user", headers=headers).status == 401


@pytest.mark.parametrize("fields", [{"kind": "forever"}, {"kind": None}, {"kod": "1"}, {"code": 1}])
def test_what_cannot_be_taken_is_named(memory_stand: Stand, fields: dict[str, object]) -> None:
    answer = sign_in(memory_stand, memory_stand.person(), **fields)
    assert (answer.status, answer.json["field"]) == (422, next(iter(fields)))
    assert memory_stand.client.post("/auth/session", {"email": "a@b"}).status == 422


def test_a_second_factor_from_its_beginning_to_its_end(any_stand: Stand) -> None:
    person = any_stand.person()
    client, other = in_session(any_stand, person), in_session(any_stand, person)
    nothing = {"second_factor": False, "recovery_codes": 0, "required": False}
    assert client.get("/auth/second-factor").json == nothing
    device, codes = enrol(client, person)
    assert other.get("/api/user").status == 401, "its other sessions ended"
    assert client.get("/auth/second-factor").json == {
        "second_factor": True, "recovery_codes": 10, "required": False,
    }  # fmt: skip

    by_password = any_stand.client.as_(person.by_password)
    for target in ("/api/user", "/repositories/files/x"):
        refused = by_password.get(target)
        assert refused.status == 403
        assert "API key" in refused.detail
        assert "/auth/session" in refused.detail
    assert any_stand.client.as_(person.by_key).get("/api/user").status == 200

    needed = sign_in(any_stand, person)
    assert (needed.status, needed.json["second_factor"]) == (401, True)
    wrong = sign_in(any_stand, person, "000000")
    assert (wrong.status, wrong.json["second_factor"]) == (401, True)
    code = device.code()
    assert sign_in(any_stand, person, code).json["second_factor"] is True
    replayed = sign_in(any_stand, person, code)
    assert replayed.status == 401
    assert "used already" in replayed.detail
    assert sign_in(any_stand, person, codes[0]).status == 201
    assert sign_in(any_stand, person, codes[0]).status == 401

    renewed = client.post("/auth/second-factor/recovery-codes", {"code": codes[1]})
    assert len(renewed.json["recovery_codes"]) == 10
    assert sign_in(any_stand, person, codes[2]).status == 401
    removal = {"password": person.password, "code": renewed.json["recovery_codes"][0]}
    no_code = client.post("/auth/second-factor/remove", {**removal, "code": "000000"})
    assert (no_code.status, no_code.json["field"]) == (422, "code")
    no_password = client.post("/auth/second-factor/remove", {**removal, "password": "x" * 9})
    assert (no_password.status, no_password.json["field"]) == (422, "password")
    assert client.post("/auth/second-factor/remove", removal).status == 204
    assert client.get("/auth/second-factor").json == nothing
    assert sign_in(any_stand, person).status == 201


def test_who_has_the_wrong_password_is_told_nothing(memory_stand: Stand) -> None:
    person, factorless = memory_stand.person(), memory_stand.person()
    device, _ = enrol(in_session(memory_stand, person), person)
    nobody = Person("", "nobody@example.org", "not the password", "", "")
    right = device.code()
    answers = [
        sign_in(memory_stand, Person("", one.email, "not the password", "", ""), code)
        for one in (person, factorless, nobody)
        for code in (None, "000000", right)
    ]
    assert {_appearance(answer) for answer in answers} == {_appearance(answers[0])}
    assert answers[0].status == 401
    assert "second_factor" not in answers[0].json


def _appearance(answer: Answer) -> tuple[object, ...]:
    own = answer.context.id
    headers = {name: value for name, value in answer.headers.items() if value != own}
    return answer.status, str(headers), answer.body.replace(own.encode(), b"ID")


@pytest.mark.parametrize("of", ["clock", "recovery"])
def test_of_two_requests_with_one_code_one_gets_in(any_stand: Stand, of: str) -> None:
    person = any_stand.person()
    device, codes = enrol(in_session(any_stand, person), person)
    code = device.code() if of == "clock" else codes[0]
    together, answers = threading.Barrier(3), []

    def ask() -> None:
        together.wait(30)
        answers.append(sign_in(any_stand, person, code))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(answer.status for answer in answers) == [201, 401, 401]


def test_codes_that_are_tried_out_are_soon_refused(memory_stand: Stand) -> None:
    person = memory_stand.person()
    device, codes = enrol(in_session(memory_stand, person), person)
    tried = [sign_in(memory_stand, person, f"00000{number}") for number in range(8)]
    statuses = [answer.status for answer in tried]
    assert statuses[:4] == [401] * 4
    assert statuses[-1] == 429
    assert "recovery code" in tried[-1].detail
    assert int(tried[-1].headers["retry-after"]) <= 60
    if sign_in(memory_stand, person, device.code()).status == 201:
        return  # the minute ended meanwhile
    assert sign_in(memory_stand, person, codes[0]).status == 201


def test_a_session_begins_only_what_its_password_agrees_to(memory_stand: Stand) -> None:
    person = memory_stand.person()
    client = in_session(memory_stand, person)
    refused = client.post("/auth/second-factor", {"password": "not the password"})
    assert (refused.status, refused.json["field"]) == (422, "password")
    assert client.post("/auth/second-factor/confirm", {"code": "123456"}).status == 409
    device, _ = enrol(client, person)
    again = client.post("/auth/second-factor", {"password": person.password})
    assert (again.status, again.json["field"]) == (422, "code")
    with_code = {"password": person.password, "code": device.code()}
    assert client.post("/auth/second-factor", with_code).status == 200


def test_an_administrator_resets_it_for_who_lost_his_device(memory_stand: Stand) -> None:
    person = memory_stand.person()
    client = in_session(memory_stand, person)
    enrol(client, person)
    target = f"/api/users/{person.id}/second-factor"
    assert client.delete(target).status == 403
    assert memory_stand.admins.delete(target).status == 204
    assert client.get("/api/user").status == 401
    assert sign_in(memory_stand, person).json["second_factor"] is False
    assert memory_stand.admins.delete(target).status == 404
    own = memory_stand.admins.delete(f"/api/users/{memory_stand.admin.id}/second-factor")
    assert own.status == 403


def require(stand: Stand) -> tuple[Device, list[str]]:
    """Have the organization require one, by its administrator, who sets up his own first."""
    client = in_session(stand, stand.admin)
    refused = client.patch("/api/organization", {"second_factor": "required"})
    assert (refused.status, "/auth/second-factor" in refused.detail) == (409, True)
    found = enrol(client, stand.admin)
    changed = client.patch("/api/organization", {"second_factor": "required"})
    assert (changed.status, changed.json["second_factor"]) == (200, "required")
    return found


def test_where_one_is_required_nothing_goes_without(memory_stand: Stand) -> None:
    files = memory_stand.repository("files")
    person = memory_stand.person(grants={files.id: ["read"]})
    before = in_session(memory_stand, person)
    require(memory_stand)
    assert memory_stand.client.as_(person.by_password).get("/api/user").status == 403
    opened = sign_in(memory_stand, person)
    assert opened.json["enrolling"] is True
    client = memory_stand.client.as_(bearer(opened.json["token"]))
    for each in (before, client):
        for target in ("/repositories/files/", "/api/keys", "/api/search"):
            refused = each.get(target)
            assert refused.status == 403
            assert "/auth/second-factor" in refused.detail
    assert client.get("/auth/second-factor").json["required"] is True
    device, _ = enrol(client, person)
    assert client.get("/api/user").status == 200
    assert client.get("/repositories/files/").status == 200
    removal = {"password": person.password, "code": device.code()}
    assert client.post("/auth/second-factor/remove", removal).status == 409
    assert memory_stand.client.as_(person.by_key).get("/api/user").status == 200


@pytest.mark.parametrize("value", ["Required", "", None, True])
def test_a_rule_that_is_none_is_refused(memory_stand: Stand, value: object) -> None:
    answer = memory_stand.admins.patch("/api/organization", {"second_factor": value})
    assert (answer.status, answer.json["field"]) == (422, "second_factor")


def test_anothers_session_looks_like_none(memory_stand: Stand) -> None:
    person, other = memory_stand.person(), memory_stand.person("admin")
    theirs = sign_in(memory_stand, other).json["id"]
    client = in_session(memory_stand, person)
    there, absent = (client.delete(f"/auth/sessions/{one}") for one in (theirs, "a" * 32))
    assert _appearance(there) == _appearance(absent)
    assert there.status == 404


def test_all_others_end_at_once(memory_stand: Stand) -> None:
    person = memory_stand.person()
    client, *others = (in_session(memory_stand, person) for _ in range(3))
    assert len(client.get("/auth/sessions").json["sessions"]) == 3
    assert client.delete("/auth/sessions").status == 204
    assert [other.get("/api/user").status for other in others] == [401, 401]
    (left,) = client.get("/auth/sessions").json["sessions"]
    assert client.delete(f"/auth/sessions/{left['id']}").status == 204
    assert client.get("/api/user").status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
)
def test_a_page_of_another_origin_signs_nobody_in_or_out(
    memory_stand: Stand, headers: dict[str, str]
) -> None:
    """Login CSRF, too: a form with the attacker's own password is no way in."""
    person = memory_stand.person()
    opened = sign_in(memory_stand, person, kind="cookie")
    cookie = opened.headers["set-cookie"].partition(";")[0]
    body = f"email={person.email}&password={person.password}".encode()
    before = memory_stand.dump().records
    for target in (
        "/auth/session",
        "/auth/sign-out",
        "/auth/sessions",
        "/auth/second-factor",
        "/auth/second-factor/confirm",
        "/auth/second-factor/remove",
        "/auth/second-factor/recovery-codes",
    ):
        sent = {**headers, **FORM, "Cookie": cookie}
        answer = memory_stand.client.ask("POST", target, headers=sent, body=body)
        assert answer.status == 403, target
        assert "set-cookie" not in answer.headers
    for target in ("/auth/session", f"/auth/sessions/{opened.json['id']}", "/auth/sessions"):
        sent = {**headers, "Cookie": cookie}
        assert memory_stand.client.delete(target, headers=sent).status == 403
    assert memory_stand.dump().records == before


def test_a_session_of_another_organization_is_nobodys(memory_stand: Stand) -> None:
    acme = memory_stand.another_organization("acme")
    token = sign_in(acme, acme.admin).json["token"]
    assert acme.client.as_(bearer(token)).get("/api/user").status == 200
    for header in (bearer(token), basic("api-key", token)):
        assert memory_stand.client.as_(header).get("/api/user").status == 401
    assert sign_in(acme, memory_stand.admin).status == 401


def test_the_secrets_are_told_once_and_kept_nowhere(memory_stand: Stand) -> None:
    person = memory_stand.person()
    opened = sign_in(memory_stand, person)
    client = memory_stand.client.as_(bearer(opened.json["token"]))
    begun = client.post("/auth/second-factor", {"password": person.password}).json
    records = repr(memory_stand.records())
    for secret in (opened.json["token"], begun["secret"], person.password):
        assert secret not in records
    for target in ("/auth/sessions", "/auth/second-factor"):
        text = client.get(target).text
        assert begun["secret"] not in text
        assert opened.json["token"] not in text
