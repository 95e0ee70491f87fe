"""`strongroom group`, grants by patterns, and keys that change hands."""

from collections.abc import Sequence

import pytest

from tests.cli.here import Here

PERSON, OTHER = "person@example.org", "other@example.org"


@pytest.mark.parametrize(
    "command",
    [
        ("group",),
        ("group", "list"),
        ("group", "create"),
        ("group", "grant"),
        ("group", "members"),
        ("group", "add"),
        ("group", "remove"),
        ("group", "delete"),
        ("user", "hand-over"),
    ],
    ids=" ".join,
)
def test_each_command_has_help(strongroom: Here, command: Sequence[str]) -> None:
    status, out, _ = strongroom(*command, "--help")
    assert status == 0
    assert out.startswith(f"usage: {' '.join(('strongroom', *command))}")


@pytest.mark.parametrize(
    "arguments",
    [
        ("group",),
        ("group", "nonsense"),
        ("group", "create"),
        ("group", "add", "Builders"),
        ("group", "list", "--nonsense"),
        ("user", "hand-over", PERSON),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(strongroom: Here, arguments: Sequence[str]) -> None:
    status, out, err = strongroom(*arguments)
    assert (status, out) == (2, "")
    assert "usage:" in err


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("group", "create", ""), "name"),
        (("group", "delete", "Nobody"), "no group 'Nobody'"),
        (("group", "members", "aaaaaaaaaaaaaaaa"), "no group"),
        (("group", "add", "Nobody", "admin@localhost"), "no group"),
        (("group", "grant", "Nobody", "files", "read"), "no group"),
        (("group", "grant", "Nobody", "files", "own"), "no action 'own'"),
        (("group", "list", "--org", "nowhere"), "no organization"),
        (("user", "grant", "admin@localhost", "Team-*", "read"), "repository"),
        (("user", "hand-over", "admin@localhost", "admin@localhost"), "another user"),
        (("user", "hand-over", PERSON, "admin@localhost"), "no user"),
    ],
    ids=" ".join,
)
def test_a_failure_is_1_and_named(strongroom: Here, arguments: Sequence[str], said: str) -> None:
    status, out, err = strongroom(*arguments)
    assert (status, out) == (1, "")
    assert said in err
    assert "Traceback" not in err


def test_a_group_is_made_filled_emptied_and_deleted(strongroom: Here) -> None:
    people = [strongroom.json("user", "create", email)["id"] for email in (PERSON, OTHER)]
    group = strongroom.json("group", "create", "Builders")
    assert strongroom("group", "create", "BUILDERS")[0] == 1
    strongroom.json("group", "grant", "Builders", "files", "read,write")
    shown = strongroom.json("group", "grant", group["id"], "team-*", "read", "claim")
    assert shown["permissions"]["repositories"] == {
        "files": ["read", "write"],
        "team-*": ["claim", "read"],
    }
    shown = strongroom.json("group", "grant", "builders", "files")
    assert shown["permissions"]["repositories"] == {"team-*": ["claim", "read"]}
    added = strongroom.json("group", "add", "Builders", PERSON, people[1])
    assert (added["added"], added["removed"]) == (2, 0)
    members = strongroom.json("group", "members", "Builders")["members"]
    assert {one["email"] for one in members} == {PERSON, OTHER}
    assert strongroom.json("group", "remove", "Builders", PERSON)["removed"] == 1
    status, out, _ = strongroom("group", "members", "Builders")
    assert (status, PERSON in out, OTHER in out) == (0, False, True)
    assert "Builders" in strongroom("group", "list")[1]
    assert strongroom.json("group", "delete", "Builders") == {"id": group["id"], "deleted": True}
    assert strongroom.json("group", "list") == {"groups": []}


def test_a_grant_by_pattern_leaves_others_as_they_are(strongroom: Here) -> None:
    strongroom.json("user", "create", PERSON)
    strongroom.json("user", "grant", PERSON, "files", "read")
    strongroom.json("user", "grant", PERSON, "team-*", "read", "write")
    shown = strongroom.json("user", "grant", PERSON, "files", "admin")
    assert shown["permissions"]["repositories"] == {
        "files": ["admin"],
        "team-*": ["read", "write"],
    }
    key = strongroom.json("key", "create", PERSON, "--name", "x", "--scope", "team-*=read")
    assert key["scopes"] == {"team-*": ["read"]}


def test_keys_change_hands_and_what_they_lose_is_told(strongroom: Here) -> None:
    for email in (PERSON, OTHER):
        strongroom.json("user", "create", email)
    strongroom.json("user", "grant", PERSON, "files", "read")
    key = strongroom.json("key", "create", PERSON, "--name", "ci")
    status, out, _ = strongroom("user", "hand-over", PERSON, OTHER)
    assert status == 0
    assert f"1 keys of {PERSON} are {OTHER}'s" in out
    assert f"{key['id']} (ci): narrowed" in out
    (listed,) = strongroom.json("key", "list", "--user", OTHER)["keys"]
    assert (listed["id"], listed["scopes"]) == (key["id"], {"files": ["read"]})
    assert strongroom.json("user", "hand-over", PERSON, OTHER) == {
        "keys": [],
        "jobs": [],
        "uploads": [],
    }
