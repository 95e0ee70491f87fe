"""Queries in bytes that were not escaped, as curl sends what is typed: taken as if they were."""

from urllib.parse import quote

import pytest

from tests.http.client import Client
from tests.http.stand import Stand

NAMES = ["é", "漢字", "🎉", "e\u0301", "\u200e"]


def raw(text: str) -> str:
    """UTF-8 as the server hands it on: each byte a character."""
    return text.encode().decode("latin-1")


@pytest.fixture
def admins(memory_stand: Stand) -> Client:
    memory_stand.repository("files", public=True)
    return memory_stand.admins


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sent", [quote, raw])
def test_what_is_sent_as_it_is_is_found_as_what_is_escaped(
    admins: Client, name: str, sent: object
) -> None:
    assert callable(sent)
    asked = sent(name)
    assert admins.put(f"/repositories/files/{asked}/{asked}", b"x").status == 201
    for query in (f"name={asked}", f"path={asked}", f"path={asked}/"):
        files = admins.get(f"/api/search?{query}").json["files"]
        assert [file["path"] for file in files] == [f"{name}/{name}"], query
    assert admins.delete(f"/repositories/files/{asked}/{asked}").status == 204
    deleted = admins.get(f"/api/repositories/files/deleted?path={asked}/").json["deleted"]
    assert [one["path"] for one in deleted] == [f"{name}/{name}"]


@pytest.mark.parametrize("byte", ["\xff", "%ff", "\xc3", "%c3", "\xc3%", "%C3\x28", "\xed\xa0\x80"])
def test_what_is_not_utf_8_is_refused_escaped_or_not(admins: Client, byte: str) -> None:
    for target in (
        "/api/search?name=",
        "/api/users?after=",
        "/api/repositories/files/deleted?path=",
        "/repositories/files/?after=",
        "/public/repositories/files/?limit=",
        "/api/jobs?",
    ):
        answer = admins.get(target + byte)
        assert (answer.status, answer.detail) == (400, "The query of the URL is not UTF-8."), target


def test_the_halves_of_a_character_may_be_sent_either_way(admins: Client) -> None:
    admins.put("/repositories/files/%c3%a9", b"x")
    for query in ("name=\xc3%a9", "name=%c3\xa9"):
        assert len(admins.get(f"/api/search?{query}").json["files"]) == 1


def test_an_unknown_parameter_is_named_as_it_was_meant(admins: Client) -> None:
    for sent in (raw("größe"), quote("größe")):
        assert admins.get(f"/api/search?{sent}=1").json["field"] == "größe"


def test_a_redirect_keeps_the_query_in_a_form_that_a_header_can_have(admins: Client) -> None:
    answer = admins.get(f"/repositories/files?x={raw('é')}")
    assert answer.headers["location"] == "/repositories/files/?x=%C3%A9"
