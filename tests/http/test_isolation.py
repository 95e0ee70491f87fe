"""Nothing of one organization is visible to another: every route, tried with its names.

The router says what there is to try, so a route without a probe fails here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from auth.secret_texts import SCIM_TOKEN, make_secret
from tests.http.client import Answer, Client, basic, bearer
from tests.http.distributed import scim_token
from tests.http.probes import PROBES, SHARED, Names, Probe, furnish, marks, records_of
from tests.http.stand import ADMIN_EMAIL, Person, Stand


@dataclass
class Two:
    """Two organizations of one installation: `here` are the probers, `there` is tried on."""

    here: Stand
    there: Stand
    names: Names
    people: Mapping[str, Person]  # of `here`
    token: str  # of a service that provisions users `here`

    def own(self) -> Mapping[str, str | None]:
        """Everybody of `here`, and nobody, by how they sign in."""
        person = self.people["developer"]
        return {
            "administrator": self.here.admin.by_key,
            "administrator, by password": self.here.admin.by_password,
            "developer": person.by_key,
            "developer, by password": person.by_password,
            "key with scopes": self.people["scoped"].by_key,
            "SCIM token": bearer(self.token),
            "nobody": None,
        }


@pytest.fixture
def two(memory_stand: Stand) -> Two:
    return both(memory_stand)


@pytest.fixture(params=["memory", "remote"])
def any_two(request: pytest.FixtureRequest) -> Two:
    """On each pair of stores."""
    return both(request.getfixturevalue(f"{request.param}_stand"))


def both(whole: Stand) -> Two:
    here, there = whole.another_organization("acme"), whole.another_organization("globex")
    names = furnish(there, here)
    shared = next(record.value["id"] for record in records_of(here) if record.key.sort == SHARED)
    everything = {shared: ["read", "write", "delete"]}
    people = {
        "developer": here.person(grants=everything),
        "scoped": here.person("admin", scopes=everything),
    }
    return Two(here, there, names, people, scim_token(here).secret.text)


def probes() -> Iterator[tuple[str, Probe]]:
    for (_, method), tried in PROBES.items():
        for probe in tried:
            yield method, probe


def ask(client: Client, method: str, probe: Probe) -> Answer:
    if probe.json is not None:
        return client.ask(method, probe.target, json=probe.json, headers=probe.headers)
    body = None if probe.body is None else probe.body.encode()
    if method == "PUT" and body is None:
        body = b""
    return client.ask(method, probe.target, body=body, headers=probe.headers)


def look(answer: Answer, *names: Names) -> tuple[object, ...]:
    """All that a caller sees of an answer, save what he sent himself and what is random."""
    return (
        answer.status,
        {name: _masked(value, *names) for name, value in answer.headers.items()},
        _masked(answer.text, *names),
    )


#: Of things that were made by the request: secrets, cursors, ids, times, versions.
_RANDOM = re.compile(
    r"srk_\w{49}|[\w-]{38,}|\b[0-9a-f]{32}\b|\b[a-z2-7]{16}\b"
    r'|W/\\?"\d+'
    r"|\d{4}-\d\d-\d\dT[\d:.]+Z|\w{3}, \d\d \w{3} \d{4} [\d:]+ GMT"
)


def _masked(text: str, *names: Names) -> str:
    values = [item for each in names for item in each.values().items()]
    for name, value in sorted(values, key=lambda item: -len(item[1])):
        text = text.replace(value, f"<{name}>")
    return _RANDOM.sub("<random>", text)


def test_every_route_is_probed_and_nothing_else(memory_stand: Stand) -> None:
    """Who adds a route says here what another organization could try on it."""
    declared = memory_stand.process.routes.declared.values()
    served = {(route.template, method) for route in declared for method in route.methods}
    assert served == PROBES.keys()


def test_every_parameter_of_a_route_is_probed_with_the_others(memory_stand: Stand) -> None:
    """A probe of a route with parameters that names nothing of the other would prove nothing."""
    for (template, method), tried in PROBES.items():
        if "{" in template:
            assert any("{" in probe.target for probe in tried), (template, method)


@pytest.mark.timeout(300)
def test_what_another_organization_has_looks_like_what_nobody_has(any_two: Two) -> None:
    """Names, ids, cursors, digests and jobs, by everybody, at their own host."""
    before = records_of(any_two.there), blobs_of(any_two.there)
    telling = marks(any_two.there, any_two.names)
    real, made_up = any_two.names, any_two.names.made_up()
    for who, authorization in any_two.own().items():
        client = any_two.here.client.as_(authorization)
        for method, probe in probes():
            sent = probe.with_(real)
            answer = ask(client, method, sent)
            other = ask(client, method, probe.with_(made_up))
            assert look(answer, real, made_up) == look(other, real, made_up), (who, method, probe)
            for seen in (answer, other):
                shown = f"{seen.headers} {seen.text}"
                told = [mark for mark in telling if mark in shown and mark not in sent.text]
                assert told == [], (who, method, probe)
    assert (records_of(any_two.there), blobs_of(any_two.there)) == before


@pytest.mark.timeout(300)
def test_a_key_is_worth_nothing_at_anothers_host(any_two: Two) -> None:
    """It looks like one that was never made: with all names right, on every route that reads it.

    What anybody may send, such as who forgot his password, reads none, and counts who asks.
    """
    before = records_of(any_two.there), blobs_of(any_two.there)
    never, no_token = make_secret().text, make_secret(SCIM_TOKEN).text
    keys = [any_two.here.admin.key, *(person.key for person in any_two.people.values())]
    # What is said of a credential goes by its form, and a SCIM token is none for Basic.
    looks_like = {form(key): bearer(never) for key in keys for form in (bearer, _as_key)}
    looks_like |= {form(any_two.token): form(no_token) for form in (bearer, _as_key)}
    client, routes = any_two.there.client, any_two.there.process.routes.declared
    for (template, method), tried in PROBES.items():
        for probe in tried:
            sent = probe.with_(any_two.names)
            signed_in = routes[template].needs[method].identified
            if method == "POST" and not signed_in:
                continue
            expected = {
                authorization: look(ask(client.as_(authorization), method, sent), any_two.names)
                for authorization in set(looks_like.values())
            }
            assert {status == 401 for status, *_ in expected.values()} == {signed_in}
            for authorization, nobody in looks_like.items():
                answer = ask(client.as_(authorization), method, sent)
                assert look(answer, any_two.names) == expected[nobody], (template, method)
    assert (records_of(any_two.there), blobs_of(any_two.there)) == before


def _as_key(text: str) -> str:
    return basic("api-key", text)


def blobs_of(there: Stand) -> list[str]:
    listed = there.process.installation.blobs.list().entries
    return [entry.key for entry in listed if entry.key.startswith(f"{there.organization}/")]


def test_one_address_in_two_organizations_is_two_users(any_two: Two) -> None:
    """However warm the memory of one's password is, it is none of the other's."""
    here, there = any_two.here.admin, any_two.there.admin
    assert here.email == there.email == ADMIN_EMAIL
    for _ in range(2):
        for stand, own, foreign in ((any_two.here, here, there), (any_two.there, there, here)):
            right = stand.client.as_(own.by_password).get("/api/user")
            assert (right.status, right.json["id"]) == (200, own.id)
            assert stand.client.as_(foreign.by_password).get("/api/user").status == 401


def test_wrong_passwords_in_one_lock_nobody_out_of_the_other(two: Two) -> None:
    wrong = basic(ADMIN_EMAIL, "not the password")
    statuses = {two.here.client.as_(wrong).get("/api/user").status for _ in range(40)}
    assert statuses == {401, 429}
    there = two.there.client
    assert there.as_(two.there.admin.by_password).get("/api/user").status == 200
    assert there.as_(wrong).get("/api/user").status == 401


def test_the_same_bytes_are_two_blobs(any_two: Two) -> None:
    """A digest that is known elsewhere is not known here: not by its time, nor by a reference."""
    data, at = b"the same bytes in both", f"/repositories/{SHARED}/same"
    assert any_two.there.admins.put(at, data).status == 201
    before = any_two.here.process.blobs.calls.copy()
    assert any_two.here.admins.put(at, data).status == 201
    dropped = any_two.here.process.blobs.calls["delete"] - before["delete"]
    assert dropped == 0
    for stand in (any_two.here, any_two.there):
        blobs = {record.value["blob"] for record in records_of(stand) if record.key.sort == "same"}
        assert len(blobs) == 1
        assert blobs.pop().startswith(f"{stand.organization}/")
    assert any_two.there.admins.delete(at).status == 204
    assert any_two.here.admins.get(at).body == data


@pytest.mark.parametrize(
    "host",
    [
        "GLOBEX.ROOMS.EXAMPLE.ORG",
        "globex.rooms.example.org.",
        "globex.rooms.example.org:8080",
        "Globex.Rooms.Example.Org.:80",
    ],
)
def test_however_a_host_is_written_it_is_the_same_organization(two: Two, host: str) -> None:
    client = two.there.client.at(host)
    right = client.as_(two.there.admin.by_key)
    assert right.get("/api/user").json["id"] == two.there.admin.id
    assert client.as_(two.here.admin.by_key).get("/api/user").status == 401
    assert client.get(f"/public/repositories/{two.names.public}/a/first").status == 200
    assert two.here.client.get(f"/public/repositories/{two.names.public}/a/first").status == 404


@pytest.mark.parametrize(
    "host, status",
    [
        ("xn--globex-.rooms.example.org", 400),  # a label does not end with a hyphen
        ("xn--globex-abc.rooms.example.org", 401),  # no such organization
        ("globex.acme.rooms.example.org", 421),
        ("globex%2erooms.example.org", 400),
        ("globex@acme.rooms.example.org", 400),
        ("globex.rooms.example.org, acme.rooms.example.org", 400),
        ("ɢlobex.rooms.example.org", 400),
        ("globex_.rooms.example.org", 421),
        ("rooms.example.org", 421),
        ("_.rooms.example.org", 421),
        ("nobody.rooms.example.org", 401),
    ],
)
def test_what_only_resembles_a_host_leads_nowhere(two: Two, host: str, status: int) -> None:
    for credential in (two.here.admin.by_key, two.there.admin.by_key):
        assert two.here.client.at(host).as_(credential).get("/api/user").status == status


def test_no_other_header_selects_an_organization(two: Two) -> None:
    """What a front forwards is not believed from a client; without TLS it is refused."""
    thief = two.here.client.as_(two.there.admin.by_key)
    for name, value, status in (
        ("X-Host", two.there.host, 401),
        ("X-Organization", "globex", 401),
        ("X-Forwarded-Host", two.there.host, 403),
        ("Forwarded", f"host={two.there.host}", 403),
    ):
        assert thief.get("/api/user", headers={name: value}).status == status, name
    assert thief.get(f"http://{two.there.host}/api/user").status == 400


def test_a_page_of_one_organization_changes_nothing_in_another(two: Two) -> None:
    """Two hosts of one domain are the same site to a browser, and foreign all the same."""
    admins = two.there.admins
    for origin in (f"https://{two.here.host}", f"http://{two.here.host}"):
        answer = admins.post("/api/repositories", {"name": "x"}, headers={"Origin": origin})
        assert answer.status == 403
