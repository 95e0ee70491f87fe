"""Keys, SCIM tokens and subscribers from the command line of the machine."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.installation import existing
from app.settings import read_settings
from auth.organizations import DEFAULT, Organizations
from storage import keys
from storage.metadata import Put
from tests.cli.command import serving
from tests.cli.here import Here
from tests.http.client import bearer

ADMIN = "admin@localhost"


def ask(strongroom: Here, *arguments: str) -> Any:
    """What a command prints with `--json`."""
    status, out, err = strongroom(*arguments, "--json")
    assert status == 0, (arguments, err)
    return json.loads(out)


def test_a_key_is_made_renamed_rotated_and_listed(strongroom: Here) -> None:
    made = ask(strongroom, "key", "create", ADMIN, "--name", "ci", "--days", "9", "--renewable")
    assert made["renewable"] is True
    renamed = ask(strongroom, "key", "update", made["id"], "--name", "builds")
    assert (renamed["name"], renamed["last_used"]) == ("builds", None)
    new = ask(strongroom, "key", "rotate", made["id"], "--overlap-hours", "2")
    assert re.fullmatch(r"srk_\w{49}", new["secret"])
    lasts = datetime.fromisoformat(new["expires"]) - datetime.fromisoformat(new["created"])
    assert abs(lasts - timedelta(days=9)) < timedelta(seconds=2)
    shown = {key["id"]: key for key in ask(strongroom, "key", "list")["keys"]}
    assert shown[made["id"]]["successor"] == new["id"]
    status, out, _ = strongroom("key", "list")
    assert status == 0
    assert made["secret"] not in out
    assert new["secret"] not in out
    status, _, err = strongroom("key", "rotate", made["id"])
    assert (status, "rotated already" in err) == (1, True)


def test_a_scim_token_is_made_rotated_listed_and_revoked(strongroom: Here) -> None:
    made = ask(strongroom, "scim-token", "create", "--name", "idp")
    new = ask(strongroom, "scim-token", "rotate", made["id"], "--days", "30")
    assert (made["administrators"], new["administrators"]) == (False, False)
    assert {made["secret"][:4], new["secret"][:4]} == {"srt_"}
    assert len(ask(strongroom, "scim-token", "list")["tokens"]) == 2
    assert ask(strongroom, "scim-token", "delete", made["id"]) == {
        "id": made["id"],
        "deleted": True,
    }
    status, _, err = strongroom("scim-token", "delete", made["id"])
    assert (status, "no such token" in err) == (1, True)


def test_a_subscriber_is_made_given_a_key_and_deleted(strongroom: Here) -> None:
    group = ask(strongroom, "subscriber-group", "create", "All", "--repository", "*")
    assert group["repositories"] == ["*"]
    one = ask(
        strongroom, "subscriber", "create", "Customer", "--contact", "ops@customer.example",
        "--group", group["id"],
    )  # fmt: skip
    assert one["groups"] == [group["id"]]
    key = ask(strongroom, "subscriber", "key", one["id"], "--name", "builds", "--days", "30")
    assert (key["owner"], key["user"]) == ("subscriber", one["id"])
    changed = ask(strongroom, "subscriber", "update", one["id"], "--disable", "--days", "9")
    assert (changed["active"], changed["expires"] is None) == (False, False)
    changed = ask(strongroom, "subscriber-group", "update", group["id"], "--repository", "team-*")
    assert changed["repositories"] == ["team-*"]
    assert [row["id"] for row in ask(strongroom, "subscriber", "list")["subscribers"]] == [
        one["id"]
    ]
    status, out, _ = strongroom("subscriber-group", "list")
    assert (status, "team-*" in out) == (0, True)
    assert ask(strongroom, "subscriber", "delete", one["id"])["deleted"] is True
    assert ask(strongroom, "subscriber-group", "delete", group["id"])["deleted"] is True
    assert ask(strongroom, "subscriber", "list") == {"subscribers": []}
    assert key["id"] not in [row["id"] for row in ask(strongroom, "key", "list")["keys"]]


def test_what_a_subscriber_downloaded_is_told_by_day(strongroom: Here, data: Path) -> None:
    one = ask(strongroom, "subscriber", "create", "Customer")["id"]
    today = datetime.now(UTC).date()
    with existing(read_settings({"STRONGROOM_DATA": str(data)})) as at:
        org = Organizations(at.recent).named(DEFAULT).id
        for day in (today, today - timedelta(days=40)):
            key = keys.subscriber_downloads(org, one, day.strftime("%Y%m%d"), "gone")
            at.metadata.commit(Put(key, {"downloads": 2, "bytes": 30}))
    (row,) = ask(strongroom, "subscriber", "usage", one)["usage"]
    assert row == {"day": today.isoformat(), "repository": None, "downloads": 2, "bytes": 30}
    since = (today - timedelta(days=50)).isoformat()
    assert len(ask(strongroom, "subscriber", "usage", one, "--since", since)["usage"]) == 2
    assert date.fromisoformat(row["day"]) == today


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("subscriber", "create", ""), "name"),
        (("subscriber", "create", "x", "--contact", "nobody"), "contact"),
        (("subscriber", "create", "x", "--group", "aaaaaaaaaaaaaaaa"), "groups"),
        (("subscriber", "create", "x", "--days", "0"), "--days"),
        (("subscriber", "update", "aaaaaaaaaaaaaaaa", "--name", "x"), "no such subscriber"),
        (("subscriber", "key", "aaaaaaaaaaaaaaaa", "--name", "x"), "no such subscriber"),
        (("subscriber", "usage", "aaaaaaaaaaaaaaaa"), "no such subscriber"),
        (("subscriber", "delete", "nobody"), "no such subscriber"),
        (("subscriber-group", "create", "x", "--repository", "nowhere"), "repositories"),
        (("subscriber-group", "update", "aaaaaaaaaaaaaaaa", "--name", "x"), "no such group"),
        (("subscriber-group", "delete", "aaaaaaaaaaaaaaaa"), "no such group"),
        (("scim-token", "create", "--name", ""), "name"),
        (("scim-token", "rotate", "a" * 32), "no such token"),
        (("key", "rotate", "a" * 32), "no such key"),
        (("key", "rotate", "a" * 32, "--overlap-hours", "999"), "overlap_hours"),
        (("key", "update", "a" * 32, "--name", "x"), "no such key"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else value,
)
def test_what_fails_is_named(strongroom: Here, arguments: tuple[str, ...], said: str) -> None:
    status, out, err = strongroom(*arguments)
    assert (status, out) == (1, "")
    assert said in err
    assert "Traceback" not in err


def test_what_a_server_sent_is_counted_when_it_stops(strongroom: Here, data: Path) -> None:
    """By what went over the socket; and when its key was used."""
    ask(strongroom, "subscriber-group", "create", "All", "--repository", "*")
    (group,) = ask(strongroom, "subscriber-group", "list")["groups"]
    one = ask(strongroom, "subscriber", "create", "Customer", "--group", group["id"])["id"]
    key = ask(strongroom, "subscriber", "key", one, "--name", "builds")
    admin = ask(strongroom, "key", "create", ADMIN, "--name", "x")["secret"]
    with serving(data, "--workers", "1", "--threads", "4") as server:
        sent = {"Authorization": bearer(admin)}
        assert server.ask("PUT", "/repositories/files/a", sent, b"x" * 5000)[0] == 201
        own = {"Authorization": bearer(key["secret"])}
        for method in ("GET", "HEAD", "GET"):
            assert server.ask(method, "/repositories/files/a", own)[0] == 200
        assert server.stop() == 0
    (row,) = ask(strongroom, "subscriber", "usage", one)["usage"]
    assert (row["repository"], row["downloads"], row["bytes"]) == ("files", 2, 10_000)
    used = {each["id"]: each["last_used"] for each in ask(strongroom, "key", "list")["keys"]}
    assert used[key["id"]] is not None


def test_a_token_may_make_administrators_only_where_that_was_said(strongroom: Here) -> None:
    made = ask(strongroom, "scim-token", "create", "--name", "idp", "--administrators")
    assert made["administrators"] is True
    rotated = ask(strongroom, "scim-token", "rotate", made["id"])
    assert rotated["administrators"] is True
