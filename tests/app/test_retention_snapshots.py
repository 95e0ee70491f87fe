"""Retention of Maven snapshots: the newest builds stay, and what their metadata names; of any
other build all goes at once."""

import json
import random
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.installation import Installation
from app.maven.layout import file_at
from app.maven.metadata import VersionFile, newest
from app.repositories import ArtifactPath, Format
from app.retention import Rule, RuleSet, WouldEmpty
from app.retention.work import NAME
from auth.errors import InvalidField
from storage.metadata import Put
from tests.app.ruled import DAY, Kept, note, rule

LIB = "com/example/lib"
SNAPSHOT = f"{LIB}/2.0-SNAPSHOT"
KINDS = (".jar", ".pom", "-sources.jar", ".jar.asc")
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def room(installation: Installation) -> Kept:
    return Kept(installation, Format.MAVEN)


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.retention.retention.PAGE", 3)


def build(number: int, *kinds: str, hour: int = 10, base: str = SNAPSHOT) -> list[str]:
    """The files of a build; builds of the same hour have the same timestamp."""
    version = base.rpartition("/")[2].removesuffix("-SNAPSHOT")
    stamp = f"{version}-20261125.{hour:02}0000-{number}"
    return [f"{base}/lib-{stamp}{kind}" for kind in kinds or KINDS]


def builds(*numbers: int) -> list[str]:
    return sorted(file for number in numbers for file in build(number, hour=number))


def plant(room: Kept, *files: str, days: float = 10) -> None:
    room.plant(dict.fromkeys(files, room.at.metadata.now() - days * DAY))


def test_the_newest_builds_stay_whole_and_older_ones_go_whole(
    any_installation: Installation,
) -> None:
    room = Kept(any_installation, Format.MAVEN)
    for number in (1, 2, 3):
        for file in build(number, ".jar", "-sources.jar", ".jar.asc", hour=number):
            room.put(file)
    room.set(rule("**", builds=2), confirmed=False)
    gone = build(1, "-sources.jar", ".jar", ".jar.asc", hour=1)
    assert room.preview() == [(file, 1) for file in gone]
    assert room.run(NAME).counts["rule_1"] == 3
    left = [f for n in (2, 3) for f in build(n, "-sources.jar", ".jar", ".jar.asc", hour=n)]
    assert room.paths() == left
    room.check()
    room.restore(gone[0])
    assert room.read(gone[0]) == gone[0].encode()
    room.check()


def test_what_is_no_timestamped_snapshot_is_never_taken(room: Kept) -> None:
    others = [
        f"{LIB}/1.0/lib-1.0.jar",
        f"{LIB}/1.0/lib-1.0-20261125.100000-1.jar.asc",
        f"{SNAPSHOT}/lib-2.0-SNAPSHOT.jar",
        f"{SNAPSHOT}/lib-2.0-SNAPSHOT-sources.jar",
        f"{SNAPSHOT}/ivy-2.0-SNAPSHOT.xml",
    ]
    plant(room, *others, *builds(1, 2))
    room.set(rule("**", builds=1))
    room.run(NAME)
    assert room.paths() == sorted([*others, *builds(2)])


def test_builds_are_ranked_by_what_their_names_say_and_not_by_when_they_came(room: Kept) -> None:
    """A build that was copied here late is as old as it says."""
    plant(room, *build(9, hour=1), days=1)
    plant(room, *build(2), days=5)
    plant(room, *build(10), days=9)
    room.set(rule("**", builds=1))
    room.run(NAME)
    assert room.paths() == sorted(build(10)), "of one timestamp the higher number is newer"


def test_builds_count_and_the_newest_of_each_kind_stays_besides(room: Kept) -> None:
    """Sources stay as long as no newer build has any: the metadata names them."""
    plant(room, *builds(0, 1), *build(2, ".jar", hour=2), *build(3, ".jar", hour=3))
    room.set(rule("**", builds=2))
    room.run(NAME)
    named = build(1, "-sources.jar", ".jar.asc", ".pom", hour=1)
    assert room.paths() == sorted([*named, *build(2, ".jar", hour=2), *build(3, ".jar", hour=3)])


def test_a_snapshot_resolves_while_a_deploy_is_under_way_or_has_died(room: Kept) -> None:
    plant(room, *builds(1, 2), *build(3, ".jar", hour=3))
    room.set(rule("**", builds=1))
    going = [path for path, _ in room.preview()]
    room.run(NAME)
    left = sorted({*builds(2), *build(3, ".jar", hour=3)} - {*build(2, ".jar", hour=2)})
    assert room.paths() == left
    assert sorted(going) == sorted([*builds(1), *build(2, ".jar", hour=2)])
    plant(room, *(path for path in build(3, hour=3) if path not in left))
    room.run(NAME)
    assert room.paths() == builds(3), "once it is whole, what it has takes the place"


def test_what_each_platform_s_job_deployed_last_stays(room: Kept) -> None:
    """Each under a build number of its own."""
    of = {1: "linux", 2: "mac", 3: "linux", 4: "mac", 5: "windows", 6: "mac", 7: "mac"}
    files = {number: build(number, f"-{name}.jar")[0] for number, name in of.items()}
    plant(room, *files.values())
    room.set(rule("**", builds=1))
    room.run(NAME)
    assert room.paths() == [files[3], files[5], files[7]]


def test_kinds_are_told_apart_among_all_files_whether_they_fit_or_not(room: Kept) -> None:
    """The newest POM does not fit, and the metadata names it all the same."""
    newer = [*build(2, ".jar", hour=2), *build(3, ".pom", hour=10)]
    plant(room, *build(1, ".pom", ".war", hour=1), *newer)
    room.set(rule("**/*.0?0000-*", builds=1))
    room.run(NAME)
    assert room.paths() == sorted([*build(1, ".war", hour=1), *newer])


def test_a_kind_that_there_is_no_room_for_stays(
    room: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.retention.kinds.MOST_KINDS", 2)
    plant(room, *builds(1, 2))
    room.set(rule("**", builds=1))
    room.run(NAME)
    gone = build(1, "-sources.jar", ".jar", hour=1)
    assert room.paths() == sorted({*builds(1, 2)} - {*gone}), "the first two of a folder count"


def test_builds_with_files_that_fit_are_counted(room: Kept) -> None:
    plant(room, *builds(1, 2), *build(3, ".jar", hour=3))
    room.set(rule("**/*-sources.jar", builds=1))
    room.run(NAME)
    gone = build(1, "-sources.jar", hour=1)
    assert room.paths() == sorted({*builds(1, 2), *build(3, ".jar", hour=3)} - {*gone})


def test_every_snapshot_version_keeps_its_own(room: Kept) -> None:
    other = f"{LIB}/2.1-SNAPSHOT"
    plant(room, *builds(1, 2), *build(1, base=other), *build(2, base=other))
    room.set(rule("**", builds=1), confirmed=False)
    room.run(NAME)
    assert room.paths() == sorted([*builds(2), *build(2, base=other)])


def test_a_build_is_as_young_as_its_youngest_file(room: Kept) -> None:
    """Its signature may have come a minute before midnight, and its jar after it."""
    plant(room, *build(1, ".jar", ".pom", hour=1), days=9)
    plant(room, *build(1, ".jar.asc", hour=1), days=6.9)
    plant(room, *builds(2, 3), days=8)
    room.set(rule("**", builds=1, age=7))
    assert [path for path, _ in room.preview()] == builds(2)
    room.wait(DAY)
    room.run(NAME)
    assert room.paths() == builds(3)


def test_a_build_is_used_when_any_of_its_files_is(room: Kept) -> None:
    room.set(rule("**", builds=1, unused=5))
    plant(room, *builds(1, 2, 3))
    room.wait(6 * DAY)
    note(room, build(1, "-sources.jar", hour=1)[0])
    assert sorted(path for path, _ in room.preview()) == builds(2)
    room.run(NAME)
    assert room.paths() == builds(1, 3)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("condition", [{}, {"age": 1}, {"unused": 1}], ids=str)
def test_no_step_ends_within_a_build(room: Kept, condition: Mapping[str, int]) -> None:
    room.set(rule("**", builds=2, **condition))
    plant(room, *builds(*range(1, 8)), f"{SNAPSHOT}/lib-2.0-20261125.010000-1-x/1/b-1.jar")
    room.wait(3 * DAY)
    job = room.job(NAME)
    while not job.ended:
        job = room.step(job)
        found = room.paths()
        for number in range(1, 8):
            assert len({*found} & {*builds(number)}) in (0, 4)
    assert [path for path in room.paths() if not path.endswith("b-1.jar")] == builds(6, 7)
    assert job.counts["files"] == 29, "what lies beneath was looked at as well"


def test_a_build_with_more_files_than_a_step_takes_up_goes_in_parts(
    room: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.retention.builds.MOST_BEYOND", 2)
    monkeypatch.setattr("app.retention.retention.PAGE", 3)
    large = build(1, *(f"-{number:02}.jar" for number in range(20)), hour=1)
    plant(room, *large[:19], days=9)
    plant(room, large[19], days=1)
    newer = sorted(path.replace("010000-1", "020000-2") for path in large)
    plant(room, *newer)
    room.set(rule("**", builds=1, age=5))
    room.run(NAME)
    assert room.paths() == sorted([*large, *newer]), "each part is as young as all"
    room.wait(5 * DAY)
    room.run(NAME)
    assert room.paths() == newer


MEANWHILE = {
    "the newest builds are deleted": (builds(6, 7), [], builds(4, 5)),
    "a file of one of them is deleted": (build(7, ".jar.asc", hour=7), [], None),
    "all but a file of one of them": (
        build(7, ".jar", ".pom", "-sources.jar", hour=7),
        [],
        sorted([*builds(6), *build(7, ".jar.asc", hour=7)]),
    ),
    "a build comes": ([], builds(8), builds(6, 7, 8)),
}


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("what", MEANWHILE)
def test_the_newest_builds_stay_whatever_is_deleted_meanwhile(room: Kept, what: str) -> None:
    plant(room, *builds(*range(1, 8)))
    room.set(rule("**", builds=2))
    job = room.job(NAME)
    while builds(2)[0] in room.paths():
        job = room.step(job)
    removed, added, left = MEANWHILE[what]
    for path in removed:
        room.remove(path)
    plant(room, *added)
    room.finish(job)
    assert room.paths() == (left or sorted({*builds(6, 7)} - {*removed}))


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("room_for", [300_000, 10], ids=["position", "no room"])
def test_the_newest_of_a_kind_stays_whatever_is_deleted_meanwhile(
    room: Kept, room_for: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its build may have other files, so that the builds are the same as before."""
    monkeypatch.setattr("app.retention.newest.KEPT_BYTES", room_for)
    plant(room, *builds(*range(1, 6)), *build(6, ".jar", hour=6), *build(7, ".jar", hour=7))
    room.set(rule("**", builds=2))
    job = room.job(NAME)
    while builds(2)[0] in room.paths():
        job = room.step(job)
    (pom,) = build(5, ".pom", hour=5)
    room.remove(pom)
    room.finish(job)
    named = [*build(4, ".pom", hour=4), *build(5, "-sources.jar", ".jar.asc", hour=5)]
    jars = [*build(6, ".jar", hour=6), *build(7, ".jar", hour=7)]
    assert room.paths() == sorted([*named, *jars])


@pytest.mark.usefixtures("small_steps")
def test_a_kind_that_comes_meanwhile_stays_until_the_next_run(room: Kept) -> None:
    plant(room, *builds(*range(1, 6)))
    room.set(rule("**", builds=1))
    job = room.job(NAME)
    while builds(1)[0] in room.paths():
        job = room.step(job)
    late = [*build(3, "-late.jar", hour=3), *build(4, "-late.jar", hour=4)]
    plant(room, *late)
    room.finish(job)
    assert room.paths() == sorted([*late, *builds(5)])
    room.run(NAME)
    assert room.paths() == sorted([*late[1:], *builds(5)])


def test_a_position_of_before_kinds_were_kept_is_not_relied_on(room: Kept) -> None:
    plant(room, *builds(*range(1, 6)), *build(6, ".jar", hour=6))
    rules = room.set(rule("**", builds=1))
    position: Mapping[str, Any] | None = {"folder": f"/{SNAPSHOT}/"}
    going: set[str] = set()
    while position is not None:
        old = {name: value for name, value in position.items() if name != "kinds"}
        look = room.sweep(rules).look(old, 3)
        going |= {str(one.path) for one in look.going}
        position = look.position
    jar = build(5, ".jar", hour=5)
    assert going == {*builds(1, 2, 3, 4), *jar}


@pytest.mark.usefixtures("small_steps")
def test_a_folder_is_gone_through_once_while_its_newest_builds_stay(room: Kept) -> None:
    """A build that is published anew is as new as it was."""
    plant(room, *builds(*range(1, 12)))
    room.set(rule("**", builds=2))
    job = room.job(NAME)
    while builds(1)[0] in room.paths():
        job = room.step(job)
    room.put(build(11, ".jar", hour=11)[0], b"anew")
    for _ in range(3):
        before = len(room.engine.made)
        job = room.step(job)
        assert room.engine.made[before:].count("query") == 2, "a page, and the rest of a build"


def test_folders_that_are_no_snapshots_are_not_gone_through(room: Kept) -> None:
    plant(room, f"{LIB}/1.0/lib-1.0.jar")
    before = len(room.engine.made)
    rules = RuleSet((rule("**", builds=1),))
    room.sweep(rules).look({"folder": f"/{LIB}/1.0/"})
    made = room.engine.made[before:]
    before = len(room.engine.made)
    room.sweep(RuleSet((rule("**", age=1),))).look({"folder": f"/{LIB}/1.0/"})
    assert made == room.engine.made[before:]


def test_rules_that_keep_builds_can_empty_a_repository_only_with_others(room: Kept) -> None:
    assert not RuleSet((rule("**", builds=1), rule("**/*.jar", builds=2, age=1))).may_empty
    plant(room, *build(1, ".jar", hour=1), days=1)
    plant(room, *build(2, ".jar", hour=2), days=2)
    both = RuleSet((rule("**", builds=1), rule("**", newest=1)))
    with pytest.raises(WouldEmpty):  # the newest file is of the older build
        room.retention.refuse_to_empty(room.here(), both)


def test_a_repository_of_another_format_has_no_builds(installation: Installation) -> None:
    room = Kept(installation)
    before = room.records()
    with pytest.raises(InvalidField, match="raw"):
        room.set(rule("**", age=1), rule("**", builds=1))
    assert room.records() == before


def test_rules_of_before_there_were_builds_are_read(room: Kept) -> None:
    room.set(rule("**", newest=2))
    (record,) = room.records("retention")
    (value,) = record.value["rules"]
    old = {name: value[name] for name in value if name != "keep_snapshots"}
    room.at.metadata.commit(Put(record.key, {**record.value, "rules": [old]}))
    (found,) = room.retention.rules(room.here()).rules
    assert (found.keep_newest, found.keep_snapshots) == (2, None)


# All at once


FILES = st.dictionaries(
    st.builds(
        lambda stamp, kind, version: (
            f"{LIB}/{version}-SNAPSHOT/lib-{version}-{stamp}{kind}"
            if stamp
            else f"{LIB}/{version}/lib-{version}{kind}"
        ),
        st.sampled_from(
            [
                *(
                    f"20261125.{stamp}"
                    for stamp in ("100000-1", "100000-2", "100000-10", "110000-1")
                ),
                "SNAPSHOT",
                "",
            ]
        ),
        st.sampled_from(KINDS),
        st.sampled_from(["1", "2.0"]),
    ),
    st.integers(0, 6),
    min_size=6,
    max_size=25,
)
CONDITION = st.none() | st.integers(1, 4)
PATTERNS = st.sampled_from(["**", "**/*.jar", "**/2.0-SNAPSHOT/*", "**/*-sources.*", "org/**"])
RULES = st.lists(
    st.builds(rule, PATTERNS, st.none(), CONDITION, CONDITION, st.integers(1, 2))
    | st.builds(rule, PATTERNS, CONDITION, CONDITION, CONDITION),
    min_size=1,
    max_size=3,
)


def stamp(path: str) -> tuple[str, int] | None:
    file = file_at(ArtifactPath.parse(path))
    return None if file is None else file.stamp


def named(files: Iterable[str]) -> set[str]:
    """What stands for the names without a timestamp, were there no others, in one folder."""
    found = [
        VersionFile(file.version, path, file.stamp, file.classifier, file.extension, NEVER)
        for path in files
        if (file := file_at(ArtifactPath.parse(path))) is not None and file.stamp is not None
    ]
    kinds = {(one.classifier, one.extension) for one in found}
    return {one.name for kind in kinds if (one := newest(found, *kind)) is not None}


def model(
    files: Mapping[str, datetime], downloads: Mapping[str, int], rules: RuleSet, now: datetime
) -> dict[str, int]:
    """What goes, told for each file by itself."""
    going: dict[str, int] = {}
    for number, one in enumerate(rules.rules, start=1):
        for path in filter(one.match.fits, files):
            folder = path.rpartition("/")[0]
            beside = [other for other in files if other.rpartition("/")[0] == folder]
            fitting = [other for other in beside if one.match.fits(other)]
            together = [path]
            kept = False
            if one.keep_snapshots is not None:
                ranked = sorted({found for other in fitting if (found := stamp(other))})
                kept = stamp(path) not in ranked[: -one.keep_snapshots] or path in named(beside)
                together = [other for other in beside if stamp(other) == stamp(path)]
            elif one.keep_newest is not None:
                by_time = sorted((files[other], other) for other in fitting)
                kept = (files[path], path) in by_time[-one.keep_newest :]
            since = max(files[other] for other in together)
            used = max(since, rules.remembered or now)
            for other in {*together} & {*downloads}:
                day = (now - downloads[other] * DAY).astimezone(UTC).date() + DAY
                used = max(used, datetime(day.year, day.month, day.day, tzinfo=UTC))
            if (
                not kept
                and (one.older_than_days is None or since <= now - one.older_than_days * DAY)
                and (one.not_downloaded_days is None or used <= now - one.not_downloaded_days * DAY)
            ):
                going.setdefault(path, number)
    return going


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    tree=FILES,
    rules=RULES,
    used=st.dictionaries(st.integers(0, 24), st.integers(0, 6)),
    seed=st.integers(),
)
def test_exactly_what_the_rules_take_goes(
    room: Kept, tree: dict[str, int], rules: list[Rule], used: dict[int, int], seed: int
) -> None:
    chance = random.Random(seed)
    repository = replace(room.repository, id=secrets.token_hex(8))
    now = room.at.metadata.now()
    files = {path: now - days * DAY - timedelta(seconds=1) for path, days in tree.items()}
    room.repository, before = repository, room.repository
    room.plant(files)
    downloads = {path: used[n] for n, path in enumerate(tree) if n in used}
    for path, ago in downloads.items():
        note(room, path, ago)
    room.repository = before
    wanted = RuleSet(tuple(rules), now - chance.choice([3, 30]) * DAY, version=1)
    sweep = room.sweep(wanted, repository)
    sweep._now = now
    found: dict[str, int] = {}
    position: Any = {}
    while position is not None:
        position = json.loads(json.dumps(position))  # as a record holds it
        if chance.random() < 0.3:
            position.pop("kept", None)  # as a cursor holds it
        look = sweep.look(position, chance.randint(1, 4), chance.choice([None, 1, 2, 3]))
        for going in look.going:
            assert found.setdefault(str(going.path), going.rule) == going.rule
        position = look.position
    assert found == model(files, downloads, wanted, now)
