"""Who may what: all routes, with all methods, as every kind of caller (S12).

The router itself says what there is. A route or method that the table below does not know
fails the test, so that nothing is served whose confidentiality nobody thought of.
"""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from app.repositories import Format, Repository
from auth.api_keys import ApiKeys
from middleware.declarations import Access, undeclared
from middleware.request_line import METHODS
from tests.http.callers import (
    ADMIN,
    ALL,
    HIDDEN,
    MANAGER,
    PASSWORD,
    PERSON,
    READ,
    REMOVE,
    SCOPED,
    UNKNOWN,
    UPLOAD,
    WRITE,
    Caller,
    callers,
)
from tests.http.client import Answer, Client
from tests.http.stand import Stand
from tests.python.building import wheel

FILES = (UNKNOWN, HIDDEN, UPLOAD, REMOVE, READ, WRITE, ALL, ADMIN, PASSWORD)
API = (UNKNOWN, PERSON, SCOPED, MANAGER)


def files(*statuses: int) -> Mapping[str, int]:
    """The statuses of a route of files, one for each column of `callers`."""
    return dict(zip(FILES, statuses, strict=True))


def api(unknown: int, person: int, scoped: int, manager: int) -> Mapping[str, int]:
    """The statuses of a route of the API."""
    return dict(zip(API, (unknown, person, scoped, manager), strict=True))


def everybody(status: int) -> Mapping[str, int]:
    return dict.fromkeys({*FILES, *API}, status)


ROOT, FOLDER = "/repositories/{repository}", "/repositories/{repository}/"
FILE = "/repositories/{repository}/{path:path}"
INNER = "/repositories/{repository}/{path:path}/"
USER, NAME, KEY = "/api/users/{user}", "/api/repositories/{name}", "/api/keys/{key}"
RULES = f"{NAME}/retention"
PROJECTS = f"{NAME}/projects"
PROJECT = f"{PROJECTS}/{{project}}"
RELEASE, DISTRIBUTION = f"{PROJECT}/releases/{{version}}", f"{PROJECT}/files/{{filename}}"

#: What every route answers, by its template and method, to each kind of caller. Files and
#: repositories are those of `private`, users and keys are somebody else's.
TABLE: Mapping[tuple[str, str], Mapping[str, int]] = {
    ("/", "GET"): everybody(200),
    ("/", "HEAD"): everybody(200),
    ("/healthz", "GET"): everybody(200),
    ("/healthz", "HEAD"): everybody(200),
    ("/readyz", "GET"): everybody(200),
    ("/readyz", "HEAD"): everybody(200),
    ("/metrics", "GET"): api(401, 403, 403, 200),
    (ROOT, "GET"): files(401, 404, 403, 403, 301, 301, 301, 301, 403),
    (ROOT, "HEAD"): files(401, 404, 403, 403, 301, 301, 301, 301, 403),
    (FOLDER, "GET"): files(401, 404, 403, 403, 200, 200, 200, 200, 403),
    (FOLDER, "HEAD"): files(401, 404, 403, 403, 200, 200, 200, 200, 403),
    # It is no Python repository: who may write is told so.
    (ROOT, "POST"): files(401, 404, 405, 403, 403, 405, 405, 405, 403),
    (FOLDER, "POST"): files(401, 404, 405, 403, 403, 405, 405, 405, 403),
    (INNER, "POST"): files(401, 404, 405, 403, 403, 405, 405, 405, 403),
    (FOLDER, "DELETE"): files(401, 404, 403, 200, 403, 403, 200, 200, 403),
    (FILE, "GET"): files(401, 404, 403, 403, 200, 200, 200, 200, 403),
    (FILE, "HEAD"): files(401, 404, 403, 403, 200, 200, 200, 200, 403),
    (FILE, "PUT"): files(401, 404, 201, 403, 403, 201, 201, 201, 403),
    (FILE, "POST"): files(401, 404, 201, 403, 403, 201, 201, 201, 403),
    # A piece of an administrator's upload: nobody else may know of it.
    (FILE, "PATCH"): files(401, 404, 404, 403, 403, 404, 404, 202, 403),
    (FILE, "DELETE"): files(401, 404, 403, 204, 403, 403, 204, 204, 403),
    (INNER, "GET"): files(401, 404, 403, 403, 200, 200, 200, 200, 403),
    (INNER, "HEAD"): files(401, 404, 403, 403, 200, 200, 200, 200, 403),
    (INNER, "DELETE"): files(401, 404, 403, 200, 403, 403, 200, 200, 403),
    (f"/public{ROOT}", "GET"): everybody(404),
    (f"/public{ROOT}", "HEAD"): everybody(404),
    (f"/public{FOLDER}", "GET"): everybody(404),
    (f"/public{FOLDER}", "HEAD"): everybody(404),
    (f"/public{FILE}", "GET"): everybody(404),
    (f"/public{FILE}", "HEAD"): everybody(404),
    (f"/public{INNER}", "GET"): everybody(404),
    (f"/public{INNER}", "HEAD"): everybody(404),
    ("/api/openapi.json", "GET"): api(401, 200, 200, 200),
    ("/api/user", "GET"): api(401, 200, 200, 200),
    ("/api/users", "GET"): api(401, 403, 403, 200),
    ("/api/users", "POST"): api(401, 403, 403, 201),
    (USER, "GET"): api(401, 404, 404, 200),
    (USER, "PATCH"): api(401, 404, 404, 200),
    (USER, "DELETE"): api(401, 403, 403, 204),
    (f"{USER}/permissions", "PUT"): api(401, 403, 403, 200),
    ("/api/organization", "GET"): api(401, 403, 403, 200),
    ("/api/repositories", "GET"): api(401, 200, 200, 200),
    ("/api/repositories", "POST"): api(401, 403, 403, 201),
    (NAME, "GET"): files(401, 404, 404, 404, 200, 200, 200, 200, 200),
    (NAME, "PATCH"): api(401, 403, 403, 200),
    (NAME, "DELETE"): api(401, 403, 403, 204),
    (f"{NAME}/restore", "POST"): files(401, 404, 403, 403, 403, 404, 404, 404, 404),
    (f"{NAME}/purge", "POST"): api(401, 403, 403, 200),
    (f"{NAME}/deleted", "GET"): files(401, 404, 403, 403, 403, 200, 200, 200, 200),
    ("/api/deleted-repositories", "GET"): api(401, 403, 403, 200),
    (RULES, "GET"): api(401, 403, 403, 200),
    (RULES, "PUT"): api(401, 403, 403, 200),
    (f"{RULES}/preview", "POST"): api(401, 403, 403, 200),
    (PROJECTS, "GET"): files(401, 404, 404, 404, 200, 200, 200, 200, 200),
    (PROJECT, "GET"): files(401, 404, 404, 404, 200, 200, 200, 200, 200),
    (PROJECT, "PATCH"): files(401, 404, 403, 403, 403, 200, 200, 200, 200),
    (PROJECT, "DELETE"): files(401, 404, 403, 200, 403, 403, 200, 200, 200),
    (f"{PROJECT}/restore", "POST"): files(401, 404, 403, 403, 403, 200, 200, 200, 200),
    (RELEASE, "PATCH"): files(401, 404, 403, 403, 403, 200, 200, 200, 200),
    (RELEASE, "DELETE"): files(401, 404, 403, 200, 403, 403, 200, 200, 200),
    (f"{RELEASE}/restore", "POST"): files(401, 404, 403, 403, 403, 200, 200, 200, 200),
    (DISTRIBUTION, "PATCH"): files(401, 404, 403, 403, 403, 200, 200, 200, 200),
    (DISTRIBUTION, "DELETE"): files(401, 404, 403, 200, 403, 403, 200, 200, 200),
    (f"{DISTRIBUTION}/restore", "POST"): files(401, 404, 403, 403, 403, 200, 200, 200, 200),
    ("/api/keys", "GET"): api(401, 200, 200, 200),
    ("/api/keys", "POST"): api(401, 201, 403, 201),
    (KEY, "GET"): api(401, 404, 404, 200),
    (KEY, "DELETE"): api(401, 404, 404, 204),
    ("/api/jobs", "GET"): api(401, 200, 200, 200),
    ("/api/jobs/{job}", "GET"): api(401, 404, 404, 200),
    ("/api/search", "GET"): api(401, 200, 200, 200),
}


@dataclass
class Building:
    """A stand with a private repository, somebody to be looked at, and every caller."""

    stand: Stand
    private: Repository
    other: Repository
    callers: Mapping[str, Caller]

    def ask(self, template: str, method: str, client: Client) -> Answer:
        """Ask a route about something that was just made for it."""
        target, body = self._subject(template, method)
        if isinstance(body, dict):
            return client.ask(method, target, json=body)
        piece = {"Content-Range": "bytes 0-4/5"} if "?upload=" in target else {}
        return client.ask(method, target, headers=piece, body=body)

    def _subject(self, template: str, method: str) -> tuple[str, object]:
        name, admins = secrets.token_hex(4), self.stand.admins
        query = "?recursive=true" if method == "DELETE" else ""
        template = template.replace("{path:path}", "{path}")
        if template.endswith("{path}") and method in ("POST", "PATCH"):
            begins = f"/repositories/private/{name}?uploads"
            if method == "POST":
                return begins, b""
            return admins.ask("POST", begins, body=b"").headers["location"], b"bytes"
        if template.endswith("{path}"):
            if method != "PUT":
                assert admins.put(f"/repositories/private/{name}", b"secret").status == 201
            return template.format(repository="private", path=name), b"bytes"
        if template.endswith("{path}/"):
            assert admins.put(f"/repositories/private/{name}/x", b"secret").status == 201
            return f"{template.format(repository='private', path=name)}{query}", b"bytes"
        if template.endswith(("{repository}", "{repository}/")):
            return f"{template.format(repository='private')}{query}", b"bytes"
        body = _BODIES.get((template, method), lambda name: b"")(name)
        if template.startswith(RULES):
            return template.format(name="private"), body
        if template.startswith(PROJECTS):
            return self._project(template), body
        if template == NAME:
            if method != "GET":
                self.stand.repository(name)
            return template.format(name="private" if method == "GET" else name), body
        if template.startswith(NAME):
            return template.format(name="private"), body
        somebody = self.stand.person()
        job = self.stand.job(somebody.id) if "{job}" in template else None
        return template.format(user=somebody.id, key=somebody.key_id, job=job), body

    def _project(self, template: str) -> str:
        """A route of a project of `private`, if that is a Python repository: it has one file,
        which was deleted where the route restores."""
        project = f"x{secrets.token_hex(4)}"
        filename, at = f"{project}-1.0-py3-none-any.whl", f"files/{project}"
        if self.private.format is Format.PYTHON:
            path = f"/repositories/private/{at}/{filename}"
            assert self.stand.admins.put(path, wheel(project)).status == 201
            if template.endswith("/restore"):
                assert self.stand.admins.delete(path).status == 204
        return template.format(name="private", project=project, version="1.0", filename=filename)


_BODIES: Mapping[tuple[str, str], Callable[[str], object]] = {
    ("/api/users", "POST"): lambda name: {"email": f"{name}@example.org", "role": "reader"},
    (USER, "PATCH"): lambda name: {"name": name},
    (f"{USER}/permissions", "PUT"): lambda _: {"repositories": {"private": ["read"]}},
    ("/api/repositories", "POST"): lambda name: {"name": name},
    (NAME, "PATCH"): lambda _: {"public": True},
    (f"{NAME}/restore", "POST"): lambda name: {"path": name},
    (f"{NAME}/purge", "POST"): lambda name: {"path": name},
    (RULES, "PUT"): lambda _: {"rules": [{"match": "none", "older_than_days": 9}]},
    (f"{RULES}/preview", "POST"): lambda _: {},
    (PROJECT, "PATCH"): lambda _: {"status": "archived"},
    (RELEASE, "PATCH"): lambda _: {"yanked": True},
    (DISTRIBUTION, "PATCH"): lambda _: {"yanked": True},
    ("/api/keys", "POST"): lambda name: {"name": name},
}


@pytest.fixture
def building(memory_stand: Stand) -> Building:
    return built(memory_stand)


def built(stand: Stand, format_: Format = Format.RAW) -> Building:
    private, other = stand.repository("private", format_), stand.repository("other", format_)
    return Building(stand, private, other, callers(stand, private, other))


def test_every_route_is_in_the_table_and_nothing_else(memory_stand: Stand) -> None:
    declared = memory_stand.process.routes.declared.values()
    served = {(route.template, method) for route in declared for method in route.methods}
    assert served == TABLE.keys()


def test_every_route_declares_who_may_call_it(memory_stand: Stand) -> None:
    routes = memory_stand.process.routes
    assert undeclared(routes) == ()
    for route in routes.declared.values():
        open_ = all(TABLE[route.template, method][UNKNOWN] != 401 for method in route.methods)
        assert (route.access is not Access.SIGNED_IN) is open_, route.template


@pytest.mark.parametrize("template, method", TABLE)
def test_a_route_answers_each_caller_as_the_table_says(
    memory_stand: Stand, template: str, method: str
) -> None:
    format_ = Format.PYTHON if template.startswith(PROJECTS) else Format.RAW
    building = built(memory_stand, format_)
    expected = TABLE[template, method]
    wrong = {}
    for name, caller in building.callers.items():
        client = building.stand.client.as_(caller.authorization)
        status = building.ask(template, method, client).status
        column = caller.files if caller.files in expected else caller.api
        if status != expected[column]:
            wrong[name] = (status, expected[column])
    assert wrong == {}


def test_what_a_route_does_not_offer_is_405_for_everybody(building: Building) -> None:
    """Before signing in, so that it says nothing about what lies there."""
    for route in building.stand.process.routes.declared.values():
        for method in METHODS - {*route.methods, "OPTIONS"}:
            for caller in ("nobody", "wrong password", "developer", "administrator"):
                client = building.stand.client.as_(building.callers[caller].authorization)
                target, _ = building._subject(route.template, "PUT")
                answer = client.ask(method, target, body=b"x")
                assert answer.status == 405, (route.template, method, caller)
                assert method not in answer.headers["allow"].split(", ")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("rest", ["", "/", "/secret", "/no/such/file"])
def test_hidden_looks_exactly_like_what_is_not_there(
    building: Building, method: str, rest: str
) -> None:
    building.stand.admins.put("/repositories/private/secret", b"secret")
    for name, caller in building.callers.items():
        if caller.files != HIDDEN:
            continue
        client = building.stand.client.as_(caller.authorization)
        for prefix in ("", "/public"):
            if prefix and method in ("PUT", "DELETE"):
                continue
            hidden = client.ask(method, f"{prefix}/repositories/private{rest}", body=b"x")
            absent = client.ask(
                method, f"{prefix}/repositories/absent-{rest[1:2]}x{rest}", body=b"x"
            )
            assert _appearance(hidden) == _appearance(absent), name


def test_a_hidden_repository_is_not_in_the_api(building: Building) -> None:
    for name, caller in building.callers.items():
        if caller.files == UNKNOWN:
            continue
        client = building.stand.client.as_(caller.authorization)
        listed = [r["name"] for r in client.get("/api/repositories").json["repositories"]]
        assert ("private" in listed) is (caller.files not in (HIDDEN, UPLOAD, REMOVE)), name
        if caller.files == HIDDEN:
            hidden, absent = (
                client.get("/api/repositories/private"),
                client.get("/api/repositories/x"),
            )
            assert _appearance(hidden) == _appearance(absent)


def test_another_user_looks_like_none(building: Building) -> None:
    client = building.stand.client.as_(building.callers["developer"].authorization)
    for there, absent in (
        (f"/api/users/{building.stand.admin.id}", f"/api/users/{'a' * 16}"),
        (f"/api/keys/{building.stand.admin.key_id}", f"/api/keys/{'a' * 32}"),
        (f"/api/keys?user={building.stand.admin.id}", f"/api/keys?user={'a' * 16}"),
    ):
        for method in ("GET", "DELETE"):
            assert _appearance(client.ask(method, there)) == _appearance(client.ask(method, absent))


def _appearance(answer: Answer) -> tuple[object, ...]:
    """All that a caller sees of an answer, save the request's own id."""
    own = answer.context.id
    headers = {name: value for name, value in answer.headers.items() if value != own}
    return answer.status, headers, answer.body.replace(own.encode(), b"ID")


def test_public_files_are_everybodys_and_private_ones_nobodys(building: Building) -> None:
    building.stand.repository("open", public=True)
    building.stand.admins.put("/repositories/open/file", b"open")
    building.stand.admins.put("/repositories/private/file", b"secret")
    for name, caller in building.callers.items():
        client = building.stand.client.as_(caller.authorization)
        assert client.get("/public/repositories/open/file").body == b"open", name
        assert client.get("/public/repositories/open/").status == 200
        for rest in ("", "file", "file/", "nothing"):
            answer = client.get(f"/public/repositories/private/{rest}")
            assert answer.status == 404
            assert b"secret" not in answer.body


def test_an_administrators_password_is_refused_and_told_what_to_use(building: Building) -> None:
    for caller in ("administrator, by password", "administrator of that key, by password"):
        client = building.stand.client.as_(building.callers[caller].authorization)
        for target in ("/repositories/private/", "/repositories/private/x", "/repositories/no/x"):
            answer = client.get(target)
            assert answer.status == 403
            assert "API key" in answer.detail


def test_a_user_may_see_and_change_himself_a_little(memory_stand: Stand) -> None:
    person = memory_stand.person()
    client, own = memory_stand.client.as_(person.by_key), f"/api/users/{person.id}"
    by_password = memory_stand.client.as_(person.by_password)
    assert client.get(own).json["email"] == person.email
    assert client.patch(own, {"name": "Another"}).json["name"] == "Another"
    for refused in ({"role": "admin"}, {"active": True}, {"email": "x@example.org"}):
        assert client.patch(own, refused).status == 403
        assert by_password.patch(own, refused).status == 403
    assert client.patch(own, {"password": "taken over"}).status == 403
    assert client.ask("PUT", f"{own}/permissions", json={"repositories": {}}).status == 403
    assert client.delete(own).status == 403


def test_a_key_makes_no_key_that_lives_longer_or_may_more(memory_stand: Stand) -> None:
    at = memory_stand.process.installation
    soon = datetime.now(UTC) + timedelta(hours=1)
    person = memory_stand.person(expires=soon)
    client = memory_stand.client.as_(person.by_key)
    assert client.post("/api/keys", {"name": "forever"}).status == 422
    later = (soon + timedelta(seconds=5)).isoformat()
    assert client.post("/api/keys", {"name": "later", "expires": later}).status == 422
    scoped = memory_stand.person("admin", scopes={})
    assert memory_stand.client.as_(scoped.by_key).post("/api/keys", {"name": "x"}).status == 403
    assert len(list(ApiKeys(at.recent, at.journal).list(memory_stand.operator).items)) == 3
