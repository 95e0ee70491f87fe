"""A started server in which there is one of everything that its description can name.

The values are what `tests/http/narrowed.py` puts into the description beside made-up ones.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.background import background
from app.installation import existing
from app.settings import read_settings
from app.work.job import Job, State, new_id
from auth.organizations import DEFAULT, Organizations
from storage.events import Actor
from tests.cli.command import Serving
from tests.http.client import bearer
from tests.http.probes import way_back
from tests.http.provisioning import GROUP, USER
from tests.python.building import wheel

#: The address of the user who is never deleted.
STAYING = "kim@example.org"
REPOSITORIES, RULED = ["files", "open"], "ruled"
#: Repositories that may be made and deleted: the first is there, the other is not.
SPARES = ["spare", "another"]
#: A Python repository, and its projects: one of each that an operation needs for itself.
PYTHON = "pypi"
PROJECT, ENDING, ENDED, VERSION = "foo", "ending", "ended", "1.0"
WHEELS = [f"{PROJECT}-{VERSION}-py{number}-none-any.whl" for number in (2, 3, 4, 5)]
FOLDER, FILE, GONE = "app", "app/notes.txt", "app/gone.txt"
#: Of files, and of folders without their slash.
PATHS = [FILE, FOLDER, "new"]
#: Lists whose cursors are of the list alone: a listing's is of one folder. Those of the others
#: are of one choice of filters, or rules, as well, which a schema cannot say.
PAGED = {
    "/api/users": "/api/users",
    "/api/groups": "/api/groups",
    "/api/repositories": "/api/repositories",
    "/api/deleted-repositories": "/api/deleted-repositories",
    "/api/jobs": "/api/jobs",
    "/repositories/{repository}/": "/repositories/files/",
    "/repositories/{repository}/{path}/": "/repositories/files/app/",
    "/public/repositories/{repository}/": "/public/repositories/open/",
    "/public/repositories/{repository}/{path}/": "/public/repositories/open/app/",
}


@dataclass(frozen=True)
class Installation:
    """A started server, an administrator's key for it, and what there is in it.

    Attributes:
        key: the secret of that key.
        user: the id of a user, who has the key with the id `user_key`.
        scim_token: the id of a SCIM token.
        subscriber: the id of a subscriber, and `subscriber_group` of a group.
        member: the id of one whom nothing deletes, who is in the group `member_of` and has the
            key `access_key`.
        staying: the id of a user who is never deleted, in the group with the id `group`.
        ending_group: the id of a group that is.
        admin: the id of an administrator.
        moment: a time to which the repositories can go back.
        job: the id of a job that has ended.
        upload: the id of an upload to FILE that nobody completes or drops.
        version: of GONE, in the first of the repositories.
        pages: by the path of a list, the queries that lead to its second page.
        token: the secret of another SCIM token, which may make administrators.
        provisioned: by the endpoint of what it made, the id of one that stays and of one that is
            deleted.
    """

    server: Serving
    key: str
    user: str
    user_key: str
    scim_token: str
    subscriber: str
    subscriber_group: str
    member: str
    member_of: str
    access_key: str
    staying: str
    group: str
    ending_group: str
    admin: str
    moment: str
    job: str
    upload: str
    version: str
    pages: Mapping[str, Mapping[str, str]]
    token: str
    provisioned: Mapping[str, tuple[str, str]]

    @property
    def url(self) -> str:
        host, port = self.server.address
        return f"http://{host}:{port}"


@dataclass(frozen=True)
class _Administrator:
    server: Serving
    key: str

    def ask(self, method: str, target: str, **fields: Any) -> Mapping[str, Any]:
        """The answer, a JSON object; nothing where it has no body."""
        sent = json.dumps(fields).encode() if fields else b"notes" if method == "PUT" else None
        headers = {"Authorization": bearer(self.key)}
        if fields:
            headers["Content-Type"] = "application/json"
        status, _, body = self.server.ask(method, target, headers, sent)
        assert status in (200, 201, 204), (method, target, body)
        answer: Mapping[str, Any] = json.loads(body) if body else {}
        return answer

    def put(self, target: str, content: bytes) -> None:
        """Put a file there."""
        headers = {"Authorization": bearer(self.key)}
        status, _, body = self.server.ask("PUT", target, headers, content)
        assert status == 201, (target, body)

    def second_page(self, target: str) -> Iterator[tuple[str, str]]:
        """The queries `after` and, where a page for a browser has one, `back`."""
        yield "after", self.ask("GET", f"{target}?limit=1")["next"]
        if "repositories/" in target:
            headers = {"Authorization": bearer(self.key), "Accept": "text/html"}
            yield "back", way_back(self.server.ask("GET", f"{target}?limit=1", headers)[2].decode())


def furnish(server: Serving) -> Installation:
    """Fill the installation of a server that has just been started first."""
    found = re.search(r"srk_\w{49}", (server.data / "first-sign-in.txt").read_text())
    assert found is not None
    by = _Administrator(server, found[0])
    by.ask("POST", "/api/repositories", name="open", public=True, overwrite=True)
    for _ in range(2):
        by.ask("POST", "/api/repositories", name=SPARES[0])
        by.ask("DELETE", f"/api/repositories/{SPARES[0]}")
    for name in (RULED, SPARES[0]):
        by.ask("POST", "/api/repositories", name=name)
    for repository in (*REPOSITORIES, RULED):
        for path in (FILE, "app/more.txt", "more.txt"):
            by.ask("PUT", f"/repositories/{repository}/{path}")
    by.ask("PUT", f"/repositories/{REPOSITORIES[0]}/{GONE}")
    by.ask("DELETE", f"/repositories/{REPOSITORIES[0]}/{GONE}")
    _furnish_python(by)
    gone = by.ask("GET", f"/api/repositories/{REPOSITORIES[0]}/deleted?path={GONE}")["deleted"]
    upload = by.ask("POST", f"/repositories/{REPOSITORIES[0]}/{FILE}?uploads")["location"]
    user = by.ask("POST", "/api/users", email="jo@example.org", role="developer")["id"]
    user_key = by.ask("POST", "/api/keys", name="of Jo", user=user)["id"]
    job = _jobs(server, user)
    return Installation(
        server,
        by.key,
        user,
        user_key,
        *_distributed(by),
        *_grouped(by),
        datetime.now(UTC).isoformat(),
        job,
        upload.rpartition("=")[2],
        gone[0]["version"],
        {path: dict(by.second_page(target)) for path, target in PAGED.items()},
        *_provisioned(by),
    )


def _provisioned(by: _Administrator) -> tuple[str, Mapping[str, tuple[str, str]]]:
    """The secret of a SCIM token, and the ids of two users and two groups that it made."""
    token = by.ask("POST", "/api/scim-tokens", name="scim", administrators=True)["secret"]
    provider = _Administrator(by.server, token)

    def made(endpoint: str, urn: str, named: str) -> tuple[str, str]:
        at = f"/scim/v2{endpoint}"
        one, other = (
            str(provider.ask("POST", at, schemas=[urn], **{named: name})["id"])
            for name in ("sam", "sue")
        )
        return one, other

    users, groups = made("/Users", USER, "userName"), made("/Groups", GROUP, "displayName")
    return token, {"/Users": users, "/Groups": groups}


def _distributed(by: _Administrator) -> tuple[str, ...]:
    """A SCIM token, two subscribers and their groups, and a key of the second: their ids."""
    ids = [by.ask("POST", "/api/scim-tokens", name="provisioning")["id"]]
    for _ in range(2):
        group = by.ask("POST", "/api/subscriber-groups", name="releases")["id"]
        one = by.ask("POST", "/api/subscribers", name="Outsider", groups=[group])["id"]
        ids += (one, group)
    key = by.ask("POST", f"/api/subscribers/{one}/keys", name="builds")["id"]
    return (*ids, key)


def _grouped(by: _Administrator) -> tuple[str, str, str, str]:
    """A user who stays, his group, another group, and the administrator: their ids."""
    staying = by.ask("POST", "/api/users", email=STAYING, role="developer")["id"]
    groups = [by.ask("POST", "/api/groups", name=name)["id"] for name in ("staying", "ending")]
    by.ask("POST", f"/api/groups/{groups[0]}/members", add=[staying])
    return staying, *groups, by.ask("GET", "/api/user")["id"]


def _furnish_python(by: _Administrator) -> None:
    """Projects; some of the files of PROJECT, and all of ENDED, were deleted."""
    by.ask("POST", "/api/repositories", name=PYTHON, format="python")
    for project in (PROJECT, ENDING, ENDED):
        for number, name in enumerate(WHEELS, 2):
            at = f"/repositories/{PYTHON}/files/{project}/{name.replace(PROJECT, project)}"
            by.put(at, wheel(project, VERSION, tag=f"py{number}-none-any"))
    for version in ("2.0", "3.0"):
        at = f"/repositories/{PYTHON}/files/{PROJECT}/{PROJECT}-{version}-py3-none-any.whl"
        by.put(at, wheel(PROJECT, version))
    projects = f"/api/repositories/{PYTHON}/projects"
    for gone in (ENDED, f"{PROJECT}/releases/2.0", f"{PROJECT}/files/{WHEELS[-1]}"):
        by.ask("DELETE", f"{projects}/{gone}")


def _jobs(server: Serving, user: str) -> str:
    """Two jobs that have ended: the id of one. None that is asked for would be there at once."""
    with existing(read_settings({"STRONGROOM_DATA": str(server.data)})) as at:
        organization, jobs = Organizations(at.recent).named(DEFAULT).id, background(at).jobs
        for _ in range(2):
            now, by = datetime.now(UTC), Actor(user, "password", None)
            job = Job(organization, new_id(now), "test", by, now, now, state=State.DONE)
            jobs.report(job)
    return job.id


def accepted(server: Serving) -> set[tuple[str, str]]:
    """Which operations, by method and path, a server has answered with 2xx or 3xx."""
    lines = [json.loads(line) for line in server.out.splitlines() if line.startswith("{")]
    return {
        (line["method"].lower(), line["route"].replace(":path}", "}"))
        for line in lines
        if 200 <= line["status"] < 400
    }
