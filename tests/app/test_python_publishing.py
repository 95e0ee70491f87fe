"""What is kept of a distribution comes and goes with it: its metadata, and its name's claim."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

import pytest

from app.installation import Installation
from app.publishing import ArtifactExists, walk
from app.publishing.claimed import NameUsed
from app.publishing.lost_references import LostReferences
from app.publishing.restoring import RESTORE, RESTORE_TO
from app.repositories import Format, Refused, RepositoryName, Rules
from storage import keys
from storage.blobs import BlobsUnavailable
from storage.metadata import Key, OutcomeUnknown, Record
from tests.app.storeroom import ACTOR, ORG, Storeroom
from tests.durability.claims import wrong_claims, wrong_revisions
from tests.durability.records import (
    look,
    wrong_blobs,
    wrong_counters,
    wrong_entries,
    wrong_references,
)
from tests.faults.blobs import FaultyBlobs
from tests.faults.metadata import lost_after_effect, lost_before_effect
from tests.python.building import metadata, sdist, wheel, zip_sdist

AT = "files/foo"
WHEEL = f"{AT}/foo-1.0-py3-none-any.whl"
OTHER = f"{AT}/foo-1.0-cp311-none-any.whl"
TAR, ZIP = f"{AT}/foo-1.0.tar.gz", f"{AT}/foo-1.0.zip"
CORE = sha256(metadata()).hexdigest()


class Index(Storeroom):
    """A Python repository."""

    def __init__(self, at: Installation, *, overwrite: bool = False) -> None:
        super().__init__(at)
        name, rules = RepositoryName("pypi"), Rules(overwrite=overwrite)
        self.repository = self.catalogue.create(ORG, ACTOR, name, rules, Format.PYTHON)

    def give(self, path: str) -> None:
        """Publish the sdist of that name."""
        version = path.rpartition("-")[2].removesuffix(".zip").removesuffix(".tar.gz")
        make = zip_sdist if path.endswith(".zip") else sdist
        self.put(path, make(version=version))
        self.wait(timedelta(minutes=1))

    def take(self, path: str) -> None:
        self.remove(path)
        self.wait(timedelta(minutes=1))

    def before(self, path: str) -> dict[Key, Record]:
        """What a publisher has read who comes to his commit later."""
        return dict(self.at.metadata.get(*self.place(path).keys()))

    def references(self, digest: str = CORE) -> int | None:
        key = keys.blob(ORG, digest)
        found = self.at.metadata.get(key).get(key)
        return None if found is None else found.value["references"]

    def check(self, *, collected: bool = True) -> None:
        """Nothing is wrong in the records, and no blob is left over."""
        found = look(self.at)
        assert [
            *wrong_claims(found),
            *wrong_references(found),
            *wrong_counters(found),
            *wrong_entries(found),
            *wrong_revisions(found),
            *wrong_blobs(self.at, found, collected=collected),
        ] == []


@pytest.fixture
def index(any_installation: Installation) -> Index:
    return Index(any_installation)


@pytest.fixture
def overwritten(any_installation: Installation) -> Index:
    return Index(any_installation, overwrite=True)


@pytest.fixture
def small(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Index:
    """One that may be overwritten, and of which a step of a job takes a few files alone."""
    monkeypatch.setattr(walk, "PAGE", 3)
    monkeypatch.setattr(walk, "PIECE", 4)
    return Index(installation, overwrite=True)


def other(path: str) -> bytes:
    """Another wheel of the same release, with the same metadata."""
    tag = path.removesuffix(".whl").partition("1.0-")[2]
    return wheel(tag=tag, files={"foo.py": path.encode()})


def test_metadata_that_wheels_share_is_kept_as_long_as_one_of_them(index: Index) -> None:
    index.put(WHEEL, wheel())
    index.put(OTHER, other(OTHER))
    assert index.references() == 2
    for path, left in ((WHEEL, 1), (OTHER, None)):
        index.remove(path)
        index.check()
        index.wait(timedelta(days=15))
        index.expire()
        index.wait(timedelta(days=2))
        index.collect()
        assert index.references() == left
        index.check()
    assert index.at.blobs.list().entries == ()


@pytest.mark.parametrize("fault", [lost_before_effect, lost_after_effect])
def test_an_upload_whose_outcome_nobody_knows_is_there_whole_or_not_at_all(
    index: Index, fault: Callable[[Callable[[], object]], object]
) -> None:
    index.put(OTHER, other(OTHER))  # its folders are known
    index.engine.next("transact", fault, times=2)
    index.engine.next("get", lost_before_effect, times=20)
    try:
        index.put(WHEEL, wheel(more="Summary: new\n"), index.before(WHEEL))
    except OutcomeUnknown:
        pass
    finally:
        index.engine.forget()
    index.check(collected=False)
    index.wait(timedelta(days=2))
    index.collect()
    index.check()


@pytest.mark.parametrize(
    "path, data",
    [
        (WHEEL, wheel(core=metadata("bar"))),
        (WHEEL, wheel()[:-1]),
        (TAR, sdist("bar")),
        (ZIP, zip_sdist(version="2.0")),
        (f"{AT}/bar-1.0.tar.gz", sdist("bar")),
    ],
)
def test_what_is_refused_leaves_neither_records_nor_bytes(
    index: Index, path: str, data: bytes
) -> None:
    before = look(index.at).records
    with pytest.raises(Refused):
        index.put(path, data)
    assert look(index.at).records == before
    assert index.at.blobs.list().entries == ()


@pytest.mark.parametrize("first, second", [(TAR, ZIP), (ZIP, TAR)])
def test_who_comes_second_with_an_sdist_is_refused_though_he_began_first(
    index: Index, first: str, second: str
) -> None:
    data = {TAR: sdist(), ZIP: zip_sdist()}
    read = index.before(second)
    index.put(first, data[first])
    with pytest.raises(NameUsed, match="no other beside it"):
        index.put(second, data[second], read)
    with pytest.raises(NameUsed, match="no other beside it"):
        index.put(second, data[second])
    index.check()


def test_who_comes_second_with_the_same_wheel_is_told_that_it_is_there(index: Index) -> None:
    read = index.before(WHEEL)
    index.put(WHEEL, wheel())
    index.put(WHEEL, wheel(), read)
    with pytest.raises(ArtifactExists):
        index.put(WHEEL, other(WHEEL), read)
    assert index.references() == 1
    index.check()


def test_who_read_the_claim_and_not_yet_the_wheel_is_told_that_it_is_there(index: Index) -> None:
    """Several records are not read at one moment: the wheel came between two of them."""
    index.put(WHEEL, wheel())
    read = index.before(WHEEL)
    del read[index.place(WHEEL).key]
    index.put(WHEEL, wheel(), read)
    with pytest.raises(ArtifactExists):
        index.put(WHEEL, other(WHEEL), read)
    assert index.references() == 1
    index.check()


def test_who_comes_after_a_delete_is_refused_whatever_he_has_read(index: Index) -> None:
    nothing = index.before(WHEEL)
    index.put(WHEEL, wheel())
    there = index.before(WHEEL)
    index.remove(WHEEL)
    for read in (nothing, there, index.before(WHEEL)):
        for data in (wheel(), other(WHEEL)):
            with pytest.raises((NameUsed, ArtifactExists)):
                index.put(WHEEL, data, read)
    index.check()
    index.restore(WHEEL)
    index.put(WHEEL, wheel(), nothing)
    index.check()


def test_metadata_that_is_collected_meanwhile_is_stored_anew(index: Index) -> None:
    """The publisher has found its blob known, and it is gone before he refers to it."""
    index.put(WHEEL, wheel())
    index.remove(WHEEL)
    index.wait(timedelta(days=15))
    index.expire()
    index.wait(timedelta(days=2))

    def collect(call: Callable[[], object]) -> object:
        lost = LostReferences(index.at.metadata, index.at.journal, index.at.blobs)
        assert sum(one.blobs for one in lost.run(ORG, index.at.metadata.now())) == 2
        return call()

    def knows(call: Callable[[], object]) -> object:
        try:
            return call()
        finally:
            index.engine.next("transact", collect)

    index.engine.next("transact", knows)
    index.put(OTHER, other(OTHER))
    assert index.references() == 1
    index.check()


def test_where_the_metadata_cannot_be_stored_the_wheel_is_not_there(
    installation: Installation,
) -> None:
    index = Index(installation)

    class Failing(FaultyBlobs):
        """A store that takes one blob, and then no more."""

        def create(self, organization: str, size: int | None = None):  # type: ignore[no-untyped-def]
            if self.calls["create"]:
                raise BlobsUnavailable("injected")
            return super().create(organization, size)

    index.receiver._blobs = Failing(index.at.blobs)
    with pytest.raises(BlobsUnavailable):
        index.put(WHEEL, wheel())
    index.check()
    assert index.at.blobs.list().entries == ()


def test_of_two_sdists_that_were_deleted_one_comes_back_with_the_folder(
    overwritten: Index,
) -> None:
    index = overwritten
    for path, data in ((TAR, sdist()), (ZIP, zip_sdist())):
        index.put(path, data)
        index.remove(path)
        index.wait(timedelta(seconds=5))
    index.run(RESTORE, f"{AT}/")
    assert (index.read(TAR), index.read(ZIP)) == (None, zip_sdist())
    index.check()


def test_who_goes_back_to_a_moment_gets_the_sdist_of_then(overwritten: Index) -> None:
    """The other one goes; what is there has its claim, and no other is taken beside it."""
    index = overwritten
    index.put(TAR, sdist())
    index.put(WHEEL, wheel())
    moment = index.at.metadata.now()
    index.wait(timedelta(minutes=5))
    index.remove(TAR)
    index.put(ZIP, zip_sdist())
    index.wait(timedelta(minutes=5))
    index.run(RESTORE_TO, f"{AT}/", time=moment.isoformat(), dry_run=False)
    assert (index.read(TAR), index.read(ZIP)) == (sdist(), None)
    index.check()
    with pytest.raises(NameUsed):
        index.put(ZIP, zip_sdist())


TARS = [f"{AT}/foo-1.{number}.tar.gz" for number in range(7)]
ZIPS = [f"{AT}/foo-1.{number}.zip" for number in range(7)]
UPPER = [f"{AT}/Foo-1.{number}.zip" for number in range(7)]  # all before the others


def went_back(index: Index, moment: datetime, path: str = "files/") -> dict[str, int]:
    """What going back changed, which is what a dry run tells."""
    there = index.paths()
    told = index.run(RESTORE_TO, path, time=moment.isoformat(), dry_run=True)
    assert index.paths() == there
    done = index.run(RESTORE_TO, path, time=moment.isoformat(), dry_run=False)
    assert told.counts == done.counts
    index.check()
    return {name: count for name, count in done.counts.items() if count and name != "bytes"}


@pytest.mark.parametrize("then, since", [(ZIPS, TARS), (TARS, ZIPS), (UPPER, TARS), (TARS, UPPER)])
def test_who_goes_back_gets_every_sdist_of_then_however_many(
    small: Index, then: list[str], since: list[str]
) -> None:
    """What has their claims goes in later steps than those in which they come back."""
    for path in then:
        small.give(path)
    moment = small.at.metadata.now()
    small.wait(timedelta(minutes=1))
    for path, instead in zip(then, since, strict=True):
        small.take(path)
        small.give(instead)
    assert went_back(small, moment) == {"restored": 7, "deleted": 7}
    assert small.paths() == sorted(then)


def test_who_takes_one_file_back_loses_no_other_by_it(small: Index) -> None:
    small.give(TAR)
    moment = small.at.metadata.now()
    small.wait(timedelta(minutes=1))
    small.take(TAR)
    small.give(ZIP)
    assert went_back(small, moment, TAR) == {"left": 1}
    assert small.paths() == [ZIP]


def test_an_sdist_that_came_after_the_request_stays(small: Index) -> None:
    small.give(TAR)
    moment = small.at.metadata.now()
    small.wait(timedelta(minutes=1))
    small.take(TAR)
    told, job = (
        small.job(RESTORE_TO, "files/", time=moment.isoformat(), dry_run=dry_run)
        for dry_run in (True, False)
    )
    small.wait(timedelta(minutes=1))
    small.give(ZIP)
    assert small.finish(told).counts == small.finish(job).counts
    assert small.paths() == [ZIP]
    small.check()


@pytest.mark.parametrize("first, last", [(ZIPS, TARS), (TARS, ZIPS), (UPPER, TARS), (TARS, UPPER)])
def test_a_folder_gets_the_sdists_that_went_last_however_many(
    small: Index, first: list[str], last: list[str]
) -> None:
    for path in (*first, *last):
        small.give(path)
        small.take(path)
    done = small.run(RESTORE, "files/")
    assert (done.counts["restored"], done.counts["left"]) == (7, 7)
    assert small.paths() == sorted(last)
    small.check()


def test_an_sdist_that_went_after_the_request_keeps_no_other_away(small: Index) -> None:
    for path in (*UPPER, TARS[0]):
        small.give(path)
        small.take(path)
        if path == UPPER[-1]:
            job = small.job(RESTORE, "files/")
            small.wait(timedelta(minutes=1))
    small.finish(job)
    assert small.paths() == UPPER
    small.check()


@pytest.mark.parametrize("seed", range(6))
def test_any_history_of_sdists_can_be_gone_back_to_exactly(small: Index, seed: int) -> None:
    chance = random.Random(seed)
    history = []
    for _ in range(40):
        number = chance.randrange(7)
        mine = {paths[number] for paths in (TARS, ZIPS, UPPER)}
        for path in mine.intersection(small.paths()):
            small.take(path)
        if chance.random() < 0.7:
            small.give(chance.choice(sorted(mine)))
        history.append((small.at.metadata.now(), small.paths()))
        small.wait(timedelta(minutes=1))
    for moment, paths in chance.sample(history, 6):
        went_back(small, moment)
        assert small.paths() == paths
        small.wait(timedelta(minutes=1))
