"""`strongroom org`: organizations from the command line, and people and keys in each."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storage.metadata.opening import open_engine
from tests.cli.command import run, serving
from tests.cli.here import Here
from tests.faults.metadata import Faults, lost_after_effect, passes, throttled

BOSS = "boss@example.org"


def test_an_organization_is_made_with_its_administrator(
    strongroom: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRONGROOM_DOMAIN", "example.org")
    made = strongroom.json("org", "create", "acme", "--admin", BOSS)
    assert (made["name"], made["suspended"], made["administrators"]) == ("acme", False, 1)
    assert made["address"] == "https://acme.example.org"
    assert "note" not in made
    assert made["administrator"]["email"] == BOSS
    assert len(made["administrator"]["password"]) == 24, "made here, shown this once"
    listed = strongroom.json("org", "list")["organizations"]
    assert [(row["name"], row["administrators"]) for row in listed] == [("acme", 1), ("default", 1)]
    assert made["administrator"]["password"] not in json.dumps(listed)


def test_a_password_from_standard_input_is_not_shown(strongroom: Here) -> None:
    arguments = ("org", "create", "acme", "--admin", BOSS, "--password-stdin")
    status, out, err = strongroom(*arguments, typed="a typed password\n")
    assert (status, err) == (0, "")
    assert "a typed password" not in out
    assert BOSS in out


def test_without_a_domain_it_says_that_only_default_is_reached(strongroom: Here) -> None:
    made = strongroom.json("org", "create", "acme")
    assert made["address"] is None
    assert "STRONGROOM_DOMAIN" in made["note"]
    assert "administrator" not in made
    status, out, _ = strongroom("org", "create", "other")
    assert status == 0
    assert "STRONGROOM_DOMAIN is not set" in out
    assert "strongroom user create EMAIL --role admin --org other" in out


def test_what_is_refused_makes_nothing(strongroom: Here) -> None:
    arguments = ("org", "create", "acme", "--admin", BOSS, "--password-stdin")
    assert strongroom(*arguments, typed="short\n")[0] == 1
    assert [row["name"] for row in strongroom.json("org", "list")["organizations"]] == ["default"]


Failing = Callable[[Callable[[Faults], None]], None]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Failing:
    """Has the next commands find a store in which things go wrong."""

    def fail(line_up: Callable[[Faults], None]) -> None:
        def opened(*arguments: Any, **more: Any) -> Faults:
            engine = Faults(open_engine(*arguments, **more))
            line_up(engine)
            return engine

        monkeypatch.setattr("app.installation.open_engine", opened)

    return fail


def test_a_password_is_shown_although_the_store_goes_away_behind_the_commit(
    strongroom: Here, failing: Failing
) -> None:
    """All is in one commit, with the quota, and nothing is asked for between it and the words."""

    def gone_behind_the_first_commit(engine: Faults) -> None:
        def last(call: Callable[[], Any]) -> Any:
            call()
            engine.next("get", throttled, times=1000)
            engine.next("transact", throttled, times=1000)

        engine.next("transact", last)

    failing(gone_behind_the_first_commit)
    made = strongroom.json("org", "create", "acme", "--admin", BOSS, "--quota", "1GiB")
    assert len(made["administrator"]["password"]) == 24
    failing(lambda engine: None)
    (acme, _) = strongroom.json("org", "list")["organizations"]
    assert acme == {name: made[name] for name in acme}
    assert acme["quota_bytes"] == 2**30


def test_a_commit_of_unknown_outcome_says_how_its_administrator_gets_a_password(
    strongroom: Here, failing: Failing
) -> None:
    def lost(engine: Faults) -> None:
        engine.next("get", passes, *[throttled] * 1000)
        engine.next("transact", lost_after_effect, times=1000)

    failing(lost)
    status, out, err = strongroom("org", "create", "acme", "--admin", BOSS)
    assert (status, out) == (1, "")
    assert "`strongroom org list`" in err
    way = re.search(r"`strongroom (user password .*)` sets", err)
    assert way is not None
    failing(lambda engine: None)
    assert strongroom(*way[1].split(), "--password-stdin", typed="a typed password\n")[0] == 0


def test_suspended_and_resumed(strongroom: Here) -> None:
    strongroom.json("org", "create", "acme")
    assert strongroom.json("org", "suspend", "acme")["suspended"]
    status, out, _ = strongroom("org", "list")
    head, acme, default = out.splitlines()
    assert status == 0
    assert head.split() == [
        "NAME",
        "ID",
        "SUSPENDED",
        "ADMINISTRATORS",
        "USED",
        "QUOTA",
        "CREATED",
    ]
    assert (acme.split()[0], acme.split()[2]) == ("acme", "yes")
    assert default.split()[2] == "no"
    assert not strongroom.json("org", "resume", "acme")["suspended"]


def test_a_quota_is_set_with_it_and_later(strongroom: Here) -> None:
    made = strongroom.json("org", "create", "acme", "--quota", "512 MiB")
    assert made["quota_bytes"] == 512 * 1024**2
    assert made["usage"] == dict.fromkeys(
        ("files", "bytes", "restorable_files", "restorable_bytes"), 0
    )
    assert strongroom("usage", "--check", "--org", "acme")[0] == 0, "its counters hold to it"
    status, out, _ = strongroom("org", "set", "acme", "--quota", "3GiB")
    assert (status, out) == (0, "acme: 0 bytes used, quota 3.0 GiB\n")
    status, out, _ = strongroom("org", "list")
    assert "3.0 GiB" in out
    assert strongroom.json("org", "set", "acme", "--quota", "none")["quota_bytes"] is None
    assert strongroom("org", "set", "other", "--quota", "1")[0] == 1


@pytest.mark.parametrize("quota", ["-1", "much", "1GB", "1.5GiB", "2EiB", "99999999TiB"])
def test_a_quota_that_makes_no_sense_is_wrong_usage(strongroom: Here, quota: str) -> None:
    before = strongroom.json("org", "list")
    for arguments in (("set", "default"), ("create", "acme", "--admin", BOSS)):
        status, _, err = strongroom("org", *arguments, f"--quota={quota}")
        assert status == 2
        assert "--quota" in err
    assert strongroom.json("org", "list") == before


def test_a_quota_of_none_bounds_nothing(strongroom: Here) -> None:
    assert strongroom.json("org", "create", "acme", "--quota", "none")["quota_bytes"] is None
    assert strongroom("usage", "--check", "--org", "acme")[0] == 0


def test_deleted_listed_and_restored(strongroom: Here) -> None:
    made = strongroom.json("org", "create", "acme", "--admin", BOSS)
    deleted = strongroom.json("org", "delete", "acme", "--yes")
    assert (deleted["id"], deleted["deleted"]) == (made["id"], True)
    (row,) = strongroom.json("org", "list", "--deleted")["organizations"]
    assert (row["name"], row["id"], row["until"]) == ("acme", made["id"], deleted["until"])
    assert [row["name"] for row in strongroom.json("org", "list")["organizations"]] == ["default"]
    assert strongroom("user", "list", "--org", "acme")[0] == 1
    again = strongroom.json("org", "create", "acme")
    status, _, err = strongroom("org", "restore", "acme")
    assert status == 1
    assert "there is an organization 'acme' by now: delete that one first" in err
    strongroom.json("org", "delete", "acme", "--yes")
    assert strongroom.json("org", "restore", "acme", "--id", made["id"])["id"] == made["id"]
    (row,) = strongroom.json("org", "list", "--deleted")["organizations"]
    assert row["id"] == again["id"]
    assert strongroom.json("user", "list", "--org", "acme")["users"][0]["email"] == BOSS


def test_of_several_that_were_deleted_it_has_to_be_said_which(strongroom: Here) -> None:
    deleted = []
    for _ in range(2):
        strongroom.json("org", "create", "acme")
        status, out, _ = strongroom("org", "delete", "acme", "--yes")
        assert status == 0
        deleted.append(re.search(r"`strongroom (org restore acme --id (\w+))`", out))
    status, out, err = strongroom("org", "restore", "acme")
    assert (status, out) == (1, "")
    assert "say which with --id" in err
    times = {
        row["id"]: row["deleted"]
        for row in strongroom.json("org", "list", "--deleted")["organizations"]
    }
    for found in deleted:
        assert found is not None
        assert f"{found[2]} (deleted {times[found[2]]})" in err
    first = deleted[0]
    assert first is not None
    assert strongroom.json(*first[1].split())["id"] == first[2], "as deleting it said"


class Terminal:
    """Standard input where somebody types."""

    def __init__(self, typed: str) -> None:
        self._typed = typed

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self._typed


@pytest.mark.parametrize("typed, status", [("acme\n", 0), ("yes\n", 1), ("", 1)])
def test_on_a_terminal_deleting_asks_for_the_name(
    strongroom: Here, monkeypatch: pytest.MonkeyPatch, typed: str, status: int
) -> None:
    strongroom.json("org", "create", "acme")
    assert strongroom.on(Terminal(typed), "org", "delete", "acme")[0] == status
    listed = strongroom.json("org", "list", "--deleted")["organizations"]
    assert len(listed) == (1 if status == 0 else 0)


def test_people_and_keys_are_those_of_the_named_organization(strongroom: Here, data: Path) -> None:
    strongroom.json("org", "create", "acme", "--admin", BOSS)
    person = strongroom.json("user", "create", "admin@localhost", "--org", "acme")
    assert {user["email"] for user in strongroom.json("user", "list")["users"]} == {
        "admin@localhost"
    }
    listed = strongroom.json("user", "list", "--org", "acme")["users"]
    assert {user["email"] for user in listed} == {BOSS, "admin@localhost"}
    made = strongroom.json("key", "create", person["id"], "--name", "x", "--org", "acme")
    assert strongroom("key", "delete", made["id"])[0] == 1
    assert strongroom("user", "delete", person["id"])[0] == 1
    assert strongroom("user", "grant", person["id"], "files", "read", "--org", "acme")[0] == 1
    assert strongroom.json("key", "delete", made["id"], "--org", "acme")["deleted"]
    assert len(strongroom.json("key", "list")["keys"]) == 1
    assert strongroom.json("user", "delete", person["id"], "--org", "acme")["deleted"]


def test_a_suspended_organization_can_still_be_put_in_order(strongroom: Here) -> None:
    strongroom.json("org", "create", "acme")
    strongroom.json("org", "suspend", "acme")
    made = strongroom.json("user", "create", BOSS, "--role", "admin", "--org", "acme")
    assert made["role"] == "admin"


def test_serve_says_which_organization_the_base_url_lacks_and_it_can_be_made(
    tmp_path: Path,
) -> None:
    """Of an installation that is just being set up: each command as the one before says it."""
    data = tmp_path / "data"
    given = {"BASE_URL": "https://artifacts.example.com", "DOMAIN": "example.com"}
    refused = run(data, "serve", "--bind", "127.0.0.1:0", **given)
    assert (refused.status, refused.out) == (1, "")
    way = re.search(r"`strongroom (org create .*?)`", refused.err)
    assert way is not None
    made = run(data, *way[1].split(), "--admin", BOSS, "--json", **given)
    assert made.json["address"] == given["BASE_URL"]
    person = made.json["administrator"]["id"]
    key = run(data, "key", "create", person, "--name", "x", "--org", "artifacts", "--json", **given)
    with serving(data, "--workers", "1", **given) as server:
        headers = {"Host": "artifacts.example.com", "Authorization": f"Bearer {key.json['secret']}"}
        assert server.ask("GET", "/api/user", headers)[0] == 200


def test_of_two_organizations_of_a_started_service_each_has_its_own(data: Path) -> None:
    """Made, suspended and deleted by commands beside the serving processes."""
    domain = {"DOMAIN": "rooms.example.org"}

    def org(*arguments: str) -> Any:
        ended = run(data, *arguments, "--json", **domain)
        assert (ended.status, ended.err) == (0, "")
        return ended.json

    # One process: what another remembers of a suspended organization may be ten seconds old.
    with serving(data, "--workers", "1", **domain) as server:
        made = {}
        for name in ("acme", "globex"):
            user = org("org", "create", name, "--admin", BOSS)["administrator"]["id"]
            key = org("key", "create", user, "--name", "build", "--org", name)
            made[name] = (f"{name}.rooms.example.org", f"Bearer {key['secret']}")

        def ask(method: str, at: str, by: str, target: str, body: bytes | None = None) -> int:
            headers = {"Host": made[at][0], "Authorization": made[by][1]}
            if method == "POST":
                headers["Content-Type"] = "application/json"
            return server.ask(method, target, headers, body)[0]

        for name in made:
            assert ask("POST", name, name, "/api/repositories", b'{"name": "files"}') == 201
        at = "/repositories/files/a.txt"
        assert ask("PUT", "acme", "acme", at, b"of acme") == 201
        assert ask("GET", "acme", "acme", at) == 200
        assert ask("GET", "globex", "globex", at) == 404
        assert ask("GET", "globex", "acme", at) == ask("GET", "acme", "globex", at) == 401
        org("org", "suspend", "acme")
        assert ask("PUT", "acme", "acme", at, b"newer") == 403
        assert ask("GET", "acme", "acme", "/api/user") == 403
        assert ask("GET", "globex", "globex", "/api/user") == 200
        org("org", "delete", "acme", "--yes")
        assert ask("PUT", "acme", "acme", at, b"newer") == 401
        org("org", "restore", "acme")
        org("org", "resume", "acme")
        assert ask("GET", "acme", "acme", "/api/user") == 200
        assert ask("PUT", "acme", "acme", at, b"of acme") == 200
