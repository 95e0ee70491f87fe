"""Uploads of one release by many at once, to several processes: of names of which there may be one
there is one, and what files have in common is stored once."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from app.installation import opened
from app.settings import read_settings
from tests.durability.claims import wrong_claims, wrong_revisions
from tests.durability.installations import REPOSITORY, Installation, installed
from tests.durability.machines import Ground
from tests.durability.records import (
    Found,
    look,
    wrong_blobs,
    wrong_counters,
    wrong_entries,
    wrong_references,
)
from tests.durability.wire import Answer, exchange
from tests.python.building import FORM_TYPE, fields, form, metadata, sdist, wheel, zip_sdist

_JSON = "application/vnd.pypi.simple.v1+json"
RULES = {"format": "python", "kind": "hosted"}
ROUNDS = 8


@dataclass
class Index:
    """A Python repository that two machines serve."""

    installation: Installation

    def upload(
        self, filename: str, content: bytes, name: str = "foo", version: str = "1"
    ) -> Answer:
        """Upload by a form; which machine takes it, the bytes decide."""
        body = form(filename, content, fields(filename, content, name, version))
        named = {**self.installation.key, "Content-Type": FORM_TYPE}
        machines = self.installation.machines
        address = machines[len(body) % len(machines)].address
        return exchange(address, "POST", self.installation.url(""), named, body)

    def delete(self, filename: str) -> Answer:
        address, path = self.installation.machines[-1].address, f"files/foo/{filename}"
        return exchange(address, "DELETE", self.installation.url(path), self.installation.key)

    def files(self) -> list[str]:
        """What the index tells of, on each machine alike."""
        told = []
        for machine in self.installation.machines:
            named = {**self.installation.key, "Accept": _JSON}
            answer = exchange(machine.address, "GET", self.installation.url("simple/foo/"), named)
            page = json.loads(answer.body) if answer.status == 200 else {"files": []}
            told.append(sorted(file["filename"] for file in page["files"]))
        assert all(files == told[0] for files in told)
        return told[0]

    def at_rest(self) -> Found:
        """All records, in which nothing is wrong, and no bytes are left over."""
        with opened(read_settings(self.installation.ground.variables(0))) as at:
            found = look(at)
            assert [
                *wrong_claims(found),
                *wrong_references(found),
                *wrong_counters(found),
                *wrong_entries(found),
                *wrong_revisions(found),
                *wrong_blobs(at, found, collected=True),
            ] == []
        assert [fault for one in self.installation.machines for fault in one.faults()] == []
        return found


@pytest.fixture
def index(ground: Ground) -> Iterator[Index]:
    with installed(ground, *[("--workers", "2", "--threads", "32")] * 2, rules=RULES) as found:
        yield Index(found)


def at_once(*asks: Callable[[], Answer]) -> list[Answer]:
    """Ask all at the same moment; the answers in the same order."""
    begin = threading.Barrier(len(asks))
    answers: dict[int, Answer] = {}

    def run(number: int) -> None:
        begin.wait(30)
        answers[number] = asks[number]()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(asks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[number] for number in range(len(asks))]


def one_is_there(index: Index, answers: Sequence[Answer], names: Sequence[str]) -> str:
    """The one that was taken. All others were refused in words."""
    taken = [name for name, answer in zip(names, answers, strict=True) if answer.status == 200]
    assert len(taken) == 1, Counter(str(answer) for answer in answers)
    refused = [answer for answer in answers if answer.status != 200]
    words = (b"already exists", b"no other beside it", b"means the same as")
    for one in refused:
        assert one.status == 400, one
        assert any(said in one.body for said in words), one
    assert set(index.files()) & set(names) == set(taken)
    return taken[0]


def test_of_twenty_names_that_mean_the_same_one_is_there(index: Index) -> None:
    """Sdists, whatever they are packed with and however the version is spelled; then wheels."""
    versions = ["1", "1.0", "1.0.0", "v1", "1.0.0.0", "01", "1.00", "0!1", "1.0.00", "V1.0"]
    asks, names = [], []
    for version in versions:
        for ending, build in ((".tar.gz", sdist), (".zip", zip_sdist)):
            name, content = f"foo-{version}{ending}", build("foo", version)
            names.append(name)
            asks.append(lambda n=name, c=content, v=version: index.upload(n, c, version=v))
    one_is_there(index, at_once(*asks), names)
    asks, names = [], []
    for version in versions[:5]:
        for tag in ("py3-none-any", "Py3-none-any", "py3-none-ANY", "PY3-None-Any"):
            name, content = f"Foo-{version}-{tag}.whl", wheel("Foo", version, tag=tag)
            names.append(name)
            asks.append(lambda n=name, c=content, v=version: index.upload(n, c, version=v))
    one_is_there(index, at_once(*asks), names)
    assert len(index.at_rest().artifacts) == 2


def test_forty_wheels_share_their_metadata(index: Index) -> None:
    """And of twenty who upload one wheel, each is told that it is there."""
    tags = [f"cp311-cp311-manylinux_2_{number}_x86_64" for number in range(40)]
    names = [f"foo-1-{tag}.whl" for tag in tags]
    wheels = [wheel("foo", "1", tag=tag, files={"foo.so": tag.encode() * 50}) for tag in tags]
    answers = at_once(
        *(
            lambda n=name, c=content: index.upload(n, c)
            for name, content in zip(names, wheels, strict=True)
        )
    )
    assert Counter(answer.status for answer in answers) == {200: 40}, answers
    assert index.files() == sorted(names)
    core = hashlib.sha256(metadata("foo", "1")).hexdigest()
    assert index.at_rest().blobs[core].value["references"] == 40
    name, content = "foo-1-py3-none-any.whl", wheel("foo", "1")
    answers = at_once(*[lambda: index.upload(name, content)] * 20)
    assert Counter(answer.status for answer in answers) == {200: 20}, answers
    found = index.at_rest()
    assert found.blobs[core].value["references"] == 41
    assert found.blobs[hashlib.sha256(content).hexdigest()].value["references"] == 1


def test_a_name_that_is_deleted_in_the_same_moment_is_not_used_again(index: Index) -> None:
    """Whoever is told 200 was told so while it was there, and is not once it is gone."""
    for number in range(ROUNDS):
        name, version = f"foo-{number}-py3-none-any.whl", str(number)
        content = wheel("foo", version)
        assert index.upload(name, content, version=version).status == 200
        *uploads, deletion = at_once(
            *[lambda n=name, c=content, v=version: index.upload(n, c, version=v)] * 6,
            lambda n=name: index.delete(n),
        )
        assert deletion.status == 204
        assert {answer.status for answer in uploads} <= {200, 400}, uploads
        assert name not in index.files()
        assert index.upload(name, content, version=version).status == 400
    found = index.at_rest()
    assert (len(found.artifacts), len(found.kept), len(found.claims)) == (0, ROUNDS, ROUNDS)


def test_where_overwriting_is_allowed_a_claim_goes_with_its_file(index: Index) -> None:
    """Of two sdists of a version there is never more than one, whoever goes and comes."""
    index.installation.api("PATCH", f"/api/repositories/{REPOSITORY}", {"overwrite": True})
    names = {"foo-1.tar.gz": sdist("foo", "1"), "foo-1.zip": zip_sdist("foo", "1")}
    for _ in range(ROUNDS):
        asks = [lambda n=name, c=content: index.upload(n, c) for name, content in names.items()]
        answers = at_once(*asks, *(lambda n=name: index.delete(n) for name in names), *asks)
        assert {answer.status for answer in answers} <= {200, 204, 400, 404}, answers
        assert len(index.files()) <= 1
    found = index.at_rest()
    assert len(found.claims) == len(found.artifacts) <= 1
