"""Machines, workers and clients are killed while distributions are uploaded by forms, deleted,
restored and yanked: what was acknowledged is in the index with the metadata that it tells of, and
what was not is there whole or not at all."""

import hashlib
import json
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import timedelta

import pytest

from app.collection import Collection
from app.installation import Installation as Opened
from app.installation import opened
from app.settings import read_settings
from storage import keys
from tests.durability.checking import Follower, check_what_is_served, wrong_at_rest
from tests.durability.diary import Content, Deed, Kind
from tests.durability.distributions import core_metadata
from tests.durability.installations import Installation, installed
from tests.durability.later import CLAIMED, keep_house, later
from tests.durability.machines import Ground
from tests.durability.records import look, wrong_blobs, wrong_references
from tests.durability.trial import Trial
from tests.durability.wire import exchange

_log = logging.getLogger(__name__)

PYTHON = {"format": "python", "kind": "hosted", "overwrite": False}
CLIENTS = "tests.durability.python_clients"
_JSON = "application/vnd.pypi.simple.v1+json"

#: How often each has to have been acknowledged, or the trial would prove nothing.
DONE = {Kind.PUT: 100, **dict.fromkeys((Kind.DELETE, Kind.READ), 5), Kind.YANK: 2, Kind.RESTORE: 1}


def test_what_was_uploaded_outlives_deaths(ground: Ground) -> None:
    """The short trial: 200 files, and one death of each kind."""
    _try(ground, files=200, deaths=3, seconds=90)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_four_thousand_distributions_outlive_deaths(ground: Ground) -> None:
    """The long trial, on each ground."""
    _try(ground, files=4_000, deaths=18, seconds=900)


def _try(ground: Ground, files: int, deaths: int, seconds: float) -> None:
    flags = ["--workers", "2"], ["--workers", "1"]
    with installed(ground, *flags, rules=PYTHON) as installation:
        trial = Trial(installation, files, deaths, 0, seconds, module=CLIENTS)
        with opened(read_settings(ground.variables(0))) as at:
            follower = Follower(at, look(at).organization)
            deeds = trial.run(follower.look)
            installation.stop()
            # What folders were asked to do, and a machine died over it, is done now or never.
            waiting = at.metadata.query(keys.JOBS).records
            keep_house(later(at, CLAIMED))
            follower.finish()
            _check(trial, deeds, at, follower)
            # Deleted files are kept for longer, with all that belongs to them.
            report = Collection(later(at, timedelta(days=3))).run()
            found = look(at)
            assert wrong_blobs(at, found, collected=True) + wrong_references(found) == []
        installation.machines[1].start()
        address = installation.machines[1].address
        there = check_what_is_served(installation, address, deeds, "files/")
        _check_index(installation, there, deeds)
        installation.stop()
    done = Counter(deed.kind for deed in deeds if deed.acknowledged)
    assert all(done[kind] >= number for kind, number in DONE.items()), done
    statuses = Counter((deed.kind.value, deed.status) for deed in deeds)
    _log.info("killed %s, %d jobs, %s, %s", trial.killed, len(waiting), statuses, report)


def _check(trial: Trial, deeds: list[Deed], at: Opened, follower: Follower) -> None:
    found = look(at)
    (repository,) = {repository for repository, _ in found.artifacts}
    wrong = [fault for machine in trial.installation.machines for fault in machine.faults()]
    wrong += wrong_at_rest(at, found, deeds, repository, follower)
    first = "\n".join(wrong[:20])
    assert not wrong, f"seed {trial.seed}, killed {trial.killed}: {len(wrong)} wrong\n{first}"


def _check_index(
    installation: Installation, there: Mapping[str, Content], deeds: list[Deed]
) -> None:
    """The index tells of what is there and of nothing else, and what it tells of metadata is so."""
    projects: dict[str, dict[str, str]] = defaultdict(dict)
    for path, content in there.items():
        _, project, filename = path.split("/")
        projects[project][filename] = content.sha256
    named = {deed.path.split("/")[1] for deed in deeds}
    for project in named:
        page = _get(installation, f"simple/{project}/")
        files = json.loads(page)["files"] if page is not None else []
        shown = {file["filename"]: file["hashes"]["sha256"] for file in files}
        assert shown == projects.get(project, {})
        for file in files:
            content = there[f"files/{project}/{file['filename']}"]
            core = core_metadata(content.filename, content.seed)
            if core is None:
                assert file["core-metadata"] is False
                continue
            assert file["core-metadata"] == {"sha256": hashlib.sha256(core).hexdigest()}
            assert _get(installation, f"files/{project}/{file['filename']}.metadata") == core
    listed = json.loads(_get(installation, "simple/") or b"")["projects"]
    assert {one["name"] for one in listed} == set(projects)


def _get(installation: Installation, path: str) -> bytes | None:
    address, fields = installation.machines[1].address, {**installation.key, "Accept": _JSON}
    answer = exchange(address, "GET", installation.url(path), fields)
    assert answer.status in (200, 404), answer
    return answer.body if answer.status == 200 else None
