"""Machines, workers and clients are killed at work, and a checker with a diary of its own finds
every acknowledged file byte for byte, and nothing that was not."""

import logging
import time
from collections import Counter
from datetime import timedelta

import pytest

from app.collection import Collection
from app.installation import Installation as Opened
from app.installation import opened
from app.settings import read_settings
from tests.durability.checking import Follower, check_what_is_served, wrong_at_rest
from tests.durability.diary import Deed
from tests.durability.installations import installed
from tests.durability.later import later
from tests.durability.machines import Ground
from tests.durability.records import Found, look, wrong_blobs
from tests.durability.trial import Trial

_log = logging.getLogger(__name__)

MIB = 1024 * 1024


def test_what_was_acknowledged_outlives_deaths(ground: Ground) -> None:
    """The short trial: 400 files, and one death of each kind."""
    _try(ground, files=400, deaths=3, seconds=90)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_ten_thousand_files_outlive_deaths(ground: Ground) -> None:
    """The whole trial: 10,000 files on each ground."""
    _try(ground, files=10_000, deaths=24, seconds=900)


def _try(ground: Ground, files: int, deaths: int, seconds: float) -> None:
    with installed(ground, ["--workers", "2"], ["--workers", "1"]) as installation:
        # Over 8 MiB an upload to S3 has parts, so that some are left unfinished.
        largest = (3 if ground.shared else 12) * MIB
        trial = Trial(installation, files, deaths, largest, seconds)
        with opened(read_settings(ground.variables(0))) as at:
            follower = Follower(at, look(at).organization)
            began = time.monotonic()
            deeds = trial.run(follower.look)
            seconds = time.monotonic() - began
            installation.stop()
            follower.finish()
            _check(trial, deeds, look(at), at, follower)
            # Uploads in pieces that clients left open hold their bytes for a day.
            report = Collection(later(at, timedelta(days=3))).run()
            assert wrong_blobs(at, look(at), collected=True) == []
        installation.machines[1].start()
        check_what_is_served(installation, installation.machines[1].address, deeds)
        installation.stop()
    statuses = Counter(deed.status for deed in deeds)
    _log.info("%.0f s: %s, killed %s, %s", seconds, statuses, trial.killed, report)


def _check(trial: Trial, deeds: list[Deed], found: Found, at: Opened, follower: Follower) -> None:
    (repository,) = {repository for repository, _ in found.artifacts}
    wrong = [fault for machine in trial.installation.machines for fault in machine.faults()]
    wrong += wrong_at_rest(at, found, deeds, repository, follower)
    first = "\n".join(wrong[:20])
    assert not wrong, f"seed {trial.seed}, killed {trial.killed}: {len(wrong)} wrong\n{first}"
