"""Deliveries: each mail once as a rule, again after what passes, and never after two hours."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from app.mail.decoys import Decoys
from app.mail.errors import Postponed, Refused
from app.mail.origins import Origins
from auth.organizations import name_value
from auth.outbox import Letter
from auth.sealing import Sealer
from storage import keys
from storage.metadata import Delete, Put, Record
from tests.auth.installation import Clock
from tests.faults.metadata import half_seen
from tests.mail.posting import ADDRESS, ASKED, BASE, ORG, TOKEN, Post, letter

BUSY = Postponed("busy", "later", for_all=False)


def test_a_mail_is_sent_and_forgotten(post: Post) -> None:
    post.wait()
    assert post.deliver() == 1
    (sent,) = post.mailbox.mails
    assert str(sent.to) == ADDRESS
    assert f"{BASE}/auth/reset/{TOKEN}" in sent.text
    assert (post.places(), post.waiting()) == ((), [])
    assert post.events() == [("mail.sent", None)]
    assert post.counts.told == ["sent"]
    assert post.deliver() == 0


def test_a_mail_whose_place_is_seen_before_it_is_not_lost(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.wait()
    half_seen(monkeypatch, post.metadata, f"{ORG}#mail")
    assert post.deliver() == 1
    assert (post.mailbox.mails, post.events(), len(post.waiting())) == ([], [], 1)
    assert post.deliver() == 1
    assert len(post.mailbox.mails) == 1


def test_a_mail_to_nobody_is_dropped_and_nobody_told(post: Post) -> None:
    post.wait(letter(to=None))
    assert post.deliver() == 1
    assert post.mailbox.mails == []
    assert (post.places(), post.waiting(), post.events()) == ((), [], [])


@pytest.mark.parametrize("batch", [True, False])
def test_neither_a_metric_nor_a_log_tells_a_mail_to_nobody_from_another(
    post: Post, caplog: pytest.LogCaptureFixture, batch: bool
) -> None:
    lines = []
    for to in (ADDRESS, None):
        post.wait(letter(to=to))
        (mail,) = post.waiting()
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "strongroom.worker"):
            if batch:
                post.decoys().drop()
            post.deliver()
        lines.append([(r.levelname, r.msg.replace(mail.id, "ID")) for r in caplog.records])
        assert mail.id in caplog.text
    assert lines[0] == lines[1] != []
    assert post.counts.told == ["sent", "sent"]


def test_a_flood_of_mails_to_nobody_is_dropped_by_the_batch_before_the_real_ones(
    moved: Post, clock: Clock
) -> None:
    for _ in range(120):
        moved.wait(letter(to=None, asked=ASKED))
        clock.pass_by(seconds=0.001)
    moved.wait(letter(asked=ASKED))
    moved.wait(letter(to=None), organization="another")
    waits: list[None] = []
    moved.decoys().drop(lambda: waits.append(None))
    assert len(moved.places()) == len(moved.waiting()) == 1
    assert (moved.waiting("another"), len(waits)) == ([], 2)
    assert moved.counts.told == ["sent"] * 121
    assert moved.history("events") == moved.history("who") == [], "whoever likes can't fill it"
    assert moved.deliver() == 1
    assert len(moved.mailbox.mails) == 1


def test_what_is_not_due_or_not_whole_or_another_workers_is_no_decoy_to_drop(
    moved: Post, clock: Clock
) -> None:
    moved.metadata.commit(Put(keys.waiting_mail(moved.metadata.now(), "x"), {}, absent=True))
    moved.wait()
    (broken,) = moved.waiting()
    value = {**broken.record.value, "sealed": "nothing of ours"}
    moved.metadata.commit(Put(broken.record.key, value))
    clock.pass_by(minutes=5)
    moved.wait(Letter("password", None, {"name": ""}))
    clock.pass_by(minutes=-3)
    moved.decoys().drop()
    assert len(moved.places()) == 3
    clock.pass_by(minutes=3)

    class Slow(Decoys):
        def _is_decoy(self, record: Record) -> bool:
            value, at = {**record.value, "attempts": 7}, record.version
            moved.metadata.commit(Put(record.key, value, at=at, expires=record.expires))
            return super()._is_decoy(record)

    Slow(moved.metadata, moved.outbox, moved.counts).drop()
    assert (len(moved.places()), moved.counts.told) == (3, [])
    moved.decoys().drop()
    assert (len(moved.places()), moved.counts.told) == (2, ["sent"])


def test_history_tells_who_asked_for_a_mail_once_it_is_tried(moved: Post, clock: Clock) -> None:
    """Once, however often it is tried, and of those alone that somebody gets."""
    moved.wait(letter(asked=ASKED))
    moved.wait(letter(to=None, asked=replace(ASKED, about="b" * 16)))
    moved.mailbox.failing = [BUSY]
    for _ in range(3):
        moved.deliver()
        clock.pass_by(minutes=3)
    (told,) = [
        record.value
        for record in moved.history("events")
        if record.value["action"] == "password.reset-requested"
    ]
    assert (told["user"], told["credential"], told["request"]) == (None, "reset", "request1")
    assert told["details"]["subject"] == ASKED.about
    sides = [record.value for record in moved.history("who")]
    assert sides == [{"user": None, "address": "192.0.2.1", "agent": "an agent"}]
    assert len(moved.mailbox.mails) == 1


def test_what_passes_is_tried_again_later_and_not_before(moved: Post, clock: Clock) -> None:
    post = moved
    post.wait()
    post.mailbox.failing = [BUSY]
    assert post.deliver() == 1
    assert post.deliver() == 0
    clock.pass_by(minutes=1, seconds=59)
    assert post.deliver() == 0
    clock.pass_by(seconds=1)
    assert post.deliver() == 1
    assert len(post.mailbox.mails) == 1
    assert post.events() == [("mail.sent", None)]
    assert post.counts.told == ["postponed", "sent"]


def test_the_pauses_grow_and_two_hours_end_them(moved: Post, clock: Clock) -> None:
    post = moved
    post.wait()
    began, tried = clock(), []
    post.mailbox.failing = [BUSY] * 100
    while post.places():
        if post.deliver():
            tried.append((clock() - began) // timedelta(minutes=1))
        clock.pass_by(minutes=1)
    assert tried == [0, 2, 6, 14, 30, 46, 62, 78, 94, 110, 120]
    assert (post.mailbox.mails, post.waiting()) == ([], [])
    assert post.events() == [("mail.dropped", "expired")]


def test_a_mail_that_no_worker_saw_in_time_is_dropped(moved: Post, clock: Clock) -> None:
    moved.wait()
    clock.pass_by(hours=5)
    assert moved.deliver() == 1
    assert (moved.mailbox.mails, moved.places()) == ([], ())
    assert moved.events() == [("mail.dropped", "expired")]


def test_a_refusal_drops_a_mail_at_once_with_its_reason(post: Post) -> None:
    post.wait()
    post.mailbox.failing = [Refused("recipient", "no")]
    post.deliver()
    assert (post.places(), post.waiting()) == ((), [])
    assert post.events() == [("mail.dropped", "recipient")]
    assert post.counts.told == ["dropped"]


def test_a_worker_that_came_second_sends_nothing(post: Post) -> None:
    post.wait()
    one, two = post.deliveries(), post.deliveries()
    (place,) = one.due()
    one.deliver(place)
    two.deliver(place)
    assert len(post.mailbox.mails) == 1
    assert post.events() == [("mail.sent", None)]


def test_two_workers_that_read_the_same_do_not_both_send(post: Post) -> None:
    """The second one finds the place taken while the first is at it."""
    post.wait()
    other = post.deliveries()
    (place,) = other.due()
    post.mailbox.meanwhile = lambda: other.deliver(place)
    post.deliver()
    assert len(post.mailbox.mails) == 1


def test_a_worker_that_was_killed_is_followed_by_another(moved: Post, clock: Clock) -> None:
    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    post = moved
    post.wait()
    post.mailbox.meanwhile = die
    with pytest.raises(Killed):
        post.deliver()
    post.mailbox.meanwhile = lambda: None
    assert post.deliver() == 0
    clock.pass_by(minutes=2)
    assert post.deliver() == 1
    assert len(post.mailbox.mails) == 1


def test_a_worker_that_took_too_long_leaves_the_mail_to_the_other(
    moved: Post, clock: Clock
) -> None:
    post = moved
    post.wait()

    def dawdle() -> None:
        post.mailbox.meanwhile = lambda: None
        clock.pass_by(minutes=3)
        post.mailbox.failing = [BUSY]
        post.deliver()

    post.mailbox.meanwhile = dawdle
    post.deliver()
    assert len(post.mailbox.mails) == 1
    assert len(post.waiting()) == 1  # sent again at worst
    assert post.events() == []


def test_where_no_mail_goes_out_the_others_are_left_as_they_are(post: Post) -> None:
    post.wait()
    post.wait()
    post.mailbox.failing = [Postponed("unreachable", "away")]
    with pytest.raises(Postponed):
        post.deliver()
    assert sorted(one.attempts for one in post.waiting()) == [0, 1]


def test_what_nobody_foresaw_is_tried_again_and_says_nothing_private(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.wait()
    post.mailbox.failing = [ValueError(f"broken: {ADDRESS} {TOKEN}")]
    with caplog.at_level(logging.DEBUG):
        post.deliver()
    assert [one.attempts for one in post.waiting()] == [1]
    assert "ValueError in send" in caplog.text
    assert TOKEN not in caplog.text
    assert ADDRESS not in caplog.text


def test_nobody_is_named_in_logs_events_or_records(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.mailbox.failing = [BUSY, Refused("recipient", "no")]
    with caplog.at_level(logging.DEBUG):
        for name in ("marked-one", "marked-two", "marked-three"):
            post.wait(letter(f"{name}@example.org", name, "/reset/marked-token"))
        assert "marked" not in post.everything()
        assert post.deliver() == 3
    assert [one.to.username[:6] for one in post.mailbox.mails] == ["marked"]
    assert "marked" not in post.everything()
    assert "marked" not in caplog.text
    assert "marked" not in repr(post.mailbox.mails)


def test_of_a_suspended_organization_nothing_is_sent(post: Post) -> None:
    post.wait()
    post.metadata.commit(Put(keys.organization_by_name("default"), name_value(ORG, suspended=True)))
    post.deliver()
    assert (post.mailbox.mails, post.places(), post.waiting()) == ([], (), [])
    assert post.events() == [("mail.dropped", "suspended")]


@pytest.mark.parametrize("erased", [False, True])
def test_of_a_deleted_organization_nothing_is_sent_or_written(post: Post, erased: bool) -> None:
    post.wait()
    post.metadata.commit(Delete(keys.organization_by_name("default")))
    if erased:
        post.metadata.commit(Delete(keys.organization(ORG)), Delete(post.waiting()[0].record.key))
    post.deliver()
    assert (post.mailbox.mails, post.places(), post.waiting()) == ([], (), [])
    assert post.events() == []


def test_an_organization_that_took_the_name_over_sends_nothing_of_the_other(post: Post) -> None:
    post.wait()
    post.metadata.commit(Put(keys.organization_by_name("default"), name_value("another")))
    post.deliver()
    assert (post.mailbox.mails, post.places()) == ([], ())


def test_without_an_address_of_the_service_no_link_is_made(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.wait()
    post.deliver(Origins(None, "default", None))
    assert (post.mailbox.mails, post.places()) == ([], ())
    assert post.events() == [("mail.dropped", "no-address")]
    assert "STRONGROOM_BASE_URL" in caplog.text


def test_a_mail_that_nothing_opens_is_dropped(post: Post) -> None:
    post.wait()
    other = Post(replace(post.at, sealer=Sealer(b"o" * 32)))
    other.deliver()
    assert (other.mailbox.mails, post.places()) == ([], ())
    assert post.events() == [("mail.dropped", "unreadable")]


def test_a_place_that_leads_nowhere_is_removed(post: Post) -> None:
    post.metadata.commit(Put(keys.waiting_mail(post.metadata.now(), "x"), {}, absent=True))
    post.deliver()
    assert post.places() == ()


def test_organizations_have_their_turns(moved: Post, clock: Clock) -> None:
    for organization in ("busy", "busy", "busy", "calm"):
        moved.wait(organization=organization)
        clock.pass_by(seconds=1)
    due = moved.deliveries().due()
    assert [place.value["organization"] for place in due] == ["busy", "calm", "busy", "busy"]


def test_a_reset_goes_before_all_that_nobody_waits_for(moved: Post, clock: Clock) -> None:
    """However long that waits, and however much of it."""
    telling = Letter("password", ADDRESS, {"name": "Jo"})
    for _ in range(3):
        moved.wait(telling)
        clock.pass_by(minutes=39)
    moved.wait()
    first, *others = moved.deliveries().due()
    kinds = {mail.id: mail.kind for mail in moved.waiting()}
    assert kinds[first.key.sort.partition("#")[2]] == "reset"
    assert len(others) == 3
    assert moved.deliveries().due(most=1) == [first], "the others need not be read for it"


def test_a_mail_that_is_tried_again_says_where_it_waits(moved: Post, clock: Clock) -> None:
    moved.wait()
    moved.mailbox.failing = [BUSY]
    moved.deliver()
    (place,), (mail,) = moved.places(), moved.waiting()
    due = datetime.fromisoformat(mail.record.value["due"])
    assert keys.waiting_mail(due, mail.id) == place.key
    assert due == clock() + timedelta(minutes=2)
