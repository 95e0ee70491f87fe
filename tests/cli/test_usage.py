"""`strongroom usage`: what repositories hold, and whether their counters are right."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.installation import Installation, existing
from app.publishing import Digester, Publication, Publisher
from app.publishing.place import Place
from app.publishing.receiving import Receiver
from app.repositories import ArtifactPath, Catalogue, Repository, RepositoryName, Rules
from app.settings import read_settings
from app.usage import Ledger, Quota
from auth.organizations import Organizations
from storage.events import SYSTEM
from storage.metadata import Put
from tests.cli.here import Here
from tests.usage.depot import Body


@pytest.fixture
def at(data: Path) -> Iterator[Installation]:
    with existing(read_settings({"STRONGROOM_DATA": str(data)})) as opened:
        yield opened


@pytest.fixture
def repository(at: Installation) -> Repository:
    """A repository with a quota of 4 KiB and a file of 1 KiB, beside the first one."""
    catalogue = Catalogue(at.recent, at.journal)
    organization = Organizations(at.recent).named("default").id
    name = RepositoryName.parse("small")
    made = catalogue.create(organization, SYSTEM, name, Rules(quota=Quota(4096)))
    place = Place.at(made, ArtifactPath.parse("a/b"))
    receiver = Receiver(at.blobs, at.metadata, Digester(1))
    publisher = Publisher(receiver, at.metadata, at.journal)
    publisher.publish(Publication(place, SYSTEM), Body(bytes(1024)), {})
    return made


def test_it_shows_what_is_held_and_may_be(strongroom: Here, repository: Repository) -> None:
    status, out, err = strongroom("usage")
    assert (status, err) == (0, "")
    head, files, small, whole = out.splitlines()
    assert head.split() == ["NAME", "FILES", "USED", "RESTORABLE", "QUOTA", "PERCENT"]
    assert files.split() == ["files", "0", "0", "bytes", "0", "bytes", "-", "-"]
    assert small.split() == ["small", "1", "1.0", "KiB", "0", "bytes", "4.0", "KiB", "25"]
    assert whole.startswith("all of default")
    found = strongroom.json("usage")
    assert found["organization"]["name"] == "default"
    assert found["organization"]["usage"]["bytes"] == 1024
    assert [row["name"] for row in found["repositories"]] == ["files", "small"]
    assert "differences" not in found


def test_deleted_repositories_are_told_apart(
    strongroom: Here, at: Installation, repository: Repository
) -> None:
    name = RepositoryName.parse("small")
    Catalogue(at.recent, at.journal).delete(repository.organization, SYSTEM, name)
    assert "small (deleted)" in strongroom("usage")[1]
    last = strongroom.json("usage", "--check")["repositories"][-1]
    assert (last["deleted"], last["usage"]["files"]) == (True, 1)


def test_a_check_counts_all_files(
    strongroom: Here, at: Installation, repository: Repository
) -> None:
    status, out, _ = strongroom("usage", "--check")
    assert (status, out.splitlines()[-1]) == (
        0,
        "All files are counted: the counters are right.",
    )
    assert strongroom.json("usage", "--check")["differences"] == []
    records = at.metadata.get(*Ledger(repository.organization, repository.id).keys)
    (stripe,) = [record for record in records.values() if record.value.get("bytes")]
    at.metadata.commit(Put(stripe.key, {**stripe.value, "bytes": 1000, "over": 5}))
    status, out, _ = strongroom("usage", "--check")
    assert status == 1
    assert f"small (stripe {stripe.key.partition[-1]}): counted" in out
    assert "the quota of small: counted 4096, told" in out


def test_an_organization_that_is_not_there_is_named(strongroom: Here) -> None:
    status, out, err = strongroom("usage", "--org", "other")
    assert (status, out) == (1, "")
    assert "'other'" in err
