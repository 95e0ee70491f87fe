"""Cursors of every listing that is described: for their list and caller alone, and as they are."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from app.api.description import METHODS
from app.repositories import Format, Repository
from storage import keys
from storage.metadata import Add, Key
from tests.http.client import Answer, Client
from tests.http.described import closed_description, found
from tests.http.distributed import outsider, scim_token
from tests.http.stand import Stand
from tests.python.building import sdist

#: What is asked with a cursor, by path; `{name}` and `{repository}` are the repository `files`, or
#: `pypi` where projects are asked for.
FILTERS = {"/api/keys": "user=all", "/api/repositories/{name}/deleted": "recursive=true"}


def _paged() -> list[tuple[str, str]]:
    """Every operation that takes a cursor, but for HEAD, which answers as GET does."""
    listings = []
    for path, item in closed_description()["paths"].items():
        for method in METHODS:
            given = [found(one) for one in item.get(method, {}).get("parameters", ())]
            if method != "head" and any(one["name"] == "after" for one in given):
                listings.append((method.upper(), path))
    return listings


@dataclass(frozen=True)
class Listed:
    """An installation where every listing has more than one page, and what they are of."""

    stand: Stand
    names: Mapping[str, str]
    outside: Mapping[str, str]  # the same of subscribers and their groups

    @property
    def admins(self) -> Client:
        return self.stand.admins


def _ask(listed: Listed, client: Client, listing: tuple[str, str], after: str) -> Answer:
    method, path = listing
    name = "pypi" if "/projects" in path else "files"
    of = listed.outside if path.startswith("/api/subscriber") else listed.names
    target = path.format(name=name, repository="files", path="a", project="a", **of)
    query = "&".join(["limit=1", f"after={after}", *filter(None, [FILTERS.get(path)])])
    body = {"rules": [{"match": "**", "keep_newest": 1}]} if method == "POST" else None
    return client.ask(method, f"{target}?{query}", json=body)


@pytest.fixture
def listed(memory_stand: Stand) -> Listed:
    stand = memory_stand
    files = stand.repository("files", public=True)
    for path in ("a/1", "a/2", "a/3", "b/1", "1", "2"):
        stand.admins.put(f"/repositories/files/{path}", b"x")
        stand.admins.put(f"/repositories/files/gone/{path}", b"x")
    assert stand.admins.delete("/repositories/files/gone/?recursive=true").status == 200
    stand.repository("pypi", Format.PYTHON)
    for project, version in (("a", "1"), ("a", "2"), ("b", "1")):
        put = f"/repositories/pypi/files/{project}/{project}-{version}.tar.gz"
        assert stand.admins.put(put, sdist(project, version)).status == 201
    for name in ("first", "second"):
        stand.repository(name)
        assert stand.admins.delete(f"/api/repositories/{name}").status == 204
        stand.repository(f"other-{name}")
        stand.job(stand.person().id)
    granted = [stand.person(grants={files.id: ["read"]}) for _ in range(2)]
    group, _ = stand.group({}, *granted), stand.group({})
    for name in ("one", "other"):
        scim_token(stand, name)
    return Listed(stand, {"group": group.id}, _outside(stand, files))


def _outside(stand: Stand, files: Repository) -> Mapping[str, str]:
    """Two subscribers in one group, two keys of one of them, and what he downloaded."""
    outside, other = outsider(stand, files.id), outsider(stand)
    added = f"/api/subscriber-groups/{outside.group}/members/{other.id}"
    assert stand.admins.ask("PUT", added).status in (200, 204)
    made = stand.admins.post(f"/api/subscribers/{outside.id}/keys", {"name": "another"})
    assert made.status == 201
    at = stand.process.installation
    for day in ("20261101", "20261102"):
        for who in (outside.id, other.id):
            where = Key(keys.subscriber_usage(stand.organization, who), f"{day}#{files.id}")
            counts = {"downloads": 1, "bytes": 1}
            at.metadata.commit(Add(where, counts, create=True))
    return {"subscriber": outside.id, "group": outside.group}


def _cursors(listed: Listed) -> dict[tuple[str, str], str]:
    cursors = {}
    for listing in _paged():
        answer = _ask(listed, listed.admins, listing, "")
        assert answer.status == 200, (listing, answer.body)
        assert answer.json["next"], listing
        cursors[listing] = answer.json["next"]
    return cursors


def test_a_cursor_is_taken_where_it_was_given_and_nowhere_else(listed: Listed) -> None:
    admins = listed.admins
    cursors = _cursors(listed)
    assert len(cursors) >= 12
    others = listed.stand.client.as_(listed.stand.person("admin").by_key)
    for listing, cursor in cursors.items():
        assert _ask(listed, admins, listing, cursor).status == 200, listing
        for other in cursors:
            # Nobody is anybody under /public: there a cursor is of the list alone.
            for client in (admins, others):
                if other == listing and (client is admins or "/public/" in listing[1]):
                    continue
                answer = _ask(listed, client, other, cursor)
                assert (answer.status, answer.json.get("field")) == (422, "after"), (listing, other)


def test_a_cursor_that_was_changed_by_a_bit_is_refused(listed: Listed) -> None:
    for listing, cursor in _cursors(listed).items():
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        for place in (0, 11, 12, len(raw) // 2, len(raw) - 1):
            bent = bytearray(raw)
            bent[place] ^= 1 << place % 8
            text = base64.urlsafe_b64encode(bent).decode().rstrip("=")
            answer = _ask(listed, listed.admins, listing, text)
            assert (answer.status, answer.json.get("field")) == (422, "after"), (listing, place)
