"""A person goes for good: all of him, whatever breaks off, and whatever is restored."""

import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.collection import Collection
from app.compose import run_folder
from app.privacy import (
    FAMILIES,
    HOLDING_IDS,
    HOLDING_NONE,
    Entry,
    Erasure,
    Export,
    Ledger,
    Reapplying,
    Request,
    Requests,
    Several,
    State,
    erasing_by,
    find_deleted,
    find_person,
    others_with,
)
from app.privacy.evidence import last_incident
from app.privacy.families import SIDE_LINES, SIDE_RECORDS
from app.privacy.ledger import NotOurs
from app.privacy.person import person_of
from app.privacy.proof import Proofs
from app.privacy.reapplying import PrivacyDuty, PrivacyLookDuty
from app.privacy.requests import WITHIN
from app.privacy.sides import sides_about
from auth.errors import LastAdministrator, Missing
from auth.outbox import Outbox
from auth.passwords import CHEAP
from auth.provisioned_users import ProvisionedUser, ProvisionedUsers, WantedUser
from auth.records import time_text
from auth.slow_hashes import SlowHashes
from auth.subscribers import Subscribers
from storage import keys
from storage.blobs import ERASED
from storage.events import SYSTEM, Actor
from storage.events.history import History
from storage.metadata import Delete, Put
from tests.faults.metadata import passes
from tests.http.client import bearer
from tests.http.private import ADDRESS, AGENT, EMAIL, MARKS, NAME, erase, marked_person, traces
from tests.http.signed_in import in_session
from tests.http.stand import Stand

START = datetime(2026, 1, 31, tzinfo=UTC)
LINE = re.compile(r"^    (\S+)\s+/ (.+?)\s+→", re.MULTILINE)


class Killed(BaseException):
    """The process ends here: nothing catches it."""


def test_every_family_in_the_tree_of_keys_is_on_the_page() -> None:
    """And no line is on it twice, or is none."""
    tree = sorted(f"{partition} / {sort}" for partition, sort in LINE.findall(keys.__doc__ or ""))
    assert len(tree) > 60
    listed = [line for family in FAMILIES for line in family.lines]
    listed += [*SIDE_LINES, *HOLDING_IDS, *HOLDING_NONE]
    assert sorted(listed) == tree


def test_nothing_is_left_of_an_erased_person(any_stand: Stand) -> None:
    """No mark in any record, sealed or not, nor in any blob; what he published stays."""
    person = marked_person(any_stand)
    assert traces(any_stand) != []
    request = erase(any_stand, person.id)
    assert traces(any_stand) == []
    at = any_stand.process.installation
    assert (
        Erasure(at).left(person_of(at.metadata, any_stand.organization, person.id), request.since)
        == {}
    )
    assert person.client.get("/api/user").status == 401
    kept = any_stand.admins.get("/repositories/marked/a/one.txt")
    assert (kept.status, kept.body) == (200, b"2")
    with pytest.raises(Missing):
        find_person(at.metadata, any_stand.organization, EMAIL)


def test_every_family_of_a_person_is_counted_in_the_proof(any_stand: Stand) -> None:
    person = marked_person(any_stand)
    report = erase(any_stand, person.id).report
    assert report is not None
    assert report["erased"] == {
        "user": 1,
        "e-mail addresses": 1,
        "profile": 1,
        "external ids": 1,
        "keys": 1,
        "lists of keys": 2,
        "last uses of keys": 1,
        "sessions": 1,
        "lists of sessions": 1,
        "second factor": 1,
        "resets and invitations": 1,
        "latest reset": 1,
        "mails that wait": 1,
        "addresses of sign-ins": 1,
        "groups": 1,
        SIDE_RECORDS: 5,
    }
    assert report["in_time"] is True
    proofs = Proofs(*any_stand.process.installation.secrets)
    assert proofs.holds(report)
    assert not proofs.holds({**report, "erased": {}})
    assert not Proofs(b"another secret key").holds(report)
    assert [mark for mark in MARKS if mark in str(report)] == []


def deleted_by_provider(stand: Stand) -> str:
    """The id of a person who was renamed and then deleted by an identity provider."""
    person, at = marked_person(stand), stand.process.installation
    users, other = provisioned(stand), "marcias.other@erase.example"

    def wanted(found: ProvisionedUser) -> WantedUser:
        attributes = {"nickName": NAME, "emails": [{"value": EMAIL}]}
        return WantedUser("marcias", other, NAME, None, None, None, "marcias-id", attributes)

    users.change(stand.operator, person.id, wanted)
    users.delete(stand.operator, person.id, lambda _: None, erasing_by(at.metadata.now))
    assert person.client.get("/api/user").status == 401
    user, profile = (
        keys.user(stand.organization, person.id),
        keys.profile(stand.organization, person.id),
    )
    assert at.metadata.get(user, profile) == {}
    return person.id


def test_who_is_deleted_by_a_provider_is_gone_with_the_workers_next_run(any_stand: Stand) -> None:
    """The deletion has left what does not fit into its commit; nobody has to ask for more."""
    person, org = deleted_by_provider(any_stand), any_stand.organization
    at = any_stand.process.installation
    assert traces(any_stand) != []
    assert PrivacyDuty.name in any_stand.process.work()
    assert traces(any_stand) == []
    (request,) = Requests(at.metadata, at.journal).of(org, person)
    assert (request.state, request.is_overdue(at.metadata.now())) == (State.DONE, False)
    assert request.report is not None
    assert request.report["erased"][SIDE_RECORDS] >= 5
    assert Proofs(*at.secrets).holds(request.report)
    assert [ledger(any_stand).read(name).person for name in ledger(any_stand).names()] == [person]
    assert Erasure(at).left(person_of(at.metadata, org, person), request.since) == {}


def test_mails_about_who_was_deleted_are_dropped_to_whatever_address_they_go(
    any_stand: Stand,
) -> None:
    """One to the address that he had, and one that tells of the change."""
    deleted_by_provider(any_stand)
    reapplying = Reapplying(any_stand.process.installation)
    (request,) = reapplying.unfinished()
    report = reapplying.go_on(request).report
    assert report is not None
    assert report["erased"]["mails that wait"] == 2
    assert traces(any_stand) == []
    left = any_stand.process.installation.metadata.query(keys.MAIL).records
    assert left == (), "their places in the queue, too"


def test_a_deletion_that_is_refused_asks_for_no_erasure(any_stand: Stand) -> None:
    at, admin = any_stand.process.installation, any_stand.admin.id
    with pytest.raises(LastAdministrator):
        provisioned(any_stand).delete(
            any_stand.operator, admin, lambda _: None, erasing_by(at.metadata.now)
        )
    assert Requests(at.metadata, at.journal).all(any_stand.organization) == []


def provisioned(stand: Stand) -> ProvisionedUsers:
    at = stand.process.installation
    hashes = SlowHashes(run_folder(stand.settings))
    return ProvisionedUsers(at.recent, at.journal, hashes, CHEAP, outbox=Outbox(at.sealer))


def test_history_names_him_by_id_alone_and_is_as_it_was_written(any_stand: Stand) -> None:
    person = marked_person(any_stand)

    def history() -> dict[str, str]:
        return {
            key: text for key, (_, text) in any_stand.dump().records.items() if "#events#" in key
        }

    before = history()
    erase(any_stand, person.id)
    after = history()
    assert {key: after[key] for key in before} == before
    assert any(person.id in text for text in after.values())


def test_others_keep_what_they_have(any_stand: Stand) -> None:
    """Of the same organization, and of another where everything has the same marks."""
    other = any_stand.another_organization("other")
    twin, person = marked_person(other), marked_person(any_stand)
    mine = any_stand.organization + "#"
    admins = any_stand.admins
    admins.put("/repositories/marked/three.txt", b"3", peer="127.9.9.99")
    before = any_stand.dump().records
    erase(any_stand, person.id)
    after = any_stand.dump().records
    gone = [key for key in before if key not in after and not key.startswith("_#")]
    assert [key for key in gone if not key.startswith(mine)] == []
    assert any("127.9.9.99" in text for _, text in after.values())
    assert twin.client.get("/api/user").json["email"] == EMAIL
    assert [place for place in traces(any_stand) if mine in place] == []
    with pytest.raises(Missing):
        find_person(any_stand.process.installation.metadata, any_stand.organization, EMAIL)


def test_killed_at_any_commit_it_goes_on_and_ends_as_if_nothing_had_been(
    memory_stand: Stand,
) -> None:
    """Before each commit, and behind it, one after the other; the counts are the same."""
    wanted = None
    for number, late in itertools.product(range(60), (False, True)):
        memory_stand.admins.delete("/api/repositories/marked")
        person = marked_person(memory_stand)
        memory_stand.engine.next("transact", *[passes] * number, _killed(late))
        try:
            request = erase(memory_stand, person.id)
            killed = False
        except Killed:
            killed = True
        memory_stand.engine.forget()
        request = erase(memory_stand, person.id) if killed else request
        assert traces(memory_stand) == []
        assert request.report is not None
        wanted = wanted or request.report["erased"]
        assert request.report["erased"] == wanted, f"killed at commit {number}, {late}"
        if not killed:
            assert number > 5
            return
    raise AssertionError("an erasure has so many commits?")


def _killed(late: bool):
    def fault(call):
        if late:
            call()
        raise Killed

    return fault


@pytest.mark.parametrize("call", ["create", "commit", "settle"])
def test_killed_at_the_ledger_it_goes_on(memory_stand: Stand, call: str) -> None:
    person = marked_person(memory_stand)
    memory_stand.blobs.fail(call, Killed())
    with pytest.raises(Killed):
        erase(memory_stand, person.id)
    erase(memory_stand, person.id)
    assert traces(memory_stand) == []
    assert len(list(ledger(memory_stand).names())) == 1


def ledger(stand: Stand) -> Ledger:
    at = stand.process.installation
    return Ledger(at.blobs, *at.secrets)


def test_the_last_administrator_is_not_erased_but_for_a_successor(any_stand: Stand) -> None:
    admin = any_stand.admin.id
    before = any_stand.dump()
    with pytest.raises(LastAdministrator):
        erase(any_stand, admin)
    assert {key for key in any_stand.dump().records if "#privacy" not in key} >= set(before.records)
    assert any_stand.dump().blobs == before.blobs, "the ledger names nobody who is there"
    heir = any_stand.person("reader", {})
    gone = any_stand.person("developer", {}, active=False)
    for nobody in (gone.id, admin, "a" * 16):
        with pytest.raises(Missing):
            erase(any_stand, admin, nobody)
    erase(any_stand, admin, heir.id)
    assert any_stand.client.as_(heir.by_key).get("/api/users").status == 200
    gone = any_stand.client.as_(any_stand.admin.by_password)
    assert gone.get("/api/user").status == 401


def test_a_successor_gets_the_keys_without_their_names_and_no_rights(any_stand: Stand) -> None:
    person = marked_person(any_stand)
    repository = any_stand.repository("files")
    heir = any_stand.person("developer", {repository.id: ["delete"]})
    erase(any_stand, person.id, heir.id)
    assert traces(any_stand) == []
    at = any_stand.process.installation
    user = keys.user(any_stand.organization, heir.id)
    key = keys.api_key(any_stand.organization, person.key_id)
    found = at.metadata.get(user, key)
    assert found[user].value["role"] == "developer"
    assert found[user].value["permissions"] == {repository.id: ["delete"]}
    assert (found[key].value["user"], found[key].value["name"]) == (heir.id, "handed over")


def test_the_ledger_holds_ids_alone_and_collection_leaves_it(any_stand: Stand) -> None:
    person = marked_person(any_stand)
    erase(any_stand, person.id)
    at = any_stand.process.installation
    (name,) = ledger(any_stand).names()
    entry = ledger(any_stand).read(name)
    assert (entry.organization, entry.person) == (any_stand.organization, person.id)
    assert person.id not in name
    report = Collection(at, timedelta(seconds=-5)).run()
    assert report.foreign == 0
    assert list(ledger(any_stand).names()) == [name]


def test_an_entry_that_somebody_else_wrote_erases_nobody(any_stand: Stand) -> None:
    """Whoever can write to the bucket could else have an administrator erased."""
    at = any_stand.process.installation
    forger = Ledger(at.blobs, b"a secret of somebody else's")
    entry = Entry(any_stand.organization, any_stand.admin.id, "user", "r" * 16, at.metadata.now())
    forger.add(entry)
    with at.blobs.create(ERASED, None, "0" * 32) as writer:
        writer.window()[:2] = b"{}"
        writer.filled(2)
        writer.commit()
    done = Reapplying(at).run(everyone=True)
    assert (done.again, len(done.foreign), done.entries) == ((), 2, 2)
    with pytest.raises(NotOurs):
        ledger(any_stand).read("0" * 32)
    assert any_stand.admins.get("/api/user").status == 200


def test_an_entry_under_another_name_is_not_taken(any_stand: Stand) -> None:
    """A copy of a true entry is none: its seal is over its name, too."""
    person = marked_person(any_stand)
    erase(any_stand, person.id)
    at = any_stand.process.installation
    (name,) = ledger(any_stand).names()
    data = b"".join(at.blobs.open(f"{ERASED}/{name}"))
    with at.blobs.create(ERASED, len(data), "1" * 32) as writer:
        writer.window()[: len(data)] = data
        writer.filled(len(data))
        writer.commit()
    with pytest.raises(NotOurs):
        ledger(any_stand).read("1" * 32)


def test_records_of_before_bring_nobody_back(any_stand: Stand) -> None:
    """A copy of every record, taken before the erasure, is put over what is there."""
    person = marked_person(any_stand)
    at = any_stand.process.installation
    copy = [one for one in any_stand.records() if not one.key.partition.startswith("_#tokens")]
    erase(any_stand, person.id)
    assert Reapplying(at).begin().again == ()
    now = {record.key for record in any_stand.records()}
    for key in now - {record.key for record in copy}:
        at.metadata.commit(Delete(key))
    for record in copy:
        at.metadata.commit(Put(record.key, record.value, expires=record.expires))
    at.recent.forget(*now)
    assert person.client.get("/api/user").status == 200, "he is back"
    done = Reapplying(at).begin()
    assert (done.again, done.failed) == ((person.id,), ())
    assert person.client.get("/api/user").status == 401, "before anybody is served"
    (request,) = Requests(at.metadata, at.journal).of(any_stand.organization, person.id)
    assert request.state is State.ERASING
    any_stand.process.work()
    assert traces(any_stand) == []
    (request,) = Requests(at.metadata, at.journal).of(any_stand.organization, person.id)
    assert request.state is State.DONE
    assert Reapplying(at).begin().again == ()


def test_who_is_put_back_alone_is_found_at_a_start_and_what_is_left_of_him_later(
    any_stand: Stand,
) -> None:
    person = marked_person(any_stand)
    at = any_stand.process.installation
    user = keys.user(any_stand.organization, person.id)
    record = at.metadata.get(user)[user]
    erase(any_stand, person.id)
    at.metadata.commit(Put(user, record.value))
    assert Reapplying(at).begin().again == (person.id,), "his own record is looked for"
    any_stand.process.work()
    assert traces(any_stand) == []
    address = keys.seen(any_stand.organization, person.id, "f" * 32)
    at.metadata.commit(Put(address, {}))
    assert Reapplying(at).begin().again == (), "that costs more than a start may"
    assert Reapplying(at).run(everyone=True).again == (person.id,)
    assert address not in at.metadata.get(address)


def test_who_is_back_as_the_last_administrator_is_told_of(any_stand: Stand) -> None:
    at = any_stand.process.installation
    ledger(any_stand).add(
        Entry(any_stand.organization, any_stand.admin.id, "user", "r" * 16, at.metadata.now())
    )
    done = Reapplying(at).begin()
    assert done.again == ()
    ((failed, why),) = done.failed
    assert failed == any_stand.admin.id
    assert "last active administrator" in why


def test_what_was_on_its_way_is_erased_later(memory_stand: Stand) -> None:
    """A request that had begun before its user went ends behind the walk."""
    person = marked_person(memory_stand)
    request = erase(memory_stand, person.id)
    at = memory_stand.process.installation
    actor = Actor(person.id, person.key_id, "request", ADDRESS, AGENT)
    at.metadata.commit(witness=at.journal.event(memory_stand.organization, actor, "late"))
    assert traces(memory_stand) != []
    erasure = Erasure(at, lambda: at.metadata.now() + WITHIN / 30)
    assert erasure.settle(request).settled
    assert traces(memory_stand) == []


def test_an_export_tells_all_but_secrets(any_stand: Stand) -> None:
    person = marked_person(any_stand)
    at = any_stand.process.installation
    found = find_person(at.metadata, any_stand.organization, EMAIL.upper())
    document = Export(at).of(found, Erasure(at).beginning(found))
    held = document["held"]
    assert held["user"][0]["email"] == EMAIL
    assert held["user"][0]["password"] == "(not shown)"
    assert held["keys"][0]["hash"] == "(not shown)"
    assert held["keys"][0]["record"] == person.key_id
    assert held["second factor"][0]["secret"] == "(not shown)"
    assert held["mails that wait"][0]["sealed"] == "(not shown)"
    assert [(file["repository"], file["path"]) for file in document["artifacts"]] == [
        ("marked", "two.txt"), ("marked", "a/one.txt"), ("marked", "a/one.txt"),
    ]  # fmt: skip
    mine = [event for event in document["events"] if event["user"] == person.id]
    assert {(event["address"], event["agent"]) for event in mine} == {(ADDRESS, AGENT)}
    text = str(document)
    assert "ab" * 32 not in text, "the hash of a reset's token"
    record = at.metadata.get(keys.user(any_stand.organization, person.id))
    (user,) = record.values()
    assert user.value["password"] not in text


def test_an_export_is_bounded(any_stand: Stand) -> None:
    marked_person(any_stand)
    at = any_stand.process.installation
    person = find_person(at.metadata, any_stand.organization, EMAIL)
    document = Export(at).of(person, Erasure(at).beginning(person), most=1)
    assert (len(document["artifacts"]), document["artifacts_in_all"]) == (1, 3)
    assert len(document["events"]) == 1
    assert document["events_in_all"] > 5


def test_an_export_shows_nothing_of_where_others_were(any_stand: Stand) -> None:
    """An administrator changed this person; his address is his own."""
    person = marked_person(any_stand)
    any_stand.admins.ask("PATCH", f"/api/users/{person.id}", json={"name": "M"}, peer="127.9.9.99")
    at = any_stand.process.installation
    found = find_person(at.metadata, any_stand.organization, EMAIL)
    assert "127.9.9.99" not in str(Export(at).of(found, Erasure(at).beginning(found)))


def test_a_subscriber_is_found_exported_and_erased(any_stand: Stand) -> None:
    at, org = any_stand.process.installation, any_stand.organization
    subscriber = "s" * 16
    value = {
        "id": subscriber, "name": "Marcia Markworth", "contact": EMAIL, "groups": ["g"],
        "created": time_text(at.metadata.now()),
    }  # fmt: skip
    at.metadata.commit(
        Put(keys.subscriber(org, subscriber), value),
        Put(keys.subscriber_group(org, "g"), {"id": "g", "name": "customers"}),
        Put(keys.subscriber_of(org, "g", subscriber), {}),
        Put(keys.api_key(org, "ab" * 16), {"user": subscriber, "owner": "subscriber", "hash": "h"}),
        Put(keys.api_key_of(org, subscriber, "ab" * 16), {"user": subscriber}),
    )
    person = find_person(at.metadata, org, EMAIL)
    assert (person.id, person.kind) == (subscriber, "subscriber")
    since = at.metadata.now()
    assert Export(at).of(person, since)["held"]["subscriber"][0]["contact"] == EMAIL
    requests = Requests(at.metadata, at.journal)
    request = requests.add(org, SYSTEM, person.id, person.kind)
    erasure = Erasure(at)
    done = erasure.finish(erasure.begin(request, SYSTEM), SYSTEM)
    assert done.report is not None
    assert done.report["erased"]["subscriber groups"] == 1
    assert traces(any_stand) == []
    left = [record.key for record in any_stand.records() if subscriber in record.key.sort]
    assert left == []


def break_off(stand: Stand, person: str) -> None:
    """Erase somebody, and die in the middle of it."""
    stand.engine.next("transact", *[passes] * 4, _killed(False))
    with pytest.raises(Killed):
        erase(stand, person)
    stand.engine.forget()


def test_the_duty_goes_on_with_what_was_broken_off(memory_stand: Stand) -> None:
    person = marked_person(memory_stand)
    break_off(memory_stand, person.id)
    assert PrivacyDuty(memory_stand.process.installation).name in memory_stand.process.work()
    assert traces(memory_stand) == []


def test_an_erasure_that_ends_beside_a_look_is_not_done_again(memory_stand: Stand) -> None:
    """One worker has listed what is carried out, and another carries it out."""
    person = marked_person(memory_stand)
    break_off(memory_stand, person.id)
    at = memory_stand.process.installation
    other = Reapplying(at)

    def end() -> None:
        for request in list(other.unfinished()):
            other.go_on(request)

    done = Reapplying(at).run(between=end)
    assert (done.entries, done.again, done.failed) == (1, (), ())
    (request,) = Requests(at.metadata, at.journal).of(memory_stand.organization, person.id)
    assert len(request.reports) == 1


def test_a_person_of_another_organization_is_nobody_here(any_stand: Stand) -> None:
    other = any_stand.another_organization("other")
    person = marked_person(other)
    at = any_stand.process.installation
    with pytest.raises(Missing):
        find_person(at.metadata, any_stand.organization, EMAIL)
    before = other.dump().records
    erase(any_stand, person.id)
    after = other.dump().records
    theirs = f"{other.organization}#"
    for records in (before, after):
        assert any(key.startswith(theirs) for key in records)
    assert {k: v for k, v in before.items() if k.startswith(theirs)} == {
        k: v for k, v in after.items() if k.startswith(theirs)
    }
    assert person.client.get("/api/user").status == 200


def test_a_copy_over_what_is_there_brings_nobody_back(any_stand: Stand) -> None:
    """Nothing is deleted before: the note that he was erased is there still, and so is he."""
    person = marked_person(any_stand)
    at = any_stand.process.installation
    copy = [one for one in any_stand.records() if not one.key.partition.startswith("_#tokens")]
    erase(any_stand, person.id)
    for record in copy:
        at.metadata.commit(Put(record.key, record.value, expires=record.expires))
    at.recent.forget(*(record.key for record in copy))
    assert Reapplying(at).begin().again == (person.id,)
    any_stand.process.work()
    assert traces(any_stand) == []


def test_a_start_before_the_records_are_restored_notes_nothing(any_stand: Stand) -> None:
    person = marked_person(any_stand)
    at = any_stand.process.installation
    copy = [one for one in any_stand.records() if not one.key.partition.startswith("_#tokens")]
    erase(any_stand, person.id)
    for record in any_stand.records():
        at.metadata.commit(Delete(record.key))
    done = Reapplying(at).begin()
    assert (done.entries, done.again, done.failed) == (1, (), ())
    for record in copy:
        at.metadata.commit(Put(record.key, record.value, expires=record.expires))
    at.recent.forget(*(record.key for record in copy))
    assert Reapplying(at).begin().again == (person.id,)


def test_the_daily_look_erases_what_came_back_without_him(memory_stand: Stand) -> None:
    person = marked_person(memory_stand)
    at = memory_stand.process.installation
    erase(memory_stand, person.id)
    memory_stand.process.work()
    at.metadata.commit(Put(keys.email(memory_stand.organization, "e" * 32), {"user": person.id}))
    at.metadata.commit(Delete(keys.duty(PrivacyLookDuty(at).name)))
    assert PrivacyLookDuty(at).name in memory_stand.process.work()
    assert keys.email(memory_stand.organization, "e" * 32) not in {
        record.key for record in memory_stand.records()
    }


def test_erased_again_the_first_proof_is_kept(any_stand: Stand) -> None:
    person = marked_person(any_stand)
    at, user = any_stand.process.installation, keys.user(any_stand.organization, person.id)
    record = at.metadata.get(user)[user]
    first = erase(any_stand, person.id).report
    at.metadata.commit(Put(user, record.value))
    Reapplying(at).run()
    (request,) = Requests(at.metadata, at.journal).of(any_stand.organization, person.id)
    assert request.reports[0] == first
    assert [report["erased"]["user"] for report in request.reports] == [1, 1]
    assert all(map(Proofs(*at.secrets).holds, request.reports))


def test_of_many_proofs_the_first_and_the_last_are_kept() -> None:
    request = Request("o", "r", "p", "user", START, START, report={"number": 0})
    for number in range(1, 50):
        request = replace(request.begun_anew(), report={"number": number})
    assert [report["number"] for report in request.reports] == [0, *range(31, 50)]


def test_who_was_deleted_is_found_by_history_and_erased(any_stand: Stand) -> None:
    """A deletion leaves addresses and agents, and what did not fit into its commit."""
    person = marked_person(any_stand)
    at, org = any_stand.process.installation, any_stand.organization
    assert any_stand.admins.delete(f"/api/users/{person.id}").status == 204
    assert any("#who#" in place for place in traces(any_stand))
    assert any("#portal" in place for place in traces(any_stand))
    found = find_deleted(at, org, person.id)
    assert found is not None
    assert (found.id, found.kind, found.is_there) == (person.id, "user", False)
    assert find_deleted(at, org, "n" * 16) is None
    assert find_deleted(at, any_stand.another_organization("other").organization, found.id) is None
    requests, erasure = Requests(at.metadata, at.journal), Erasure(at)
    request = requests.add(org, SYSTEM, found.id, found.kind)
    erasure.finish(erasure.begin(request, SYSTEM), SYSTEM)
    left = [place for place in traces(any_stand) if not place.startswith("mail ")]
    assert [place for place in left if "#mail" not in place] == [], "mails go within 2 hours"
    assert ledger(any_stand).find(org, person.id) is not None


def test_a_subscriber_who_was_deleted_is_one_and_a_forged_event_makes_nobody(
    any_stand: Stand,
) -> None:
    at, org = any_stand.process.installation, any_stand.organization
    subscribers = Subscribers(at.recent, at.journal)
    made = subscribers.create(any_stand.operator, name="Marcia", contact=EMAIL)
    subscribers.delete(any_stand.operator, made.id)
    found = find_deleted(at, org, made.id)
    assert found is not None
    assert found.kind == "subscriber"
    for record in any_stand.records():
        if "#events#" in record.key.partition and record.value["details"].get("subject") == made.id:
            details = {**record.value["details"], "subject": "n" * 16}
            at.metadata.commit(Put(record.key, {**record.value, "details": details}))
    assert find_deleted(at, org, "n" * 16) is None


def test_an_address_that_several_have_erases_nobody_unnamed(any_stand: Stand) -> None:
    """By a contact alone, never a name that looks like an address."""
    at, org = any_stand.process.installation, any_stand.organization
    subscribers = Subscribers(at.recent, at.journal)
    named = subscribers.create(any_stand.operator, name=EMAIL, contact="ops@erase.example")
    with pytest.raises(Missing):
        find_person(at.metadata, org, EMAIL)
    east = subscribers.create(any_stand.operator, name="east", contact=EMAIL)
    assert find_person(at.metadata, org, EMAIL.upper()).id == east.id
    user = marked_person(any_stand)
    with pytest.raises(Several) as raised:
        find_person(at.metadata, org, EMAIL)
    assert user.id in str(raised.value)
    assert east.id in str(raised.value)
    assert set(others_with(at.metadata, person_of(at.metadata, org, user.id))) == {
        east.id, named.id,
    }  # fmt: skip


def test_the_name_of_a_key_that_was_handed_over_before_goes_too(any_stand: Stand) -> None:
    """And that of its successor, which has the same; the key goes on, as whoever has it likes."""
    person = marked_person(any_stand)
    heir = any_stand.person("developer", {})
    given = any_stand.admins.post(f"/api/users/{person.id}/hand-over", {"to": heir.id})
    assert given.status == 200, given.text
    rotated = any_stand.admins.post(f"/api/keys/{person.key_id}/rotate", {})
    assert rotated.status == 201, rotated.text
    report = erase(any_stand, person.id).report
    assert traces(any_stand) == []
    assert report is not None
    assert report["erased"]["names of keys that others have now"] == 2
    successor = any_stand.client.as_(bearer(rotated.json["secret"]))
    assert successor.get("/api/user").json["id"] == heir.id


def test_the_secret_of_a_second_factor_that_waits_is_not_exported(any_stand: Stand) -> None:
    person = any_stand.person("developer", {})
    client = in_session(any_stand, person)
    assert client.post("/auth/second-factor", {"password": person.password}).status == 200
    at = any_stand.process.installation
    found = find_person(at.metadata, any_stand.organization, person.email)
    (held,) = Export(at).of(found, at.metadata.now())["held"]["second factor"]
    assert held["pending"] == "(not shown)"


def test_what_lies_in_the_place_of_an_entry_is_written_over(any_stand: Stand) -> None:
    """Whoever can write to the bucket could else have somebody come back."""
    person = marked_person(any_stand)
    at, org = any_stand.process.installation, any_stand.organization
    name = ledger(any_stand).name(org, person.id)
    with at.blobs.create(ERASED, None, name) as writer:
        writer.window()[:2] = b"{}"
        writer.filled(2)
        writer.commit()
    assert ledger(any_stand).find(org, person.id) is None
    erase(any_stand, person.id)
    assert ledger(any_stand).read(name).person == person.id


def test_side_records_of_nobody_are_looked_up_a_hundred_at_a_time(memory_stand: Stand) -> None:
    at, org = memory_stand.process.installation, memory_stand.organization
    for number in range(150):
        nobody = Actor(None, None, f"{number}", "127.1.1.1", AGENT)
        details = {"subject": "p" * 16 if number % 10 == 0 else "q" * 16}
        at.metadata.commit(witness=at.journal.event(org, nobody, "asked", **details))
    asked = []
    counting = Counted(at.metadata, asked)
    hours = (at.metadata.now() - timedelta(hours=1), at.metadata.now())
    history = History(counting, at.journal, org)
    found = [key for hour in hours for key in sides_about(history, hour, "p" * 16)]
    assert len(found) == 15
    assert max(asked) <= 100
    assert len(asked) <= 6


class Counted:
    """A store that notes how many records each read asks for."""

    def __init__(self, metadata: Any, asked: list[int]) -> None:
        self._metadata, self._asked = metadata, asked

    def get(self, *wanted: Any) -> Any:
        self._asked.append(len(wanted))
        return self._metadata.get(*wanted)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._metadata, name)


def test_an_incident_of_the_last_30_days_is_evidence(memory_stand: Stand) -> None:
    at, org = memory_stand.process.installation, memory_stand.organization
    person = marked_person(memory_stand)
    found = person_of(at.metadata, org, person.id).looked_up(at.metadata, at.sealer)
    other = find_person(at.metadata, org, memory_stand.admin.email)
    assert last_incident(at, found) is None
    event = at.journal.event(org, SYSTEM, "incident.report", subject=person.key_id, owner=None)
    at.metadata.commit(witness=event)
    assert last_incident(at, found) is not None
    assert last_incident(at, other) is None


def test_a_person_is_found_by_the_user_name_too_and_an_id_is_always_an_id(
    memory_stand: Stand,
) -> None:
    at, org = memory_stand.process.installation, memory_stand.organization
    users, by = provisioned(memory_stand), memory_stand.operator
    attributes: dict[str, Any] = {}
    named = WantedUser("b jensen", None, "B", None, None, None, None, attributes)
    person = users.create(by, named).user
    assert find_person(at.metadata, org, "B Jensen").id == person.id
    # Whoever is called as another's id is found by his own.
    like_an_id = WantedUser(person.id, None, "C", None, None, None, None, attributes)
    other = users.create(by, like_an_id).user
    assert find_person(at.metadata, org, person.id).id == person.id
    assert find_person(at.metadata, org, other.id).id == other.id
    with pytest.raises(Missing):
        find_person(at.metadata, org, "nobody")
    erase(memory_stand, person.id)
    with pytest.raises(Missing):
        find_person(at.metadata, org, "b jensen")


def test_what_may_be_evidence_waits_until_the_incident_is_over(any_stand: Stand) -> None:
    """Who holds a provider's token must not be able to erase what he did."""
    at, org = any_stand.process.installation, any_stand.organization
    person = deleted_by_provider(any_stand)
    event = at.journal.event(org, SYSTEM, "incident.report", subject=person)
    at.metadata.commit(witness=event)
    reapplying = Reapplying(at)
    for _ in range(2):
        (request,) = reapplying.unfinished()
        assert reapplying.go_on(request) == request
    assert traces(any_stand) != []
    # By hand it goes on at once.
    erasure = Erasure(at)
    erasure.finish(erasure.begin(request, SYSTEM), SYSTEM)
    assert traces(any_stand) == []
