"""What one organization may try on another: every route, with names that are not its own.

A route that is added without a line here fails `tests/http/test_isolation.py`. A probe is sent
twice, with what the other organization really has and with what nobody has, in the same forms:
if the two look alike, the route tells nothing.
"""

import dataclasses
import hashlib
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.repositories import Format
from auth.outbox import Outbox, read_mail
from auth.records import new_id
from storage.metadata import Record
from tests.http import provisioning
from tests.http.distributed import outsider
from tests.http.pieces import Upload
from tests.http.stand import Stand
from tests.python.building import wheel

SHARED = "shared"  # a repository's name that every organization has
SHARED_PYTHON = "shared-python"  # that of a Python repository


@dataclass(frozen=True)
class Names:
    """What probes name: of the organization that is tried on, but for `own_…`.

    Whoever makes something calls it by what is `taken_…` there; nothing else holds that, so
    what he then finds among his own is no sign of the other's.
    """

    own_user: str
    own_key: str
    word: str = field(default_factory=lambda: secrets.token_hex(8))
    taken: str = field(default_factory=lambda: secrets.token_hex(8))
    user: str = field(default_factory=new_id)
    key: str = field(default_factory=lambda: secrets.token_hex(16))
    group: str = field(default_factory=new_id)
    job: str = ""
    upload: str = ""
    cursor_of_users: str = ""
    cursor_of_groups: str = ""
    cursor_of_members: str = ""
    cursor_of_grants: str = ""
    cursor_of_keys: str = ""
    cursor_of_repositories: str = ""
    cursor_of_jobs: str = ""
    cursor_of_files: str = ""
    cursor_of_public_files: str = ""
    cursor_back: str = ""
    cursor_back_in_public: str = ""
    cursor_of_search: str = ""
    cursor_of_audit: str = ""
    cursor_of_deleted: str = ""
    cursor_of_deleted_repositories: str = ""
    cursor_of_going: str = ""
    cursor_of_projects: str = ""
    cursor_of_releases: str = ""
    session: str = field(default_factory=lambda: secrets.token_hex(16))
    reset_token: str = field(default_factory=lambda: str(uuid.uuid4()))
    invitation_token: str = field(default_factory=lambda: str(uuid.uuid4()))
    own_subscriber: str = ""
    own_subscriber_group: str = ""
    own_group: str = ""
    subscriber: str = field(default_factory=new_id)
    subscriber_group: str = field(default_factory=new_id)
    access_key: str = field(default_factory=lambda: secrets.token_hex(16))
    scim_token: str = field(default_factory=lambda: secrets.token_hex(16))
    provisioned: str = field(default_factory=new_id)  # a user whom a provider made
    provisioned_group: str = field(default_factory=new_id)
    provisioned_version: str = field(default_factory=lambda: str(secrets.randbits(60)))
    cursor_of_subscribers: str = ""
    cursor_of_subscriber_groups: str = ""
    cursor_of_subscriber_members: str = ""
    cursor_of_scim_tokens: str = ""
    cursor_of_access_keys: str = ""
    deleted_id: str = field(default_factory=lambda: secrets.token_hex(8))
    version: str = field(default_factory=lambda: f"20261123T120000.000000Z#{secrets.token_hex(8)}")

    @property
    def repository(self) -> str:
        return f"private-{self.word}"

    @property
    def public(self) -> str:
        return f"public-{self.word}"

    @property
    def maven(self) -> str:
        """A Maven repository, with a file of the group `com.WORD`."""
        return f"maven-{self.word}"

    @property
    def python(self) -> str:
        """A Python repository, with two releases of the project `x-WORD`."""
        return f"python-{self.word}"

    @property
    def wheel(self) -> str:
        """A file of that project, of version 1.0."""
        return f"x_{self.word}-1.0-py3-none-any.whl"

    @property
    def deleted(self) -> str:
        """A repository that was deleted."""
        return f"deleted-{self.word}"

    @property
    def gone(self) -> str:
        """A file that was deleted, in the repository that both have."""
        return f"gone-{self.word}"

    @property
    def user_name(self) -> str:
        """What its provider calls a user, and a group that he is in."""
        return f"name-{self.word}"

    @property
    def external_id(self) -> str:
        """What the same two are called at that provider's."""
        return f"external-{self.word}"

    @property
    def path(self) -> str:
        """A file, in all of its repositories."""
        return f"a-{self.word}/b"

    @property
    def sha256(self) -> str:
        """Of what lies under all of its paths."""
        return sha256(content(self.word))

    @property
    def sha1(self) -> str:
        """Of the same, as the Maven repository has it."""
        return hashlib.sha1(content(self.word).encode(), usedforsecurity=False).hexdigest()

    @property
    def taken_bytes(self) -> str:
        """What lies in its file `taken`."""
        return content(self.taken)

    @property
    def taken_sha256(self) -> str:
        return sha256(self.taken_bytes)

    def values(self) -> dict[str, str]:
        """All of them by name, for templates and for masks."""
        derived = (
            "repository", "public", "maven", "python", "wheel", "deleted", "gone", "path", "sha256",
            "sha1", "taken_bytes", "taken_sha256", "user_name", "external_id",
        )  # fmt: skip
        return {**dataclasses.asdict(self), **{name: getattr(self, name) for name in derived}}

    def made_up(self) -> "Names":
        """Names in the same forms that nobody has."""
        cursors = {
            name: secrets.token_urlsafe(len(value))[: len(value)]
            for name, value in dataclasses.asdict(self).items()
            if name.startswith("cursor_")
        }
        upload = secrets.token_hex(len(self.upload) // 2)
        return Names(
            self.own_user,
            self.own_key,
            job=secrets.token_hex(16),
            upload=upload,
            own_subscriber=self.own_subscriber,
            own_subscriber_group=self.own_subscriber_group,
            own_group=self.own_group,
            **cursors,
        )


def content(word: str) -> str:
    """What is in a file."""
    return f"the bytes of {word}"


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Probe:
    """One request. `{name}` in it stands for one of the `Names`."""

    target: str
    json: Any = None
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_(self, names: Names) -> "Probe":
        """The request with names in it."""
        values = names.values()
        return Probe(
            self.target.format_map(values),
            _filled(self.json, values),
            None if self.body is None else self.body.format_map(values),
            {name: text.format_map(values) for name, text in self.headers.items()},
        )

    @property
    def text(self) -> str:
        """All that is sent."""
        return repr(self)


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    match value:
        case str():
            return value.format_map(values)
        case dict():
            return {_filled(k, values): _filled(v, values) for k, v in value.items()}
        case list():
            return [_filled(item, values) for item in value]
        case _:
            return value


ROOT, FOLDER = "/repositories/{repository}", "/repositories/{repository}/"
FILE = "/repositories/{repository}/{path:path}"
INNER = "/repositories/{repository}/{path:path}/"
OWN = f"/repositories/{SHARED}"  # the prober's own repository, named as the other's

_NOTHING = (Probe("/"),)  # names nobody
_ETAG = '"sha256:{sha256}"'
_PAGE = {"Accept": "text/html"}  # what a browser asks for

_ROOTS = (Probe("/repositories/{repository}"), Probe("/repositories/{public}"))
_FOLDERS = (
    Probe("/repositories/{repository}/"),
    Probe(f"{OWN}/?after={{cursor_of_files}}"),
    Probe(f"{OWN}/?limit=1&after={{cursor_of_public_files}}"),
    *(
        Probe(f"{OWN}/?limit=1&back={{{cursor}}}", headers=accepted)
        for cursor in ("cursor_back", "cursor_back_in_public")
        for accepted in ({}, _PAGE)
    ),
)
_INNER = (Probe(f"{OWN}/a-{{word}}/"), Probe("/repositories/{repository}/a-{word}/"))
# An upload in pieces, where it lies there and where one of the same name would lie here.
_UPLOADS = (
    f"{OWN}/up-{{word}}?upload={{upload}}",
    "/repositories/{repository}/{path}?upload={upload}",
)
_PIECE = {"Content-Range": "bytes 0-4/10"}
_FILES = (
    Probe("/repositories/{repository}/{path}"),
    Probe("/repositories/{public}/{path}"),
    Probe(f"{OWN}/{{path}}"),
    Probe(f"{OWN}/a-{{word}}"),
    Probe(f"{OWN}/own", headers={"If-None-Match": _ETAG}),
    Probe(f"{OWN}/own", headers={"If-Match": _ETAG}),
    Probe(f"{OWN}/own", headers={"If-Range": _ETAG, "Range": "bytes=0-1"}),
)


def _public(probes: tuple[Probe, ...]) -> tuple[Probe, ...]:
    """The same where no credential is asked for, and of what the other shows to everybody."""
    moved = [probe.target.replace("{repository}", "{public}") for probe in probes]
    return tuple(
        Probe(f"/public{target}", headers=probe.headers)
        for probe, target in zip(probes, moved, strict=True)
    )


_USER, _NAME, _KEY = "/api/users/{user}", "/api/repositories/{name}", "/api/keys/{key}"
_GROUP, _GRANTS = "/api/groups/{group}", f"{_NAME}/grants"
_RULES = f"{_NAME}/retention"
_NEWEST = {"keep_newest": 1}
_TOKEN, _SUBSCRIBER = "/api/scim-tokens/{token}", "/api/subscribers/{subscriber}"
_SUBSCRIBERS = "/api/subscriber-groups/{group}"
_PROJECTS = f"{_NAME}/projects"
_PROJECT = f"{_PROJECTS}/{{project}}"
_RELEASE, _WHEEL = f"{_PROJECT}/releases/{{version}}", f"{_PROJECT}/files/{{filename}}"
# There, and in a Python repository that both have.
_BOTH_PROJECTS = tuple(
    f"/api/repositories/{name}/projects/x-{{word}}" for name in ("{python}", SHARED_PYTHON)
)
_CHANGES = {"status": "archived"}, {"yanked": True}
_PASSWORD = "correct horse battery staple"
_CODE = {"code": "123456"}


def _of_projects(rest: str, json: Any = None) -> tuple[Probe, ...]:
    return tuple(Probe(f"{at}{rest}", json) for at in _BOTH_PROJECTS)


def _of_members() -> tuple[Probe, ...]:
    """One's own in a group of theirs, theirs in one's own, and both theirs."""
    return tuple(
        Probe(f"/api/subscriber-groups/{{{group}}}/members/{{{one}}}")
        for group, one in (
            ("own_subscriber_group", "subscriber"),
            ("subscriber_group", "own_subscriber"),
            ("subscriber_group", "subscriber"),
        )
    )


_SCIM = "/scim/v2"
_USERS, _GROUPS = f"{_SCIM}/Users", f"{_SCIM}/Groups"
#: Of users, of groups, and of both.
_FILTERS = (
    'id eq "{provisioned}"',
    'id eq "{provisioned_group}"',
    'externalId eq "{external_id}"',
    'externalId sw "{external_id}"',
    'meta.location co "{provisioned}" or meta.location co "{provisioned_group}"',
)
_OF_USERS = (
    'userName eq "{user_name}"',
    'userName sw "{user_name}"',
    'userName eq "{word}@example.org"',
    'emails.value eq "{word}@example.org"',
    'groups.value eq "{provisioned_group}"',
)
_OF_GROUPS = (
    'displayName eq "{user_name}"',
    'displayName co "{word}"',
    'members.value eq "{provisioned}"',
    'members[value eq "{provisioned}"]',
)
_LISTS = {_USERS: (*_FILTERS, *_OF_USERS), _GROUPS: (*_FILTERS, *_OF_GROUPS), _SCIM: _FILTERS}


def _listed(at: str) -> tuple[Probe, ...]:
    """Lists of what the other has, by a URL."""
    path = f"{at}/" if at == _SCIM else at
    texts = [filter_.replace(" ", "%20").replace('"', "%22") for filter_ in _LISTS[at]]
    return (
        Probe(path),
        Probe(f"{path}?count=0"),
        Probe(f"{path}?sortBy=externalId&sortOrder=descending&count=1"),
        *(Probe(f"{path}?filter={text}") for text in texts),
    )


def _searched(at: str) -> tuple[Probe, ...]:
    """The same, by a message."""
    message = {"schemas": [provisioning.SEARCH], "attributes": ["id", "externalId"]}
    return tuple(Probe(f"{at}/.search", message | {"filter": filter_}) for filter_ in _LISTS[at])


def _scim_user(**fields: Any) -> dict[str, Any]:
    return {"schemas": [provisioning.USER], **fields}


def _scim_group(name: str, *members: str, **fields: Any) -> dict[str, Any]:
    values = [{"value": member} for member in members]
    return {"schemas": [provisioning.GROUP], "displayName": name, "members": values, **fields}


def _patch(op: str, path: str, value: Any = None) -> dict[str, Any]:
    operation = {"op": op, "path": path} | ({} if value is None else {"value": value})
    return {"schemas": [provisioning.PATCH], "Operations": [operation]}


def _in_bulk(method: str, path: str, data: Any = None, **fields: str) -> Probe:
    operation = {"method": method, "path": path, "data": data, **fields}
    return Probe(f"{_SCIM}/Bulk", {"schemas": [provisioning.BULK], "Operations": [operation]})


_THEIRS, _THEIR_GROUP = f"{_USERS}/{{provisioned}}", f"{_GROUPS}/{{provisioned_group}}"
_OWN_GROUP = f"{_GROUPS}/{{own_group}}"
_MEMBER, _IN_GROUP = [{"value": "{provisioned}"}], [{"value": "{provisioned_group}"}]
#: Each with the version that it would be of, or any.
_CONDITIONS: tuple[dict[str, str], ...] = (
    {},
    {"If-Match": "*"},
    {"If-Match": 'W/"{provisioned_version}"'},
)
_MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"

#: A form as twine sends it, with a file whose name is the other's.
_FORM = (
    '--edge\r\nContent-Disposition: form-data; name=":action"\r\n\r\nfile_upload\r\n'
    '--edge\r\nContent-Disposition: form-data; name="content";'
    ' filename="{word}-1.0.tar.gz"\r\n\r\nbytes\r\n--edge--\r\n'
)
_FORM_TYPE = {"Content-Type": "multipart/form-data; boundary=edge"}

PROBES: Mapping[tuple[str, str], tuple[Probe, ...]] = {
    ("/repositories/{repository}", "POST"): (
        Probe("/repositories/{repository}", body=_FORM, headers=_FORM_TYPE),
        Probe(OWN, body=_FORM, headers=_FORM_TYPE),
    ),
    ("/repositories/{repository}/", "POST"): (
        Probe("/repositories/{repository}/", body=_FORM, headers=_FORM_TYPE),
        Probe(f"{OWN}/", body=_FORM, headers=_FORM_TYPE),
    ),
    ("/repositories/{repository}/{path:path}/", "POST"): (
        Probe("/repositories/{repository}/legacy/", body=_FORM, headers=_FORM_TYPE),
        Probe(f"{OWN}/legacy/", body=_FORM, headers=_FORM_TYPE),
    ),
    ("/", "GET"): _NOTHING,
    ("/", "HEAD"): _NOTHING,
    ("/healthz", "GET"): (Probe("/healthz"),),
    ("/healthz", "HEAD"): (Probe("/healthz"),),
    ("/readyz", "GET"): (Probe("/readyz"),),
    ("/readyz", "HEAD"): (Probe("/readyz"),),
    ("/metrics", "GET"): (Probe("/metrics"),),
    (ROOT, "GET"): _ROOTS,
    (ROOT, "HEAD"): _ROOTS,
    (FOLDER, "GET"): _FOLDERS,
    (FOLDER, "HEAD"): _FOLDERS,
    (FOLDER, "DELETE"): (
        Probe("/repositories/{repository}/?recursive=true"),
        Probe("/repositories/{public}/?recursive=true"),
    ),
    (INNER, "GET"): _INNER,
    (INNER, "HEAD"): _INNER,
    (INNER, "DELETE"): (
        Probe("/repositories/{repository}/a-{word}/?recursive=true"),
        Probe(f"{OWN}/a-{{word}}/?recursive=true"),
    ),
    (FILE, "GET"): (*_FILES, *map(Probe, _UPLOADS)),
    (FILE, "HEAD"): (*_FILES, *map(Probe, _UPLOADS)),
    (FILE, "POST"): (
        Probe("/repositories/{repository}/{path}?uploads"),
        Probe(f"{OWN}/up-{{word}}?uploads", headers={"If-Match": _ETAG}),
        Probe(f"{OWN}/own?uploads", headers={"X-Checksum-Sha256": "{sha256}"}),
    ),
    (FILE, "PATCH"): tuple(Probe(at, body="bytes", headers=_PIECE) for at in _UPLOADS),
    (FILE, "PUT"): (
        Probe("/repositories/{repository}/{path}", body="bytes"),
        Probe(f"{OWN}/{{path}}", body="bytes", headers={"If-Match": _ETAG}),
        Probe(f"{OWN}/own", body="other", headers={"If-Match": _ETAG}),
        # A digest that is known elsewhere gives no bytes, and spares sending none.
        Probe(f"{OWN}/put", body="bytes", headers={"X-Checksum-Sha256": "{sha256}"}),
        Probe(
            f"{OWN}/put-{{taken}}",
            body="{taken_bytes}",
            headers={"X-Checksum-Sha256": "{taken_sha256}"},
        ),
        *map(Probe, _UPLOADS),
    ),
    (FILE, "DELETE"): (
        Probe("/repositories/{repository}/{path}"),
        Probe("/repositories/{public}/{path}"),
        Probe(f"{OWN}/{{path}}"),
        Probe(f"{OWN}/own", headers={"If-Match": _ETAG}),
        *map(Probe, _UPLOADS),
    ),
    (f"/public{ROOT}", "GET"): _public(_ROOTS),
    (f"/public{ROOT}", "HEAD"): _public(_ROOTS),
    (f"/public{FOLDER}", "GET"): _public(_FOLDERS),
    (f"/public{FOLDER}", "HEAD"): _public(_FOLDERS),
    (f"/public{INNER}", "GET"): _public(_INNER),
    (f"/public{INNER}", "HEAD"): _public(_INNER),
    (f"/public{FILE}", "GET"): _public(_FILES),
    (f"/public{FILE}", "HEAD"): _public(_FILES),
    ("/api/openapi.json", "GET"): (Probe("/api/openapi.json"),),
    ("/api/user", "GET"): (Probe("/api/user"),),
    ("/api/users", "GET"): (
        Probe("/api/users"),
        Probe("/api/users?limit=1&after={cursor_of_users}"),
    ),
    ("/api/users", "POST"): (
        Probe("/api/users", {"email": "{taken}@example.org", "role": "reader"}),
    ),
    (_USER, "GET"): (Probe("/api/users/{user}"),),
    (_USER, "PATCH"): (
        Probe("/api/users/{user}", {"name": "taken over"}),
        Probe("/api/users/{own_user}", {"email": "{taken}-2@example.org"}),
    ),
    (_USER, "DELETE"): (Probe("/api/users/{user}"),),
    (f"{_USER}/second-factor", "DELETE"): (Probe("/api/users/{user}/second-factor"),),
    ("/auth/sign-in", "GET"): (Probe("/auth/sign-in"),),
    ("/auth/sign-out", "POST"): (Probe("/auth/sign-out"),),
    # Without a password: how often one may be wrong is counted.
    ("/auth/session", "POST"): (Probe("/auth/session", {"email": "{word}@example.org"}),),
    ("/auth/session", "DELETE"): (Probe("/auth/session"),),
    ("/auth/sessions", "GET"): (Probe("/auth/sessions"),),
    # Not as a form, whose sender would be led to a page and not be told 401.
    ("/auth/sessions", "POST"): (Probe("/auth/sessions", {"end": "{session}"}),),
    ("/auth/sessions", "DELETE"): (Probe("/auth/sessions"),),
    ("/auth/sessions/{session}", "DELETE"): (Probe("/auth/sessions/{session}"),),
    ("/auth/second-factor", "GET"): (Probe("/auth/second-factor"),),
    ("/auth/second-factor", "POST"): (Probe("/auth/second-factor", {"password": _PASSWORD}),),
    ("/auth/second-factor/confirm", "POST"): (Probe("/auth/second-factor/confirm", _CODE),),
    ("/auth/second-factor/recovery-codes", "POST"): (
        Probe("/auth/second-factor/recovery-codes", _CODE),
    ),
    ("/auth/second-factor/remove", "POST"): (
        Probe("/auth/second-factor/remove", {"password": _PASSWORD, **_CODE}),
    ),
    ("/auth/reset", "GET"): (Probe("/auth/reset"),),
    ("/auth/reset", "POST"): (Probe("/auth/reset", {"email": "{word}@example.org"}),),
    ("/auth/reset/{token}", "GET"): (Probe("/auth/reset/{reset_token}"),),
    ("/auth/reset/confirm", "POST"): (
        Probe("/auth/reset/confirm", {"token": "{reset_token}", "password": _PASSWORD}),
    ),
    ("/auth/invitation/{token}", "GET"): (Probe("/auth/invitation/{invitation_token}"),),
    ("/auth/invitation/confirm", "POST"): (
        Probe("/auth/invitation/confirm", {"token": "{invitation_token}", "password": _PASSWORD}),
    ),
    (f"{_USER}/invitation", "POST"): (Probe("/api/users/{user}/invitation", {}),),
    (f"{_USER}/hand-over", "POST"): (
        Probe("/api/users/{user}/hand-over", {"to": "{own_user}"}),
        Probe("/api/users/{own_user}/hand-over", {"to": "{user}"}),
    ),
    ("/api/groups", "GET"): (
        Probe("/api/groups"),
        Probe("/api/groups?limit=1&after={cursor_of_groups}"),
    ),
    ("/api/groups", "POST"): (
        Probe("/api/groups", {"name": "{taken}"}),
        Probe(
            "/api/groups",
            {"name": "x", "permissions": {"repositories": {"{repository}": ["read"]}}},
        ),
    ),
    (_GROUP, "GET"): (Probe("/api/groups/{group}"),),
    (_GROUP, "PATCH"): (Probe("/api/groups/{group}", {"name": "taken over"}),),
    (_GROUP, "DELETE"): (Probe("/api/groups/{group}"),),
    (f"{_GROUP}/permissions", "PUT"): (
        Probe("/api/groups/{group}/permissions", {"repositories": {SHARED: ["read"]}}),
    ),
    (f"{_GROUP}/members", "GET"): (
        Probe("/api/groups/{group}/members"),
        Probe("/api/groups/{group}/members?limit=1&after={cursor_of_members}"),
    ),
    (f"{_GROUP}/members", "POST"): (
        Probe("/api/groups/{group}/members", {"add": ["{own_user}"]}),
        Probe("/api/groups/{group}/members", {"remove": ["{user}"]}),
    ),
    (f"{_GROUP}/members/{{user}}", "PUT"): (
        Probe("/api/groups/{group}/members/{own_user}"),
        Probe("/api/groups/{group}/members/{user}"),
    ),
    (f"{_GROUP}/members/{{user}}", "DELETE"): (Probe("/api/groups/{group}/members/{user}"),),
    (_GRANTS, "GET"): (
        Probe("/api/repositories/{repository}/grants"),
        Probe(f"/api/repositories/{SHARED}/grants"),
        Probe(f"/api/repositories/{SHARED}/grants?limit=1&after={{cursor_of_grants}}"),
    ),
    (_GRANTS, "POST"): (
        Probe(
            f"/api/repositories/{SHARED}/grants",
            {"email": "{word}@example.org", "actions": ["read"]},
        ),
        Probe(
            "/api/repositories/{repository}/grants",
            {"email": "{word}@example.org", "actions": ["read"]},
        ),
    ),
    **{
        (f"{_GRANTS}/{kind}s/{{{kind}}}", "PUT"): tuple(
            Probe(f"/api/repositories/{name}/grants/{kind}s/{{{kind}}}", {"actions": actions})
            for name in (SHARED, "{repository}")
            for actions in (["read"], [])
        )
        for kind in ("user", "group")
    },
    (f"{_USER}/permissions", "PUT"): (
        Probe("/api/users/{user}/permissions", {"repositories": {SHARED: ["read"]}}),
        Probe("/api/users/{own_user}/permissions", {"repositories": {"{repository}": ["read"]}}),
    ),
    ("/api/organization", "GET"): (Probe("/api/organization"),),
    ("/api/organization", "PATCH"): (Probe("/api/organization", {"second_factor": "optional"}),),
    ("/api/repositories", "GET"): (
        Probe("/api/repositories"),
        Probe("/api/repositories?limit=1&after={cursor_of_repositories}"),
    ),
    ("/api/repositories", "POST"): (Probe("/api/repositories", {"name": "{taken}"}),),
    (_NAME, "GET"): (Probe("/api/repositories/{repository}"),),
    (_NAME, "PATCH"): (Probe("/api/repositories/{repository}", {"public": True}),),
    (_NAME, "DELETE"): (Probe("/api/repositories/{repository}"),),
    (f"{_NAME}/restore", "POST"): (
        Probe("/api/repositories/{repository}/restore", {"path": "{path}"}),
        Probe("/api/repositories/{repository}/restore", {"path": "", "overwrite": True}),
        Probe("/api/repositories/{repository}/restore", {}),
        Probe("/api/repositories/{deleted}/restore", {}),
        Probe("/api/repositories/{deleted}/restore", {"id": "{deleted_id}", "name": "{taken}-3"}),
        Probe(f"/api/repositories/{SHARED}/restore", {"path": "{gone}"}),
        *(
            Probe(
                f"/api/repositories/{name}/restore",
                {"path": path, "version": "{version}", "overwrite": True},
            )
            for name, path in ((SHARED, "{gone}"), (SHARED, "old"), ("{repository}", "{gone}"))
        ),
        Probe(f"/api/repositories/{SHARED}/restore", {"id": "{deleted_id}"}),
    ),
    (f"{_NAME}/purge", "POST"): (
        Probe("/api/repositories/{repository}/purge", {"path": "", "recursive": True}),
        Probe(f"/api/repositories/{SHARED}/purge", {"path": "{gone}"}),
    ),
    (f"{_NAME}/deleted", "GET"): (
        Probe("/api/repositories/{repository}/deleted?recursive=true"),
        Probe(f"/api/repositories/{SHARED}/deleted?recursive=true&path={{gone}}"),
        Probe(f"/api/repositories/{SHARED}/deleted?limit=1&after={{cursor_of_deleted}}"),
    ),
    ("/api/deleted-repositories", "GET"): (
        Probe("/api/deleted-repositories"),
        Probe("/api/deleted-repositories?limit=1&after={cursor_of_deleted_repositories}"),
    ),
    (_RULES, "GET"): (Probe("/api/repositories/{repository}/retention"),),
    (_RULES, "PUT"): (
        Probe(
            "/api/repositories/{repository}/retention",
            {"rules": [{"match": "**", "older_than_days": 1}], "confirm": True},
        ),
        Probe(f"/api/repositories/{SHARED}/retention", {"rules": [{"match": "{path}", **_NEWEST}]}),
    ),
    (f"{_RULES}/preview", "POST"): (
        Probe("/api/repositories/{repository}/retention/preview", {}),
        Probe(
            f"/api/repositories/{SHARED}/retention/preview",
            {"rules": [{"match": "{path}", **_NEWEST}]},
        ),
        Probe(
            f"/api/repositories/{SHARED}/retention/preview?limit=1&after={{cursor_of_going}}", {}
        ),
    ),
    (_PROJECTS, "GET"): (
        Probe("/api/repositories/{python}/projects"),
        Probe(f"/api/repositories/{SHARED_PYTHON}/projects"),
        Probe(f"/api/repositories/{SHARED_PYTHON}/projects?limit=1&after={{cursor_of_projects}}"),
    ),
    (_PROJECT, "GET"): (*_of_projects(""), *_of_projects("?limit=1&after={cursor_of_releases}")),
    (_PROJECT, "PATCH"): _of_projects("", _CHANGES[0]),
    (_PROJECT, "DELETE"): _of_projects(""),
    (f"{_PROJECT}/restore", "POST"): _of_projects("/restore"),
    (_RELEASE, "PATCH"): _of_projects("/releases/1.0", _CHANGES[1]),
    (_RELEASE, "DELETE"): _of_projects("/releases/1.0"),
    (f"{_RELEASE}/restore", "POST"): _of_projects("/releases/1.0/restore"),
    (_WHEEL, "PATCH"): _of_projects("/files/{wheel}", _CHANGES[1]),
    (_WHEEL, "DELETE"): _of_projects("/files/{wheel}"),
    (f"{_WHEEL}/restore", "POST"): _of_projects("/files/{wheel}/restore"),
    ("/api/keys", "GET"): (
        Probe("/api/keys?user={user}"),
        Probe("/api/keys?user=all"),
        Probe("/api/keys?user=all&limit=1&after={cursor_of_keys}"),
    ),
    ("/api/keys", "POST"): (
        Probe("/api/keys", {"name": "x", "user": "{user}"}),
        Probe("/api/keys", {"name": "x", "scopes": {"{repository}": ["read"]}}),
    ),
    (_KEY, "GET"): (Probe("/api/keys/{key}"),),
    (_KEY, "DELETE"): (Probe("/api/keys/{key}"),),
    (_KEY, "PATCH"): (Probe("/api/keys/{key}", {"name": "taken over"}),),
    (f"{_KEY}/rotate", "POST"): (
        Probe("/api/keys/{key}/rotate", {"overlap_hours": 0}),
        Probe("/api/keys/{access_key}/rotate", {}),
    ),
    ("/api/scim-tokens", "GET"): (
        Probe("/api/scim-tokens"),
        Probe("/api/scim-tokens?limit=1&after={cursor_of_scim_tokens}"),
    ),
    ("/api/scim-tokens", "POST"): (Probe("/api/scim-tokens", {"name": "{taken}"}),),
    (_TOKEN, "DELETE"): (Probe("/api/scim-tokens/{scim_token}"),),
    (f"{_TOKEN}/rotate", "POST"): (Probe("/api/scim-tokens/{scim_token}/rotate", {}),),
    ("/api/subscribers", "GET"): (
        Probe("/api/subscribers"),
        Probe("/api/subscribers?limit=1&after={cursor_of_subscribers}"),
    ),
    ("/api/subscribers", "POST"): (
        Probe("/api/subscribers", {"name": "{taken}", "contact": "{taken}@example.org"}),
        Probe("/api/subscribers", {"name": "{taken}", "groups": ["{subscriber_group}"]}),
    ),
    (_SUBSCRIBER, "GET"): (Probe("/api/subscribers/{subscriber}"),),
    (_SUBSCRIBER, "PATCH"): (
        Probe("/api/subscribers/{subscriber}", {"active": False}),
        Probe("/api/subscribers/{own_subscriber}", {"groups": ["{subscriber_group}"]}),
    ),
    (_SUBSCRIBER, "DELETE"): (Probe("/api/subscribers/{subscriber}"),),
    (f"{_SUBSCRIBER}/keys", "GET"): (
        Probe("/api/subscribers/{subscriber}/keys"),
        Probe("/api/subscribers/{own_subscriber}/keys?limit=1&after={cursor_of_access_keys}"),
    ),
    (f"{_SUBSCRIBER}/keys", "POST"): (
        Probe("/api/subscribers/{subscriber}/keys", {"name": "{taken}"}),
    ),
    (f"{_SUBSCRIBER}/keys/{{key}}", "DELETE"): (
        Probe("/api/subscribers/{subscriber}/keys/{access_key}"),
        Probe("/api/subscribers/{own_subscriber}/keys/{access_key}"),
    ),
    (f"{_SUBSCRIBER}/usage", "GET"): (Probe("/api/subscribers/{subscriber}/usage"),),
    ("/api/subscriber-groups", "GET"): (
        Probe("/api/subscriber-groups"),
        Probe("/api/subscriber-groups?limit=1&after={cursor_of_subscriber_groups}"),
    ),
    ("/api/subscriber-groups", "POST"): (
        Probe("/api/subscriber-groups", {"name": "{taken}"}),
        Probe("/api/subscriber-groups", {"name": "{taken}", "repositories": ["{repository}"]}),
    ),
    (_SUBSCRIBERS, "GET"): (Probe("/api/subscriber-groups/{subscriber_group}"),),
    (_SUBSCRIBERS, "PATCH"): (
        Probe("/api/subscriber-groups/{subscriber_group}", {"name": "taken over"}),
        Probe("/api/subscriber-groups/{own_subscriber_group}", {"repositories": ["{repository}"]}),
    ),
    (_SUBSCRIBERS, "DELETE"): (Probe("/api/subscriber-groups/{subscriber_group}"),),
    (f"{_SUBSCRIBERS}/members", "GET"): (
        Probe("/api/subscriber-groups/{subscriber_group}/members"),
        Probe(
            "/api/subscriber-groups/{own_subscriber_group}/members"
            "?limit=1&after={cursor_of_subscriber_members}"
        ),
    ),
    (f"{_SUBSCRIBERS}/members/{{subscriber}}", "PUT"): _of_members(),
    (f"{_SUBSCRIBERS}/members/{{subscriber}}", "DELETE"): _of_members(),
    (f"{_SUBSCRIBERS}/usage", "GET"): (Probe("/api/subscriber-groups/{subscriber_group}/usage"),),
    ("/api/jobs", "GET"): (
        Probe("/api/jobs"),
        Probe("/api/jobs?limit=1&after={cursor_of_jobs}"),
    ),
    ("/api/jobs/{job}", "GET"): (Probe("/api/jobs/{job}"),),
    ("/api/audit", "GET"): (
        Probe("/api/audit?repository={repository}"),
        Probe("/api/audit?user={user}"),
        Probe("/api/audit?subject={user}&order=oldest"),
        Probe("/api/audit?credential={key}&format=jsonl"),
        Probe("/api/audit?path={gone}&repository=" + SHARED),
        Probe("/api/audit?limit=1&after={cursor_of_audit}"),
    ),
    ("/api/search", "GET"): (
        Probe("/api/search"),
        Probe("/api/search?sha256={sha256}"),
        Probe("/api/search?sha1={sha1}"),
        Probe("/api/search?g=com.{word}&a=lib"),
        Probe("/api/search?a=lib&g=com.*"),
        Probe("/api/search?q=com.{word}:lib:1.0"),
        Probe("/api/search?q={sha1}"),
        Probe("/api/search?project=x-{word}"),
        Probe("/api/search?project=x-{word}&version=1.0"),
        Probe("/api/search?q=x-{word}"),
        Probe("/api/search?q=x-{word}==1.0"),
        Probe("/api/search?name=a-{word}"),
        Probe("/api/search?path=a-{word}/"),
        Probe("/api/search?repository={repository},{public}"),
        Probe("/api/search?repository={maven}&g=com.{word}"),
        Probe(f"/api/search?repository={SHARED}"),
        Probe("/api/search?limit=1&after={cursor_of_search}"),
    ),
    (f"{_SCIM}/", "GET"): _listed(_SCIM),
    (f"{_SCIM}/.search", "POST"): _searched(_SCIM),
    (_USERS, "GET"): _listed(_USERS),
    (f"{_USERS}/.search", "POST"): _searched(_USERS),
    (_GROUPS, "GET"): _listed(_GROUPS),
    (f"{_GROUPS}/.search", "POST"): _searched(_GROUPS),
    (_USERS, "POST"): (
        Probe(_USERS, _scim_user(userName="{taken}-scim", externalId="{taken}-scim")),
        Probe(
            _USERS,
            _scim_user(userName="{taken}-4", emails=[{"value": "{taken}-4@example.org"}]),
        ),
    ),
    (_GROUPS, "POST"): (
        Probe(_GROUPS, _scim_group("{taken}-scim", externalId="{taken}-scim")),
        Probe(_GROUPS, _scim_group("{taken}-4", "{provisioned}")),
        Probe(_GROUPS, _scim_group("{taken}-4", "{own_user}", "{provisioned}")),
    ),
    (f"{_USERS}/{{id_}}", "GET"): (
        Probe(_THEIRS),
        Probe(f"{_USERS}/{{user}}?attributes=userName"),
        Probe(f"{_USERS}/{{provisioned_group}}"),
        Probe(_THEIRS, headers={"If-None-Match": "*"}),
        Probe(_THEIRS, headers={"If-None-Match": 'W/"{provisioned_version}"'}),
    ),
    (f"{_USERS}/{{id_}}", "PUT"): tuple(
        Probe(_THEIRS, _scim_user(userName="{user_name}"), headers=condition)
        for condition in _CONDITIONS
    ),
    (f"{_USERS}/{{id_}}", "PATCH"): (
        *(
            Probe(_THEIRS, _patch("replace", "active", value=False), headers=condition)
            for condition in _CONDITIONS
        ),
        Probe(f"{_USERS}/{{own_user}}", _patch("replace", "externalId", "{taken}-scim")),
        Probe(f"{_USERS}/{{own_user}}", _patch("add", _MANAGER, {"value": "{provisioned}"})),
        Probe(f"{_USERS}/{{own_user}}", _patch("add", "groups", _IN_GROUP)),
    ),
    (f"{_USERS}/{{id_}}", "DELETE"): (
        *(Probe(_THEIRS, headers=condition) for condition in _CONDITIONS),
        Probe(f"{_USERS}/{{user}}"),
    ),
    (f"{_GROUPS}/{{id_}}", "GET"): (
        Probe(_THEIR_GROUP),
        Probe(f"{_GROUPS}/{{group}}?excludedAttributes=members"),
        Probe(f"{_GROUPS}/{{provisioned}}"),
        Probe(_THEIR_GROUP, headers={"If-None-Match": "*"}),
        Probe(_THEIR_GROUP, headers={"If-None-Match": 'W/"{provisioned_version}"'}),
    ),
    (f"{_GROUPS}/{{id_}}", "PUT"): (
        *(
            Probe(_THEIR_GROUP, _scim_group("{user_name}"), headers=condition)
            for condition in _CONDITIONS
        ),
        Probe(_OWN_GROUP, _scim_group("own", "{provisioned}")),
    ),
    (f"{_GROUPS}/{{id_}}", "PATCH"): (
        *(
            Probe(_THEIR_GROUP, _patch("remove", "members"), headers=condition)
            for condition in _CONDITIONS
        ),
        Probe(_THEIR_GROUP, _patch("add", "members", [{"value": "{own_user}"}])),
        Probe(_OWN_GROUP, _patch("add", "members", _MEMBER)),
        Probe(_OWN_GROUP, _patch("replace", "members", _MEMBER)),
        Probe(_OWN_GROUP, _patch("remove", 'members[value eq "{provisioned}"]')),
    ),
    (f"{_GROUPS}/{{id_}}", "DELETE"): (
        *(Probe(_THEIR_GROUP, headers=condition) for condition in _CONDITIONS),
        Probe(f"{_GROUPS}/{{group}}"),
    ),
    (f"{_SCIM}/Bulk", "POST"): (
        _in_bulk("DELETE", "/Users/{provisioned}"),
        _in_bulk("DELETE", "/Groups/{provisioned_group}", version='W/"{provisioned_version}"'),
        _in_bulk("PUT", "/Users/{provisioned}", _scim_user(userName="{user_name}")),
        _in_bulk("PATCH", "/Users/{provisioned}", _patch("replace", "active", value=False)),
        _in_bulk("PATCH", "/Groups/{provisioned_group}", _patch("remove", "members")),
        _in_bulk("POST", "/Users", _scim_user(userName="{taken}-5"), bulkId="1"),
        _in_bulk("POST", "/Groups", _scim_group("{taken}-5", "{provisioned}"), bulkId="1"),
    ),
    # What there is to ask for is everybody's, whoever he is.
    (f"{_SCIM}/Me", "GET"): (Probe(f"{_SCIM}/Me"),),
    (f"{_SCIM}/ServiceProviderConfig", "GET"): (Probe(f"{_SCIM}/ServiceProviderConfig"),),
    (f"{_SCIM}/ResourceTypes", "GET"): (Probe(f"{_SCIM}/ResourceTypes"),),
    (f"{_SCIM}/ResourceTypes/{{name}}", "GET"): (
        Probe(f"{_SCIM}/ResourceTypes/User"),
        Probe(f"{_SCIM}/ResourceTypes/{{user_name}}"),
    ),
    (f"{_SCIM}/Schemas", "GET"): (Probe(f"{_SCIM}/Schemas"),),
    (f"{_SCIM}/Schemas/{{urn}}", "GET"): (
        Probe(f"{_SCIM}/Schemas/{provisioning.USER}"),
        Probe(f"{_SCIM}/Schemas/{{external_id}}"),
    ),
}


def furnish(there: Stand, here: Stand) -> Names:
    """Fill an organization with one of everything, and name it for those of another.

    Args:
        there: the organization that is tried on.
        here: that of the probers, which gets a repository, a file, one that can be restored and
            a user to compare with.
    """
    own = here.person("reader")
    here.repository(SHARED, overwrite=True, public=True)
    assert here.admins.put(f"{OWN}/own", b"own bytes").status == 201
    assert here.admins.put(f"{OWN}/old", b"old bytes").status == 201
    assert here.admins.delete(f"{OWN}/old").status == 204
    there.repository(SHARED, overwrite=True, public=True)
    for stand in (here, there):
        stand.repository(SHARED_PYTHON, Format.PYTHON)
    ours = outsider(here, "*")
    names = Names(
        own.id,
        own.key_id,
        own_subscriber=ours.id,
        own_subscriber_group=ours.group,
        own_group=here.group({}, own).id,
    )
    there.repository(names.repository)
    there.repository(names.public, public=True)
    there.repository(names.maven, Format.MAVEN)
    admins = there.admins
    jar = f"/repositories/{names.maven}/com/{names.word}/lib/1.0/lib-1.0.jar"
    assert admins.put(jar, content(names.word).encode()).status == 201
    there.repository(names.python, Format.PYTHON)
    for repository in (names.python, SHARED_PYTHON):
        at = f"/repositories/{repository}/files"
        for project, version in (
            (f"x-{names.word}", "1.0"),
            (f"x-{names.word}", "2.0"),
            ("y", "1"),
        ):
            name = f"{project.replace('-', '_')}-{version}-py3-none-any.whl"
            made = admins.put(f"{at}/{project}/{name}", wheel(project, version))
            assert made.status == 201
        gone = f"x_{names.word}-1.0-py2-none-any.whl"
        content_ = wheel(f"x-{names.word}", tag="py2-none-any")
        assert admins.put(f"{at}/x-{names.word}/{gone}", content_).status == 201
        assert admins.delete(f"{at}/x-{names.word}/{gone}").status == 204
    projects = f"/api/repositories/{SHARED_PYTHON}/projects"
    for repository in (SHARED, names.repository, names.public):
        for path in (names.path, "a/first", "own"):
            at = f"/repositories/{repository}/{path}"
            assert admins.put(at, content(names.word).encode()).status == 201
    assert admins.put(f"{OWN}/taken", names.taken_bytes.encode()).status == 201
    for number in range(2):
        assert admins.put(f"{OWN}/{names.gone}", f"{number}".encode()).status in (200, 201)
        assert admins.delete(f"{OWN}/{names.gone}").status == 204
        there.repository(names.deleted)
        assert admins.delete(f"/api/repositories/{names.deleted}").status == 204
    deleted = admins.get("/api/deleted-repositories?limit=1").json
    restorable = admins.get(f"/api{OWN}/deleted?path={names.gone}").json["deleted"][0]
    rules = {"rules": [{"match": "*", **_NEWEST}]}
    assert admins.ask("PUT", f"/api{OWN}/retention", json=rules).status == 200
    going = admins.post(f"/api{OWN}/retention/preview?limit=1", {}).json
    there.repository(names.taken)
    for local in (names.taken, f"{names.taken}-2", names.word):
        email = f"{local}@example.org"
        made = admins.post("/api/users", {"email": email, "role": "reader"}).json
    key = admins.post("/api/keys", {"name": names.word, "user": made["id"]}).json
    group = _group(there, names, made["id"])
    for _ in range(2):
        job = there.job(made["id"])
    upload = Upload(admins, b"ten bytes.", f"{OWN}/up-{names.word}")
    assert upload.begun.status == 201
    anonymous = there.client
    mailed = _mailed(there, names)
    theirs = _distributed(there)
    return dataclasses.replace(
        names,
        session=there.session(there.admin),
        reset_token=mailed["reset"],
        invitation_token=mailed["invitation"],
        **theirs,
        **_provisioned(there, names),
        user=made["id"],
        key=key["id"],
        job=job,
        upload=upload.id,
        group=group,
        cursor_of_groups=admins.get("/api/groups?limit=1").json["next"],
        cursor_of_members=admins.get(f"/api/groups/{group}/members?limit=1").json["next"],
        cursor_of_grants=admins.get(f"/api{OWN}/grants?limit=1").json["next"],
        cursor_of_users=admins.get("/api/users?limit=1").json["next"],
        cursor_of_keys=admins.get("/api/keys?user=all&limit=1").json["next"],
        cursor_of_repositories=admins.get("/api/repositories?limit=1").json["next"],
        cursor_of_jobs=admins.get("/api/jobs?limit=1").json["next"],
        cursor_of_files=admins.get(f"{OWN}/?limit=1").json["next"],
        cursor_of_search=admins.get("/api/search?limit=1").json["next"],
        cursor_of_audit=admins.get("/api/audit?limit=1").json["next"],
        cursor_of_deleted=admins.get(f"/api{OWN}/deleted?limit=1").json["next"],
        cursor_of_deleted_repositories=deleted["next"],
        cursor_of_going=going["next"],
        cursor_of_projects=admins.get(f"{projects}?limit=1").json["next"],
        cursor_of_releases=admins.get(f"{projects}/x-{names.word}?limit=1").json["next"],
        deleted_id=deleted["repositories"][0]["id"],
        version=restorable["version"],
        cursor_back=way_back(admins.get(f"{OWN}/?limit=1", headers=_PAGE).text),
        cursor_back_in_public=way_back(anonymous.get(f"/public{OWN}/?limit=1", headers=_PAGE).text),
        cursor_of_public_files=anonymous.get(f"/public{OWN}/?limit=1").json["next"],
    )


def _distributed(there: Stand) -> dict[str, str]:
    """Two of everything of subscribers and of SCIM tokens: names and cursors of it."""
    admins, token = there.admins, ""
    for _ in range(2):
        one = outsider(there, "*")
        token = admins.post("/api/scim-tokens", {"name": "x"}).json["id"]
        joined = f"/api/subscriber-groups/{one.group}/members"
        other = admins.post("/api/subscribers", {"name": "x"}).json["id"]
        assert admins.put(f"{joined}/{other}").status == 204
        assert admins.post(f"/api/subscribers/{one.id}/keys", {"name": "x"}).status == 201
    lists = {
        "subscribers": "/api/subscribers",
        "subscriber_groups": "/api/subscriber-groups",
        "subscriber_members": joined,
        "scim_tokens": "/api/scim-tokens",
        "access_keys": f"/api/subscribers/{one.id}/keys",
    }
    return {
        "subscriber": one.id,
        "subscriber_group": one.group,
        "access_key": one.key_id,
        "scim_token": token,
        **{
            f"cursor_of_{name}": admins.get(f"{at}?limit=1").json["next"]
            for name, at in lists.items()
        },
    }


def _provisioned(there: Stand, names: Names) -> dict[str, str]:
    """The ids of a user and of his group, as a provider makes them, beside some of other names."""
    by = provisioning.provider(there)
    for taken in (f"{names.taken}-scim", f"{names.taken}-4", f"{names.taken}-5"):
        email = {"emails": [{"value": f"{taken}@example.org"}]}
        by.group(taken, by.user(taken, externalId=taken, **email)["id"], externalId=taken)
    user = by.user(names.user_name, externalId=names.external_id)["id"]
    group = by.group(names.user_name, user, externalId=names.external_id)["id"]
    version = by.get(f"/Users/{user}").json["meta"]["version"].strip('W/"')
    return {"provisioned": user, "provisioned_group": group, "provisioned_version": version}


def _group(there: Stand, names: Names, user: str) -> str:
    """The id of a group with two members and a grant, as another one and its members have."""
    admins, ids = there.admins, []
    for name in (names.taken, names.word):
        given = {"repositories": {SHARED: ["read"]}}
        made = admins.post("/api/groups", {"name": name, "permissions": given})
        ids.append(made.json["id"])
        members = {"add": [user, there.admin.id]}
        assert admins.post(f"/api/groups/{ids[-1]}/members", members).status == 200
    return str(ids[-1])


def _mailed(there: Stand, names: Names) -> dict[str, str]:
    """The token of a reset and of an invitation there, out of the mails that wait."""
    invited = {"email": f"{names.taken}-3@example.org", "role": "reader", "invite": True}
    assert there.admins.post("/api/users", invited).status == 201
    assert there.client.post("/auth/reset", {"email": there.admin.email}).status == 202
    outbox = Outbox(there.process.installation.sealer)
    found = {}
    for record in there.process.installation.metadata.query_all(f"{there.organization}#mail"):
        letter = outbox.open(read_mail(there.organization, record))
        found[letter.kind] = letter.fields["path"].rpartition("/")[2]
    return found


def way_back(page: str) -> str:
    """What the link of a listing to its next page holds of the way there."""
    found = re.search(r"[?;]back=([\w-]+)", page)
    assert found is not None, page
    return found[1]


def marks(there: Stand, names: Names) -> tuple[str, ...]:
    """What tells of an organization wherever it turns up: everything random in its records."""
    own = names.values()
    told = (
        "word", "user", "key", "job", "upload", "session", "sha256", "sha1", "subscriber",
        "subscriber_group", "access_key", "scim_token", "provisioned", "provisioned_group",
    )  # fmt: skip
    named = [own[name] for name in told]
    values = [record.value for record in records_of(there)]
    ids = [str(value["id"]) for value in values if "id" in value]
    blobs = [str(value["blob"]) for value in values if value.get("blob")]
    return (there.organization, there.admin.key, *named, *ids, *blobs)


def records_of(there: Stand) -> list[Record]:
    """The records of one organization."""
    mine = f"{there.organization}#"
    return [record for record in there.records() if record.key.partition.startswith(mine)]
