"""`/auth` for people: pages without script, that a keyboard and a screen reader can use."""

import re
from html.parser import HTMLParser

import pytest

from app.api.reading import MOST_BYTES, InvalidBody
from app.auth.forms import parse_form
from app.auth.page import STYLE
from app.pages import style_policy
from auth.errors import InvalidField
from tests.http.client import Answer, Client, bearer
from tests.http.signed_in import (
    FORM,
    PAGE,
    Browser,
    Device,
    codes_on,
    enrol,
    in_session,
    secret_on,
    sign_in,
)
from tests.http.stand import Stand


@pytest.fixture
def browser(memory_stand: Stand) -> Browser:
    return Browser(memory_stand.client)


class Page(HTMLParser):
    """What of a page matters to who cannot see it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.inputs: list[dict[str, str | None]] = []
        self.accounts: list[str | None] = []
        self.signs_out = False
        self.labels: list[str] = []
        self.ids: list[str] = []
        self.alerts = 0
        self.actions: list[str] = []
        self.tags: list[str] = []
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if "id" in found:
            self.ids.append(str(found["id"]))
        if tag == "input" and "hidden" in found:
            assert (found["autocomplete"], found.get("name")) == ("username", None)
            self.accounts.append(found["value"])
        elif tag == "input":
            self.inputs.append(found)
        if tag == "label":
            self.labels.append(str(found["for"]))
        if tag == "form":
            assert found["method"] == "post"
            self.actions.append(str(found["action"]))
            if self.actions[-1] == "/auth/sign-out":
                self.signs_out = bool(self.actions.pop())
        self.alerts += found.get("role") == "alert"


def check_page(answer: Answer) -> Page:
    """Assert what all pages promise."""
    page = Page(answer)
    assert len(set(page.ids)) == len(page.ids)
    shown = [one for one in page.inputs if one["type"] != "hidden"]
    assert sorted(page.labels) == sorted(str(one["id"]) for one in shown)
    for one in shown:
        assert one["autocomplete"] in ("username", "current-password", "one-time-code")
        assert "value" not in one, "what somebody typed does not come back"
        for described in str(one.get("aria-describedby") or "").split():
            assert described in page.ids
        if "aria-invalid" in one:
            assert f"{one['id']}-error" in str(one["aria-describedby"]).split()
    invalid = ["aria-invalid" in one for one in shown]
    assert ["autofocus" in one for one in shown] == [
        is_it and not any(invalid[:place]) for place, is_it in enumerate(invalid)
    ]
    assert page.tags.count("h1") == page.tags.count("main") == page.tags.count("title") == 1
    assert "script" not in page.tags
    assert answer.headers["content-security-policy"] == style_policy(STYLE, forms=True)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    return page


def test_somebody_signs_in_and_out(memory_stand: Stand, browser: Browser) -> None:
    person = memory_stand.person()
    assert "/auth/sign-in" in browser.get("/").text
    page = check_page(browser.get("/auth/sign-in"))
    assert page.actions == ["/auth/session"]
    assert [one["name"] for one in page.inputs] == ["email", "password", "code"]
    signed_in = browser.sign_in(person)
    assert (signed_in.status, signed_in.headers["location"]) == (303, "/")
    home = browser.get("/")
    assert person.email in home.text
    assert home.headers["cache-control"] == "no-store"
    assert "form-action 'self'" in home.headers["content-security-policy"]
    assert browser.client.get("/").text != home.text
    assert person.email not in browser.client.get("/").text
    cookie = browser.cookie
    out = browser.post("/auth/sign-out")
    assert (out.status, out.headers["location"], browser.cookie) == (303, "/", None)
    assert person.email not in browser.get("/").text
    browser.cookie = cookie
    assert person.email not in browser.get("/").text, "it is over, and not only forgotten"
    assert browser.post("/auth/sign-out").status == 303, "as often as one likes"


@pytest.mark.parametrize("email", [None, "nobody@example.org", "no address", ""])
def test_a_wrong_password_is_told_on_the_page(
    memory_stand: Stand, browser: Browser, email: str | None
) -> None:
    person = memory_stand.person()
    sent = person.email if email is None else email
    refused = browser.post("/auth/session", email=sent, password="not the password", code="1")
    assert refused.status == 403
    page = check_page(refused)
    assert page.alerts == 1
    assert browser.cookie is None
    assert "www-authenticate" not in refused.headers
    assert person.email not in refused.text
    first = browser.post("/auth/session", email="x@y.z", password="not the password")
    assert refused.text == first.text


def test_a_code_is_asked_for_beside_its_field(memory_stand: Stand, browser: Browser) -> None:
    person = memory_stand.person()
    device, codes = enrol(in_session(memory_stand, person), person)
    for code, told in (("", "second factor"), ("000000", "wrong")):
        refused = browser.sign_in(person, code)
        assert refused.status == 403
        page = check_page(refused)
        invalid = [one["name"] for one in page.inputs if "aria-invalid" in one]
        assert (invalid, page.alerts) == (["code"], 1)
        assert told in refused.text
    assert browser.sign_in(person, device.code()).status == 303
    assert browser.sign_in(person, codes[0].upper()).status == 303


def test_too_many_wrong_ones_are_told_too(memory_stand: Stand, browser: Browser) -> None:
    person = memory_stand.person()
    enrol(in_session(memory_stand, person), person)
    answers = [browser.sign_in(person, f"00000{number}") for number in range(7)]
    assert answers[-1].status == 429
    check_page(answers[-1])


def test_a_second_factor_is_set_up_by_hand(memory_stand: Stand, browser: Browser) -> None:
    person = memory_stand.person()
    browser.sign_in(person)
    page = check_page(browser.get("/auth/second-factor"))
    assert page.actions == ["/auth/second-factor"]
    wrong = browser.post("/auth/second-factor", password="not the password")
    assert (wrong.status, check_page(wrong).alerts) == (422, 1)
    begun = browser.post("/auth/second-factor", password=person.password)
    assert begun.status == 200
    page = check_page(begun)
    assert page.actions == ["/auth/second-factor/confirm"]
    assert "otpauth://totp/Strongroom:" in begun.text
    device = Device(secret_on(begun.text))
    wrong = browser.post("/auth/second-factor/confirm", code="000000")
    assert (wrong.status, check_page(wrong).alerts) == (422, 1)
    done = browser.post("/auth/second-factor/confirm", code=f" {device.code()} ")
    check_page(done)
    codes = codes_on(done.text)
    assert len(codes) == 10

    there = browser.get("/auth/second-factor")
    page = check_page(there)
    assert "left: 10" in there.text
    assert not any(code in there.text for code in codes)
    assert page.actions == [
        "/auth/second-factor/recovery-codes",
        "/auth/second-factor",
        "/auth/second-factor/remove",
    ]
    renewed = browser.post("/auth/second-factor/recovery-codes", code=codes[0])
    assert len(codes_on(renewed.text)) == 10
    used = browser.post("/auth/second-factor/remove", password=person.password, code=codes[1])
    assert (used.status, check_page(used).alerts) == (422, 1)
    sent = {"password": person.password, "code": codes_on(renewed.text)[0]}
    removed = browser.post("/auth/second-factor/remove", **sent)
    assert (removed.status, removed.headers["location"]) == (303, "/auth/second-factor")
    assert check_page(browser.get("/auth/second-factor")).actions == ["/auth/second-factor"]


def test_password_managers_are_told_whose_password_is_asked_for(
    memory_stand: Stand, browser: Browser
) -> None:
    """Wherever that is known, by what is not sent with the form."""
    person = memory_stand.person()
    browser.sign_in(person)
    assert check_page(browser.get("/auth/second-factor")).accounts == [person.email]
    wrong = browser.post("/auth/second-factor", password="not the password")
    assert check_page(wrong).accounts == [person.email]
    enrol(in_session(memory_stand, person), person)
    browser.cookie = None
    assert check_page(browser.get("/auth/sign-in")).accounts == []


def test_two_forms_for_a_password_name_its_account_each(
    memory_stand: Stand, browser: Browser
) -> None:
    person = memory_stand.person()
    _, codes = enrol(in_session(memory_stand, person), person)
    browser.sign_in(person, codes[0])
    assert check_page(browser.get("/auth/second-factor")).accounts == [person.email] * 2


def test_the_first_code_is_none_for_recovery(memory_stand: Stand, browser: Browser) -> None:
    person = memory_stand.person()
    browser.sign_in(person)
    begun = browser.post("/auth/second-factor", password=person.password)
    wrong = browser.post("/auth/second-factor/confirm", code="000000")
    for shown in (begun, wrong):
        assert "authenticator shows" in shown.text
        assert "recovery code" not in shown.text


def test_one_signs_out_from_wherever_one_is_signed_in(
    memory_stand: Stand, browser: Browser
) -> None:
    person = memory_stand.person()
    for path in ("/auth/sign-in", "/auth/second-factor", "/auth/sessions", "/auth/reset"):
        assert "Sign out" not in browser.get(path).text
    browser.sign_in(person)
    for path in ("/auth/second-factor", "/auth/sessions"):
        assert check_page(browser.get(path)).signs_out
    begun = browser.post("/auth/second-factor", password=person.password)
    confirmed = browser.post("/auth/second-factor/confirm", code="000000")
    refused = browser.post("/auth/sessions", end="a" * 16)
    assert refused.status == 404
    for answer in (begun, confirmed, refused):
        assert check_page(answer).signs_out
    assert browser.post("/auth/sign-out").status == 303


def test_who_has_to_set_one_up_is_led_there(memory_stand: Stand, browser: Browser) -> None:
    client = in_session(memory_stand, memory_stand.admin)
    enrol(client, memory_stand.admin)
    client.patch("/api/organization", {"second_factor": "required"})
    person = memory_stand.person()
    signed_in = browser.sign_in(person)
    assert (signed_in.status, signed_in.headers["location"]) == (303, "/auth/second-factor")
    assert "requires" in browser.get("/auth/second-factor").text
    assert "Set up your second factor" in browser.get("/").text
    begun = browser.post("/auth/second-factor", password=person.password)
    device = Device(secret_on(begun.text))
    assert codes_on(browser.post("/auth/second-factor/confirm", code=device.code()).text)
    there = browser.get("/auth/second-factor")
    assert "/auth/second-factor/remove" not in check_page(there).actions


def test_sessions_are_seen_and_ended_on_a_page(memory_stand: Stand, browser: Browser) -> None:
    person = memory_stand.person()
    token = bearer(sign_in(memory_stand, person).json["token"])
    others = [in_session(memory_stand, person) for _ in range(2)]
    browser.sign_in(person)
    shown = browser.get("/auth/sessions")
    assert len(check_page(shown).actions) == 5
    assert shown.text.count("(this one)") == 1
    first = sign_in(memory_stand, person).json["id"]
    ended = browser.post("/auth/sessions", end=first)
    assert (ended.status, ended.headers["location"]) == (303, "/auth/sessions")
    assert browser.post("/auth/sessions", end=first).status == 404
    assert browser.post("/auth/sessions", end="others").status == 303
    assert [each.get("/api/user").status for each in others] == [401, 401]
    assert memory_stand.client.as_(token).get("/api/user").status == 401
    assert len(check_page(browser.get("/auth/sessions")).actions) == 1


def test_what_a_client_calls_itself_is_text(memory_stand: Stand, browser: Browser) -> None:
    person = memory_stand.person()
    sent = {"email": person.email, "password": person.password}
    headers = {"User-Agent": '<script>alert("x")</script>' + "y" * 1000}
    memory_stand.client.ask("POST", "/auth/session", json=sent, headers=headers)
    browser.sign_in(person)
    shown = browser.get("/auth/sessions")
    check_page(shown)
    assert "&lt;script&gt;" in shown.text
    assert "y" * 300 not in shown.text


def test_who_is_not_signed_in_is_led_to_where_one_is(browser: Browser) -> None:
    """And not asked by the browser itself, as a 401 would."""
    for cookie in (None, "srs_" + "0" * 49, "nonsense"):
        for path in ("/auth/second-factor", "/auth/sessions"):
            browser.cookie = cookie
            for answer in (browser.get(path), browser.post(path, password="x", end="others")):
                assert (answer.status, answer.headers["location"]) == (303, "/auth/sign-in")
    assert browser.client.get("/auth/sessions").status == 401, "a program is told"


BAD = [
    (b"email=a&email=b", 422, "twice"),
    (b"email=%ff&password=x", 400, "UTF-8"),
    (b"email", 400, "form"),
    ("email=ü".encode(), 400, "form"),
    (b"&".join(b"a%d=" % number for number in range(30)), 400, "form"),
    (b"email=a&password=b&admin=true", 422, "admin"),
    (b"email=a", 422, "password"),
    (b"", 422, "email"),
    (b"email=" + b"a" * MOST_BYTES, 413, "bytes"),
]


@pytest.mark.parametrize("body, status, told", BAD, ids=range(len(BAD)))
def test_what_is_no_form_gets_a_page_that_says_so(
    memory_stand: Stand, body: bytes, status: int, told: str
) -> None:
    client: Client = memory_stand.client
    for chunked in (False, True):
        answer = client.ask("POST", "/auth/session", headers=FORM, body=body, chunked=chunked)
        assert answer.status == status
        assert told in answer.text
        assert 'role="alert"' in answer.text


def test_a_form_of_another_type_is_refused(memory_stand: Stand) -> None:
    person = memory_stand.person()
    body = f"email={person.email}&password={person.password}".encode()
    for type_ in ("text/plain", "application/xml"):
        headers = {"Content-Type": type_}
        answer = memory_stand.client.ask("POST", "/auth/session", headers=headers, body=body)
        assert answer.status == 415


def test_forms_are_read_as_browsers_write_them() -> None:
    assert parse_form(b"a=b+c%2B%C3%BC&d=") == {"a": "b c+ü", "d": ""}
    assert parse_form(b"") == {}
    with pytest.raises(InvalidField, match="twice"):
        parse_form(b"a=1&%61=2")
    with pytest.raises(InvalidBody):
        parse_form(b"a=1&&b")


def test_links_and_forms_lead_nowhere_else(memory_stand: Stand, browser: Browser) -> None:
    browser.sign_in(memory_stand.person())
    for path in ("/", "/auth/sign-in", "/auth/second-factor", "/auth/sessions"):
        text = memory_stand.client.at(browser.client.host).get(path, headers=PAGE).text
        text += browser.get(path).text
        for target in re.findall(r'(?:href|action|src)="([^"]*)"', text):
            assert target.startswith("/"), target
