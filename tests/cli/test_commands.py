"""`strongroom user`, `key` and `gc`: what they print, do, and end with."""

import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.installation import opened
from app.settings import read_settings
from auth.organizations import DEFAULT, Organizations
from auth.outbox import Letter, Outbox, read_mail
from storage import keys
from storage.blobs import open_blobs
from storage.metadata import Put
from tests.cli.command import COMMAND, run
from tests.cli.here import Here

PERSON = "person@example.org"


COMMANDS: tuple[Sequence[str], ...] = (
    (),
    ("serve",),
    ("org",),
    ("org", "list"),
    ("org", "create"),
    ("org", "suspend"),
    ("org", "resume"),
    ("org", "delete"),
    ("org", "restore"),
    ("user",),
    ("user", "list"),
    ("user", "create"),
    ("user", "update"),
    ("user", "password"),
    ("user", "invite"),
    ("user", "grant"),
    ("user", "delete"),
    ("key",),
    ("key", "list"),
    ("key", "create"),
    ("key", "update"),
    ("key", "rotate"),
    ("key", "delete"),
    ("scim-token",),
    ("scim-token", "list"),
    ("scim-token", "create"),
    ("scim-token", "rotate"),
    ("scim-token", "delete"),
    ("subscriber",),
    ("subscriber", "list"),
    ("subscriber", "create"),
    ("subscriber", "update"),
    ("subscriber", "key"),
    ("subscriber", "usage"),
    ("subscriber", "delete"),
    ("subscriber-group",),
    ("subscriber-group", "list"),
    ("subscriber-group", "create"),
    ("subscriber-group", "update"),
    ("subscriber-group", "delete"),
    ("retention",),
    ("retention", "show"),
    ("retention", "set"),
    ("retention", "preview"),
    ("retention", "run"),
    ("usage",),
    ("gc",),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_each_command_has_help(strongroom: Here, command: Sequence[str]) -> None:
    status, out, _ = strongroom(*command, "--help")
    assert status == 0
    assert out.startswith(f"usage: {' '.join(('strongroom', *command))}")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("nonsense",),
        ("org",),
        ("org", "create"),
        ("org", "list", "--nonsense"),
        ("org", "suspend"),
        ("user",),
        ("user", "nonsense"),
        ("user", "create"),
        ("user", "create", PERSON, "--role", "root"),
        ("user", "list", "--nonsense"),
        ("user", "update", PERSON, "--enable", "--disable"),
        ("user", "create", PERSON, "--invite", "--password-stdin"),
        ("user", "invite"),
        ("user", "second-factor", PERSON),
        ("user", "second-factor", "remove", PERSON),
        ("org", "set", "acme", "--second-factor", "maybe"),
        ("key", "create", PERSON),
        ("key", "create", PERSON, "--name", "x", "--days", "many"),
        ("gc", "--grace-hours", "0"),
        ("gc", "--grace-hours", "x"),
        ("serve", "--workers", "two"),
        ("--nonsense",),
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
        (("user", "create", "no address"), "email"),
        (("user", "create", "admin@localhost"), "email"),
        (("user", "create", PERSON, "--name", "x" * 300), "name"),
        (("user", "update", "nobody@example.org", "--name", "x"), "no user"),
        (("user", "invite", "nobody@example.org"), "no user"),
        (("user", "invite", "admin@localhost"), "without a password"),
        (("user", "second-factor", "reset", "nobody@example.org"), "no user"),
        (("user", "second-factor", "reset", "admin@localhost"), "no such second factor"),
        (("org", "set", "default"), "--second-factor"),
        (("user", "delete", "aaaaaaaaaaaaaaaa"), "no user"),
        (("user", "delete", "admin@localhost"), "last active administrator"),
        (("user", "update", "admin@localhost", "--disable"), "last active administrator"),
        (("user", "update", "admin@localhost", "--role", "reader"), "last active administrator"),
        (("user", "grant", "admin@localhost", "nowhere", "read"), "repository"),
        (("user", "grant", "admin@localhost", "files", "fly"), "fly"),
        (("user", "grant", "admin@localhost", "files", "read,fly"), "no action 'fly'"),
        (("user", "grant", "admin@localhost", "files", "read,"), "no action ''"),
        (("user", "grant", "admin@localhost", "nowhere"), "not there"),
        (("key", "create", "nobody@example.org", "--name", "x"), "no user"),
        (("key", "create", "admin@localhost", "--name", ""), "name"),
        (("key", "create", "admin@localhost", "--name", "x", "--scope", "files"), "scope"),
        (("key", "create", "admin@localhost", "--name", "x", "--scope", "no=read"), "scope"),
        (("key", "create", "admin@localhost", "--name", "x", "--scope", "files=fly"), "scope"),
        (("key", "create", "admin@localhost", "--name", "x", "--days", "0"), "--days"),
        (("key", "delete", "nonsense"), "no such key"),
        (("key", "list", "--user", "nobody@example.org"), "no user"),
        (("user", "list", "--org", "nowhere"), "no organization 'nowhere'"),
        (("key", "list", "--org", "NOWHERE"), "no organization 'NOWHERE'"),
        (("org", "create", "default"), "taken"),
        (("org", "create", "Acme"), "a-z"),
        (("org", "create", "xn--80ak6aa92e"), "--"),
        (("org", "create", "acme", "--admin", "nobody"), "email"),
        (("org", "create", "acme", "--password-stdin"), "--admin"),
        (("org", "suspend", "nowhere"), "no such organization"),
        (("org", "resume", "nowhere"), "no such organization"),
        (("org", "delete", "nowhere", "--yes"), "no such organization"),
        (("org", "delete", "default", "--yes"), "suspended"),
        (("org", "delete", "default"), "--yes"),
        (("org", "restore", "nowhere"), "no such deleted organization"),
        (("org", "restore", "a/b"), "name"),
    ],
    ids=" ".join,
)
def test_a_failure_is_1_and_named(strongroom: Here, arguments: Sequence[str], said: str) -> None:
    status, out, err = strongroom(*arguments)
    assert (status, out) == (1, "")
    assert said in err
    assert err.startswith("strongroom: ")
    assert "Traceback" not in err
    status, out, err = strongroom(*arguments, "--json")
    assert (status, out) == (1, "")
    assert said in json.loads(err)["error"]


def test_a_user_is_made_listed_changed_and_deleted(strongroom: Here) -> None:
    made = strongroom.json("user", "create", PERSON, "--role", "reader", "--name", "A Person")
    assert (made["email"], made["role"], made["active"]) == (PERSON, "reader", True)
    assert len(made["password"]) == 24, "made here, shown this once"
    changed = strongroom.json("user", "update", PERSON, "--role", "developer", "--disable")
    assert (changed["id"], changed["role"], changed["active"]) == (made["id"], "developer", False)
    assert "password" not in changed
    granted = strongroom.json("user", "grant", PERSON, "files", "read", "write")
    assert granted["permissions"] == {"repositories": {"files": ["read", "write"]}}
    assert strongroom.json("user", "grant", PERSON, "files", "read,write") == granted
    assert strongroom.json("user", "grant", made["id"], "files")["permissions"] == {
        "repositories": {}
    }
    listed = strongroom.json("user", "list")["users"]
    assert {user["email"] for user in listed} == {"admin@localhost", PERSON}
    assert strongroom.json("user", "delete", PERSON) == {"id": made["id"], "deleted": True}
    assert len(strongroom.json("user", "list")["users"]) == 1


def letters(data: Path) -> list[Letter]:
    """The mails that wait."""
    with opened(read_settings({"STRONGROOM_DATA": str(data)})) as at:
        organization = Organizations(at.recent).named(DEFAULT).id
        mails = [*at.metadata.query_all(keys.mails(organization))]
        return [Outbox(at.sealer).open(read_mail(organization, mail)) for mail in mails]


def test_a_password_comes_from_standard_input_and_is_not_shown(
    strongroom: Here, data: Path
) -> None:
    status, out, err = strongroom(
        "user", "create", PERSON, "--password-stdin", typed="a typed password\n"
    )
    assert (status, err) == (0, "")
    assert "a typed password" not in out
    status, out, _ = strongroom("user", "password", PERSON, "--password-stdin", typed="short\n")
    assert status == 1
    longest = ("no end of words " * 16)[:255] + "."
    assert letters(data) == []
    assert strongroom("user", "password", PERSON, "--password-stdin", typed=longest)[0] == 0
    assert [(one.kind, one.to) for one in letters(data)] == [("password", PERSON)]
    assert strongroom("user", "password", PERSON, "--password-stdin", typed="")[0] == 1


@pytest.mark.parametrize(
    "typed, said",
    [("password1", "commonest"), ("qwertyuiop", "keyboard"), ("person-2026", "e-mail address")],
)
def test_a_weak_password_is_refused_with_the_reason(
    strongroom: Here, typed: str, said: str
) -> None:
    for command in (("create", PERSON), ("password", "admin@localhost")):
        if command[0] == "password" and "e-mail" in said:
            typed = "localhost-2026"
        status, out, err = strongroom("user", *command, "--password-stdin", typed=typed)
        assert (status, out) == (1, "")
        assert said in err
        assert typed not in err


def test_a_user_is_invited_and_invited_again(strongroom: Here, data: Path) -> None:
    made = strongroom.json("user", "create", PERSON, "--invite", "--role", "reader")
    assert made["invited_until"]
    assert "password" not in made
    again = strongroom.json("user", "invite", PERSON)
    assert (again["id"], again["invited_until"] >= made["invited_until"]) == (made["id"], True)
    status, out, _ = strongroom("user", "invite", PERSON)
    assert (status, out.endswith("invited\n")) == (0, True)
    invited = letters(data)
    assert [letter.to for letter in invited] == [PERSON] * 3
    token = invited[0].fields["path"].rpartition("/")[2]
    assert token not in json.dumps([made, again]) + out


def test_a_key_is_made_listed_and_revoked(strongroom: Here) -> None:
    strongroom.json("user", "create", PERSON)
    made = strongroom.json(
        "key", "create", PERSON, "--name", "build", "--scope", "files=read,write", "--days", "30"
    )
    assert made["secret"].startswith("srk_")
    assert made["scopes"] == {"files": ["read", "write"]}
    assert made["expires"]
    status, out, _ = strongroom("key", "list", "--user", PERSON)
    assert status == 0
    assert made["id"] in out
    assert made["secret"] not in out + json.dumps(strongroom.json("key", "list"))
    assert len(strongroom.json("key", "list")["keys"]) == 2
    assert strongroom.json("key", "delete", made["id"]) == {"id": made["id"], "deleted": True}
    assert len(strongroom.json("key", "list")["keys"]) == 1


def test_a_disabled_user_gets_no_key_that_would_be_good_for_nothing(strongroom: Here) -> None:
    strongroom.json("user", "create", PERSON)
    strongroom.json("user", "update", PERSON, "--disable")
    status, _, told = strongroom("key", "create", PERSON, "--name", "build")
    assert status == 1
    assert "--enable" in told
    assert len(strongroom.json("key", "list")["keys"]) == 1, "the first administrator's"


def test_for_people_a_list_is_a_table(strongroom: Here) -> None:
    status, out, _ = strongroom("user", "list")
    head, *rows = out.splitlines()
    assert status == 0
    assert head.split() == ["ID", "EMAIL", "NAME", "ROLE", "ACTIVE"]
    assert len(rows) == 1
    assert rows[0].split()[1:] == ["admin@localhost", "Administrator", "admin", "yes"]


def test_collection_removes_what_is_old_and_unreferenced_alone(
    strongroom: Here, data: Path
) -> None:
    settings = read_settings({"STRONGROOM_DATA": str(data)})
    blobs = open_blobs(settings.blobs, data, settings.upload_memory_bytes)
    with opened(settings) as at:
        organization = Organizations(at.recent).named(DEFAULT).id
    for owner in (organization, organization, organization, "another"):
        with blobs.create(owner, 4) as writer:
            writer.window()[:4] = b"data"
            writer.filled(4)
            writer.commit()
    ours = sorted(path for path in (data / "blobs" / organization).rglob("*") if path.is_file())
    foreign = [path for path in (data / "blobs" / "another").rglob("*") if path.is_file()]
    for path in (*ours[:2], *foreign):
        os.utime(path, (time.time() - 90_000,) * 2)
    found = {"uploads": 0, "blobs": 2, "bytes": 8, "expired_records": 0}
    found |= {"foreign": 1, "failures": 0}
    assert strongroom.json("gc", "--dry-run") == {"dry_run": True, **found}
    assert len(blobs.list().entries) == 4
    assert strongroom.json("gc")["blobs"] == 2
    assert len(blobs.list().entries) == 2
    status, out, _ = strongroom("gc", "--grace-hours", "1")
    assert status == 0
    warned, *done = out.splitlines()
    assert warned.startswith("1 blobs belong to no organization")
    assert done == ["0 unfinished uploads and 0 unreferenced blobs (0 bytes) removed"]


def test_collection_names_what_cant_be_removed_and_ends_with_1(
    strongroom: Here, data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = read_settings({"STRONGROOM_DATA": str(data)})
    blobs = open_blobs(settings.blobs, data, settings.upload_memory_bytes)
    with opened(settings) as at:
        organization = Organizations(at.recent).named(DEFAULT).id
    for _ in range(3):
        with blobs.create(organization, 4) as writer:
            writer.window()[:4] = b"data"
            writer.filled(4)
            writer.commit()
    stuck, *others = sorted(
        path for path in (data / "blobs" / organization).rglob("*") if path.is_file()
    )
    stuck.unlink()
    stuck.mkdir()  # can't be unlinked, by root neither
    for path in (stuck, *others):
        os.utime(path, (time.time() - 90_000,) * 2)
    status, out, _ = strongroom("gc", "--json")
    report = json.loads(out)
    assert (status, report["blobs"], report["failures"]) == (1, 2, 1)
    assert stuck.name in caplog.text
    assert len(blobs.list().entries) == 1
    status, out, _ = strongroom("gc")
    assert status == 1
    assert out.startswith("1 failures, which the log names")
    stuck.rmdir()
    assert strongroom("gc")[0] == 0


#: One of each, with all that it takes to come as far as the stores.
WORKING: tuple[Sequence[str], ...] = (
    ("org", "list"),
    ("org", "list", "--deleted"),
    ("org", "create", "acme", "--admin", PERSON, "--password-stdin"),
    ("org", "suspend", "acme"),
    ("org", "resume", "acme"),
    ("org", "delete", "acme", "--yes"),
    ("org", "restore", "acme"),
    ("user", "list"),
    ("user", "create", PERSON, "--password-stdin"),
    ("user", "update", PERSON, "--disable"),
    ("user", "password", PERSON, "--password-stdin"),
    ("user", "grant", PERSON, "files", "read"),
    ("user", "delete", PERSON),
    ("key", "list"),
    ("key", "create", PERSON, "--name", "x"),
    ("key", "delete", "0" * 32),
    ("gc",),
    ("gc", "--dry-run"),
)


@pytest.mark.parametrize("command", WORKING, ids=" ".join)
@pytest.mark.parametrize("left", [[], ["empty"], ["secret.key"], ["strongroom.db"]], ids=str)
def test_nothing_is_set_up_by_a_command(
    strongroom: Here,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: Sequence[str],
    left: Sequence[str],
) -> None:
    """In a folder that is not there, is empty, or where a first start did not come far."""
    mistyped = tmp_path / "elsewhere" / "mistyped"
    for name in left:
        mistyped.mkdir(parents=True)
        if name != "empty":
            (mistyped / name).write_bytes(b"")
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    for flags in ((), ("--data", str(mistyped))):
        monkeypatch.setenv("STRONGROOM_DATA", str(mistyped))
        status, out, err = strongroom(*command, *flags, typed="a long password\n")
        assert (status, out) == (1, "")
        assert err.startswith(f"strongroom: nothing is set up in {mistyped}")
        assert "strongroom serve" in err
        assert "--data" in err
        assert sorted(tmp_path.rglob("*")) == before


def test_nothing_is_made_where_the_command_happens_to_run(
    strongroom: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a word about the folder, in one that has nothing of ours."""
    monkeypatch.delenv("STRONGROOM_DATA")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    for command in WORKING:
        status, _, err = strongroom(*command, typed="a long password\n")
        assert status == 1
        assert "nothing is set up in data" in err
        assert list(here.iterdir()) == []


def test_the_data_folder_is_named_by_a_flag(
    strongroom: Here, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It wins over the setting."""
    monkeypatch.setenv("STRONGROOM_DATA", str(tmp_path / "mistyped"))
    for command in (("user", "list"), ("key", "list"), ("gc", "--dry-run")):
        strongroom.json(*command, "--data", str(data))
    made = strongroom.json("user", "create", PERSON, "--data", str(data))
    assert strongroom.json("user", "delete", made["id"], "--data", str(data))["deleted"]
    assert not (tmp_path / "mistyped").exists()


def test_what_a_newer_version_wrote_is_left_alone(strongroom: Here, data: Path) -> None:
    with opened(read_settings({"STRONGROOM_DATA": str(data)})) as at:
        at.metadata.commit(Put(keys.FORMAT, {"format": 999}))
    for command in (("user", "list"), ("gc",)):
        status, out, err = strongroom(*command)
        assert (status, out) == (1, "")
        assert "format 999" in err


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("STRONGROOM_TRUSTED_PROXY", "10.0.0.0/8", "STRONGROOM_TRUSTED_PROXIES"),
        ("STRONGROOM_THREADS", "none", "STRONGROOM_THREADS"),
        ("STRONGROOM_BLOBS", "file:", "STRONGROOM_BLOBS"),
        ("STRONGROOM_BLOBS", "s3://", "STRONGROOM_BLOBS"),
        ("STRONGROOM_BLOBS", "s3://bucket?color=red", "STRONGROOM_BLOBS"),
        ("STRONGROOM_BLOBS", "s3://key:secret@bucket", "STRONGROOM_BLOBS"),
        ("STRONGROOM_METADATA", "sqlite:", "sqlite:"),
        ("STRONGROOM_DATA", "/dev/null/data", "/dev/null"),
        ("STRONGROOM_DATA", "/proc/data", "/proc"),
    ],
)
@pytest.mark.parametrize("command", [("user", "list"), ("gc",)], ids=" ".join)
def test_a_setting_that_cant_be_used_is_named(
    strongroom: Here,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    value: str,
    said: str,
    command: Sequence[str],
) -> None:
    monkeypatch.setenv(name, value)
    status, out, err = strongroom(*command)
    assert (status, out) == (1, "")
    assert said in err
    assert "secret" not in err
    assert "Traceback" not in err


def test_the_console_script_is_the_same(data: Path) -> None:
    ended = run(data, "user", "list", "--json")
    assert (ended.status, ended.err) == (0, "")
    assert len(ended.json["users"]) == 1
    assert run(data, "nonsense").status == 2
    assert run(data, "user", "list", THREADS="none").status == 1
    version = run(data, "--version")
    assert version.out.startswith("strongroom ")
    assert Path(COMMAND).name == "strongroom"
