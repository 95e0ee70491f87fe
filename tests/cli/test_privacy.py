"""`strongroom privacy`: requests and their due dates, export, erasure, proof, and a restore."""

import json
import shutil
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.cli.walked import Bar, line
from app.privacy.walk import Walked
from tests.cli.command import run, serving
from tests.cli.here import Here

EMAIL = "marked.person@erase.example"


@pytest.fixture
def person(strongroom: Here) -> str:
    """The id of a user with a key."""
    made = strongroom.json("user", "create", EMAIL, "--name", "Marcia Markworth")
    strongroom.json("key", "create", EMAIL, "--name", "marcias laptop")
    return str(made["id"])


def test_a_request_is_due_in_30_days_and_noted_once(strongroom: Here, person: str) -> None:
    noted = strongroom.json("privacy", "request", EMAIL, "--note-id", "TICKET-7")
    received, due = (datetime.fromisoformat(noted[name]) for name in ("received", "due"))
    assert due - received == timedelta(days=30)
    assert (noted["person"], noted["state"], noted["new"]) == (person, "open", True)
    again = strongroom.json("privacy", "request", person)
    assert (again["id"], again["new"]) == (noted["id"], False)
    (row,) = strongroom.json("privacy", "list")["requests"]
    assert (row["note"], row["overdue"]) == ("TICKET-7", False)
    assert strongroom("privacy", "list", "--overdue-fails")[0] == 0


def test_who_is_overdue_is_marked_and_fails_for_cron(strongroom: Here, person: str) -> None:
    day = (datetime.now(UTC) - timedelta(days=31)).date().isoformat()
    strongroom.json("privacy", "request", EMAIL, "--received", day)
    status, out, err = strongroom("privacy", "list", "--overdue-fails")
    assert (status, err) == (1, "")
    assert out.splitlines()[1].split()[5] == "yes"
    assert strongroom("privacy", "list")[0] == 0
    strongroom.json("privacy", "erase", person, "--yes")
    assert strongroom("privacy", "list", "--overdue-fails")[0] == 0


@pytest.mark.parametrize("text", ["soon", "2999-01-01", "31.1.2026", "1900-01-01", "0d", ""])
def test_a_date_that_makes_no_sense_is_wrong_usage(
    strongroom: Here, person: str, text: str
) -> None:
    status, _, err = strongroom("privacy", "request", person, f"--received={text}")
    assert status == 2
    assert "--received" in err
    assert "2026-01-31T08:00Z" in err, "it says what may be written"
    assert strongroom.json("privacy", "list") == {"requests": []}


def test_who_is_not_there_is_named_and_nothing_is_noted(strongroom: Here) -> None:
    for verb in (("request",), ("export",), ("erase", "--yes")):
        for named in ("nobody@example.org", "a" * 16, "../..", "ab" * 16):
            status, out, err = strongroom("privacy", *verb, named)
            assert (status, out) == (1, "")
            assert "there is no user or subscriber" in err
    status, _, err = strongroom("privacy", "verify", "nobody@example.org")
    assert (status, "by the id" in err) == (1, True)
    assert strongroom.json("privacy", "list") == {"requests": []}
    assert strongroom("privacy", "list", "--org", "nowhere")[0] == 1


def test_a_note_that_names_somebody_is_refused(strongroom: Here, person: str) -> None:
    status, _, err = strongroom("privacy", "request", person, "--note-id", EMAIL)
    assert status == 1
    assert "names nobody" in err


def test_an_export_is_a_private_file_or_goes_to_the_screen(
    strongroom: Here, person: str, tmp_path: Path
) -> None:
    status, out, err = strongroom("privacy", "export", EMAIL)
    assert (status, err) == (0, "")
    document = json.loads(out)
    assert document["held"]["user"][0]["email"] == EMAIL
    assert "srk_" not in out
    file = tmp_path / "export.json"
    done = strongroom.json("privacy", "export", person, "--output", str(file))
    assert done["person"] == person
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text())["person"] == person
    status, _, err = strongroom("privacy", "export", person, "--output", str(file))
    assert (status, "is there already" in err) == (1, True)
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "elsewhere")
    assert strongroom("privacy", "export", person, "--output", str(link))[0] == 1
    assert not (tmp_path / "elsewhere").exists()


def test_erased_with_proof_which_verify_holds_to_be_true(strongroom: Here, person: str) -> None:
    strongroom.json("privacy", "request", EMAIL)
    proof = strongroom.json("privacy", "erase", EMAIL, "--yes")
    assert (proof["person"], proof["in_time"]) == (person, True)
    assert proof["erased"]["keys"] == 1
    assert strongroom("user", "list")[1].count("@") == 1
    status, out, _ = strongroom("privacy", "verify", person)
    assert status == 0
    assert out.splitlines()[0] == "nothing is left"
    assert proof["seal"] in out
    (row,) = strongroom.json("privacy", "list")["requests"]
    assert row["state"] == "done"
    assert strongroom.json("privacy", "erase", person, "--yes") == proof, "it is shown again"


def test_verify_of_who_is_there_names_what_is(strongroom: Here, person: str) -> None:
    status, out, _ = strongroom("privacy", "verify", person)
    assert status == 1
    assert "1 records are there: user" in out
    assert "there is no proof" in out


def test_who_was_deleted_already_is_erased_by_his_id(strongroom: Here, person: str) -> None:
    assert strongroom("user", "delete", EMAIL)[0] == 0
    noted = strongroom.json("privacy", "request", person)
    assert (noted["person"], noted["state"]) == (person, "open")
    proof = strongroom.json("privacy", "erase", person, "--yes")
    assert proof["person"] == person
    assert strongroom("privacy", "verify", person)[0] == 0
    assert strongroom.json("privacy", "erase", person, "--yes") == proof


def test_where_history_tells_of_nobody_it_has_to_be_said(strongroom: Here, person: str) -> None:
    for verb in (("request",), ("erase", "--yes")):
        status, _, err = strongroom("privacy", *verb, "n" * 16)
        assert (status, "--deleted" in err) == (1, True)
    assert strongroom.json("privacy", "list") == {"requests": []}
    proof = strongroom.json("privacy", "erase", "n" * 16, "--yes", "--deleted")
    assert proof["person"] == "n" * 16
    assert strongroom.json("privacy", "reapply")["entries"] == 1


@pytest.mark.parametrize("verb", ["verify", "export"])
def test_of_nobody_no_flag_is_advised_that_the_verb_has_not(
    strongroom: Here, person: str, verb: str
) -> None:
    status, _, err = strongroom("privacy", verb, "n" * 16)
    assert (status, "--deleted" in err) == (1, False)
    assert "history tells of none" in err


def test_it_is_said_who_goes_and_who_has_the_same_address(strongroom: Here, person: str) -> None:
    status, _, err = strongroom("privacy", "erase", person)
    assert status == 1
    assert f"{EMAIL} (user, {person})" in err
    made = strongroom.json("subscriber", "create", "buyer", "--contact", EMAIL)
    status, _, err = strongroom("privacy", "erase", EMAIL, "--yes")
    assert status == 1
    assert person in err
    assert made["id"] in err
    status, out, err = strongroom("privacy", "erase", person, "--yes")
    assert status == 0
    assert out.startswith(f"this erases {EMAIL} (user, {person}) for good\n")
    assert made["id"] in err


def test_who_is_part_of_an_incident_is_not_erased_but_by_a_flag(
    strongroom: Here, person: str
) -> None:
    strongroom.json("incident", person, "--since", "1d")
    status, _, err = strongroom("privacy", "erase", person, "--yes")
    assert (status, "--despite-incident" in err) == (1, True)
    assert EMAIL in strongroom("user", "list")[1]
    status, _, err = strongroom("privacy", "erase", person, "--yes", "--despite-incident")
    assert (status, "addresses and agents go" in err) == (0, True)
    assert EMAIL not in strongroom("user", "list")[1]


def test_nobody_is_erased_unasked(strongroom: Here, person: str) -> None:
    status, _, err = strongroom("privacy", "erase", person)
    assert (status, "--yes" in err) == (1, True)
    assert len(strongroom.json("user", "list")["users"]) == 2


def test_the_last_administrator_says_what_to_do(strongroom: Here, person: str) -> None:
    (admin,) = [u for u in strongroom.json("user", "list")["users"] if u["role"] == "admin"]
    status, _, err = strongroom("privacy", "erase", admin["id"], "--yes")
    assert status == 1
    assert "strongroom user update USER --role admin" in err
    assert "--successor" in err
    (row,) = strongroom.json("privacy", "list")["requests"]
    assert row["state"] == "open"
    strongroom.json("privacy", "erase", admin["id"], "--yes", "--successor", EMAIL)
    (left,) = strongroom.json("user", "list")["users"]
    assert (left["id"], left["role"]) == (person, "admin")


def test_an_older_copy_of_the_database_brings_nobody_back(data: Path, tmp_path: Path) -> None:
    """The file itself is copied, and put back over the erased state; `serve` starts on it."""
    database = data / "strongroom.db"
    assert run(data, "user", "create", EMAIL, "--json").status == 0
    made = run(data, "key", "create", EMAIL, "--name", "laptop", "--json").json
    person = made["user"]["id"] if isinstance(made["user"], dict) else made["user"]
    copy = tmp_path / "older.db"
    shutil.copy(database, copy)
    erased = run(data, "privacy", "erase", EMAIL, "--yes", "--json")
    assert erased.status == 0, erased.err
    restore(copy, database)
    assert EMAIL in run(data, "user", "list").out, "he is back"
    with serving(data) as server:
        authorization = {"Authorization": f"Bearer {made['secret']}"}
        assert server.ask("GET", "/api/user", authorization)[0] == 401
    assert EMAIL not in run(data, "user", "list").out
    assert "erased again" in server.err
    again = run(data, "privacy", "reapply", "--json")
    assert (again.status, again.json["entries"], again.json["again"]) == (0, 1, [])
    assert run(data, "privacy", "verify", person).status == 0
    for file in (*data.rglob("strongroom.db*"), *(data / "blobs").rglob("*")):
        if file.is_file() and file.name != "strongroom.db-shm":
            assert EMAIL.encode() not in vacuumed(file), file.name


def restore(copy: Path, database: Path) -> None:
    for file in database.parent.glob("strongroom.db*"):
        file.unlink()
    shutil.copy(copy, database)


def vacuumed(file: Path) -> bytes:
    """What a file holds, without what SQLite has deleted and not overwritten yet."""
    import sqlite3

    if file.suffix == ".db":
        with sqlite3.connect(file) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    return file.read_bytes()


def test_reapply_says_what_it_did(
    strongroom: Here, person: str, data: Path, tmp_path: Path
) -> None:
    shutil.copy(data / "strongroom.db", tmp_path / "older.db")
    strongroom.json("privacy", "erase", person, "--yes")
    restore(tmp_path / "older.db", data / "strongroom.db")
    done = strongroom.json("privacy", "reapply")
    assert done == {"entries": 1, "again": [person], "failed": [], "foreign": []}
    assert strongroom.json("privacy", "reapply")["again"] == []
    assert strongroom("privacy", "verify", person)[0] == 0


class Screen:
    """A terminal, or none, that keeps what is drawn."""

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal
        self.text = ""

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""


@pytest.mark.parametrize(
    "terminal, drawn",
    [
        (True, "\r[############------------] 50 %, 50 of 100 hours of history\x1b[K\r\x1b[K"),
        (False, ""),
    ],
)
def test_a_walk_is_drawn_on_a_terminal(terminal: bool, drawn: str) -> None:
    seconds = [0.0]
    screen: Any = Screen(terminal)
    bar = Bar({}, screen, lambda: seconds[0])
    bar(Walked(1, 100))
    seconds[0] = 1.0
    bar(Walked(50, 100))
    bar(Walked(51, 100))
    bar.close()
    assert screen.text == drawn


def test_elsewhere_a_walk_is_told_of_every_half_minute() -> None:
    seconds = [0.0]
    screen: Any = Screen(terminal=False)
    bar = Bar({}, screen, lambda: seconds[0])
    for seconds[0] in range(0, 100, 5):
        bar(Walked(int(seconds[0]), 100))
    bar.close()
    assert screen.text.count("\n") == 3
    assert screen.text.startswith(f"{line(Walked(30, 100))}\n")
