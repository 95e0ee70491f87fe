"""`strongroom audit`: shows, exports and verifies from the machine."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.audit import sealing
from app.installation import Installation, existing
from app.settings import read_settings
from auth.organizations import DEFAULT, Organizations
from storage import keys
from storage.metadata import Delete, Put
from tests.cli.here import Here


@pytest.fixture
def at(data: Path) -> Iterator[Installation]:
    with existing(read_settings({"STRONGROOM_DATA": str(data)})) as opened:
        yield opened


def test_events_are_listed_the_newest_first_and_exported_in_order(strongroom: Here) -> None:
    made = [strongroom.json("user", "create", f"jo{n}@example.org")["id"] for n in range(3)]
    listed = strongroom.json("audit", "list", "--action", "user.create")["events"]
    assert [event["details"]["subject"] for event in listed][:3] == made[::-1]
    assert listed[0]["credential"] == "command line"
    status, out, _ = strongroom("audit", "export", "--action", "user.*")
    assert status == 0
    lines = [json.loads(line) for line in out.splitlines() if line]
    assert [line["id"] for line in lines] == [event["id"] for event in listed][::-1]
    few = strongroom.json("audit", "list", "--limit", "2", "--subject", made[1])["events"]
    assert {event["details"]["subject"] for event in few} == {made[1]}
    status, out, _ = strongroom("audit", "list")
    assert (status, "user.create" in out) == (0, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--since", "yesterday"),
        ("list", "--action", "key.*.*"),
        ("list", "--limit", "0"),
        ("verify", "--since", "2026-13-01"),
        ("verify", "--limit", "3"),
        ("verify", "--expect", "3"),
        (),
    ],
)
def test_what_can_not_be_asked_is_wrong_usage(strongroom: Here, arguments: tuple[str]) -> None:
    assert strongroom("audit", *arguments)[0] == 2


def test_people_are_named_by_address_too_and_times_by_how_long_ago(strongroom: Here) -> None:
    made = strongroom.json("user", "create", "jo@example.org")["id"]
    for arguments in (("--subject", "Jo@example.org"), ("--since", "1h", "--until", "2999-01-01")):
        events = strongroom.json("audit", "list", "--action", "user.create", *arguments)["events"]
        assert made in [event["details"]["subject"] for event in events]
    assert strongroom.json("audit", "list", "--user", "jo@example.org")["events"] == []


def test_what_is_not_there_is_named(strongroom: Here) -> None:
    gone = "nobody@example.org"
    for arguments in (("--org", "no"), ("--repository", "none"), ("--user", gone)):
        status, _, err = strongroom("audit", "list", *arguments)
        assert status == 1
        assert arguments[1] in err


def test_verifying_says_what_is_wrong_and_what_is_not_sealed(
    strongroom: Here, at: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, _ = strongroom("audit", "verify")
    assert (status, "nothing is sealed yet" in out, out.startswith("OK: ")) == (0, True, True)
    # Events of now are sealed by who looks minutes into the future.
    monkeypatch.setattr(sealing, "LAG", -timedelta(minutes=5))
    organization = Organizations(at.recent).named(DEFAULT).id
    sealing.Chain(at, organization).go_on(lambda: None)
    found = strongroom.json("audit", "verify")
    assert (found["ok"], found["problems"]) == (True, [])
    assert found["sealed_until"] is not None
    assert found["events"] >= 2
    last = found["last_seal"]
    status, out, _ = strongroom("audit", "verify", "--expect", last)
    assert (status, f"last seal: {last}" in out) == (0, True)
    status, out, _ = strongroom("audit", "verify", "--expect", f"{last[:-4]}0000")
    assert (status, "anchor-missing: seal" in out) == (1, True)
    hour = at.metadata.now()
    (victim, *_) = (
        record
        for moment in (hour, hour - timedelta(hours=1))
        for digit in "0123456789abcdef"
        for record in at.metadata.query_all(keys.events(organization, moment, digit))
    )
    at.metadata.commit(Put(victim.key, {**victim.value, "user": "other"}))
    status, out, _ = strongroom("audit", "verify")
    assert status == 1
    assert f"event-changed: {victim.key.partition} / {victim.key.sort}" in out
    at.metadata.commit(Delete(victim.key))
    status, out, _ = strongroom("audit", "verify", "--json")
    assert (status, json.loads(out)["counts"]) == (1, {"event-removed": 1})
