"""`strongroom retention`: show, set, preview and run."""

import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.installation import existing
from app.publishing import Artifact
from app.publishing.changes import Changes
from app.publishing.place import Place
from app.repositories import ArtifactPath, Catalogue, Format, RepositoryName, Rules
from app.settings import read_settings
from auth.organizations import Organizations
from storage.events import SYSTEM
from tests.cli.here import Here

RULES = {"rules": [{"match": "**", "older_than_days": 30}]}


@pytest.fixture
def repository(data: Path) -> str:
    """A repository with two files, a year and a day old."""
    with existing(read_settings({"STRONGROOM_DATA": str(data)})) as at:
        organization = Organizations(at.recent).named("default").id
        catalogue = Catalogue(at.recent, at.journal)
        made = next(iter(catalogue.every(organization)))
        found = catalogue.get(organization, RepositoryName(made.name))
        changes = Changes()
        for path, days in (("old", 365), ("new", 1)):
            modified = datetime.now(UTC) - timedelta(days=days)
            digests = {"sha256": hashlib.sha256().hexdigest()}
            artifact = Artifact(None, 0, digests, modified, None)
            changes.appear(Place.at(found, ArtifactPath.parse(path)), artifact)
        at.metadata.commit(*changes.operations())
    return found.name


def test_rules_are_set_shown_previewed_and_run(strongroom: Here, repository: str) -> None:
    assert strongroom.json("retention", "show", repository)["rules"] == []
    status, out, err = strongroom("retention", "set", repository, "-", typed=json.dumps(RULES))
    assert (status, out, err) == (0, "1. **: older than 30 days\n", "")
    shown = strongroom.json("retention", "show", repository)
    assert shown["rules"][0]["older_than_days"] == 30
    (file,) = strongroom.json("retention", "preview", repository)["files"]
    assert (file["path"], file["rule"]) == ("old", 1)
    assert "1 files (0 bytes) would go" in strongroom("retention", "preview", repository)[1]
    done = strongroom.json("retention", "run", repository)
    assert done == {"files": 2, "deleted": 1, "bytes": 0}
    assert strongroom.json("retention", "preview", repository)["files"] == []
    assert "0 of 1 files" in strongroom("retention", "run", repository)[1]


def test_rules_are_tried_before_they_are_set(
    strongroom: Here, repository: str, tmp_path: Path
) -> None:
    (tmp_path / "rules.json").write_text(json.dumps(RULES))
    by = ("retention", "preview", repository, "--rules")
    (file,) = strongroom.json(*by, str(tmp_path / "rules.json"))["files"]
    assert file["path"] == "old"
    assert "1 files (0 bytes) would go" in strongroom(*by, "-", typed=json.dumps(RULES))[1]
    status, _, err = strongroom(*by, "-", typed='{"rules": [{"match": "a//b"}]}')
    assert (status, "rules[0].match" in err) == (1, True)
    assert strongroom.json("retention", "show", repository)["rules"] == []
    assert strongroom.json("retention", "preview", repository)["files"] == []


def test_what_show_prints_can_be_set(strongroom: Here, repository: str, tmp_path: Path) -> None:
    strongroom("retention", "set", repository, "-", typed=json.dumps(RULES))
    status, out, _ = strongroom("retention", "show", repository, "--json")
    (tmp_path / "rules.json").write_text(out)
    assert status == 0
    again = strongroom.json("retention", "set", repository, str(tmp_path / "rules.json"))
    assert again == json.loads(out)
    status, out, _ = strongroom("retention", "set", repository, "-", typed='{"rules": []}')
    assert out == "no rules: nothing goes by itself\n"


def test_rules_that_take_every_file_need_a_yes(strongroom: Here, repository: str) -> None:
    everything = json.dumps({"rules": [{"match": "*", "older_than_days": 1}]})
    before = strongroom.json("retention", "show", repository)
    status, _, err = strongroom("retention", "set", repository, "-", typed=everything)
    assert status == 1
    assert "--yes" in err
    assert strongroom.json("retention", "show", repository) == before
    status, out, _ = strongroom("retention", "set", repository, "-", "--yes", typed=everything)
    assert (status, out.splitlines()[1:]) == (0, ["they may take every file: that was confirmed"])
    shown = strongroom.json("retention", "show", repository)
    assert shown["confirmed"] is True
    status, _, _ = strongroom("retention", "set", repository, "-", typed=json.dumps(shown))
    assert status == 1, "what is typed in confirms nothing"
    status, _, err = strongroom("retention", "run", repository)
    assert status == 1
    assert "--yes" in err
    assert strongroom.json("retention", "run", repository, "--yes")["deleted"] == 2


def test_a_run_looks_at_all_files_before_it_takes_every_one(
    strongroom: Here, repository: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that sets rules can't look for long; the command can."""
    monkeypatch.setattr("app.retention.retention.LOOKED_AT", 1)
    everything = json.dumps({"rules": [{"match": "**", "older_than_days": 1}]})
    assert strongroom("retention", "set", repository, "-", typed=everything)[0] == 0
    status, _, err = strongroom("retention", "run", repository)
    assert (status, "--yes" in err) == (1, True)
    assert len(strongroom.json("retention", "preview", repository)["files"]) == 2


def test_rules_about_builds_are_for_maven_repositories(
    strongroom: Here, repository: str, data: Path
) -> None:
    rules = json.dumps({"rules": [{"match": "**", "keep_snapshots": 2, "older_than_days": 7}]})
    for command in (("set", repository, "-"), ("preview", repository, "--rules", "-")):
        status, _, err = strongroom("retention", *command, typed=rules)
        assert (status, "rules[0].keep_snapshots" in err) == (1, True), command
    with existing(read_settings({"STRONGROOM_DATA": str(data)})) as at:
        organization = Organizations(at.recent).named("default").id
        Catalogue(at.recent, at.journal).create(
            organization, SYSTEM, RepositoryName("maven"), Rules(), Format.MAVEN
        )
    status, out, err = strongroom("retention", "set", "maven", "-", typed=rules)
    said = "1. **: all but the newest 2 builds of a snapshot, older than 7 days\n"
    assert (status, out, err) == (0, said, "")


@pytest.mark.parametrize(
    "typed, said",
    [
        ("[]", "not a JSON object"),
        ("{", "not JSON"),
        ("{}", "no 'rules'"),
        ('{"rules": [{"match": "a"}]}', "rules[0]"),
        ('{"rules": [{"match": "a**", "keep_newest": 1}]}', "rules[0].match"),
        ('{"rules": [], "more": 1}', "more"),
    ],
)
def test_what_are_no_rules_is_named(
    strongroom: Here, repository: str, typed: str, said: str
) -> None:
    status, _, err = strongroom("retention", "set", repository, "-", typed=typed)
    assert status == 1
    assert said in err


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])  # as the locale has it
def test_what_is_not_utf_8_is_named(
    strongroom: Here, repository: str, tmp_path: Path, errors: str
) -> None:
    typed = io.TextIOWrapper(io.BytesIO(b'{"rules": "\xff"}'), "utf-8", errors)
    status, _, err = strongroom.on(typed, "retention", "set", repository, "-")
    assert (status, "UTF-8" in err) == (1, True)
    (tmp_path / "rules.json").write_bytes(b'{"rules": "\xff"}')
    status, _, err = strongroom("retention", "set", repository, str(tmp_path / "rules.json"))
    assert status == 1
    assert err.startswith("strongroom: ")


def test_what_is_not_there_is_named(strongroom: Here, repository: str) -> None:
    for arguments in (
        ("show", "nowhere"),
        ("show", repository, "--org", "nobody"),
        ("set", repository, "no-such-file"),
    ):
        status, _, err = strongroom("retention", *arguments)
        assert status == 1, arguments
        assert err.startswith("strongroom: ")
