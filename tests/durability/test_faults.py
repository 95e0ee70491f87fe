"""Stores that fail, are throttled, time out and lose answers, clocks a minute apart, processes
that die: a checker with a log of its own finds that none of it lost anything."""

import logging
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from app.background import background
from app.installation import Installation as Opened
from app.installation import opened
from app.publishing.emptied import REMEMBERED
from app.settings import read_settings
from storage.metadata import MetadataError
from tests.durability.checking import Follower, check_what_is_served, wrong_at_rest
from tests.durability.claims import wrong_claims, wrong_revisions
from tests.durability.diary import Deed, Kind
from tests.durability.installations import REPOSITORY, RULES, Installation, installed
from tests.durability.later import CLAIMED, keep_house, later
from tests.durability.machines import Ground, Housekeeper, Machine
from tests.durability.plan import FILES
from tests.durability.records import (
    left_over,
    look,
    wrong_allowances,
    wrong_blobs,
    wrong_counters,
    wrong_entries,
    wrong_folders,
    wrong_references,
)
from tests.durability.trial import Trial
from tests.durability.troubled import Ills
from tests.faults.blobs import FaultyBlobs
from tests.faults.metadata import Faults
from tests.faults.troubles import INJECTED, Trouble, Troubles, read_troubles

_log = logging.getLogger(__name__)

MIB = 1024 * 1024
CLIENTS = 5  # in each of two processes
QUOTA = 2**40  # bytes that nobody comes near: every commit demands that its stripe has room

#: How far each process's clock is ahead: three that serve, and two that keep house. Nobody
#: may be over a minute from the store's, and the first two are a minute apart.
CLOCKS = (29.0, -29.0, 0.0, -28.0, 28.0)

#: Longer than bytes are kept here: those of restorable files, of sessions, and unreferenced.
RESTORE_DAYS = 1
MOVED = timedelta(days=4)

#: How often collection is begun on stores in trouble.
COLLECTED = 5

#: The troubles that have to have been met; deaths are counted among what was killed.
METADATA = set(Trouble) - {Trouble.DIES}
BLOBS = METADATA - {Trouble.LATE}

#: How often each has to have been acknowledged, and to have had an outcome that nobody knows.
DONE = {
    Kind.PUT: 20,
    Kind.PIECES: 5,
    Kind.DELETE: 5,
    Kind.READ: 5,
    **dict.fromkeys((Kind.CLEAR, Kind.RESTORE, Kind.RECOVER, Kind.PURGE), 2),
}
UNKNOWN = {Kind.PUT: 20, Kind.PIECES: 2, Kind.DELETE: 2}


@dataclass(frozen=True, slots=True)
class Course:
    """What clients do, in a repository of these rules: the module that runs them, how often what
    has to have been done and to have been lost, and the folder that everything lies in."""

    rules: Mapping[str, object] = field(default_factory=lambda: RULES)
    clients: str = FILES
    done: Mapping[Kind, int] = field(default_factory=lambda: DONE)
    unknown: Mapping[Kind, int] = field(default_factory=lambda: UNKNOWN)
    folder: str = ""


RAW = Course()
PYTHON = Course(
    rules={"format": "python", "kind": "hosted"},
    clients="tests.durability.python_clients",
    done={
        **dict.fromkeys((Kind.PUT, Kind.READ), 20),
        **dict.fromkeys((Kind.DELETE, Kind.RESTORE, Kind.YANK), 5),
        **dict.fromkeys((Kind.CLEAR, Kind.UNYANK), 1),
    },
    unknown={Kind.PUT: 20, Kind.DELETE: 2, Kind.YANK: 1},
    folder="files/",
)

#: Seconds of a short run, at least: one on a slow machine goes on until it was one.
SHORT_SECONDS = float(os.environ.get("STRONGROOM_TEST_FAULT_SECONDS", "60"))
LONG_SECONDS = 300.0


@pytest.mark.timeout(900)
def test_a_minute_of_faults_loses_nothing(ground: Ground) -> None:
    """The short run: whatever can die does, and whatever can fail has failed."""
    _endure(ground, SHORT_SECONDS, deaths=6)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_five_minutes_of_faults_lose_nothing(ground: Ground) -> None:
    """The long run."""
    _endure(ground, LONG_SECONDS, deaths=40)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_five_minutes_of_faults_lose_no_distribution(ground: Ground) -> None:
    """The long run, with the clients of a Python repository."""
    _endure(ground, LONG_SECONDS, deaths=40, course=PYTHON)


def _endure(ground: Ground, seconds: float, deaths: int, course: Course = RAW) -> None:
    with installed(ground, ["--workers", "1"], rules=course.rules) as installation:
        # Over 8 MiB an upload to S3 has parts, so that some are left unfinished.
        largest = (3 if ground.shared else 12) * MIB
        rules = {"quota_bytes": QUOTA, "restore_days": RESTORE_DAYS}
        installation.api("PATCH", f"/api/repositories/{REPOSITORY}", rules)
        installation.command("org", "set", "default", "--quota", str(2 * QUOTA))
        installation.machines += [Machine(ground, number, "--workers", "1") for number in (1, 2)]
        installation.housekeepers = [Housekeeper(ground, number) for number in (3, 4)]
        trial = Trial(
            *(installation, 10**6, deaths, largest, seconds + 420, seconds, CLIENTS),
            module=course.clients,
        )
        _make_ill(installation, trial.seed)
        with opened(read_settings(ground.variables(0))) as at:
            follower = Follower(at, look(at).organization)
            deeds = trial.run(follower.look, lambda deeds: not _missing(trial, deeds, course))
            installation.stop()
            # The claims of workers that were killed have to be over.
            keep_house(later(at, CLAIMED))
            follower.finish()
            _check(trial, _wrong_at_rest(installation, at, deeds, follower))
            _begin_to_collect(at, trial)
            keep_house(later(at, 2 * MOVED))
            # What was purged then is told of by the feed, which is read the next time.
            keep_house(later(at, 3 * MOVED))
            # Nobody keeps house once more: what expires by itself is gone, and nothing else.
            _check(trial, _left_in_the_end(later(at, 4 * MOVED + REMEMBERED)))
        machine = installation.machines[0]
        machine.ills = None
        machine.start()
        check_what_is_served(installation, machine.address, deeds, course.folder)
        installation.stop()
    assert not _missing(trial, deeds, course)
    statuses = Counter((deed.kind.value, deed.status) for deed in deeds)
    _log.info("seed %d, killed %s, statuses %s", trial.seed, trial.killed, statuses)


def _make_ill(installation: Installation, seed: int) -> None:
    """Start everything anew, in trouble. One machine leaves every job to the workers."""
    installation.stop()
    for process, clock in zip(installation.processes, CLOCKS, strict=True):
        log = str(process.ground.folder / f"troubles-{process.name}.log")
        process.ills = Ills(f"{seed} {process.name}", log, clock, hurried=process.number == 1)
        process.launch()
    for machine in installation.machines:
        machine.await_ready()


def _begin_to_collect(at: Opened, trial: Trial) -> None:
    """Do what is due once everything's time is up, on stores in trouble: some of it fails
    anywhere, and is left to whoever comes next."""
    log = trial.installation.ground.folder / "collecting.log"
    troubles = Troubles(f"{trial.seed} collecting", log, deadly=False)
    ill = replace(
        at, engine=Faults(at.engine, troubles.metadata), blobs=FaultyBlobs(at.blobs, troubles.blobs)
    )
    for turn in range(COLLECTED):
        with suppress(MetadataError):
            background(later(ill, MOVED + turn * CLAIMED)).worker().run_due()
    troubles.await_late()


def _wrong_at_rest(
    installation: Installation, at: Opened, deeds: list[Deed], follower: Follower
) -> list[str]:
    found = look(at)
    (repository,) = {repository for repository, _ in found.artifacts}
    faults = [fault for process in installation.processes for fault in process.faults(INJECTED)]
    return [*faults, *wrong_at_rest(at, found, deeds, repository, follower)]


def _left_in_the_end(at: Opened) -> list[str]:
    """What is wrong, or left over, once the time of everything is up."""
    found = look(at)
    return [
        *wrong_counters(found),
        *wrong_entries(found),
        *wrong_claims(found),
        *wrong_revisions(found),
        *wrong_references(found),
        *wrong_allowances(found),
        *wrong_folders(found),
        *wrong_blobs(at, found, collected=True),
        *left_over(found),
    ]


def _check(trial: Trial, wrong: list[str]) -> None:
    first = "\n".join(wrong[:20])
    assert not wrong, f"seed {trial.seed}, killed {trial.killed}: {len(wrong)} wrong\n{first}"


def _missing(trial: Trial, deeds: list[Deed], course: Course) -> list[str]:
    """What has not happened so far: the trial goes on until it has, or it would prove nothing."""
    met = read_troubles(trial.installation.ground.folder.glob("troubles-*.log"))
    done = Counter(deed.kind for deed in deeds if deed.acknowledged)
    unknown = Counter(deed.kind for deed in deeds if deed.status in (None, 503))
    wanted = {("metadata", trouble) for trouble in METADATA}
    wanted |= {("blobs", trouble) for trouble in BLOBS}
    return [
        *sorted({"machine", "worker", "clients", "housekeeper"} - set(trial.killed)),
        *(f"{store} {trouble}" for store, trouble in sorted(wanted - set(met))),
        *(f"{kind} done" for kind, number in course.done.items() if done[kind] < number),
        *(f"{kind} lost" for kind, number in course.unknown.items() if unknown[kind] < number),
    ]
