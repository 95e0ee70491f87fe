"""The rule of retention: whole hours go that are sealed and read, and seals stay."""

from datetime import datetime, timedelta

import pytest

from app.audit.duties import RemoveDuty, SealDuty
from app.audit.head import Altered
from app.audit.history import STRIPES
from app.audit.removal import Removal
from app.audit.rule import HistoryRule
from app.installation import Installation
from app.work import Jobs
from app.work.duty import Schedule
from auth.errors import InvalidField
from auth.organizations import Organizations
from auth.principals import operating
from storage import keys
from storage.metadata import Key, Record
from tests.audit.room import ACTOR, ORG, START, Room
from tests.faults.metadata import passes


@pytest.fixture
def room(installation: Installation) -> Room:
    return Room(installation)


def remove(room: Room, days: int | None) -> int:
    return Removal(room.at, least_days=1).run(ORG, days, lambda: None)


def sides(room: Room, moment: datetime) -> list[Record]:
    return [
        one for digit in STRIPES for one in room.at.metadata.query_all(keys.who(ORG, moment, digit))
    ]


def old_history(room: Room) -> list[Key]:
    """Events of two hours, and two days later."""
    written = [room.write(START + timedelta(minutes=10 * n)) for n in range(9)]
    room.wait(days=2)
    return written


def test_nothing_goes_that_is_not_sealed(room: Room) -> None:
    written = old_history(room)
    room.read_feed()
    assert remove(room, 1) == 0
    room.seal()
    assert remove(room, 1) == len(written)
    assert sides(room, START) == []


def test_nothing_goes_that_a_reader_of_the_feed_has_not_passed(room: Room) -> None:
    written = old_history(room)
    room.seal()
    assert remove(room, 1) == 0, "nobody has read anything"
    room.read_feed()
    behind = keys.reader(ORG, "another")
    cursor = room.record(keys.reader(ORG, "feed")).value["cursor"]
    stamp = keys.time(room.now)
    room.put(behind, {"cursor": cursor.replace(stamp, keys.time(START + timedelta(minutes=45)))})
    assert remove(room, 1) == 3, "those of the first hour"
    assert room.at.metadata.get(*written).keys() == set(written[3:])
    assert room.problems() == set()


def test_only_whole_hours_that_are_old_enough_go(room: Room) -> None:
    written = old_history(room)
    room.seal()
    room.read_feed()
    room.wait(minutes=15)  # 10:45 two days later: 10:45 of the first day is old enough
    assert remove(room, 2) == 0
    room.wait(minutes=30)
    assert remove(room, 2) == 3
    assert remove(room, None) == 0
    assert len(room.at.metadata.get(*written)) == 6


def test_that_it_was_removed_is_an_event(room: Room) -> None:
    old_history(room)
    room.seal()
    room.read_feed()
    remove(room, 1)
    records = [
        one
        for digit in STRIPES
        for one in room.at.metadata.query_all(keys.events(ORG, room.now, digit))
    ]
    (told,) = [one.value for one in records if one.value["action"] == "audit.remove"]
    assert told["details"]["audit_days"] == 1
    assert datetime.fromisoformat(told["details"]["until"]) <= room.now - timedelta(days=1)


def test_whoever_is_killed_is_gone_on_with_whatever_the_rule_is_then(room: Room) -> None:
    written = old_history(room)
    room.seal()
    room.read_feed()

    def dies(_: object) -> None:
        raise InterruptedError

    for writes in range(100):
        room.engine.next("transact", passes, times=writes)
        room.engine.next("transact", dies)
        try:
            remove(room, 1 if writes == 1 else None)
        except InterruptedError:
            room.engine.forget()
            assert room.problems() == set()
            continue
        room.engine.forget()
        if not room.at.metadata.get(*written):
            break
    assert room.at.metadata.get(*written) == {}
    assert room.problems() == set()


def test_where_the_head_was_altered_nothing_is_removed(room: Room) -> None:
    written = old_history(room)
    room.seal()
    room.read_feed()
    room.change(keys.seal_head(ORG), to="20261128T1000")
    with pytest.raises(Altered):
        remove(room, 1)
    assert len(room.at.metadata.get(*written)) == len(written)


def test_administrators_set_how_long_events_are_kept(room: Room) -> None:
    rule, organizations = (
        HistoryRule(room.at.recent, room.at.journal),
        Organizations(room.at.recent),
    )
    by = operating(ORG, ACTOR)
    assert organizations.get(ORG).audit_days is None
    for days in (400, 90, None):
        rule.set(by, days)
        assert organizations.get(ORG).audit_days == days
    for days in (0, 89, -1, 36_501):
        with pytest.raises(InvalidField):
            rule.set(by, days)


def test_by_a_rule_of_fewer_days_than_can_be_set_nothing_is_removed(room: Room) -> None:
    written = old_history(room)
    room.seal()
    room.read_feed()
    for days in (-1, 0, 1, 89):
        with pytest.raises(Altered):
            Removal(room.at).run(ORG, days, lambda: None)
    assert len(room.at.metadata.get(*written)) == len(written)


def test_a_rule_that_no_administrator_has_set_is_none(room: Room) -> None:
    rule = HistoryRule(room.at.recent, room.at.journal)
    room.change(keys.organization(ORG), audit_days=90)
    with pytest.raises(Altered):
        rule.days(ORG)
    rule.set(operating(ORG, ACTOR), 90)
    assert rule.days(ORG) == 90, "an administrator who sets the same makes it good"
    signed = room.record(keys.audit_rule(ORG)).value
    for forged in ({**signed, "audit_days": 91}, {"audit_days": 91}):
        room.change(keys.organization(ORG), audit_days=91)
        room.put(keys.audit_rule(ORG), forged)
        with pytest.raises(Altered):
            rule.days(ORG)
    room.put(keys.audit_rule(ORG), signed)
    with pytest.raises(Altered):
        rule.days(ORG)
    room.change(keys.organization(ORG), audit_days=90)
    assert rule.days(ORG) == 90


def test_the_duties_do_it_for_every_organization_by_its_own_rule(room: Room) -> None:
    other = Room(room.at, "org2")
    HistoryRule(room.at.recent, room.at.journal).set(operating(ORG, ACTOR), 90)
    for one in (room, other):
        one.engine.moment = START
        old_history(one)
        one.wait(days=90)
        one.read_feed()
    for duty in (SealDuty(room.at), RemoveDuty(room.at)):
        jobs = Jobs(room.at.metadata, room.at.journal, ())
        schedule = Schedule(room.at.metadata, jobs, (duty,), {})
        assert schedule.run(duty, None, "worker", lambda: False)
    other.at = room.at
    assert (room.problems(), other.problems()) == (set(), set())
    assert (room.verify()[0].removed, other.verify()[0].removed) == (10, 0)
