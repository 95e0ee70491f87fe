"""The checker itself: it sees a loss, and accuses nobody wrongly."""

from tests.durability.diary import Content, Deed, Kind
from tests.durability.verdict import possible, wrongs

OLD, NEW, LATE = Content(1, 10), Content(2, 10), Content(3, 10)


def put(content: Content, begun: float, ended: float | None, status: int | None = 201) -> Deed:
    return Deed(f"id-{begun}", "c", Kind.PUT, "a", content, begun, ended, status)


def delete(begun: float, ended: float | None, status: int | None = 204) -> Deed:
    return Deed(f"id-{begun}", "c", Kind.DELETE, "a", None, begun, ended, status)


def lost(content: Content, begun: float) -> Deed:
    return put(content, begun, None, None)


def of(*deeds: Deed) -> set[Content | None]:
    return set(possible(deeds)["a"])


def test_the_last_acknowledged_change_is_there() -> None:
    assert of(put(OLD, 1, 2), put(NEW, 3, 4)) == {NEW}
    assert of(put(OLD, 1, 2), delete(3, 4)) == {None}
    assert of(put(OLD, 1, 2), delete(3, 4, 404)) == {None}


def test_of_two_at_once_either_may_be_the_last() -> None:
    assert of(put(OLD, 1, 4), put(NEW, 2, 3)) == {OLD, NEW}
    assert of(put(OLD, 1, 4), put(NEW, 2, 3), put(LATE, 5, 6)) == {LATE}


def test_what_was_not_answered_may_be_there_or_not_and_may_come_late() -> None:
    assert of(lost(OLD, 1)) == {OLD, None}
    assert of(put(OLD, 1, 2), lost(NEW, 3)) == {OLD, NEW}
    assert of(lost(OLD, 1), put(NEW, 2, 3)) == {OLD, NEW}


def test_what_was_refused_or_never_sent_whole_is_not_there() -> None:
    cut = Deed("id", "c", Kind.CUT, "a", NEW, 3, None, None)
    assert of(put(OLD, 1, 2), cut) == {OLD}
    assert of(cut) == {None}
    assert of(put(OLD, 1, 2), put(NEW, 3, 4, 503)) == {OLD, NEW}, "503 may hide an outcome"


def test_a_loss_a_resurrection_and_other_bytes_are_seen() -> None:
    deeds = [put(OLD, 1, 2), put(NEW, 3, 4)]
    assert wrongs({"a": NEW}, deeds) == []
    for found in (None, OLD, Content(-1, 10)):
        assert len(wrongs({"a": found}, deeds)) == 1
