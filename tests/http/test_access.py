"""Who may what: all routes, with all methods, as every kind of caller (S12).

The router itself says what there is. A route or method that the table below does not know
fails the test, so that nothing is served whose confidentiality nobody thought of.
"""

import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from app.repositories import Format, Repository
from auth.api_keys import ApiKeys
from auth.principals import Action
from middleware.declarations import Who, undeclared
from middleware.request_line import METHODS
from tests.http import provisioning
from tests.http.callers import (
    ADMIN,
    ALL,
    CARETAKER,
    CLAIM,
    HIDDEN,
    KEEPER,
    KEY_KEEPER,
    MADE,
    MANAGER,
    OUTSIDE,
    PASSWORD,
    PERSON,
    PROVIDER,
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
from tests.http.distributed import outsider, scim_token
from tests.http.stand import ADMIN_EMAIL, Stand
from tests.python.building import wheel

FILES = (UNKNOWN, HIDDEN, UPLOAD, REMOVE, READ, WRITE, ALL, ADMIN, PASSWORD)
KEEPERS = (CLAIM, KEEPER, CARETAKER, KEY_KEEPER)
API = (UNKNOWN, PERSON, SCOPED, MANAGER)


def files(*statuses: int, key_keeper: int | None = None) -> Mapping[str, int]:
    """The statuses of a route of files, one for each column of `callers`.

    Three columns follow from the others: who only claims names knows the repository and may do
    nothing here; who administers it may do what only administrators may, and else what whoever
    has all other actions may; and by a key with scopes the same, unless `key_keeper` says so.
    """
    found = dict(zip(FILES, statuses, strict=True))
    keeps = found[ADMIN] if found[ALL] == 403 else found[ALL]
    found[CLAIM] = 403 if found[HIDDEN] == 404 else found[HIDDEN]
    found[KEEPER] = keeps
    found[KEY_KEEPER] = keeps if key_keeper is None else key_keeper
    found[CARETAKER] = keeps if found[ALL] == 403 else found[CLAIM]
    return found


def api(unknown: int, person: int, scoped: int, manager: int) -> Mapping[str, int]:
    """The statuses of a route of the API."""
    return dict(zip(API, (unknown, person, scoped, manager), strict=True))


def scim(status: int) -> Mapping[str, int]:
    """The statuses of a route that is for a SCIM token alone."""
    return api(401, 403, 403, 403) | {PROVIDER: status}


def everybody(status: int) -> Mapping[str, int]:
    return dict.fromkeys({*FILES, *KEEPERS, *API}, status)


ROOT, FOLDER = "/repositories/{repository}", "/repositories/{repository}/"
FILE = "/repositories/{repository}/{path:path}"
INNER = "/repositories/{repository}/{path:path}/"
USER, NAME, KEY = "/api/users/{user}", "/api/repositories/{name}", "/api/keys/{key}"
GROUP, GRANTS = "/api/groups/{group}", f"{NAME}/grants"
MEMBER = f"{GROUP}/members/{{user}}"
TOKEN, SUBSCRIBER = "/api/scim-tokens/{token}", "/api/subscribers/{subscriber}"
SUBSCRIBERS = "/api/subscriber-groups/{group}"
RULES = f"{NAME}/retention"
PROJECTS = f"{NAME}/projects"
PROJECT = f"{PROJECTS}/{{project}}"
RELEASE, DISTRIBUTION = f"{PROJECT}/releases/{{version}}", f"{PROJECT}/files/{{filename}}"
SCIM = "/scim/v2"
SCIM_USERS, SCIM_GROUPS = f"{SCIM}/Users", f"{SCIM}/Groups"
SCIM_USER, SCIM_GROUP = f"{SCIM_USERS}/{{id_}}", f"{SCIM_GROUPS}/{{id_}}"

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
    (f"{USER}/hand-over", "POST"): api(401, 403, 403, 200),
    ("/api/groups", "GET"): api(401, 403, 403, 200),
    ("/api/groups", "POST"): api(401, 403, 403, 201),
    (GROUP, "GET"): api(401, 403, 403, 200),
    (GROUP, "PATCH"): api(401, 403, 403, 200),
    (GROUP, "DELETE"): api(401, 403, 403, 204),
    (f"{GROUP}/permissions", "PUT"): api(401, 403, 403, 200),
    (f"{GROUP}/members", "GET"): api(401, 403, 403, 200),
    (f"{GROUP}/members", "POST"): api(401, 403, 403, 200),
    (MEMBER, "PUT"): api(401, 403, 403, 204),
    (MEMBER, "DELETE"): api(401, 403, 403, 204),
    (f"{USER}/invitation", "POST"): api(401, 403, 403, 200),
    (f"{USER}/second-factor", "DELETE"): api(401, 403, 403, 404),
    ("/auth/sign-in", "GET"): everybody(200),
    ("/auth/sign-out", "POST"): everybody(303),
    ("/auth/session", "POST"): everybody(422),  # without a password
    ("/auth/session", "DELETE"): api(401, 404, 403, 404),
    ("/auth/sessions", "GET"): api(401, 200, 403, 200),
    ("/auth/sessions", "POST"): api(401, 415, 415, 415),  # it is for a page's form
    ("/auth/sessions", "DELETE"): api(401, 204, 403, 204),
    ("/auth/sessions/{session}", "DELETE"): api(401, 404, 403, 404),
    # Only who signed in for it: no key, and no password by itself.
    ("/auth/second-factor", "GET"): api(401, 403, 403, 403),
    ("/auth/second-factor", "POST"): api(401, 403, 403, 403),
    ("/auth/second-factor/confirm", "POST"): api(401, 403, 403, 403),
    ("/auth/second-factor/recovery-codes", "POST"): api(401, 403, 403, 403),
    ("/auth/second-factor/remove", "POST"): api(401, 403, 403, 403),
    ("/auth/reset", "GET"): everybody(200),
    ("/auth/reset", "POST"): everybody(202),
    # A token that is nobody's.
    ("/auth/reset/confirm", "POST"): everybody(422),
    ("/auth/reset/{token}", "GET"): everybody(200),
    ("/auth/invitation/confirm", "POST"): everybody(422),
    ("/auth/invitation/{token}", "GET"): everybody(200),
    ("/api/organization", "GET"): api(401, 403, 403, 200),
    ("/api/organization", "PATCH"): api(401, 403, 403, 200),
    ("/api/repositories", "GET"): api(401, 200, 200, 200),
    ("/api/repositories", "POST"): api(401, 403, 403, 201),
    (NAME, "GET"): files(401, 404, 403, 403, 200, 200, 200, 200, 200),
    # Of one that was just made, where the same is granted.
    (NAME, "PATCH"): files(401, 404, 403, 403, 403, 403, 403, 200, 200),
    (NAME, "DELETE"): files(401, 404, 403, 403, 403, 403, 403, 204, 204),
    # A key with scopes manages nothing, even where it may change the repository itself.
    (GRANTS, "GET"): files(401, 404, 403, 403, 403, 403, 403, 200, 200, key_keeper=403),
    (GRANTS, "POST"): files(401, 404, 403, 403, 403, 403, 403, 200, 200, key_keeper=403),
    **dict.fromkeys(
        [(f"{GRANTS}/users/{{user}}", "PUT"), (f"{GRANTS}/groups/{{group}}", "PUT")],
        files(401, 404, 403, 403, 403, 403, 403, 200, 200, key_keeper=403),
    ),
    (f"{NAME}/restore", "POST"): files(401, 404, 403, 403, 403, 404, 404, 404, 404),
    (f"{NAME}/purge", "POST"): files(401, 404, 403, 403, 403, 403, 403, 200, 200),
    (f"{NAME}/deleted", "GET"): files(401, 404, 403, 403, 403, 200, 200, 200, 200),
    ("/api/deleted-repositories", "GET"): api(401, 403, 403, 200),
    (RULES, "GET"): files(401, 404, 403, 403, 403, 403, 403, 200, 200),
    (RULES, "PUT"): files(401, 404, 403, 403, 403, 403, 403, 200, 200),
    # It tells of files: who administers the repository and reads nothing is not told.
    (f"{RULES}/preview", "POST"): {
        **files(401, 404, 403, 403, 403, 403, 403, 200, 200),
        CARETAKER: 403,
    },
    (PROJECTS, "GET"): files(401, 404, 403, 403, 200, 200, 200, 200, 200),
    (PROJECT, "GET"): files(401, 404, 403, 403, 200, 200, 200, 200, 200),
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
    ("/api/audit", "GET"): api(401, 403, 403, 200),
    ("/api/search", "GET"): api(401, 200, 200, 200),
    (KEY, "PATCH"): api(401, 404, 404, 200),
    (f"{KEY}/rotate", "POST"): api(401, 404, 404, 201),
    ("/api/scim-tokens", "GET"): api(401, 403, 403, 200),
    ("/api/scim-tokens", "POST"): api(401, 403, 403, 201),
    (TOKEN, "DELETE"): api(401, 403, 403, 204),
    (f"{TOKEN}/rotate", "POST"): api(401, 403, 403, 201),
    ("/api/subscribers", "GET"): api(401, 403, 403, 200),
    ("/api/subscribers", "POST"): api(401, 403, 403, 201),
    (SUBSCRIBER, "GET"): api(401, 403, 403, 200),
    (SUBSCRIBER, "PATCH"): api(401, 403, 403, 200),
    (SUBSCRIBER, "DELETE"): api(401, 403, 403, 204),
    (f"{SUBSCRIBER}/keys", "GET"): api(401, 403, 403, 200),
    (f"{SUBSCRIBER}/keys", "POST"): api(401, 403, 403, 201),
    (f"{SUBSCRIBER}/keys/{{key}}", "DELETE"): api(401, 403, 403, 204),
    (f"{SUBSCRIBER}/usage", "GET"): api(401, 403, 403, 200),
    ("/api/subscriber-groups", "GET"): api(401, 403, 403, 200),
    ("/api/subscriber-groups", "POST"): api(401, 403, 403, 201),
    (SUBSCRIBERS, "GET"): api(401, 403, 403, 200),
    (SUBSCRIBERS, "PATCH"): api(401, 403, 403, 200),
    (SUBSCRIBERS, "DELETE"): api(401, 403, 403, 204),
    (f"{SUBSCRIBERS}/members", "GET"): api(401, 403, 403, 200),
    (f"{SUBSCRIBERS}/members/{{subscriber}}", "PUT"): api(401, 403, 403, 204),
    (f"{SUBSCRIBERS}/members/{{subscriber}}", "DELETE"): api(401, 403, 403, 204),
    (f"{SUBSCRIBERS}/usage", "GET"): api(401, 403, 403, 200),
    (f"{SCIM}/", "GET"): scim(200),
    (f"{SCIM}/.search", "POST"): scim(200),
    (f"{SCIM}/Bulk", "POST"): scim(200),
    (SCIM_USERS, "GET"): scim(200),
    (SCIM_USERS, "POST"): scim(201),
    (f"{SCIM_USERS}/.search", "POST"): scim(200),
    (SCIM_USER, "GET"): scim(200),
    (SCIM_USER, "PUT"): scim(200),
    (SCIM_USER, "PATCH"): scim(200),
    (SCIM_USER, "DELETE"): scim(204),
    (SCIM_GROUPS, "GET"): scim(200),
    (SCIM_GROUPS, "POST"): scim(201),
    (f"{SCIM_GROUPS}/.search", "POST"): scim(200),
    (SCIM_GROUP, "GET"): scim(200),
    (SCIM_GROUP, "PUT"): scim(200),
    (SCIM_GROUP, "PATCH"): scim(204),  # of thousands of members none are told
    (SCIM_GROUP, "DELETE"): scim(204),
    # A person's own, which a key with scopes is not.
    (f"{SCIM}/Me", "GET"): api(401, 200, 403, 200),
    **dict.fromkeys(
        [
            (f"{SCIM}/{told}", "GET")
            for told in (
                "ServiceProviderConfig",
                "ResourceTypes",
                "ResourceTypes/{name}",
                "Schemas",
                "Schemas/{urn}",
            )
        ],
        everybody(200),
    ),
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
            # From elsewhere each time: what strangers may do is counted by address.
            peer = f"127.0.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
            type_ = {"Content-Type": "application/scim+json"} if template.startswith(SCIM) else {}
            return client.ask(method, target, json=body, headers=type_, peer=peer)
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
            private = method == "GET"
            named = "private" if private else self.stand.repository(f"{MADE}{name}").name
            return template.format(name=named), body
        if template.startswith(NAME) and not template.startswith(GRANTS):
            return template.format(name="private"), body
        if template.endswith("/hand-over"):
            body = {"to": self.stand.admin.id}
        return self._of_somebody(template, name), body

    def _of_outsiders(self, template: str) -> str:
        """A route of a subscriber, of his group or key, or of a SCIM token."""
        if "{token}" in template:
            return template.format(token=scim_token(self.stand).token.id)
        if "{" not in template:
            return template
        one = outsider(self.stand, self.private.id)
        return template.format(subscriber=one.id, group=one.group, key=one.key_id)

    def _of_somebody(self, template: str, name: str) -> str:
        """A route of a user, who has a password unless he is to be invited, or of what he has."""
        if template.startswith(("/api/scim-tokens", "/api/subscriber")):
            return self._of_outsiders(template)
        if template.startswith(SCIM):
            return self._provisioned(template)
        if template.endswith("/invitation"):
            users, by, email = self.stand.users(), self.stand.operator, f"{name}@example.org"
            return template.format(user=users.create(by, email=email, name=name, role="reader").id)
        somebody = self.stand.person()
        job = self.stand.job(somebody.id) if "{job}" in template else None
        session = self.stand.session(somebody) if "{session}" in template else None
        group = self.stand.group({}, somebody).id if "{group}" in template else None
        return template.format(
            name="private",
            user=somebody.id,
            key=somebody.key_id,
            group=group,
            job=job,
            token=uuid.uuid4(),
            session=session,
        )

    def _provisioned(self, template: str) -> str:
        """A route of SCIM, of a user or of a group with a member."""
        if template == SCIM_USER:
            return template.format(id_=self.stand.person().id)
        if template == SCIM_GROUP:
            return template.format(id_=self.stand.group({}, self.stand.person()).id)
        return template.format(name="User", urn=provisioning.USER)

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
    ("/auth/session", "POST"): lambda name: {"email": f"{name}@example.org"},
    ("/auth/reset", "POST"): lambda name: {"email": f"{name}@example.org"},
    ("/auth/reset/confirm", "POST"): lambda name: {"token": name, "password": f"new {name} one"},
    ("/auth/invitation/confirm", "POST"): lambda name: {
        "token": name,
        "password": f"new {name} one",
    },
    (f"{USER}/permissions", "PUT"): lambda _: {"repositories": {"private": ["read"]}},
    ("/api/repositories", "POST"): lambda name: {"name": name},
    ("/api/organization", "PATCH"): lambda _: {"second_factor": "optional"},
    ("/api/groups", "POST"): lambda name: {"name": name},
    (GROUP, "PATCH"): lambda name: {"name": name},
    (f"{GROUP}/permissions", "PUT"): lambda _: {"repositories": {"private": ["read"]}},
    (f"{GROUP}/members", "POST"): lambda _: {"add": []},
    (GRANTS, "POST"): lambda _: {"email": ADMIN_EMAIL, "actions": ["admin"]},
    (f"{GRANTS}/users/{{user}}", "PUT"): lambda _: {"actions": ["admin"]},
    (f"{GRANTS}/groups/{{group}}", "PUT"): lambda _: {"actions": ["admin"]},
    (NAME, "PATCH"): lambda _: {"overwrite": True},
    (f"{NAME}/restore", "POST"): lambda name: {"path": name},
    (f"{NAME}/purge", "POST"): lambda name: {"path": name},
    (RULES, "PUT"): lambda _: {"rules": [{"match": "none", "older_than_days": 9}]},
    (f"{RULES}/preview", "POST"): lambda _: {},
    (PROJECT, "PATCH"): lambda _: {"status": "archived"},
    (RELEASE, "PATCH"): lambda _: {"yanked": True},
    (DISTRIBUTION, "PATCH"): lambda _: {"yanked": True},
    ("/api/keys", "POST"): lambda name: {"name": name},
    (KEY, "PATCH"): lambda name: {"name": name},
    ("/api/subscribers", "POST"): lambda name: {"name": name},
    (SUBSCRIBER, "PATCH"): lambda name: {"name": name},
    (f"{SUBSCRIBER}/keys", "POST"): lambda name: {"name": name},
    ("/api/subscriber-groups", "POST"): lambda name: {"name": name, "repositories": ["private"]},
    (SUBSCRIBERS, "PATCH"): lambda name: {"name": name},
    ("/api/scim-tokens", "POST"): lambda name: {"name": name},
    **dict.fromkeys(
        [(SCIM_USERS, "POST"), (SCIM_USER, "PUT")],
        lambda name: {"schemas": [provisioning.USER], "userName": name},
    ),
    **dict.fromkeys(
        [(SCIM_GROUPS, "POST"), (SCIM_GROUP, "PUT")],
        lambda name: {"schemas": [provisioning.GROUP], "displayName": name, "members": []},
    ),
    **dict.fromkeys(
        [(SCIM_USER, "PATCH"), (SCIM_GROUP, "PATCH")],
        lambda name: {
            "schemas": [provisioning.PATCH],
            "Operations": [{"op": "replace", "path": "externalId", "value": name}],
        },
    ),
    **dict.fromkeys(
        [(f"{at}/.search", "POST") for at in (SCIM, SCIM_USERS, SCIM_GROUPS)],
        lambda _: {"schemas": [provisioning.SEARCH], "filter": "id pr"},
    ),
    (f"{SCIM}/Bulk", "POST"): lambda name: {
        "schemas": [provisioning.BULK],
        "Operations": [
            {
                "method": "POST",
                "path": "/Users",
                "bulkId": "1",
                "data": {"schemas": [provisioning.USER], "userName": name},
            }
        ],
    },
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
        for method in route.methods:
            open_ = TABLE[route.template, method][UNKNOWN] != 401
            assert route.needs[method].identified is not open_, (route.template, method)


def test_every_need_is_what_the_table_says(memory_stand: Stand) -> None:
    """So that a route which declares too little can't be described as if it did not."""
    for route in memory_stand.process.routes.declared.values():
        for method in route.methods:
            need, row = route.needs[method], TABLE[route.template, method]
            place = (route.template, method, need.who)
            if not need.identified:
                assert 401 not in row.values(), place
                continue
            assert row[UNKNOWN] == 401, place
            if need.who is Who.VISITOR:
                assert row.keys() >= {*FILES, *KEEPERS}, place
                assert (row[HIDDEN], row[CLAIM]) == (404, 403), place
                assert _refused(row) >= _without(need.actions), place
            elif need.who is Who.SCIM:
                assert row.keys() == {*API, PROVIDER}, place
                assert (row[PERSON], row[SCOPED], row[MANAGER]) == (403, 403, 403), place
                assert row[PROVIDER] in (200, 201, 204), place
            else:
                assert row.keys() == {*API}, place
            if need.who is Who.MANAGER:
                assert (row[PERSON], row[SCOPED]) == (403, 403), place
                assert row[MANAGER] != 403, place


def _refused(row: Mapping[str, int]) -> set[str]:
    return {column for column, status in row.items() if status == 403}


def _without(actions: frozenset[Action]) -> set[str]:
    """The columns of who knows the repository and may do none of these there."""
    may = {
        UPLOAD: {Action.WRITE},
        REMOVE: {Action.DELETE},
        CLAIM: {Action.CLAIM},
        READ: {Action.READ},
        WRITE: {Action.READ, Action.WRITE},
        ALL: {Action.READ, Action.WRITE, Action.DELETE},
        CARETAKER: {Action.ADMIN},
    }
    return {column for column, allowed in may.items() if not allowed & actions}


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
        right = expected_of(caller, template, expected)
        if status != right:
            wrong[name] = (status, right)
    assert wrong == {}


def expected_of(caller: Caller, template: str, expected: Mapping[str, int]) -> int:
    """What the table says of a caller; who is from outside signs in for one thing alone."""
    if caller.api == PROVIDER and PROVIDER in expected:
        return expected[PROVIDER]
    if caller.api in (OUTSIDE, PROVIDER) and not template.startswith("/repositories/"):
        return 403 if expected[UNKNOWN] == 401 else expected[UNKNOWN]
    return expected[caller.files if caller.files in expected else caller.api]


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
        if caller.files == UNKNOWN or caller.api in (OUTSIDE, PROVIDER):
            continue
        client = building.stand.client.as_(caller.authorization)
        listed = [r["name"] for r in client.get("/api/repositories").json["repositories"]]
        assert ("private" in listed) is (caller.files not in _READ_NOTHING), name
        if caller.files == HIDDEN:
            hidden, absent = (
                client.get("/api/repositories/private"),
                client.get("/api/repositories/x"),
            )
            assert _appearance(hidden) == _appearance(absent)


_READ_NOTHING = HIDDEN, UPLOAD, REMOVE, CLAIM, CARETAKER


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
