"""What people see of an organization that is suspended, deleted or restored; and of metrics."""

import pytest

from middleware.declarations import Need, Who
from tests.http.client import Answer, Client
from tests.http.probes import PROBES, furnish
from tests.http.provisioning import provider
from tests.http.stand import Person, Stand
from tests.http.test_isolation import ask

FILE = "/repositories/files/a/b.txt"
DATA = b"the bytes of a file"


@pytest.fixture
def acme(memory_stand: Stand) -> Stand:
    """An organization with a public repository, warm in its process."""
    made = memory_stand.another_organization("acme")
    made.repository("files", public=True, overwrite=True)
    assert made.admins.put(FILE, DATA).status == 201
    assert made.admins.get(FILE).body == made.client.get(f"/public{FILE}").body == DATA
    return made


def is_suspended(answer: Answer) -> bool:
    told = "suspended" in answer.text or answer.environ["REQUEST_METHOD"] == "HEAD"
    return answer.status == 403 and told


def signed_in(stand: Stand, client: Client) -> tuple[Client, ...]:
    person = stand.person()
    return tuple(
        client.as_(by)
        for by in (stand.admin.by_key, stand.admin.by_password, person.by_key, person.by_password)
    )


def test_every_route_of_a_suspended_organization_says_so(memory_stand: Stand) -> None:
    """Whatever is asked, by whom, with right credentials or wrong ones; in warm memory."""
    acme, other = (memory_stand.another_organization(name) for name in ("acme", "globex"))
    names = furnish(acme, other)
    people, token = signed_in(acme, acme.client), provider(acme).client
    for client in people:
        assert client.get("/api/user").status == 200
    assert token.get("/scim/v2/Users").status == 200
    clients = (*people, token)
    acme.registrar().suspend("acme")
    routes = memory_stand.process.routes.declared
    before = acme.dump().records
    for (template, method), probes in PROBES.items():
        for sent in (probe.with_(names) for probe in probes):
            match routes[template].needs[method]:
                case Need(identified=True):
                    assert ask(acme.client, method, sent).status == 401, "before any look-up"
                    for client in clients:
                        assert is_suspended(ask(client, method, sent)), (template, method)
                case Need(who=Who.ANYBODY | Who.GUEST):
                    assert is_suspended(ask(acme.client, method, sent)), (template, method)
                case _:
                    assert ask(acme.client, method, sent).status == 200, (template, method)
    assert acme.dump().records == before
    assert other.admins.get("/api/user").status == 200
    assert memory_stand.admins.get("/api/user").status == 200


def test_nothing_is_lost_by_suspending(acme: Stand) -> None:
    registrar = acme.registrar()
    registrar.suspend("acme")
    assert is_suspended(acme.admins.get(FILE))
    assert is_suspended(acme.client.get(f"/public{FILE}"))
    registrar.resume("acme")
    assert acme.admins.get(FILE).body == acme.client.get(f"/public{FILE}").body == DATA
    assert acme.admins.put(FILE, b"newer").status == 200


def test_elsewhere_writes_and_the_api_end_at_once_and_reads_within_ten_seconds(
    acme: Stand,
) -> None:
    other = acme.another_process().client.at(acme.host)
    admins = other.as_(acme.admin.by_key)
    for _ in range(2):
        assert admins.get(FILE).body == other.get(f"/public{FILE}").body == DATA
    acme.clock.now += 5
    acme.registrar().suspend("acme")
    assert is_suspended(admins.put(FILE, b"x"))
    assert is_suspended(admins.delete(FILE))
    assert is_suspended(admins.get("/api/user"))
    acme.clock.now += 5.001
    assert is_suspended(admins.get(FILE))
    assert is_suspended(other.get(f"/public{FILE}"))


def test_a_password_that_was_verified_is_no_way_in(acme: Stand) -> None:
    person = acme.person("admin")
    client = acme.client.as_(person.by_password)
    other = acme.another_process().client.at(acme.host).as_(person.by_password)
    assert client.get("/api/users").status == other.get("/api/users").status == 200
    acme.registrar().suspend("acme")
    assert is_suspended(client.get("/api/users"))
    assert is_suspended(other.get("/api/users"))


def appearance(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.text.replace(answer.context.id, "ID")


def test_a_deleted_organization_looks_as_if_it_had_never_been(acme: Stand) -> None:
    """In the process that deleted it at once; elsewhere writes at once, reads within 10 s."""
    other = acme.another_process().client
    warm = other.at(acme.host)
    for _ in range(2):
        assert warm.as_(acme.admin.by_key).get(FILE).body == warm.get(f"/public{FILE}").body == DATA
    acme.registrar().delete("acme")
    assert warm.as_(acme.admin.by_key).put(FILE, b"x").status == 401
    acme.clock.now += 10.001
    for client in (acme.client, warm):
        never = client.at(acme.host.replace("acme", "never"))
        for method, target in (
            ("GET", "/"),
            ("GET", f"/public{FILE}"),
            ("GET", FILE),
            ("PUT", FILE),
            ("GET", "/api/user"),
            ("POST", "/api/keys"),
        ):
            for by in (None, acme.admin.by_key, acme.admin.by_password):
                seen, expected = (
                    asked.as_(by).ask(method, target, body=b"") for asked in (client, never)
                )
                assert appearance(seen) == appearance(expected), (method, target)


def test_a_restored_organization_is_there_whole(acme: Stand) -> None:
    person, registrar = acme.person("admin"), acme.registrar()
    before = acme.dump()
    registrar.delete("acme")
    assert acme.admins.get(FILE).status == 401
    registrar.restore("acme")
    assert acme.admins.get(FILE).body == acme.client.get(f"/public{FILE}").body == DATA
    assert acme.client.as_(person.by_password).get("/api/user").status == 200
    after = acme.dump()
    assert after.blobs == before.blobs
    assert {key for key in before.records if "#organizations" not in key} <= after.records.keys()


def test_what_takes_the_name_of_a_deleted_one_has_nothing_of_it(acme: Stand) -> None:
    """Not even for keys and passwords that are warm."""
    old = acme.admin
    acme.registrar().delete("acme")
    newer = acme.another_organization("acme")
    newer.repository("files", public=True)
    for by in (old.by_key, old.by_password):
        if by != newer.admin.by_password:
            assert newer.client.as_(by).get("/api/user").status == 401
            assert newer.client.as_(by).get(FILE).status == 401
    assert newer.admins.get(FILE).status == 404
    assert newer.client.get(f"/public{FILE}").status == 404
    assert newer.admins.put(FILE, b"newer").status == 201


@pytest.mark.parametrize("role", ["admin", "developer"])
def test_metrics_are_told_in_default_alone(memory_stand: Stand, acme: Stand, role: str) -> None:
    """They tell of the whole installation."""
    person: Person = acme.person(role)
    assert acme.client.as_(person.by_key).get("/metrics").status == 403
    assert acme.admins.get("/metrics").status == 403
    assert memory_stand.admins.get("/metrics").status == 200
