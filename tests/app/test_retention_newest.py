"""The newest files of a folder stay, whatever others do between the steps of a job."""

import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

from app.installation import Installation
from app.retention import Retention, RuleSet, WouldEmpty
from app.retention.work import NAME
from app.work import Job
from auth.errors import InvalidField
from tests.app.ruled import BY, DAY, FILES, Kept, rule


@pytest.fixture
def room(installation: Installation) -> Kept:
    return Kept(installation)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.retention.retention.PAGE", 5)


def plant(room: Kept, files: int) -> list[str]:
    """A folder of files, the oldest first, a minute apart."""
    now = room.at.metadata.now() - DAY
    names = [f"d/{number:03}" for number in range(files)]
    room.plant({name: now + timedelta(minutes=number) for number, name in enumerate(names)})
    return names


def begun(room: Kept, steps: int) -> Job:
    """A job that has done some steps."""
    job = room.job(NAME)
    for _ in range(steps):
        job = room.step(job)
    return job


BETWEEN: dict[str, tuple[Callable[[Kept, list[str]], object], Callable[[list[str]], list[str]]]] = {
    "the newest are deleted": (
        lambda room, names: [room.remove(name) for name in names[-5:]],
        lambda names: names[-10:-5],
    ),
    "one of the newest is deleted": (
        lambda room, names: room.remove(names[-1]),
        lambda names: names[-6:-1],
    ),
    "they are replaced": (
        lambda room, names: [room.put(name, b"anew") for name in names[-5:]],
        lambda names: names[-5:],
    ),
    "newer ones come": (
        lambda room, names: [room.put(f"d/n{number}") for number in range(5)],
        # Nothing tells the step that it keeps more than it has to: the next run takes them.
        lambda names: [*names[-5:], *(f"d/n{number}" for number in range(5))],
    ),
}


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("room_for", [300_000, 10], ids=["position", "no room"])
@pytest.mark.parametrize("what", BETWEEN)
def test_so_many_of_the_newest_stay_as_there_are_then(
    room: Kept, what: str, room_for: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.retention.newest.KEPT_BYTES", room_for)
    names = plant(room, 40)
    room.set(rule("**", newest=5))
    job = begun(room, 4)
    assert len(room.paths()) == 25, "the root and three steps of the folder"
    meddle, staying = BETWEEN[what]
    meddle(room, names)
    room.finish(job)
    left = room.paths()
    if what == "newer ones come" and room_for == 10:
        assert left == staying(names)[5:]
    else:
        assert left == staying(names)


@pytest.mark.usefixtures("small_steps")
def test_a_folder_is_gone_through_once_while_its_newest_stay(room: Kept) -> None:
    """A step reads its files and those that are kept, also where one of them was replaced."""
    names = plant(room, 40)
    room.set(rule("**", newest=5), rule("d/**", newest=2))
    job = begun(room, 2)
    room.put(names[-1], b"anew")
    for _ in range(3):
        before = len(room.engine.made)
        job = room.step(job)
        assert room.engine.made[before:].count("query") == 1
    room.remove(names[-1])
    before = len(room.engine.made)
    room.step(job)
    assert room.engine.made[before:].count("query") == 2


@pytest.mark.usefixtures("small_steps")
def test_what_another_rule_takes_of_the_newest_costs_no_second_pass(room: Kept) -> None:
    """As of a project that is idle: its newest are old as well."""
    plant(room, 40)
    room.wait(DAY)
    room.set(rule("**", newest=20), rule("**", age=1), confirmed=True)
    job, passes = room.job(NAME), 0
    while not job.ended:
        before = len(room.engine.made)
        job = room.step(job)
        passes += room.engine.made[before:].count("query") > 1
    assert room.paths() == []
    assert passes <= 3, "the root, the folder, and what lies behind it"


def test_a_folder_that_no_pattern_fits_is_not_gone_through(room: Kept) -> None:
    plant(room, 3)
    # The page and what lies behind the folder, and a pass where something in it may fit.
    for match, queries in (("**", 3), ("d/*", 3), ("d/e/*", 3), ("*", 2), ("e/**", 2)):
        before = len(room.engine.made)
        room.sweep(RuleSet((rule(match, newest=1),)), room.repository).look({"folder": "/d/"})
        assert room.engine.made[before:].count("query") == queries, match


# What a request may take


def impatient(room: Kept, questions: int) -> Retention:
    """Retention whose requests have to end at that question whether they may go on."""
    ticks = itertools.chain(itertools.repeat(0.0, questions), itertools.repeat(60.0))
    return Retention(
        room.at.recent, room.at.journal, room.catalogue, room.bulk, lambda: next(ticks)
    )


def test_a_request_gives_up_within_a_folder(room: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.retention.patience.FILES", 10)
    plant(room, 40)
    rules = RuleSet((rule("**", newest=5), rule("*", age=1)))
    here = room.here()
    page = impatient(room, 3).preview(here, rules, "", 100)
    assert (page.items, page.next is None) == ((), False), "the root is done"
    assert page.next is not None
    with pytest.raises(InvalidField, match="keep_newest"):
        impatient(room, 3).preview(here, rules, page.next, 100)
    last = impatient(room, 5).preview(here, rules, page.next, 100)
    assert (len(last.items), last.next) == (35, None)
    only_old = RuleSet((rule("d/*", age=1), rule("d/0*", newest=1)))
    room.wait(DAY)
    with pytest.raises(WouldEmpty):
        room.retention.refuse_to_empty(here, only_old)
    impatient(room, 3).set(BY, FILES, only_old)  # the job looks for longer


def test_rules_that_all_keep_newest_files_are_set_without_a_look(room: Kept) -> None:
    """The newest file of a folder is one of those that each of them keeps."""
    plant(room, 8)
    before = len(room.engine.made)
    rules = RuleSet((rule("**", newest=1, age=1), rule("d/*", newest=1, unused=1)))
    room.retention.refuse_to_empty(room.repository, rules)
    assert room.engine.made[before:] == []
