"""What a leaked credential did is told whole, and of nobody else."""

import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from app.incidents import NOTICE, Incident, Report, Target, Unknown, by_secret, find_target
from app.incidents.suspects import Suspects
from app.privacy.walk import Walked
from app.repositories import Catalogue, Rules
from app.repositories.names import RepositoryName
from auth.secret_texts import make_secret
from storage import keys
from storage.events import SYSTEM, Actor, Event
from storage.metadata import Put
from tests.http.client import Client, bearer
from tests.http.signed_in import enrol, in_session, sign_in
from tests.http.stand import Person, Stand

NEW_PASSWORD = "Tr0ub4dor-and-3-evil-horses"
GOOD, EVIL = b"a good release", b"malware"
THERE, AGENT = "127.6.6.6", "intruder/1"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def report_on(stand: Stand, named: str, **more: datetime) -> Report:
    at = stand.process.installation
    now = datetime.now(UTC)
    target = find_target(at.metadata, stand.organization, named)
    given = {"since": now - timedelta(minutes=5), "until": now, "confirmed": now} | more
    return Incident(at, stand.organization).report(target, **given)


def put(client: Client, path: str, data: bytes, peer: str = THERE) -> None:
    done = client.put(f"/repositories/{path}", data, headers={"User-Agent": AGENT}, peer=peer)
    assert done.status in (200, 201, 204), done.text


@dataclasses.dataclass(frozen=True)
class Breach:
    """A developer's key is with an intruder; `owner` published before, with another."""

    victim: Person
    owner: Person
    reader: Person
    made: str


def breach(stand: Stand) -> Breach:
    """Publishes, overwrites, deletes and restores with a stolen key, makes one and uses it."""
    repository = stand.repository("releases", overwrite=True)
    every = {repository.id: ["read", "write", "delete"]}
    victim, owner = stand.person("developer", every), stand.person("developer", every)
    reader = stand.person("reader", {repository.id: ["read"]})
    mine = stand.client.as_(bearer(owner.key))
    for path in ("lib.jar", "gone.jar", "other.jar"):
        put(mine, f"releases/{path}", GOOD, "127.0.0.1")
    theirs = stand.client.as_(bearer(victim.key))
    put(theirs, "releases/new.jar", EVIL)
    put(theirs, "releases/lib.jar", EVIL)
    assert theirs.delete("/repositories/releases/gone.jar").status in (200, 204)
    made = theirs.post("/api/keys", {"name": "persistence"})
    assert made.status == 201, made.text
    second = stand.client.as_(bearer(made.json["secret"]))
    put(second, "releases/deep/second.jar", EVIL)
    third = second.post("/api/keys", {"name": "more"}).json
    put(stand.client.as_(bearer(third["secret"])), "releases/deep/third.jar", EVIL)
    return Breach(victim, owner, reader, made.json["id"])


def test_it_tells_all_that_a_stolen_key_did_and_what_it_made(any_stand: Stand) -> None:
    done = breach(any_stand)
    report = report_on(any_stand, done.victim.key_id)
    assert report.target.kind == "key"
    files = [(file.change, file.path, file.before, file.after) for file in report.files]
    assert files == [
        ("wrote", "new.jar", None, sha256(EVIL)),
        ("overwrote", "lib.jar", sha256(GOOD), sha256(EVIL)),
        ("deleted", "gone.jar", sha256(GOOD), None),
        ("wrote", "deep/second.jar", None, sha256(EVIL)),
        ("wrote", "deep/third.jar", None, sha256(EVIL)),
    ]
    assert {file.publisher for file in report.files} == {None, done.owner.id}
    assert [suspect.id for suspect in report.suspects][:2] == [done.victim.key_id, done.made]
    assert len(report.suspects) == 3, "keys that a suspect made are suspects"
    assert report.actions == {"artifact.put": 4, "artifact.delete": 1, "key.create": 2}
    assert (THERE, AGENT) in report.places
    assert {left["kind"] for left in report.credentials_left} == {"key"}
    assert report.forged == 0


def test_of_others_and_of_other_times_it_tells_nothing(any_stand: Stand) -> None:
    """The owner of the key is not his key: what he does with his password is his own."""
    done = breach(any_stand)
    put(any_stand.client.as_(bearer(done.owner.key)), "releases/mine.jar", GOOD)
    report = report_on(any_stand, done.victim.key_id)
    assert not [file for file in report.files if file.path in ("mine.jar", "other.jar")]
    before = datetime.now(UTC) - timedelta(minutes=4)
    assert report_on(any_stand, done.victim.key_id, until=before).files == []
    later = report_on(any_stand, done.victim.key_id, since=datetime.now(UTC))
    assert later.actions == {}


def test_of_a_user_all_credentials_are_told(any_stand: Stand) -> None:
    done = breach(any_stand)
    report = report_on(any_stand, done.victim.email)
    assert report.target.kind == "user"
    assert len(report.files) == 5
    assert report_on(any_stand, done.victim.id).actions == report.actions


def test_the_secret_itself_leads_to_its_key(any_stand: Stand) -> None:
    done = breach(any_stand)
    assert by_secret(f"{done.victim.key}\n") == done.victim.key_id
    for text in ("", "srk_short", done.victim.key[:-1], f"{done.victim.key}x", "hunter2"):
        with pytest.raises(Unknown) as raised:
            by_secret(text)
        assert not text or text not in str(raised.value)


def test_a_key_that_was_deleted_is_told_of_still(any_stand: Stand) -> None:
    done = breach(any_stand)
    assert any_stand.admins.delete(f"/api/keys/{done.victim.key_id}").status == 204
    report = report_on(any_stand, done.victim.key_id)
    assert (report.target.is_there, report.target.kind) == (False, "credential")
    assert len(report.files) == 5
    assert done.victim.key_id not in [left["id"] for left in report.credentials_left]


def test_who_must_be_told_and_by_when(any_stand: Stand) -> None:
    done = breach(any_stand)
    at, org = any_stand.process.installation, any_stand.organization
    (file, *_) = report_on(any_stand, done.victim.key_id).files
    granted = {file.repository: ["read"]}
    at.metadata.commit(
        Put(keys.subscriber(org, "s" * 16), {"id": "s" * 16, "contact": "buyer@example.net"}),
        Put(keys.subscriber_group(org, "g" * 16), {"name": "buyers", "permissions": granted}),
        Put(keys.subscriber_of(org, "g" * 16, "s" * 16), {}),
        Put(keys.subscriber_group(org, "h" * 16), {"name": "no", "permissions": {"x": ["read"]}}),
        Put(keys.subscriber_of(org, "h" * 16, "t" * 16), {}),
    )
    confirmed = datetime(2026, 1, 31, 8, tzinfo=UTC)
    report = report_on(any_stand, done.victim.key_id, confirmed=confirmed)
    assert report.notify_by == confirmed + NOTICE == datetime(2026, 2, 3, 8, tzinfo=UTC)
    told = {one["id"]: one for one in report.told}
    assert told.keys() == {any_stand.admin.id, done.victim.id, done.owner.id, "s" * 16}
    assert told["s" * 16]["address"] == "buyer@example.net"
    assert told[done.owner.id]["because"] == ["published what was overwritten or deleted"]
    assert "administrator" in told[any_stand.admin.id]["because"]


def read_event(stand: Stand, person: Person, file: tuple[str, str], digest: bytes) -> None:
    """What a repository that records reads leaves of a download."""
    at = stand.process.installation
    details = {"repository": file[0], "path": file[1], "sha256": sha256(digest), "size": 1}
    actor = Actor(person.id, person.key_id, "request")
    at.metadata.commit(
        witness=at.journal.event(stand.organization, actor, "artifact.read", **details)
    )


def test_whose_downloads_are_affected_where_reads_are_recorded(any_stand: Stand) -> None:
    done = breach(any_stand)
    files = {file.path: file for file in report_on(any_stand, done.victim.key_id).files}
    read_event(any_stand, done.reader, files["lib.jar"].place, EVIL)
    read_event(any_stand, done.reader, files["lib.jar"].place, EVIL)
    read_event(any_stand, done.owner, files["lib.jar"].place, GOOD)
    read_event(any_stand, done.victim, files["lib.jar"].place, EVIL)
    report = report_on(any_stand, done.victim.key_id)
    (row,) = report.downloads
    assert row == {
        "repository": "releases", "path": "lib.jar", "user": done.reader.id, "times": 2,
    }  # fmt: skip
    assert report.read == {files["lib.jar"].place: 1}, "what the intruder fetched"
    assert "downloaded what was written" in {
        why for one in report.told if one["id"] == done.reader.id for why in one["because"]
    }


def test_where_reads_are_not_recorded_it_says_so_and_the_last_day(any_stand: Stand) -> None:
    done = breach(any_stand)
    at, org = any_stand.process.installation, any_stand.organization
    files = {file.path: file for file in report_on(any_stand, done.victim.key_id).files}
    at.metadata.commit(Put(keys.downloaded(org, *files["lib.jar"].place), {"day": "2026-02-01"}))
    report = report_on(any_stand, done.victim.key_id)
    days = {row["path"]: row["last_day"] for row in report.unrecorded}
    assert days == {
        "lib.jar": "2026-02-01", "new.jar": None, "deep/second.jar": None, "deep/third.jar": None,
    }  # fmt: skip
    catalogue = Catalogue(at.recent, at.journal)
    rules = Rules(audit_reads=True, public=True)
    catalogue.update(org, SYSTEM, RepositoryName.parse("releases"), rules)
    report = report_on(any_stand, done.victim.key_id)
    assert (report.unrecorded, report.public) == ([], ["releases"])


def test_an_administrators_key_makes_people_suspects(any_stand: Stand) -> None:
    """Who was made or taken over by it acts for the intruder; who was only disabled does not."""
    at, org = any_stand.process.installation, any_stand.organization
    made, taken, disabled, hers = "m" * 16, "n" * 16, "o" * 16, "ab" * 16
    admin = Actor(any_stand.admin.id, any_stand.admin.key_id, "request", THERE, AGENT)
    for actor, action, details in (
        (admin, "user.create", {"subject": made}),
        (admin, "user.update", {"subject": taken, "changed": ["password"]}),
        (admin, "user.update", {"subject": disabled, "changed": ["active"], "active": False}),
        (admin, "scim-token.create", {"subject": "cd" * 16}),
        (Actor(made, hers, "request"), "session.create", {"subject": hers}),
        (Actor("cd" * 16, "cd" * 16, "request"), "group.update", {"subject": "g" * 16}),
        (Actor(taken, "password", "request"), "repository.create", {"repository": "r" * 16}),
        (Actor(disabled, "password", "request"), "repository.update", {"repository": "q" * 16}),
    ):
        at.metadata.commit(witness=at.journal.event(org, actor, action, **details))
    report = report_on(any_stand, any_stand.admin.key_id)
    assert {suspect.id for suspect in report.suspects} >= {made, taken, "cd" * 16}
    assert disabled not in {suspect.id for suspect in report.suspects}
    done = [(change["action"], change["subject"]) for change in report.access]
    assert ("group.update", "g" * 16) in done
    assert ("repository.create", None) in done
    assert ("repository.update", None) not in done


def test_history_that_was_changed_is_told_of(any_stand: Stand) -> None:
    done = breach(any_stand)
    at = any_stand.process.installation
    record = next(one for one in any_stand.records() if "#events#" in one.key.partition)
    at.metadata.commit(Put(record.key, {**record.value, "action": "nothing"}))
    since = datetime.now(UTC) - timedelta(hours=1)
    assert report_on(any_stand, done.victim.key_id, since=since).forged == 1


def test_another_organizations_history_is_not_told(any_stand: Stand) -> None:
    done = breach(any_stand)
    other = any_stand.another_organization("other")
    report = report_on(other, done.victim.key_id)
    assert (report.target.is_there, report.actions, report.files) == (False, {}, [])
    assert done.victim.id not in {one["id"] for one in report.told}
    with pytest.raises(Unknown):
        report_on(other, done.victim.email)


def test_a_name_that_is_none_is_unknown(memory_stand: Stand) -> None:
    for named in ("", "nobody@example.org", "x" * 40, "../..", make_secret().text):
        with pytest.raises(Unknown):
            report_on(memory_stand, named)


def test_it_is_told_how_far_it_is_and_leaves_an_event(memory_stand: Stand) -> None:
    done = breach(memory_stand)
    at, org = memory_stand.process.installation, memory_stand.organization
    now, walked = datetime.now(UTC), list[Walked]()
    target = find_target(at.metadata, org, done.victim.key_id)
    incident = Incident(at, org)
    report = incident.report(target, now - timedelta(days=2), now, now, walked.append)
    assert len(walked) >= 2 * 48
    assert all(0 < one.done <= one.total for one in walked)
    incident.note(report, SYSTEM)
    (event,) = [
        one.value for one in memory_stand.records() if one.value.get("action") == "incident.report"
    ]
    assert event["details"]["subject"] == done.victim.key_id
    assert (event["details"]["files"], event["details"]["suspects"]) == (5, 3)


def paths(report: Report) -> set[str]:
    return {file.path for file in report.files}


def test_an_account_that_a_stolen_key_gave_a_password_is_followed(any_stand: Stand) -> None:
    """A password by itself, with which the intruder then signs in as somebody else."""
    repository = any_stand.repository("releases", overwrite=True)
    thief = any_stand.person("admin", {})
    victim = any_stand.person("developer", {repository.id: ["read", "write"]})
    stolen = any_stand.client.as_(bearer(thief.key))
    assert stolen.patch(f"/api/users/{victim.id}", {"password": NEW_PASSWORD}).status == 200
    given = {"email": victim.email, "password": NEW_PASSWORD}
    opened = any_stand.client.post("/auth/session", given)
    put(any_stand.client.as_(bearer(opened.json["token"])), "releases/evil.jar", EVIL)
    report = report_on(any_stand, thief.key_id)
    assert paths(report) == {"evil.jar"}
    assert (victim.id, True, "password.change") in {
        (one.id, one.person, one.why) for one in report.suspects
    }


def test_who_changes_his_own_password_with_a_stolen_session_is_followed(any_stand: Stand) -> None:
    repository = any_stand.repository("releases", overwrite=True)
    victim = any_stand.person("developer", {repository.id: ["read", "write"]})
    opened = sign_in(any_stand, victim)
    stolen = any_stand.client.as_(bearer(opened.json["token"]))
    given = {"password": NEW_PASSWORD, "current_password": victim.password}
    assert stolen.patch(f"/api/users/{victim.id}", given).status == 200
    given = {"email": victim.email, "password": NEW_PASSWORD}
    again = any_stand.client.post("/auth/session", given)
    put(any_stand.client.as_(bearer(again.json["token"])), "releases/evil.jar", EVIL)
    assert paths(report_on(any_stand, opened.json["id"])) == {"evil.jar"}


def test_a_second_factor_that_a_stolen_session_set_is_followed(any_stand: Stand) -> None:
    repository = any_stand.repository("releases", overwrite=True)
    victim = any_stand.person("developer", {repository.id: ["read", "write"]})
    opened = sign_in(any_stand, victim)
    _, recovery = enrol(any_stand.client.as_(bearer(opened.json["token"])), victim)
    again = sign_in(any_stand, victim, recovery[0])
    put(any_stand.client.as_(bearer(again.json["token"])), "releases/evil.jar", EVIL)
    assert paths(report_on(any_stand, opened.json["id"])) == {"evil.jar"}


def test_who_is_let_in_again_by_a_stolen_key_is_a_suspect(any_stand: Stand) -> None:
    """By taking his second factor away, and by enabling him; not by disabling him."""
    thief = any_stand.person("admin", {})
    stolen = any_stand.client.as_(bearer(thief.key))
    reset, enabled, disabled = (any_stand.person("developer", {}) for _ in range(3))
    enrol(in_session(any_stand, reset), reset)
    assert stolen.delete(f"/api/users/{reset.id}/second-factor").status == 204
    assert any_stand.admins.patch(f"/api/users/{enabled.id}", {"active": False}).status == 200
    assert stolen.patch(f"/api/users/{enabled.id}", {"active": True}).status == 200
    assert stolen.patch(f"/api/users/{disabled.id}", {"active": False}).status == 200
    suspects = {one.id for one in report_on(any_stand, thief.key_id).suspects}
    assert suspects == {thief.key_id, reset.id, enabled.id}


@pytest.mark.parametrize(
    "action, details, person",
    [
        ("invitation.create", {}, True),
        ("second-factor.remove", {}, True),
        ("second-factor.renew", {}, True),
        ("key.update", {"changed": ["renewable"]}, False),
        ("key.update", {"changed": ["name"]}, None),
    ],
)
def test_what_gives_something_into_other_hands(
    memory_stand: Stand, action: str, details: dict[str, list[str]], person: bool | None
) -> None:
    at, org, subject = memory_stand.process.installation, memory_stand.organization, "c" * 16
    actor = Actor(memory_stand.admin.id, memory_stand.admin.key_id, "request")
    event = at.journal.event(org, actor, action, subject=subject, **details)
    at.metadata.commit(witness=event)
    found = {one.id: one.person for one in report_on(memory_stand, actor.credential).suspects}
    assert found.get(subject) is person


def event_at(minute: int, actor: Actor, action: str, **details: object) -> Event:
    at = datetime(2026, 1, 31, 8, tzinfo=UTC) + timedelta(minutes=minute)
    return Event("o" * 16, f"{minute}", at, action, actor, details, (), (), (), genuine=True)


def test_what_somebody_did_before_his_account_was_taken_is_his_own() -> None:
    taken = Actor("t" * 16, "password", None)
    suspects = Suspects(Target("ab" * 16, "key", None, is_there=True))
    thief = Actor("a" * 16, "ab" * 16, None)
    suspects.follow([event_at(30, thief, "password.change", subject=taken.user)])
    assert not suspects.acts(event_at(20, taken, "artifact.put"))
    assert suspects.acts(event_at(28, taken, "artifact.put")), "clocks differ"
    assert suspects.acts(event_at(31, taken, "artifact.put"))
    assert suspects.acts(event_at(1, thief, "artifact.put")), "it is what was named"


def test_keys_that_left_a_suspect_are_followed(any_stand: Stand) -> None:
    """What is done with them has the id of who has them now; his own doings are his own."""
    repository = any_stand.repository("releases", overwrite=True)
    every = {repository.id: ["read", "write", "delete"]}
    victim, heir = any_stand.person("developer", every), any_stand.person("developer", every)
    given = any_stand.admins.post(f"/api/users/{victim.id}/hand-over", {"to": heir.id})
    assert given.status == 200, given.text
    put(any_stand.client.as_(bearer(victim.key)), "releases/evil.jar", EVIL)
    put(any_stand.client.as_(bearer(heir.key)), "releases/good.jar", GOOD)
    report = report_on(any_stand, victim.email)
    assert paths(report) == {"evil.jar"}
    assert {left["id"] for left in report.credentials_left} == {victim.id, victim.key_id}
    # The handing over itself may be before the time that is asked for.
    at = any_stand.process.installation
    assert find_target(at.metadata, any_stand.organization, victim.id).keys == (victim.key_id,)
    # Where he is gone and the key as well, history knows of it.
    assert any_stand.admins.delete(f"/api/keys/{victim.key_id}").status == 204
    assert any_stand.admins.delete(f"/api/users/{victim.id}").status == 204
    assert paths(report_on(any_stand, victim.id)) == {"evil.jar"}


def test_what_was_opened_and_who_can_read_it_is_told(any_stand: Stand) -> None:
    public, _, kept = (any_stand.repository(name) for name in ("public", "shared", "kept"))
    thief = any_stand.person("admin", {})
    any_stand.person("reader", {kept.id: ["read"]})
    stolen = any_stand.client.as_(bearer(thief.key))
    changed = stolen.patch(
        "/api/repositories/public", {"public": True, "overwrite": not public.overwrite}
    )
    assert changed.status == 200, changed.text
    at, org = any_stand.process.installation, any_stand.organization
    group = {"subject": "g" * 16, "permissions": {"share*": ["read"]}}
    actor = Actor(thief.id, thief.key_id, "request")
    granted = {"name": "buyers", "permissions": {"share*": ["read"]}}
    at.metadata.commit(
        Put(keys.subscriber_group(org, "g" * 16), granted),
        Put(keys.subscriber_of(org, "g" * 16, "s" * 16), {}),
        witness=at.journal.event(org, actor, "subscriber-group.update", **group),
    )
    rows = {row["repository"]: row for row in report_on(any_stand, thief.key_id).readable}
    assert rows.keys() == {"public", "shared"}
    assert (rows["public"]["changed"], rows["public"]["public"]) == (["overwrite", "public"], True)
    assert rows["shared"]["changed"] == ["grants"]
    assert set(rows["shared"]["readers"]) == {any_stand.admin.id, thief.id, "s" * 16}
