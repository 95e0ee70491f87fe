"""`strongroom incident`: its arguments, and a drill of the whole runbook on a running service."""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import Serving, run, serving
from tests.cli.here import Here
from tests.parts import ROOT

GOOD, EVIL = b"a good release", b"malware"
RUNBOOK = (ROOT / "docs" / "incidents.md").read_text()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "since", ["yesterday", "2026-13-01", "2999-01-01", "-1d", "7", "1e9d", "0h", "", "20260101T99"]
)
def test_a_since_that_makes_no_sense_is_wrong_usage(strongroom: Here, since: str) -> None:
    status, out, err = strongroom("incident", "a" * 16, f"--since={since}")
    assert (status, out) == (2, "")
    assert "--since" in err
    assert "2026-01-31" in err, "it says what may be written"


def test_without_since_it_is_wrong_usage(strongroom: Here) -> None:
    assert strongroom("incident", "a" * 16)[0] == 2


def test_an_until_before_since_is_refused(strongroom: Here) -> None:
    status, _, err = strongroom("incident", "a" * 16, "--since", "1d", "--until", "2d")
    assert (status, "--until is before --since" in err) == (1, True)


def test_a_secret_as_an_argument_is_refused_and_not_repeated(strongroom: Here) -> None:
    made = strongroom.json("user", "create", "dev@example.org")
    secret = strongroom.json("key", "create", made["id"], "--name", "ci")["secret"]
    for text in (secret, secret[:20], secret.upper()):
        status, out, err = strongroom("incident", text, "--since", "1d")
        assert (status, out) == (1, "")
        assert "standard input" in err
        assert text not in err


@pytest.mark.parametrize("named", ["nobody@example.org", "x", "ab" * 16, "a" * 16, "../.."])
def test_what_nothing_is_known_of_is_a_failure_that_is_named(strongroom: Here, named: str) -> None:
    status, out, err = strongroom("incident", named, "--since", "1d")
    assert (status, out) == (1, "")
    assert "strongroom: " in err
    status, _, err = strongroom("incident", named, "--since", "1d", "--json")
    assert status == 1
    assert json.loads(err)["error"]


@pytest.mark.parametrize("typed", ["", "\n", "hunter2\n", "srk_short\n"])
def test_what_is_no_secret_on_standard_input_is_told_without_it(
    strongroom: Here, typed: str
) -> None:
    status, out, err = strongroom("incident", "-", "--since", "1d", typed=typed)
    assert (status, out) == (1, "")
    assert "srk_" in err
    assert not typed.strip() or typed.strip() not in err


def test_the_72_hours_count_from_when_it_was_confirmed(strongroom: Here) -> None:
    made = strongroom.json("user", "create", "dev@example.org")
    confirmed = "2026-01-31T08:00:00Z"
    found = strongroom.json("incident", made["id"], "--since", "1d", "--confirmed", confirmed)
    assert found["notify_by"] == "2026-02-03T08:00:00.000000Z"
    now = strongroom.json("incident", made["id"], "--since", "1d")
    by = datetime.fromisoformat(now["notify_by"])
    assert timedelta(hours=71) < by - datetime.now(UTC) <= timedelta(hours=72)


def test_of_72_hours_that_are_over_it_says_so(strongroom: Here) -> None:
    made = strongroom.json("user", "create", "dev@example.org")
    for ago, over in (("71h", False), ("73h", True)):
        given = ("incident", made["id"], "--since", "9d", "--confirmed", ago)
        (line,) = (line for line in strongroom(*given)[1].splitlines() if "72 hours" in line)
        assert ("the 72 hours are over since" in line, "tell them until" in line) == (
            over,
            not over,
        )
        assert strongroom.json(*given)["overdue"] is over


def test_what_to_do_next_are_commands_that_there_are(strongroom: Here) -> None:
    """For a SCIM token and a subscriber, too."""
    from app.cli import _parser

    token = strongroom.json("scim-token", "create", "--name", "directory")["id"]
    buyer = strongroom.json("subscriber", "create", "buyer")["id"]
    lines = []
    for named in (token, buyer):
        lines += strongroom.json("incident", named, "--since", "1d")["next"]
    assert lines[0] == f"strongroom scim-token delete {token} --org default"
    assert lines[2] == f"strongroom subscriber update {buyer} --disable --org default"
    for line in lines:
        _parser().parse_args(line.split()[1:])
    assert strongroom(*lines[0].split()[1:])[0] == 0
    assert strongroom(*lines[2].split()[1:])[0] == 0
    assert len(strongroom.json("incident", buyer, "--since", "1d")["next"]) == 1


@dataclass(frozen=True)
class Drill:
    """A service with a release in it, and a key that has leaked."""

    server: Serving
    data: Path
    user: str
    key: str
    secret: str
    admin: dict[str, str]


@pytest.fixture
def drill(data: Path) -> Iterator[Drill]:
    admin = run(data, "user", "list", "--json").json["users"][0]
    made = run(data, "user", "create", "dev@example.org", "--json").json
    granted = run(data, "user", "grant", "dev@example.org", "files", "read,write,delete")
    assert granted.status == 0, granted.err
    key = run(data, "key", "create", "dev@example.org", "--name", "ci", "--json").json
    boss = run(data, "key", "create", admin["id"], "--name", "boss", "--json").json
    by = {"Authorization": f"Bearer {boss['secret']}"}
    with serving(data) as server:
        changed = server.ask(
            "PATCH", "/api/repositories/files",
            {**by, "Content-Type": "application/json"}, b'{"overwrite": true}',
        )  # fmt: skip
        assert changed[0] == 200, changed[2]
        for path in ("lib.jar", "gone.jar"):
            assert server.ask("PUT", f"/repositories/files/{path}", by, GOOD)[0] == 201
        yield Drill(server, data, made["id"], key["id"], key["secret"], by)


def attack(drill: Drill) -> str:
    """What an intruder does with the key; the id of the key that he makes."""
    server = drill.server
    by = {"Authorization": f"Bearer {drill.secret}", "User-Agent": "evil/1.0"}

    def ask(method: str, target: str, body: bytes | None = None, **more: str) -> bytes:
        status, _, answer = server.ask(method, target, {**by, **more}, body, source="127.6.6.6")
        assert status < 300, answer
        return answer

    ask("PUT", "/repositories/files/malware.jar", EVIL)
    ask("PUT", "/repositories/files/lib.jar", EVIL)
    ask("DELETE", "/repositories/files/gone.jar")
    made = json.loads(
        ask("POST", "/api/keys", b'{"name": "back door"}', **{"Content-Type": "application/json"})
    )
    by["Authorization"] = f"Bearer {made['secret']}"
    ask("PUT", "/repositories/files/more.jar", EVIL)
    return str(made["id"])


def test_a_drill_of_the_runbook(drill: Drill) -> None:
    """A key leaks. The answer is held line by line; then its own commands end the breach."""
    since = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    made = attack(drill)

    # Detect and contain: the secret is what was found, in a log say.
    done = run(drill.data, "incident", "-", "--since", since, input_=drill.secret)
    assert (done.status, done.err) == (0, "")
    assert drill.secret not in done.out
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    wanted = rf"""key {drill.key} in default
from {moment} until {moment}
suspects:
  credential {drill.key}: it is what was named
  credential {made}: key\.create by {drill.key} at {moment}
what was done:
       1 artifact\.delete
       3 artifact\.put
       1 key\.create
from where:
  127\.6\.6\.6, evil/1\.0: 5 events, {moment} to {moment}
files:
  {moment} wrote files/malware\.jar \(after {sha256(EVIL)}\)
  {moment} overwrote files/lib\.jar \(before {sha256(GOOD)}, after {sha256(EVIL)}\)
  {moment} deleted files/gone\.jar \(before {sha256(GOOD)}\)
  {moment} wrote files/more\.jar \(after {sha256(EVIL)}\)
files that were fetched, where that is recorded:
  none
access that was changed:
  {moment} key\.create {made} of {drill.user}
repositories whose rules or grants were changed:
  none
affected downloads:
  files/lib\.jar: downloads are not recorded there; nor is the day of the last one
  files/malware\.jar: downloads are not recorded there; nor is the day of the last one
  files/more\.jar: downloads are not recorded there; nor is the day of the last one
who must be told:
(?:  \S+@\S+ \(\w+\): [a-z; ]+\n){{2}}confirmed {moment}: tell them until {moment} \(72 hours\)
what to do next:
  strongroom key delete {drill.key} --org default
  strongroom key delete {made} --org default
  DELETE /repositories/files/malware\.jar
  POST /api/repositories/files/restore {{"path": "lib\.jar", "version": "\S+", "overwrite": true}}
  POST /api/repositories/files/restore {{"path": "gone\.jar", "version": "\S+"}}
  DELETE /repositories/files/more\.jar
  strongroom incident {drill.key} --since {moment} --org default
"""
    for number, (line, pattern) in enumerate(
        zip(done.out.splitlines(), wanted.split("(?:", maxsplit=1)[0].splitlines(), strict=False), 1
    ):
        assert re.fullmatch(pattern, line), f"line {number}: {line}"
    assert re.fullmatch(wanted, done.out)

    # Eradicate and recover: what it says to do next is done as it stands there, and it is asked
    # again after each step: what is done is in it no more, and what was before is.
    first = report(drill, since)
    left = first["next"]
    while len(left) > 1:
        step, *left = left
        carry_out(drill, step)
        again = report(drill, since)
        assert again["next"] == left, "what is left, and nothing that is good"
        for then, now in zip(first["files"], again["files"], strict=True):
            for told in ("change", "path", "sha256_before", "sha256_after", "published_before_by"):
                assert now[told] == then[told]
        assert again["tell"] == first["tell"]
    for step in left:
        carry_out(drill, step)
    done = run(drill.data, "incident", drill.key, "--since", since)
    for change, path, state in (
        ("wrote", r"malware\.jar", "gone"),
        ("overwrote", r"lib\.jar", "as it was before"),
        ("deleted", r"gone\.jar", "as it was before"),
        ("wrote", r"more\.jar", "gone"),
    ):
        line = rf"  {moment} {change} files/{path} \(.+\); done: it is {state}\n"
        assert re.search(line, done.out), (line, done.out)
    leaked = {"Authorization": f"Bearer {drill.secret}"}
    assert drill.server.ask("GET", "/api/user", leaked)[0] == 401
    for path, status in (("lib.jar", 200), ("gone.jar", 200), ("malware.jar", 404)):
        answer = drill.server.ask("GET", f"/repositories/files/{path}", drill.admin)
        assert answer[0] == status
        assert status == 404 or answer[2] == GOOD
    after = run(drill.data, "incident", drill.key, "--since", since, "--json").json
    assert [step for step in after["next"] if step.startswith("strongroom key")] == []
    assert after["suspects"][1]["id"] == made, "of deleted keys history still knows"


def test_a_repository_that_was_opened_is_told_with_who_can_read_it() -> None:
    from app.cli.incident import _opened

    row = {"repository": "files", "changed": ["grants", "overwrite"], "readers": ["a", "b"]}
    assert _opened({**row, "public": False}) == (
        "files (grants, overwrite): can be read by 2: a, b"
    )
    assert _opened({**row, "public": True}).endswith("can be read by everybody")


def report(drill: Drill, since: str) -> dict[str, Any]:
    """The report as it is now. Until when it tells is fixed in no line of it."""
    done = run(drill.data, "incident", drill.key, "--since", since, "--json")
    assert done.status == 0, done.err
    found: dict[str, Any] = done.json
    return found


def carry_out(drill: Drill, step: str) -> None:
    """Do a line of the report: a command, or a request."""
    if step.startswith("strongroom "):
        done = run(drill.data, *step.split()[1:])
        assert done.status == 0, done.err
        return
    method, target, *body = step.split(maxsplit=2)
    headers = {**drill.admin, "Content-Type": "application/json"}
    data = body[0].encode() if body else None
    status, _, answer = drill.server.ask(method, target, headers, data)
    assert status < 300, answer


def test_the_runbook_names_commands_that_there_are() -> None:
    """Each command in a listing of docs/incidents.md is parsed by the command itself."""
    from app.cli import _parser

    listings = re.findall(r"^    strongroom (.+)$", RUNBOOK, re.MULTILINE)
    assert len(listings) >= 5
    for text in listings:
        words = text.split("  #")[0].split()
        _parser().parse_args(words)
    for phase in ("Prepare", "Detect", "Contain", "Eradicate", "Recover", "Learn"):
        assert phase in RUNBOOK
