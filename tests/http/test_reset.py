"""Resetting a password and accepting an invitation, for programs and by pages without script."""

import json
import logging
import re
import threading
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from auth.links import token_hash
from auth.outbox import Letter, Outbox, read_mail
from auth.resets import ASKED_BY_ACCOUNT, ASKED_BY_ADDRESS
from tests.http.client import HOST, Answer, Client, basic
from tests.http.stand import Person, Stand

RESET, CONFIRM, ACCEPT = "/auth/reset", "/auth/reset/confirm", "/auth/invitation/confirm"
NEW = "an entirely other phrase"
NOBODYS = "3b241101-e2bb-4255-8caf-4136c566a962"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def letters(stand: Stand) -> Iterator[Letter]:
    """The mails that wait, decoys among them."""
    at = stand.process.installation
    for record in at.metadata.query_all(f"{stand.organization}#mail"):
        yield Outbox(at.sealer).open(read_mail(stand.organization, record))


def token_for(stand: Stand, email: str) -> str:
    """The token in the only mail to an address."""
    (path,) = (letter.fields["path"] for letter in letters(stand) if letter.to == email)
    return path.rpartition("/")[2]


def send(client: Client, target: str, fields: dict[str, str], **headers: str) -> Answer:
    """Send a page's form, as a browser does."""
    body = urlencode(fields).encode()
    return client.ask("POST", target, body=body, headers={**FORM, **headers})


def asked(stand: Stand, person: Person) -> str:
    assert stand.client.post(RESET, {"email": person.email}).status == 202
    return token_for(stand, person.email)


def signs_in(stand: Stand, email: str, password: str) -> bool:
    return stand.client.as_(basic(email, password)).get("/api/user").status == 200


def test_a_password_is_reset(any_stand: Stand) -> None:
    person = any_stand.person()
    token = asked(any_stand, person)
    answer = any_stand.client.post(CONFIRM, {"token": token, "password": NEW})
    assert (answer.status, answer.body) == (204, b"")
    assert signs_in(any_stand, person.email, NEW)
    assert not signs_in(any_stand, person.email, person.password)
    assert any_stand.client.as_(person.by_key).get("/api/user").status == 200, "keys stay"


def test_of_those_who_use_a_link_at_once_one_wins(any_stand: Stand) -> None:
    person = any_stand.person()
    token = asked(any_stand, person)
    clients = [any_stand.another_process().client for _ in range(3)]
    start, answers = threading.Barrier(len(clients)), {}

    def attempt(number: int) -> None:
        start.wait()
        sent = {"token": token, "password": f"the phrase of number {number}"}
        answers[number] = clients[number].post(CONFIRM, sent).status

    threads = [threading.Thread(target=attempt, args=(n,)) for n in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers.values()) == [204, 422, 422]
    (won,) = (number for number, status in answers.items() if status == 204)
    assert signs_in(any_stand, person.email, f"the phrase of number {won}")


def test_the_answer_is_the_same_for_every_account(memory_stand: Stand) -> None:
    person, off = memory_stand.person(), memory_stand.person(active=False)
    machine = {"email": "robot@example.org", "role": "reader"}
    assert memory_stand.admins.post("/api/users", machine).status == 201
    answers = [
        memory_stand.client.post(RESET, {"email": email})
        for email in (person.email, off.email, "robot@example.org", "nobody@example.org")
    ]
    seen = {(a.status, a.body, tuple(n for n in a.headers if n != "x-request-id")) for a in answers}
    assert len(seen) == 1
    assert answers[0].status == 202
    assert sorted(letter.to or "" for letter in letters(memory_stand)) == ["", "", "", person.email]


def test_past_the_rate_it_is_429_for_every_account(memory_stand: Stand) -> None:
    person = memory_stand.person()
    for email in (person.email, "nobody@example.org"):
        for number in range(ASKED_BY_ACCOUNT.most):
            asked_ = memory_stand.client.ask(
                "POST", RESET, json={"email": email}, peer=f"127.0.0.{number + 9}"
            )
            assert asked_.status == 202
        answer = memory_stand.client.post(RESET, {"email": email})
        assert answer.status == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 3600
    form = send(memory_stand.client, RESET, {"email": person.email})
    assert (form.status, "Too many" in form.text) == (429, True)


def test_an_address_asks_so_often_and_no_more(memory_stand: Stand) -> None:
    for number in range(ASKED_BY_ADDRESS.most):
        sent = {"email": f"somebody-{number}@example.org"}
        assert memory_stand.client.post(RESET, sent).status == 202
    assert memory_stand.client.post(RESET, {"email": "nobody@example.org"}).status == 429


@pytest.mark.parametrize(
    "fields, named",
    [
        ({}, "email"),
        ({"email": "marked"}, "email"),
        ({"email": None}, "email"),
        ({"email": ["a@example.org"]}, "email"),
        ({"email": "a@example.org", "user": "x"}, "user"),
    ],
)
def test_what_cannot_be_asked_is_named(
    memory_stand: Stand, fields: dict[str, object], named: str
) -> None:
    answer = memory_stand.client.post(RESET, fields)
    assert (answer.status, answer.json["field"]) == (422, named)
    assert "marked" not in answer.text


@pytest.mark.parametrize("target", [CONFIRM, ACCEPT])
def test_a_token_that_is_no_good_is_named_and_no_more_is_told(
    memory_stand: Stand, target: str
) -> None:
    """Used, replaced, never one, of somebody who moved or was disabled: all the same."""
    people = [memory_stand.person() for _ in range(3)]
    tokens = [NOBODYS, "marked", *(asked(memory_stand, person) for person in people)]
    patch = memory_stand.admins.patch
    assert patch(f"/api/users/{people[0].id}", {"email": "moved@example.org"}).status == 200
    assert patch(f"/api/users/{people[1].id}", {"active": False}).status == 200
    used = {"token": tokens[-1], "password": NEW}
    assert memory_stand.client.post(CONFIRM, used).status == 204
    seen = set()
    for token in tokens:
        answer = memory_stand.client.post(target, {"token": token, "password": NEW})
        assert (answer.status, answer.json["field"]) == (422, "token")
        assert token not in answer.text
        seen.add(answer.detail)
    assert len(seen) == 1


def test_a_weak_password_is_refused_with_the_reason(memory_stand: Stand) -> None:
    person = memory_stand.person()
    token = asked(memory_stand, person)
    for weak, said in (("Passw0rd!", "commonest"), (f"{person.email[:8]}-9", "e-mail address")):
        answer = memory_stand.client.post(CONFIRM, {"token": token, "password": weak})
        assert (answer.status, answer.json["field"]) == (422, "password")
        assert said in answer.detail
        assert weak not in answer.text
        page = send(memory_stand.client, CONFIRM, {"token": token, "password": weak})
        assert page.status == 422
        assert said in page.text
        assert 'aria-describedby="password-error' in page.text
        assert "autofocus" in page.text
        assert weak not in page.text, "what was typed is not sent back"
    assert signs_in(memory_stand, person.email, person.password)
    assert memory_stand.client.post(CONFIRM, {"token": token, "password": NEW}).status == 204


def test_the_pages_lead_from_an_address_to_a_new_password(memory_stand: Stand) -> None:
    """All of it by what a browser sends, its own origin with it."""
    person, client = memory_stand.person(), memory_stand.client
    page = client.get(RESET)
    assert page.status == 200
    assert 'action="/auth/reset"' in page.text
    own = {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}
    sent = send(client, RESET, {"email": person.email}, **own)
    assert (sent.status, 'role="status"' in sent.text) == (202, True)
    token = token_for(memory_stand, person.email)
    page = client.get(f"{RESET}/{token}")
    assert 'autocomplete="new-password"' in page.text
    assert '<label for="password">' in page.text
    hidden = re.search(r'type="hidden" name="token" value="([^"]+)"', page.text)
    assert hidden is not None
    done = send(client, CONFIRM, {"token": hidden[1], "password": NEW}, **own)
    assert (done.status, 'href="/auth/sign-in"' in done.text) == (200, True)
    assert signs_in(memory_stand, person.email, NEW)
    again = send(client, CONFIRM, {"token": hidden[1], "password": NEW}, **own)
    assert (again.status, 'role="alert"' in again.text) == (422, True)
    assert 'href="/auth/reset"' in again.text
    assert again.text.lower().count("ask for a new link") == 1, "what to do is said once"


def test_who_was_invited_comes_by_the_page(memory_stand: Stand) -> None:
    new = {"email": "soon@example.org", "role": "developer", "name": "Soon", "invite": True}
    made = memory_stand.admins.post("/api/users", new)
    assert made.status == 201
    assert made.json["invited_until"] is not None
    token, client = token_for(memory_stand, "soon@example.org"), memory_stand.client
    page = client.get(f"/auth/invitation/{token}")
    assert 'autocomplete="name"' in page.text
    assert 'autocapitalize="words"' in page.text
    fields = {"token": token, "name": "", "password": "soon1234"}
    assert send(client, ACCEPT, fields).status == 422
    done = send(client, ACCEPT, {**fields, "password": NEW, "name": "Jo <b>"})
    assert done.status == 200
    shown = client.as_(basic("soon@example.org", NEW)).get("/api/user").json
    assert (shown["name"], shown["invited_until"]) == ("Jo <b>", None)


def test_an_invitation_is_accepted_by_json(any_stand: Stand) -> None:
    new = {"email": "soon@example.org", "role": "developer", "name": "Soon", "invite": True}
    made = any_stand.admins.post("/api/users", new).json
    first = token_for(any_stand, "soon@example.org")
    again = any_stand.admins.ask("POST", f"/api/users/{made['id']}/invitation")
    assert again.status == 200
    assert again.json["invited_until"] >= made["invited_until"]
    sent = {"token": first, "password": NEW}
    assert any_stand.client.post(ACCEPT, sent).status == 422, "it was replaced"
    (second,) = (
        letter.fields["path"].rpartition("/")[2]
        for letter in letters(any_stand)
        if first not in letter.fields["path"]
    )
    sent = {"token": second, "password": NEW, "name": "Jo"}
    assert any_stand.client.post(ACCEPT, sent).status == 204
    assert any_stand.admins.get(f"/api/users/{made['id']}").json["name"] == "Jo"
    answer = any_stand.admins.ask("POST", f"/api/users/{made['id']}/invitation")
    assert answer.status == 409, "he has a password by now"


def test_opening_a_link_looks_up_nothing_and_changes_nothing(memory_stand: Stand) -> None:
    """So that what follows links in mails does no harm, and learns nothing."""
    person = memory_stand.person()
    token = asked(memory_stand, person)
    memory_stand.client.get(RESET)  # after which the organization is remembered
    before = memory_stand.dump()
    memory_stand.engine.made.clear()
    for _ in range(3):
        good = memory_stand.client.get(f"{RESET}/{token}")
        other = memory_stand.client.get(f"{RESET}/{NOBODYS}")
        assert good.text.replace(token, "") == other.text.replace(NOBODYS, "")
        assert memory_stand.client.get(f"/auth/invitation/{token}").status == 200
    assert memory_stand.engine.made == []
    assert memory_stand.dump() == before
    assert memory_stand.client.post(CONFIRM, {"token": token, "password": NEW}).status == 204


@pytest.mark.parametrize("token", ["x", "%3Cscript%3E", f"{NOBODYS}0", f"{NOBODYS[:-1]}%22", "%20"])
@pytest.mark.parametrize("kind", ["reset", "invitation"])
def test_a_link_that_is_not_whole_is_404(memory_stand: Stand, kind: str, token: str) -> None:
    for accepted in ({}, {"Accept": "text/html"}):
        answer = memory_stand.client.get(f"/auth/{kind}/{token}", headers=accepted)
        assert answer.status == 404
        assert "copy all of it" in answer.text
        assert "script" not in answer.text


def test_what_the_pages_tell_browsers(memory_stand: Stand) -> None:
    """No script, forms to this service alone, and no address of theirs to any other."""
    for target in (RESET, f"{RESET}/{NOBODYS}", f"/auth/invitation/{NOBODYS}"):
        answer = memory_stand.client.get(target)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "<script" not in answer.text
        assert '<html lang="en">' in answer.text


@pytest.mark.parametrize("target", [RESET, CONFIRM, ACCEPT])
def test_a_page_of_another_origin_sends_nothing(memory_stand: Stand, target: str) -> None:
    fields = {"email": "a@example.org", "token": NOBODYS, "password": NEW}
    before = memory_stand.dump()
    for headers in (
        {"Origin": "http://other.example.org"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert send(memory_stand.client, target, fields, **headers).status == 403
    assert memory_stand.dump() == before


def test_a_link_is_of_one_organization(memory_stand: Stand) -> None:
    other = memory_stand.another_organization("acme")
    token = asked(memory_stand, memory_stand.person())
    for target in (CONFIRM, ACCEPT):
        assert other.client.post(target, {"token": token, "password": NEW}).status == 422
    assert memory_stand.client.post(CONFIRM, {"token": token, "password": NEW}).status == 204


def test_no_token_or_password_is_written_or_told(
    memory_stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    person, client = memory_stand.person(), memory_stand.client
    token, marked = asked(memory_stand, person), "marked-secret phrase"
    answers = [
        client.get(f"{RESET}/{token}"),
        client.post(CONFIRM, {"token": token, "password": "marked-se"[:7]}),
        client.post(CONFIRM, {"token": f"{token}x", "password": marked}),
        send(client, CONFIRM, {"token": token, "password": marked, "other": marked}),
        client.post(CONFIRM, {"token": token, "password": marked}),
        client.post(CONFIRM, {"token": token, "password": marked}),
    ]
    assert [answer.status for answer in answers] == [200, 422, 422, 422, 204, 422]
    assert {answer.context.route for answer in answers[:1]} == {"/auth/reset/{token}"}
    told = "".join(f"{a.headers}{a.text}" for a in (*answers[1:3], *answers[4:]))
    records = json.dumps([[*r.key, r.value] for r in memory_stand.records()])
    logged = caplog.text + "".join(str(record.args) for record in caplog.records)
    for place in (told, records, logged, memory_stand.process.metrics.render()):
        assert token not in place
        assert "marked-secret" not in place
    assert "marked" not in "".join(answer.text for answer in answers)
    assert token_hash(token) not in told


def test_a_user_changes_his_password_with_the_old_one(memory_stand: Stand) -> None:
    person = memory_stand.person()
    own = f"/api/users/{person.id}"
    client = memory_stand.client.as_(person.by_password)
    for fields, status, said in (
        ({"password": NEW}, 422, "'current_password' is missing"),
        ({"password": NEW, "current_password": "marked wrong"}, 403, "not the right one"),
        ({"password": "Passw0rd!", "current_password": person.password}, 422, "commonest"),
    ):
        answer = client.patch(own, fields)
        assert answer.status == status
        assert said in answer.detail
        assert "marked" not in answer.text
    by_key = memory_stand.client.as_(person.by_key)
    sent = {"password": NEW, "current_password": person.password}
    assert by_key.patch(own, sent).status == 403
    assert client.patch(own, sent).status == 200
    assert client.get("/api/user").status == 401
    assert signs_in(memory_stand, person.email, NEW)


def test_an_administrator_sets_all_but_his_own_without_the_old_one(memory_stand: Stand) -> None:
    person, admin = memory_stand.person(), memory_stand.admin
    by_password = memory_stand.client.as_(admin.by_password)
    assert by_password.patch(f"/api/users/{person.id}", {"password": NEW}).status == 200
    own = f"/api/users/{admin.id}"
    assert by_password.patch(own, {"password": NEW}).status == 422
    assert memory_stand.admins.patch(own, {"password": NEW}).status == 403
    sent = {"password": NEW, "current_password": admin.password}
    assert by_password.patch(own, sent).status == 200


def test_a_changed_password_ends_other_sessions_and_not_its_own(memory_stand: Stand) -> None:
    person = memory_stand.person()
    credentials = {"email": person.email, "password": person.password}
    tokens = [
        memory_stand.client.post("/auth/session", credentials).json["token"] for _ in range(2)
    ]
    own, other = (memory_stand.client.as_(f"Bearer {token}") for token in tokens)
    sent = {"password": NEW, "current_password": person.password}
    assert own.patch(f"/api/users/{person.id}", sent).status == 200
    assert own.get("/api/user").status == 200
    assert other.get("/api/user").status == 401


def test_a_reset_ends_all_sessions(memory_stand: Stand) -> None:
    person = memory_stand.person()
    credentials = {"email": person.email, "password": person.password}
    token = memory_stand.client.post("/auth/session", credentials).json["token"]
    client = memory_stand.client.as_(f"Bearer {token}")
    assert client.get("/api/user").status == 200
    sent = {"token": asked(memory_stand, person), "password": NEW}
    assert memory_stand.client.post(CONFIRM, sent).status == 204
    assert client.get("/api/user").status == 401


def test_no_key_and_no_open_page_takes_an_account_by_its_address(memory_stand: Stand) -> None:
    """A link that sets another password is mailed to whoever has the address."""
    admin = memory_stand.person("admin")
    own, moved = f"/api/users/{admin.id}", "moved@example.org"
    proof = {"email": moved, "current_password": admin.password}
    sent = {"email": admin.email, "password": admin.password}
    tokens = [memory_stand.client.post("/auth/session", sent).json["token"] for _ in range(2)]
    session, other = (memory_stand.client.as_(f"Bearer {token}") for token in tokens)
    assert memory_stand.client.as_(admin.by_key).patch(own, proof).status == 403
    for client in (session, memory_stand.client.as_(admin.by_password)):
        assert client.patch(own, {"email": moved}).json["field"] == "current_password"
        assert client.patch(own, {**proof, "current_password": "some other one"}).status == 403
    assert memory_stand.admins.get(own).json["email"] == admin.email
    assert session.patch(own, proof).json["email"] == moved
    # The session that it was changed by goes on, as with a password.
    assert (session.get("/api/user").status, other.get("/api/user").status) == (200, 401)
    assert signs_in(memory_stand, moved, admin.password)


def test_a_link_ends_with_its_address_for_good(memory_stand: Stand) -> None:
    """Also where the address is changed back."""
    person, admins = memory_stand.person(), memory_stand.admins
    token = asked(memory_stand, person)
    for email in ("moved@example.org", person.email):
        assert admins.patch(f"/api/users/{person.id}", {"email": email}).status == 200
        answer = memory_stand.client.post(CONFIRM, {"token": token, "password": NEW})
        assert (answer.status, answer.json["field"]) == (422, "token")
    assert signs_in(memory_stand, person.email, person.password)
