"""The checker itself: it sees a loss, and accuses nobody wrongly."""

from dataclasses import replace

import pytest

from tests.durability.diary import Content, Deed, Kind
from tests.durability.own import NOTHING, OwnFolder
from tests.durability.verdict import possible, wrongs

PATH = "in/a"
OLD, NEW, LATE = Content(1, 10), Content(2, 10), Content(3, 10)


def put(content: Content, begun: float, ended: float | None, status: int | None = 201) -> Deed:
    return Deed(f"id-{begun}", "c", Kind.PUT, "a", content, begun, ended, status)


def delete(begun: float, ended: float | None, status: int | None = 204) -> Deed:
    return Deed(f"id-{begun}", "c", Kind.DELETE, "a", None, begun, ended, status)


def lost(content: Content, begun: float) -> Deed:
    return put(content, begun, None, None)


def pieces(content: Content, begun: float, ended: float | None, *, commenced: bool) -> Deed:
    status = None if ended is None else 201
    deed = Deed(f"id-{begun}", "c", Kind.PIECES, "a", content, begun, ended, status)
    return replace(deed, commenced=commenced)


def of_folder(kind: Kind, begun: float, ended: float, status: int = 200) -> Deed:
    return Deed(f"id-{begun}", "c", kind, "in/", None, begun, ended, status)


def of(*deeds: Deed) -> set[Content | None]:
    return set(possible(deeds)["a"])


def in_folder(*deeds: Deed) -> set[Content | None]:
    """What may be there at `PATH`, where what is not of a folder was done to it."""
    moved = [deed if deed.kind.is_of_a_folder else replace(deed, path=PATH) for deed in deeds]
    return set(possible(moved)[PATH])


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


def test_an_upload_in_pieces_counts_from_when_its_completion_was_asked_for() -> None:
    assert of(put(OLD, 1, 2), pieces(NEW, 1, None, commenced=False)) == {OLD}
    assert of(put(OLD, 1, 2), pieces(NEW, 3, None, commenced=True)) == {OLD, NEW}
    assert of(pieces(NEW, 1, 2, commenced=True), put(OLD, 3, 4)) == {OLD}


def test_a_folder_that_was_deleted_takes_what_lay_in_it() -> None:
    assert in_folder(put(OLD, 1, 2), of_folder(Kind.CLEAR, 3, 4)) == {None}
    assert in_folder(put(OLD, 1, 2), of_folder(Kind.CLEAR, 3, 4, 202)) == {OLD, None}
    assert in_folder(of_folder(Kind.CLEAR, 1, 2), put(OLD, 3, 4)) == {OLD}


def test_what_was_restored_is_there_again() -> None:
    restored = Deed("r", "c", Kind.RESTORE, "a", None, 5, 6, 200)
    assert in_folder(put(OLD, 1, 2), delete(3, 4), restored) == {OLD}
    recovered = of_folder(Kind.RECOVER, 5, 6)
    assert in_folder(put(OLD, 1, 2), delete(3, 4), recovered) == {OLD}
    purged = of_folder(Kind.PURGE, 4, 5)
    assert in_folder(put(OLD, 1, 2), delete(3, 4), purged, recovered) == {OLD, None}


def test_a_restore_that_was_refused_did_nothing() -> None:
    taken = Deed("r", "c", Kind.RESTORE, "a", None, 5, 6, 409)
    assert in_folder(put(OLD, 1, 2), taken) == {OLD}


@pytest.mark.parametrize("kind", [Kind.RECOVER, Kind.CLEAR, Kind.PURGE])
@pytest.mark.parametrize("status", [None, 503, 202])
def test_a_client_is_sure_of_no_new_file_where_a_folders_change_was_not_answered(
    kind: Kind, status: int | None
) -> None:
    """A job may go on with it, and takes up what went within two seconds of its beginning; one
    that is told of has ended, or was begun long before."""
    own = OwnFolder("c")
    for deed in (
        replace(put(OLD, 0, 1), path="own/c/000/1"),
        Deed("id", "c", kind, "own/c/000/", None, 2, None, status),
        replace(put(NEW, 3, 4), path="own/c/000/2"),
        replace(delete(5, 6), path="own/c/000/2"),
        replace(put(NEW, 7, 8), path="own/c/001/3"),
        replace(delete(9, 10), path="own/c/001/3"),
    ):
        own.learn(deed)
    assert own.certain["own/c/001/3"] == NOTHING
    reached = kind is not Kind.PURGE and status != 202
    assert ("own/c/000/2" in own.certain) is not reached


@pytest.mark.parametrize("late", [True, False])
def test_a_client_is_sure_of_no_file_that_was_changed_twice_at_once(late: bool) -> None:
    """An upload in pieces takes effect at any moment from when its completion was asked for."""
    own = OwnFolder("c")
    whole = replace(pieces(NEW, 1, 9, commenced=True), path="own/c/000/1")
    gone = replace(delete(4, 5, 404), path="own/c/000/1")
    for deed in (gone, whole) if late else (whole, gone):
        own.learn(deed)
    assert own.certain == {}
    own.learn(replace(put(OLD, 10, 11), path="own/c/000/1"))
    assert own.certain == {}
