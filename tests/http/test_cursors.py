"""Cursors of every listing that is described: for their list and caller alone, and as they are."""

import base64

import pytest

from app.api.description import METHODS
from app.repositories import Format
from tests.http.client import Answer, Client
from tests.http.described import closed_description, found
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


def _ask(client: Client, listing: tuple[str, str], after: str) -> Answer:
    method, path = listing
    name = "pypi" if "/projects" in path else "files"
    target = path.format(name=name, repository="files", path="a", project="a")
    query = "&".join(["limit=1", f"after={after}", *filter(None, [FILTERS.get(path)])])
    body = {"rules": [{"match": "**", "keep_newest": 1}]} if method == "POST" else None
    return client.ask(method, f"{target}?{query}", json=body)


@pytest.fixture
def listed(memory_stand: Stand) -> Stand:
    """An installation where every listing has more than one page."""
    stand = memory_stand
    stand.repository("files", public=True)
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
    return stand


def _cursors(client: Client) -> dict[tuple[str, str], str]:
    cursors = {}
    for listing in _paged():
        answer = _ask(client, listing, "")
        assert answer.status == 200, (listing, answer.body)
        assert answer.json["next"], listing
        cursors[listing] = answer.json["next"]
    return cursors


def test_a_cursor_is_taken_where_it_was_given_and_nowhere_else(listed: Stand) -> None:
    admins = listed.admins
    cursors = _cursors(admins)
    assert len(cursors) >= 12
    others = listed.client.as_(listed.person("admin").by_key)
    for listing, cursor in cursors.items():
        assert _ask(admins, listing, cursor).status == 200, listing
        for other in cursors:
            # Nobody is anybody under /public: there a cursor is of the list alone.
            for client in (admins, others):
                if other == listing and (client is admins or "/public/" in listing[1]):
                    continue
                answer = _ask(client, other, cursor)
                assert (answer.status, answer.json.get("field")) == (422, "after"), (listing, other)


def test_a_cursor_that_was_changed_by_a_bit_is_refused(listed: Stand) -> None:
    for listing, cursor in _cursors(listed.admins).items():
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        for place in (0, 11, 12, len(raw) // 2, len(raw) - 1):
            bent = bytearray(raw)
            bent[place] ^= 1 << place % 8
            text = base64.urlsafe_b64encode(bent).decode().rstrip("=")
            answer = _ask(listed.admins, listing, text)
            assert (answer.status, answer.json.get("field")) == (422, "after"), (listing, place)
