"""Verification names exactly what was tampered with: events, seals, copies, marks."""

import itertools
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.audit import Anchor, AnchorPassed, ChainTaken, Problem, Report, Verification
from app.audit.head import Removed
from app.audit.removal import Removal
from app.installation import Installation
from storage import keys
from storage.blobs import Blobs
from storage.blobs.memory import MemoryBlobs
from storage.events import Journal
from storage.events.seals import Notary, Seal, minute_text, root_of
from storage.metadata import Key
from tests.audit.room import ORG, START, Room

NUMBERS = itertools.count(100)


@pytest.fixture
def room(installation: Installation) -> Room:
    return Room(installation)


@pytest.fixture
def sealed(any_installation: Installation) -> tuple[Room, list[Key]]:
    """A history of an hour that is sealed and copied; and what is not yet."""
    room = Room(any_installation)
    written = [room.write(START + timedelta(minutes=2 * n, seconds=n)) for n in range(30)]
    room.wait(hours=3)
    room.seal()
    written.append(room.write())
    assert room.problems() == set()
    return room, written


def names(kind: str, *about: object) -> set[tuple[str, object]]:
    return {(kind, one) for one in about}


def test_a_history_as_it_was_written_is_ok(sealed: tuple[Room, list[Key]]) -> None:
    room, written = sealed
    report, problems = room.verify()
    assert problems == []
    assert (report.events, report.unsealed, report.seals) == (len(written), 1, 31)
    assert report.sealed_until == room.now - timedelta(minutes=3)


def test_an_event_that_was_changed_is_named(sealed: tuple[Room, list[Key]]) -> None:
    room, written = sealed
    room.change(written[3], user="somebody else")
    assert room.problems() == names("event-changed", written[3])


def test_an_event_that_was_changed_back_is_what_it_was(sealed: tuple[Room, list[Key]]) -> None:
    room, written = sealed
    room.change(written[3], user="somebody else")
    room.change(written[3], user="user1")
    assert room.problems() == set()


def test_an_event_that_was_removed_is_named(sealed: tuple[Room, list[Key]]) -> None:
    room, written = sealed
    room.delete(written[4], written[5])
    assert room.problems() == names("event-removed", written[4], written[5])


def test_an_event_that_was_inserted_is_named(sealed: tuple[Room, list[Key]]) -> None:
    """By whoever has the secret key, too: in a minute with events, and in an idle one."""
    room, _ = sealed
    busy = room.write(START + timedelta(minutes=4, seconds=30))
    idle = room.write(START + timedelta(minutes=5))
    before = room.write(START - timedelta(minutes=2))
    behind = room.write(START + timedelta(minutes=90))
    assert room.problems() == names("event-inserted", busy, idle, before, behind)


def test_an_event_that_was_moved_is_gone_there_and_new_here(
    sealed: tuple[Room, list[Key]],
) -> None:
    room, written = sealed
    moved = Key(written[1].partition, written[1].sort.replace("T1032", "T1033"))
    room.put(moved, room.record(written[1]).value)
    room.delete(written[1])
    expected = names("event-removed", written[1]) | names("event-inserted", moved)
    assert room.problems() == expected


def test_an_event_that_is_not_sealed_yet_is_known_by_its_mac(
    sealed: tuple[Room, list[Key]],
) -> None:
    room, written = sealed
    room.change(written[-1], user="somebody else")
    assert room.problems() == names("event-forged", written[-1])


def test_an_event_that_was_forged_before_it_was_sealed_stays_one(room: Room) -> None:
    forged = room.write()
    room.change(forged, user="somebody else")
    room.wait(minutes=20)
    room.seal()
    assert room.problems() == names("event-forged", forged)


@pytest.mark.parametrize("sort", ["0", "20261123T10", "20261123T1061", "20261123T1132#x", "zzz"])
def test_a_key_that_is_no_moment_is_named_and_keeps_nothing_from_being_sealed(
    room: Room, sort: str
) -> None:
    written = room.write()
    strange = Key(written.partition, sort)
    room.put(strange, {})
    room.wait(minutes=20)
    room.seal()
    assert room.problems() == names("event-forged", strange)
    room.delete(written)
    assert room.problems() == names("event-forged", strange) | names("event-removed", written)


def test_a_seal_that_was_changed_is_named_and_its_events_are_told_by_the_copy(
    sealed: tuple[Room, list[Key]],
) -> None:
    room, written = sealed
    seal = room.seals()[2]
    room.change(seal.key, count=0, root=root_of(()), leaves=[])
    room.delete(written[2])
    assert room.problems() == names("seal-altered", 3) | names("event-removed", written[2])


def test_a_seal_whose_leaves_were_changed_is_named(sealed: tuple[Room, list[Key]]) -> None:
    room, _ = sealed
    room.change(room.seals()[2].key, leaves=[])
    assert room.problems() == names("seal-altered", 3)


def test_a_seal_that_is_gone_is_named_and_told_by_the_copy(
    sealed: tuple[Room, list[Key]],
) -> None:
    room, written = sealed
    room.delete(room.seals()[4].key, written[4])
    assert room.problems() == names("seal-missing", 5) | names("event-removed", written[4])


def test_what_is_no_seal_is_named(sealed: tuple[Room, list[Key]]) -> None:
    room, _ = sealed
    extra, other = keys.seal(ORG, "20261123T1033"), keys.seal(ORG, "20261123T1035")
    room.put(extra, {"number": "x"})
    room.put(other, room.seals()[1].value)  # a seal, in another's place
    assert room.problems() == names("seal-altered", extra) | names("seal-surplus", other)


def test_an_end_that_was_cut_off_is_told_by_the_copies(sealed: tuple[Room, list[Key]]) -> None:
    """With events, seals and head as they were earlier."""
    room, _ = sealed
    old = room.record(keys.seal_head(ORG)).value
    late = room.write(room.now)
    room.wait(minutes=20)
    room.seal()
    last = room.seals()[-1]
    room.delete(late, last.key)
    room.put(keys.seal_head(ORG), old)
    assert names("event-removed", late) <= room.problems()
    room.seal()  # which goes on from there
    assert ("copy-differs", last.value["number"]) in room.problems()


def test_a_chain_that_was_made_anew_with_the_secret_key_differs_from_its_copies(
    sealed: tuple[Room, list[Key]],
) -> None:
    room, written = sealed
    room.delete(written[7], keys.seal_head(ORG), *(seal.key for seal in room.seals()))
    room.seal(replace(room.at, blobs=_elsewhere(room.at)))
    found = room.problems()
    assert ("event-removed", written[7]) in found
    assert ("copy-differs", 8) in found
    assert {kind for kind, _ in found} <= {"event-removed", "copy-differs", "seal-missing",
                                           "seal-unlinked", "seal-surplus"}  # fmt: skip


def _elsewhere(at: Installation) -> Blobs:
    return MemoryBlobs()


def test_a_head_that_was_put_back_or_changed_is_named(sealed: tuple[Room, list[Key]]) -> None:
    room, _ = sealed
    key = keys.seal_head(ORG)
    old = room.record(key).value
    room.write()
    room.wait(minutes=20)
    room.seal()
    fresh = room.record(key).value
    room.put(key, old)
    assert room.problems() == names("head-altered", key)
    room.put(key, {**fresh, "number": 3})
    assert room.problems() == names("head-altered", key)
    room.put(key, fresh)
    assert room.problems() == set()


def test_the_head_of_another_organization_is_none(sealed: tuple[Room, list[Key]]) -> None:
    room, _ = sealed
    other = Room(room.at, "org2")
    other.write()
    other.wait(minutes=20)
    other.seal()
    room.put(keys.seal_head(ORG), other.record(keys.seal_head("org2")).value)
    assert room.problems() == names("head-altered", keys.seal_head(ORG))
    assert other.problems() == set()


def test_a_copy_that_is_gone_or_changed_is_named(sealed: tuple[Room, list[Key]]) -> None:
    room, written = sealed
    (copy,) = room.copies()
    room.at.blobs.delete([copy])
    missing = {("copy-missing", number) for number in range(1, 32)}
    assert room.problems() == missing
    room.delete(written[0])
    assert room.problems() == missing | names("event-removed", written[0])


@pytest.mark.parametrize(
    "bend",
    [
        lambda text: text[:-1],
        lambda text: text.replace('"count": 1', '"count": 2', 1),
        lambda text: "{}\n",
        lambda text: "",
        lambda text: text.replace("org1", "org2"),
        lambda text: "\ud8ff".encode(errors="replace").decode() + text,
    ],
)
def test_a_copy_that_was_bent_is_named(room: Room, bend: Callable[[str], str]) -> None:
    for _ in range(3):
        room.write()
        room.wait(minutes=1)
    room.wait(minutes=20)
    room.seal()
    (copy,) = room.copies()
    text = b"".join(room.at.blobs.open(copy)).decode()
    bent = bend(text).encode() or b"\n"
    room.at.blobs._blobs[copy] = (bent, room.at.blobs._blobs[copy][1])  # type: ignore[attr-defined]
    found = room.problems()
    assert ("copy-damaged", copy) in found
    assert {kind for kind, _ in found} <= {"copy-damaged", "copy-missing"}


def test_seals_of_before_the_secret_key_was_changed_are_taken(
    sealed: tuple[Room, list[Key]],
) -> None:
    room, written = sealed
    secrets = (b"a new secret key of 32 characters", *room.at.secrets)
    room.at = replace(room.at, secrets=secrets, journal=Journal(*secrets))
    room.write()
    room.wait(minutes=20)
    room.seal()
    assert room.problems() == set()
    room.change(written[0], user="x")
    assert room.problems() == names("event-changed", written[0])
    assert not Notary(secrets[0]).sealed(ORG, Seal.read(room.seals()[0].value))


def test_only_what_was_sealed_since_then_is_looked_at(sealed: tuple[Room, list[Key]]) -> None:
    room, written = sealed
    room.delete(written[1], written[20], room.seals()[20].key)
    whole = room.problems()
    assert whole == names("event-removed", written[1], written[20]) | names("seal-missing", 21)
    found = room.problems(START + timedelta(minutes=30, seconds=17))
    assert found == whole - names("event-removed", written[1])
    assert room.problems(START + timedelta(minutes=50)) == set()


def test_organizations_know_nothing_of_each_other(room: Room) -> None:
    other = Room(room.at, "org2")
    for one in (room, other):
        one.write()
        one.wait(minutes=20)
        one.seal()
    room.delete(*[seal.key for seal in room.seals()])
    assert other.problems() == set()
    assert room.problems() != set()


# Histories and tampering at random, against what was done.

Tampering = Callable[[Room, Key, random.Random], set[tuple[str, object]]]


def _change(room: Room, key: Key, _: random.Random) -> set[tuple[str, object]]:
    room.change(key, details={"changed": True})
    return names("event-changed", key)


def _remove(room: Room, key: Key, _: random.Random) -> set[tuple[str, object]]:
    room.delete(key)
    return names("event-removed", key)


def _insert(room: Room, key: Key, by: random.Random) -> set[tuple[str, object]]:
    moment = START + timedelta(microseconds=by.randrange(3 * 3_600 * 10**6))
    return names("event-inserted", room.write(moment))


def _seal(room: Room, key: Key, by: random.Random) -> set[tuple[str, object]]:
    """Each of the fields of a seal that its MAC covers."""
    seal = by.choice(room.seals())
    value = json.loads(json.dumps(seal.value))
    field = by.choice(["root", "previous", "count"])
    value[field] = value[field] + 1 if field == "count" else "0" * 64
    room.put(seal.key, value)
    return names("seal-altered", seal.value["number"])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32), kinds=st.lists(st.sampled_from("crii"), max_size=6))
def test_whatever_is_done_to_whatever_history_is_named_and_nothing_else(
    installation: Installation, seed: int, kinds: list[str]
) -> None:
    by = random.Random(seed)
    room = Room(installation, f"org{next(NUMBERS)}")
    written = []
    for _ in range(by.randrange(1, 40)):
        moment = START + timedelta(microseconds=by.randrange(3 * 3_600 * 10**6))
        written.append(room.write(moment))
    while room.now < START + timedelta(hours=4):
        room.wait(minutes=by.randrange(1, 90))
    room.wait(hours=1)
    room.seal()
    assert room.problems() == set()
    done: dict[str, Tampering] = {"c": _change, "r": _remove, "i": _insert}
    expected: set[tuple[str, object]] = set()
    victims = by.sample(written, min(len(kinds), len(written)))
    for kind, victim in zip(kinds, victims, strict=False):
        expected |= done[kind](room, victim, by)
    if kinds and by.random() < 0.5:
        expected |= _seal(room, written[0], by)
    assert room.problems() == expected


# What the rule removed


def test_what_the_rule_removed_is_not_missing_and_its_seals_stay(
    sealed: tuple[Room, list[Key]],
) -> None:
    room, written = sealed
    room.wait(days=5)
    room.seal()
    kept = room.write()
    room.read_feed()
    seals = len(room.seals())
    removal = Removal(room.at, least_days=1)
    assert removal.run(ORG, 3, lambda: None) == len(written)
    assert room.at.metadata.get(*written, kept).keys() == {kept}
    assert len(room.seals()) == seals
    report, problems = room.verify()
    assert problems == []
    assert report.removed == len(written)
    assert removal.run(ORG, 3, lambda: None) == 0


def test_the_mark_of_what_was_removed_can_not_be_written_by_others(
    sealed: tuple[Room, list[Key]],
) -> None:
    room, written = sealed
    until = (START + timedelta(hours=5)).isoformat()
    mark = keys.removed_events(ORG)
    room.put(mark, {"until": until, "done": until, "mac": "0" * 64})
    room.delete(*written[:2])
    assert room.problems() == names("mark-altered", mark) | names("event-removed", *written[:2])


def test_a_mark_that_is_gone_or_was_put_back_is_named(sealed: tuple[Room, list[Key]]) -> None:
    room, written = sealed
    mark = keys.removed_events(ORG)
    marks = []
    for _ in range(2):
        room.wait(days=5)
        written.append(room.write())
        room.wait(minutes=20)
        room.seal()
        room.read_feed()
        Removal(room.at, least_days=1).run(ORG, 3, lambda: None)
        marks.append(room.record(mark).value)
    assert room.problems() == set()
    room.put(mark, marks[0])
    assert ("mark-missing", mark) in room.problems()
    room.delete(mark)
    assert ("mark-missing", mark) in room.problems()


def test_what_is_removed_while_it_is_verified_is_not_missing(
    sealed: tuple[Room, list[Key]],
) -> None:
    room, written = sealed
    room.wait(days=2)
    room.seal()
    room.read_feed()
    removed = []

    def progress(report: Report) -> None:
        if report.seals == 3 and not removed:
            removed.append(Removal(room.at, least_days=1).run(ORG, 1, lambda: None))

    found: list[Problem] = []
    report = Verification(room.at, ORG, found.append, progress).run()
    assert (found, removed) == ([], [len(written)])
    assert report.removed > 0


def test_what_is_sealed_and_copied_while_it_is_verified_is_in_its_copies(
    sealed: tuple[Room, list[Key]],
) -> None:
    room, _ = sealed
    for _ in range(3):
        room.write()
        room.wait(minutes=2)
    room.wait(minutes=2)
    room.seal()  # which copies nothing yet
    went_on = []

    def progress(_: Report) -> None:
        if not went_on:
            room.wait(minutes=20)
            went_on.append(room.seal().copied)

    found: list[Problem] = []
    Verification(room.at, ORG, found.append, progress).run()
    assert found == []
    assert went_on[0] > 0


# Where history begins, and where it ends


def test_an_organization_made_later_than_its_first_seal_hides_nothing(
    sealed: tuple[Room, list[Key]],
) -> None:
    """The record that says when it was made is signed by nobody."""
    room, written = sealed
    made = keys.organization(ORG)
    room.change(made, created=room.now.isoformat())
    assert room.problems() == names("organization-altered", made)
    room.delete(*written[:30])
    expected = names("organization-altered", made) | names("event-removed", *written[:30])
    assert room.problems() == expected
    room.delete(*(seal.key for seal in room.seals()[:5]))  # the copies know of them
    assert names("event-removed", *written[:30]) <= room.problems()
    room.read_feed()
    assert Removal(room.at, least_days=1).run(ORG, None, lambda: None) == 0
    assert names("event-removed", *written[:30]) <= room.problems()


@pytest.mark.parametrize("later", [False, True])
def test_an_end_that_was_cut_off_is_told_by_who_looks_at_the_end_alone(
    sealed: tuple[Room, list[Key]], later: bool
) -> None:
    room, written = sealed
    since = START + timedelta(minutes=20)
    cut = [seal for seal in room.seals() if seal.value["to"] > minute_text(since)]
    gone = [key for key in written if key.sort > keys.time(since)]
    room.delete(*gone, *(seal.key for seal in cut))
    if later:  # and the chain was gone on with
        room.wait(hours=2)
        room.write()
        room.wait(minutes=20)
        room.seal()
    found = room.problems(since)
    assert {("seal-missing", seal.value["number"]) for seal in cut} <= found
    assert names("event-removed", *gone[:-1]) <= found
    if not later:
        assert {("seal-missing", seal.value["number"]) for seal in cut} <= room.problems(room.now)


def test_of_what_is_cut_off_from_before_then_on_the_copies_tell(
    sealed: tuple[Room, list[Key]],
) -> None:
    """No seal from before is there in the table, and the head is not either."""
    room, _ = sealed
    count = len(room.seals())
    room.delete(keys.seal_head(ORG), *(seal.key for seal in room.seals()))
    missing = {("seal-missing", number) for number in range(12, count + 1)}
    head = names("head-missing", keys.seal_head(ORG))
    found = room.problems(START + timedelta(minutes=21))
    assert missing | head <= found
    assert {kind for kind, _ in found} == {"seal-missing", "head-missing"}


def test_a_head_that_is_gone_is_named(sealed: tuple[Room, list[Key]]) -> None:
    room, written = sealed
    head = names("head-missing", keys.seal_head(ORG))
    room.delete(keys.seal_head(ORG))
    assert room.problems() == head
    room.delete(*written, *(seal.key for seal in room.seals()))
    room.at.blobs.delete(room.copies())
    assert room.problems() == head, "an organization that is hours old was sealed"


def test_sealing_that_has_stopped_is_named(room: Room) -> None:
    room.write()
    room.wait(minutes=20)
    assert room.problems() == set(), "it is new"
    room.seal()
    room.wait(minutes=95)
    assert room.problems() == set(), "idle time is sealed by the hour"
    room.wait(minutes=10)
    assert {kind for kind, _ in room.problems()} == {"sealing-late"}
    assert {one.kind for one in room.verify(room.now)[1]} == {"sealing-late"}


def test_an_anchor_tells_what_both_stores_have_lost(sealed: tuple[Room, list[Key]]) -> None:
    room, written = sealed
    anchor = room.verify()[0].last
    assert anchor is not None
    assert Anchor.parse(str(anchor)) == anchor
    assert room.verify(expected=anchor)[1] == []
    assert room.verify(START + timedelta(hours=1), expected=anchor)[1] == []
    room.write()
    room.wait(minutes=20)
    room.seal()
    assert room.verify(expected=anchor)[1] == []
    with pytest.raises(AnchorPassed):
        room.verify(room.now, expected=Anchor(3, anchor.hash))
    assert [one.seal for one in room.verify(expected=Anchor(3, anchor.hash))[1]] == [3]
    room.delete(*written, keys.seal_head(ORG), *(seal.key for seal in room.seals()))
    room.at.blobs.delete(room.copies())
    room.seal()
    (problem,) = room.verify(expected=anchor)[1]
    assert (problem.kind, problem.seal) == ("anchor-missing", anchor.number)


@pytest.mark.parametrize("text", ["", "1", "1:", ":a", f"0:{'a' * 64}", f"1:{'A' * 64}", "x:y"])
def test_what_is_no_anchor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="anchor"):
        Anchor.parse(text)


def test_a_copy_of_a_seal_that_another_worker_made_otherwise_is_none(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a minute of many events: copied by one who was too late then."""
    monkeypatch.setattr("app.audit.copies.Copies.most_leaves", 2)
    room.write()
    room.wait(minutes=10)
    room.seal()
    room.wait(hours=2)
    gone = [room.write(room.now + timedelta(seconds=second)) for second in range(4)][1]
    second = room.chain()
    room.wait(minutes=6)
    first = room.chain()
    write = first._copies.write

    def overtaken(seals: Sequence[Seal]) -> str:
        key = write(seals)
        # By a clock of a little earlier: an idle hour is sealed, and the minute is not closed.
        second._seal((room.now - timedelta(minutes=6)).replace(second=0), lambda: None)
        return key

    monkeypatch.setattr(first._copies, "write", overtaken)
    with pytest.raises(ChainTaken):
        first.go_on(lambda: None)
    assert room.problems() == set()
    room.wait(minutes=30)
    room.seal()
    assert room.problems() == set()
    room.delete(gone)
    assert room.problems() == names("event-removed", gone)


def test_a_key_that_a_newer_one_has_followed_signs_nothing_any_more(
    sealed: tuple[Room, list[Key]],
) -> None:
    """Old keys stay set, to have old events read; who got hold of one forges nothing with it."""
    room, written = sealed
    (old,), new = room.at.secrets, b"a new secret key of 32 characters"
    after = replace(room.at, secrets=(new, old), journal=Journal(new, old))
    before, room.at = room.at, after
    room.write()
    room.wait(minutes=20)
    room.seal()
    room.at = before
    late = room.write()  # by a process that was not restarted yet
    room.at = after
    assert room.problems() == set()
    room.wait(hours=1)
    room.at = before
    forged = room.write()
    room.at = after
    assert room.problems() == names("key-outdated", forged)
    room.wait(minutes=20)
    room.seal()
    assert room.problems() == names("key-outdated", forged)
    assert room.problems(START + timedelta(hours=4)) == names("key-outdated", forged)
    last = room.seals()[-1]
    resealed = Notary(old).seal(ORG, Seal.read(last.value))
    room.put(last.key, resealed.value())
    assert names("seal-altered", resealed.number) <= room.problems()
    until = START + timedelta(hours=2)
    mark = Removed(until, until).value(Notary(old), ORG)
    room.put(keys.removed_events(ORG), mark)
    room.delete(*written[:30], late)
    assert names("mark-altered", keys.removed_events(ORG)) <= room.problems()
