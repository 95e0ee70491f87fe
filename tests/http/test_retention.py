"""The routes of retention, and downloads that count."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest

from app.repositories import Format
from storage import keys
from tests.http.client import Client
from tests.http.stand import Stand
from tests.http.test_maven import pom

RULES = "/api/repositories/files/retention"
NONE = {
    "keep_newest": None,
    "keep_snapshots": None,
    "older_than_days": None,
    "not_downloaded_days": None,
}
FILE = "/repositories/files/d/f"


def put(client: Client, *rules: Mapping[str, Any], **more: Any) -> Any:
    return client.ask("PUT", RULES, json={"rules": rules, **more})


def preview(client: Client, query: str = "", **body: Any) -> Any:
    answer = client.post(f"{RULES}/preview{query}", json=body)
    assert answer.status == 200, answer.text
    return answer.json


def downloads(stand: Stand) -> list[str]:
    """The files whose last download is known."""
    return sorted(
        record.key.sort for record in stand.records() if "#downloaded#" in record.key.partition
    )


def test_rules_are_set_shown_and_taken_back(any_stand: Stand) -> None:
    any_stand.repository("files")
    admins = any_stand.admins
    none = {"rules": [], "downloads_since": None, "confirmed": False}
    assert admins.get(RULES).json == none
    rules = [{"match": "a/**", "keep_newest": 3}, {"match": "**/*.tmp", "not_downloaded_days": 7}]
    answer = put(admins, *rules)
    assert answer.status == 200
    assert answer.json["rules"] == [{**NONE, **rule} for rule in rules]
    assert answer.json["downloads_since"] is not None
    assert admins.get(RULES).json == answer.json
    assert put(admins).json == none


def test_a_preview_lists_what_would_go_page_by_page_and_nothing_does(any_stand: Stand) -> None:
    any_stand.repository("files")
    admins = any_stand.admins
    for number in range(5):
        admins.put(f"/repositories/files/a/{number}", b"x" * number)
    admins.put("/repositories/files/b", b"b")
    rules = [{"match": "a/*", "keep_newest": 2}]
    seen, after = [], ""
    while True:
        page = preview(admins, f"?limit=2{after}", rules=rules)
        seen += page["files"]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert [file["path"] for file in seen] == ["a/0", "a/1", "a/2"]
    assert [(file["size"], file["rule"]) for file in seen] == [(0, 1), (1, 1), (2, 1)]
    assert preview(admins) == {"files": [], "next": None}, "no rule is set"
    put(admins, *rules)
    assert [file["path"] for file in preview(admins)["files"]] == ["a/0", "a/1", "a/2"]
    assert admins.get("/repositories/files/a/0").status == 200
    other = {"rules": [{"match": "b", "keep_newest": 2}]}
    answer = admins.post(f"{RULES}/preview{'?limit=2' + after}", json=other)
    assert (answer.status, answer.json["field"]) == (422, "after")


def test_rules_that_would_empty_a_repository_are_409_unless_confirmed(
    memory_stand: Stand,
) -> None:
    memory_stand.repository("files")
    admins = memory_stand.admins
    admins.put(FILE, b"f")
    admins.put("/repositories/files/g", b"g")
    at = memory_stand.engine
    at.skew += timedelta(days=2)
    everything = {"match": "**", "older_than_days": 1}
    # The process's clock stays behind the store's: nothing is written by it meanwhile.
    preview_all = preview(admins, rules=[everything])
    assert len(preview_all["files"]) == 2
    before = memory_stand.dump()
    refused = put(admins, everything)
    assert refused.status == 409
    assert "confirm" in refused.detail
    assert memory_stand.dump() == before
    at.skew -= timedelta(days=2)
    answer = put(admins, everything, confirm=True)
    assert (answer.status, answer.json["confirmed"]) == (200, True)


WRONG: Mapping[str, tuple[dict[str, Any], str]] = {
    "no rules": ({}, "rules"),
    "no list": ({"rules": {}}, "rules"),
    "no objects": ({"rules": ["a"]}, "rules"),
    "too many": ({"rules": [{"match": "a", "keep_newest": 1}] * 21}, "rules"),
    "patterns that are long in all": (
        {"rules": [{"match": "a" * 199 + chr(98 + n), "keep_newest": 1} for n in range(11)]},
        "rules",
    ),
    "no pattern": ({"rules": [{"keep_newest": 1}]}, "rules[0].match"),
    "a wrong pattern": ({"rules": [{"match": "/a", "keep_newest": 1}]}, "rules[0].match"),
    "stars in a word": ({"rules": [{"match": "a**", "keep_newest": 1}]}, "rules[0].match"),
    "no condition": ({"rules": [{"match": "**"}]}, "rules[0]"),
    "null conditions": ({"rules": [{"match": "**", **NONE}]}, "rules[0]"),
    "none is kept": ({"rules": [{"match": "**", "keep_newest": 0}]}, "rules[0].keep_newest"),
    "too many kept": ({"rules": [{"match": "**", "keep_newest": 1001}]}, "rules[0].keep_newest"),
    "no day": ({"rules": [{"match": "**", "older_than_days": 0}]}, "rules[0].older_than_days"),
    "half a day": (
        {"rules": [{"match": "**", "not_downloaded_days": 0.5}]},
        "rules[0].not_downloaded_days",
    ),
    "misspelt": (
        {"rules": [{"match": "a", "keep_newest": 1}, {"match": "**", "older_than": 3}]},
        "rules[1].older_than",
    ),
    "misspelt beside": ({"rules": [], "confirmed": True}, "confirmed"),
    "builds where there are none": (
        {"rules": [{"match": "a", "keep_newest": 1}, {"match": "**", "keep_snapshots": 1}]},
        "rules[1].keep_snapshots",
    ),
    "both numbers": (
        {"rules": [{"match": "**", "keep_newest": 1, "keep_snapshots": 1}]},
        "rules[0].keep_snapshots",
    ),
    "no build is kept": (
        {"rules": [{"match": "**", "keep_snapshots": 0}]},
        "rules[0].keep_snapshots",
    ),
    "no flag": ({"rules": [], "confirm": "yes"}, "confirm"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_rule_is_422_with_the_field_named(memory_stand: Stand, what: str) -> None:
    memory_stand.repository("files")
    body, field = WRONG[what]
    before = memory_stand.dump()
    answer = memory_stand.admins.ask("PUT", RULES, json=body)
    assert (answer.status, answer.json["field"]) == (422, field)
    if what not in ("no rules", "no flag"):
        answer = memory_stand.admins.post(f"{RULES}/preview", json=body)
        assert (answer.status, answer.json["field"]) == (422, field)
    assert memory_stand.dump() == before


def test_rules_of_a_repository_that_is_not_there_are_404(memory_stand: Stand) -> None:
    admins = memory_stand.admins
    assert admins.get(RULES).status == 404
    assert put(admins).status == 404
    assert admins.post(f"{RULES}/preview", json={}).status == 404


def test_a_worker_carries_the_rules_out(any_stand: Stand) -> None:
    any_stand.repository("files")
    admins = any_stand.admins
    for number in range(3):
        admins.put(f"/repositories/files/a/{number}", b"x")
    put(admins, {"match": "a/*", "keep_newest": 1})
    assert "retention" in any_stand.process.work()
    statuses = [admins.get(f"/repositories/files/a/{number}").status for number in range(3)]
    assert statuses == [404, 404, 200]
    (report,) = [j for j in admins.get("/api/jobs").json["jobs"] if j["kind"] == "retention"]
    assert (report["repository"], report["counts"]["deleted"]) == ("files", 2)
    assert [f["path"] for f in admins.get("/api/search").json["files"]] == ["a/2"]


SNAPSHOT = "com/example/lib/2.0-SNAPSHOT"


def builds(client: Client) -> list[str]:
    """The builds that the metadata of the snapshot tells of, by their numbers."""
    answer = client.get(f"/repositories/maven/{SNAPSHOT}/maven-metadata.xml")
    values = ElementTree.fromstring(answer.body).iterfind(".//snapshotVersion/value")
    return sorted({(one.text or "").rpartition("-")[2] for one in values})


def test_old_builds_of_a_snapshot_go_and_its_metadata_tells_of_what_is_left(
    any_stand: Stand,
) -> None:
    any_stand.repository("maven", Format.MAVEN)
    admins, at = any_stand.admins, "/repositories/maven"
    kinds = {1: ("-sources.jar", ".jar", ".war"), 2: (".jar",), 3: (".jar", ".pom")}
    for number, found in kinds.items():
        for kind in found:
            path = f"{SNAPSHOT}/lib-2.0-20261125.1{number}0000-{number}{kind}"
            data = pom(version="2.0-SNAPSHOT") if kind == ".pom" else f"{number}{kind}".encode()
            assert admins.put(f"{at}/{path}", data).status == 201
    assert admins.put(f"{at}/com/example/lib/1.0/lib-1.0.jar", b"release").status == 201
    assert builds(admins) == ["1", "3"], "the newest of each kind"
    rules = "/api/repositories/maven/retention"
    wanted = {"rules": [{"match": "**", "keep_snapshots": 2}]}
    going = admins.post(f"{rules}/preview", json=wanted).json["files"]
    first = {kind: f"{SNAPSHOT}/lib-2.0-20261125.110000-1{kind}" for kind in kinds[1]}
    old = [first[".jar"]]
    assert [(file["path"], file["rule"]) for file in going] == [(path, 1) for path in old]
    answer = admins.ask("PUT", rules, json=wanted)
    assert (answer.status, answer.json["rules"][0]) == (200, {**NONE, **wanted["rules"][0]})
    assert "retention" in any_stand.process.work()
    assert [admins.get(f"{at}/{path}").status for path in first.values()] == [200, 404, 200]
    assert builds(admins) == ["1", "3"], "what the metadata names stays"
    assert admins.get(f"{at}/{SNAPSHOT}/lib-2.0-SNAPSHOT.jar").body == b"3.jar"
    assert admins.get(f"{at}/{SNAPSHOT}/lib-2.0-20261125.120000-2.jar").body == b"2.jar"
    assert admins.get(f"{at}/{SNAPSHOT}/lib-2.0-SNAPSHOT.war").body == b"1.war"
    assert admins.get(f"{at}/com/example/lib/1.0/lib-1.0.jar").body == b"release"
    back = admins.post("/api/repositories/maven/restore", {"path": old[0]})
    assert back.status == 200, back.text
    assert admins.get(f"{at}/{old[0]}").body == b"1.jar"
    assert builds(admins) == ["1", "3"]


def test_a_repository_s_rules_outlive_changes_of_it(memory_stand: Stand) -> None:
    memory_stand.repository("files")
    admins = memory_stand.admins
    put(admins, {"match": "**", "not_downloaded_days": 9})
    assert admins.patch("/api/repositories/files", {"overwrite": True}).status == 200
    assert admins.get(RULES).json["rules"][0]["not_downloaded_days"] == 9
    admins.put(FILE, b"f")
    admins.get(FILE)
    assert memory_stand.process.downloads.flush() == 1
    assert downloads(memory_stand) == ["d/f"]


ASKED: Mapping[str, tuple[str, dict[str, str], int, bool]] = {
    "a GET": ("GET", {}, 200, True),
    "a range": ("GET", {"Range": "bytes=1-2"}, 206, True),
    "what the client has": ("GET", {"If-None-Match": "*"}, 304, True),
    "a HEAD": ("HEAD", {}, 200, False),
    "past the end": ("GET", {"Range": "bytes=99-"}, 416, False),
    "another one": ("GET", {"If-Match": '"x"'}, 412, False),
}


@pytest.mark.parametrize("prefix", ["", "/public"])
@pytest.mark.parametrize("what", ASKED)
def test_what_counts_as_a_download(memory_stand: Stand, what: str, prefix: str) -> None:
    memory_stand.repository("files", public=True)
    memory_stand.admins.put(FILE, b"12345")
    put(memory_stand.admins, {"match": "**", "not_downloaded_days": 9})
    method, headers, status, counts = ASKED[what]
    answer = memory_stand.admins.ask(method, f"{prefix}{FILE}", headers=headers)
    assert answer.status == status
    memory_stand.process.downloads.flush()
    assert downloads(memory_stand) == (["d/f"] if counts else [])


def test_a_download_of_a_repository_with_such_rules_still_costs_one_read(
    memory_stand: Stand,
) -> None:
    memory_stand.repository("files")
    admins = memory_stand.admins
    admins.put(FILE, b"12345")
    put(admins, {"match": "**", "not_downloaded_days": 9})
    admins.get(FILE)
    made = len(memory_stand.engine.made)
    for _ in range(3):
        assert admins.get(FILE).status == 200
    assert memory_stand.engine.made[made:] == ["get"] * 3
    assert memory_stand.process.downloads.flush() == 1


def test_other_processes_count_within_ten_seconds(memory_stand: Stand) -> None:
    repository = memory_stand.repository("files")
    memory_stand.admins.put(FILE, b"12345")
    there = memory_stand.another_process()
    client = there.client.as_(memory_stand.admin.by_key)
    client.get(FILE)
    put(memory_stand.admins, {"match": "**", "not_downloaded_days": 9})
    memory_stand.clock.now += 11
    client.get(FILE)
    assert there.downloads.flush() == 1
    key = keys.downloaded(memory_stand.organization, repository.id, "d/f")
    assert key in memory_stand.process.installation.metadata.get(key)


def test_a_preview_needs_reading(memory_stand: Stand) -> None:
    """It tells path, size and digest of files."""
    repository = memory_stand.repository("files")
    for name in ("a", "b"):
        memory_stand.admins.put(f"/repositories/files/d/{name}", name.encode())
    rules = {"rules": [{"match": "**", "keep_newest": 1}]}
    keeper = memory_stand.person(grants={repository.id: ["read", "admin"]})
    of_keeper = preview(memory_stand.client.as_(keeper.by_key), **rules)
    assert [file["path"] for file in of_keeper["files"]] == ["d/a"]
    every = {repository.id: ["write", "delete", "claim", "admin"]}
    for person in (
        memory_stand.person(grants=every),
        memory_stand.person("admin", scopes=every),
    ):
        client = memory_stand.client.as_(person.by_key)
        answer = client.post(f"{RULES}/preview", rules)
        assert (answer.status, "d/a" in answer.text) == (403, False)
        assert client.get(RULES).status == 200
