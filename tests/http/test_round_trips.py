"""What a request costs in round trips: the table of the design, counted at the engines."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from random import Random

import pytest

from app.repositories import Format
from app.usage import OrganizationQuotas
from storage.blobs import Blobs
from storage.blobs.opening import parse_s3_url
from storage.events import SYSTEM
from storage.metadata import Key, Put
from tests.faults.blobs import S3Faults, s3_with_faults
from tests.http.client import Answer, Client
from tests.http.distributed import outsider
from tests.http.pieces import Upload
from tests.http.stand import Stand, stand
from tests.python.building import FORM_TYPE, fields, form, sdist, wheel

FILE = "/repositories/files/a/b.txt"
DATA = b"the bytes of a file"


@dataclass
class Cost:
    """Calls of the metadata engine (reads, commits) and of the blob store, by their names."""

    reads: int = 0
    commits: int = 0
    blobs: tuple[str, ...] = ()


@contextmanager
def counted(stand: Stand) -> Iterator[Cost]:
    """Count what the block costs."""
    made, called = len(stand.engine.made), Counter(stand.blobs.calls)
    cost = Cost()
    yield cost
    calls = stand.engine.made[made:]
    cost.reads = sum(call in ("get", "query", "count", "scan") for call in calls)
    cost.commits = calls.count("transact")
    told = ("commit", "open", "delete", "list", "url")  # those that reach S3, once each
    cost.blobs = tuple(name for name in told for _ in range(stand.blobs.calls[name] - called[name]))


@pytest.fixture
def warm(memory_stand: Stand) -> Stand:
    """The file is there, and the process has just served its repository to this key."""
    memory_stand.repository("files", overwrite=True)
    memory_stand.admins.put(FILE, DATA)
    memory_stand.admins.get(FILE)
    return memory_stand


def cold(stand: Stand) -> None:
    """Forget whatever is remembered of records; the door's guess and claims stay."""
    stand.clock.now += 11


Ask = Callable[[Client], object]

ROWS: dict[str, tuple[Ask, int, int, tuple[str, ...]]] = {
    "HEAD": (lambda c: c.head(FILE), 1, 0, ()),
    "GET streamed": (lambda c: c.get(FILE), 1, 0, ("open",)),
    "GET of a range": (lambda c: c.get(FILE, headers={"Range": "bytes=1-2"}), 1, 0, ("open",)),
    "GET of a range past the end": (
        lambda c: c.get(FILE, headers={"Range": "bytes=99-"}), 1, 0, ()
    ),
    "304": (lambda c: c.get(FILE, headers={"If-None-Match": "*"}), 1, 0, ()),
    "412": (lambda c: c.get(FILE, headers={"If-Match": '"x"'}), 1, 0, ()),
    "PUT of a new file": (lambda c: c.put(f"{FILE}.new", b"new"), 1, 1, ("commit",)),
    "PUT of an empty file": (lambda c: c.put(f"{FILE}.new", b""), 1, 1, ()),
    "PUT that overwrites": (lambda c: c.put(FILE, b"other"), 1, 1, ("commit",)),
    # A read instead of the commit: whether it is still there behind the body.
    "PUT of the same again": (lambda c: c.put(FILE, DATA), 2, 0, ("commit", "delete")),
    "PUT of a known digest": (
        lambda c: c.put(f"{FILE}.copy", DATA), 1, 2, ("commit", "delete")
    ),
    "PUT that is refused": (
        lambda c: c.put(FILE, b"x", headers={"If-None-Match": "*"}), 1, 0, ()
    ),
    "DELETE": (lambda c: c.delete(FILE), 1, 1, ()),
    "listing": (lambda c: c.get("/repositories/files/a/"), 1, 0, ()),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS)
def test_a_warm_request_costs_what_the_design_says(warm: Stand, row: str) -> None:
    ask, reads, commits, blobs = ROWS[row]
    with counted(warm) as cost:
        ask(warm.admins)
    assert cost == Cost(reads, commits, blobs)


@pytest.mark.parametrize("row", ROWS)
def test_a_request_of_a_reader_costs_the_same(warm: Stand, row: str) -> None:
    """Grants are in the user's record: they cost nothing more."""
    ask, reads, commits, blobs = ROWS[row]
    repository = next(r for r in warm.records() if r.key.partition.endswith("#repositories"))
    everything = ["read", "write", "delete"]
    person = warm.person(grants={repository.value["id"]: everything})
    client = warm.client.as_(person.by_key)
    client.get(FILE)
    with counted(warm) as cost:
        ask(client)
    assert cost == Cost(reads, commits, blobs)


def member(stand: Stand, how: str = "by_key") -> Client:
    """Who may do everything with the file by one of his three groups, and has just read it."""
    person = stand.person()
    stand.group({"none-*": ["read"]}, person)
    stand.group({"fi*": ["read", "write", "delete"]}, person)
    stand.group({}, person)
    client = stand.client.as_(getattr(person, how))
    assert client.get(FILE).status == 200
    return client


@pytest.mark.parametrize("how", ["by_key", "by_password"])
@pytest.mark.parametrize("row", ROWS)
def test_a_request_of_a_member_of_groups_costs_the_same(warm: Stand, row: str, how: str) -> None:
    """The groups that he was in come with the read that everything comes with."""
    ask, reads, commits, blobs = ROWS[row]
    client = member(warm, how)
    with counted(warm) as cost:
        ask(client)
    assert cost == Cost(reads, commits, blobs)


@pytest.mark.parametrize("row", ROWS)
def test_a_cold_request_of_a_member_costs_as_much_as_anybodys(warm: Stand, row: str) -> None:
    ask, reads, commits, blobs = ROWS[row]
    client = member(warm)
    cold(warm)
    with counted(warm) as cost:
        ask(client)
    assert cost.reads <= reads + 2
    assert (cost.commits, cost.blobs) == (commits, blobs)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE"])
def test_a_process_that_has_served_nothing_reads_once_more_for_groups(
    warm: Stand, method: str
) -> None:
    """However many there are: which they are, the user's record tells."""
    authorizations = [member(warm).authorization, warm.admin.by_key]
    found = []
    for authorization in authorizations:
        process = warm.another_process()
        client = process.client.as_(authorization)
        assert client.ask(method, f"{FILE}.{len(found)}", body=b"x").status in (201, 404)
        found.append(sum(call in ("get", "query", "count") for call in process.engine.made))
    assert found[0] == found[1] + 1


def bound(stand: Stand, quota: int) -> None:
    """Give the repository and the organization a quota."""
    at = stand.process.installation
    OrganizationQuotas(at.recent, at.journal).set(stand.organization, quota, SYSTEM)
    changed = stand.admins.patch("/api/repositories/files", {"quota_bytes": quota})
    assert changed.status == 200
    stand.admins.get(FILE)


@pytest.mark.parametrize("row", ROWS)
def test_a_request_under_quotas_costs_the_same(warm: Stand, row: str) -> None:
    """What decides is read and demanded with what is read and written anyway."""
    ask, reads, commits, blobs = ROWS[row]
    bound(warm, 10**6)
    with counted(warm) as cost:
        ask(warm.admins)
    assert cost == Cost(reads, commits, blobs)


def test_an_upload_whose_stripe_is_spent_asks_the_others(warm: Stand) -> None:
    """Before its body, and for the commit: the one that its own stripe refuses is made again."""
    bound(warm, 1_000)
    with counted(warm) as cost:
        assert warm.admins.put(f"{FILE}.new", bytes(900)).status == 201
    assert cost == Cost(3, 2, ("commit",))


def test_an_upload_that_does_not_fit_costs_no_commit_and_no_call_for_bytes(warm: Stand) -> None:
    """Nor is its body read. All stripes are asked twice: they are not read at one moment."""
    bound(warm, 1_000)
    with counted(warm) as cost:
        assert warm.admins.put(f"{FILE}.new", bytes(1_000)).status == 413
    assert cost == Cost(3, 0, ())


@pytest.mark.parametrize("row", ROWS)
def test_a_cold_request_costs_two_reads_more_at_the_most(warm: Stand, row: str) -> None:
    """Also in a process that has served nothing yet."""
    ask, reads, commits, blobs = ROWS[row]
    cold(warm)
    with counted(warm) as cost:
        ask(warm.admins)
    assert cost.reads <= reads + 2
    assert (cost.commits, cost.blobs) == (commits, blobs)


def test_a_process_that_has_served_nothing_reads_twice_more_at_the_most(
    memory_stand: Stand,
) -> None:
    memory_stand.repository("files")
    memory_stand.admins.put(FILE, DATA)
    for ask, reads in (
        (lambda c: c.head(FILE), 1),
        (lambda c: c.put("/repositories/files/a/c", b"c"), 1),
        (lambda c: c.delete(FILE), 1),
    ):
        process = memory_stand.another_process()
        ask(process.client.as_(memory_stand.admin.by_key))
        found = sum(call in ("get", "query", "count") for call in process.engine.made)
        # The organization's name is read once in the life of a process.
        assert found <= reads + 2 + 1


def test_a_new_folder_costs_one_commit_more_however_deep(warm: Stand) -> None:
    """Folders are made known to listings before a file is in them: once, all in one commit."""
    with counted(warm) as cost:
        warm.admins.put("/repositories/files/new/and/deep/x", b"x")
    assert cost == Cost(1, 2, ("commit",))
    with counted(warm) as cost:
        warm.admins.put("/repositories/files/new/and/deep/y", b"y")
    assert cost == Cost(1, 1, ("commit",))


def test_a_public_read_costs_one_read(memory_stand: Stand) -> None:
    memory_stand.repository("files", public=True)
    memory_stand.admins.put(FILE, DATA)
    memory_stand.client.get(f"/public{FILE}")
    with counted(memory_stand) as cost:
        memory_stand.client.get(f"/public{FILE}")
    assert cost == Cost(1, 0, ("open",))


def test_a_password_that_was_verified_costs_as_much_as_a_key(memory_stand: Stand) -> None:
    repository = memory_stand.repository("files")
    memory_stand.admins.put(FILE, DATA)
    person = memory_stand.person(grants={repository.id: ["read", "write"]})
    client = memory_stand.client.as_(person.by_password)
    client.get(FILE)
    with counted(memory_stand) as cost:
        client.get(FILE)
    assert cost == Cost(1, 0, ("open",))
    with counted(memory_stand) as cost:
        client.put("/repositories/files/a/c", b"c")
    assert cost == Cost(1, 1, ("commit",))


@pytest.mark.parametrize(
    "authorization, most",
    [
        (None, 0),
        ("Basic nonsense", 0),
        ("Bearer srk_tooshort", 0),
        ("Basic YXBpLWtleTpzcmtfbm9uc2Vuc2U=", 0),
    ],
)
def test_without_credentials_nothing_is_looked_up(
    warm: Stand, authorization: str | None, most: int
) -> None:
    client = warm.client.as_(authorization)
    cold(warm)
    client.get("/")  # the organization's name
    with counted(warm) as cost:
        for method in ("GET", "HEAD", "PUT", "DELETE"):
            assert client.ask(method, FILE, body=b"x").status == 401
    assert cost == Cost(most, 0, ())


def test_an_upload_in_pieces_costs_a_read_and_two_commits_each_time(warm: Stand) -> None:
    """Two, and not one: see `docs/decisions.md`. In one piece its digests are known.

    To begin costs a read more: of what else its user has begun.
    """
    data = b"the bytes of a larger file"
    costs: list[Cost] = []

    def ask(step: Callable[[], Answer]) -> Answer:
        with counted(warm) as cost:
            answer = step()
        assert answer.status < 300
        costs.append(cost)
        return answer

    begun = Upload(warm.admins, data)  # guesses nothing wrong: the door has seen the repository
    for pieces in ([(0, len(data))], [(0, 5), (5, len(data))]):
        costs.clear()
        with counted(warm) as cost:
            begun = Upload(warm.admins, data, f"/repositories/files/a/{len(pieces)}")
        assert cost == Cost(2, 1, ())
        for piece in pieces:
            ask(partial(begun.piece, *piece))
        ask(begun.look)
        assert costs == [*[Cost(1, 2, ())] * len(pieces), Cost(1, 0, ())]
        costs.clear()
        ask(begun.put)
        ask(begun.put)
        if len(pieces) == 1:
            assert costs == [Cost(1, 2, ("commit",)), Cost(1, 0, ())]
        else:  # read back; and the digest is known by now, which costs a commit more
            assert costs == [Cost(1, 3, ("commit", "open", "delete")), Cost(1, 0, ())]


PYPI = "/repositories/pypi/"
WHEEL = "foo-1.0-py3-none-any.whl"
AS_JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


def uploads(client: Client, filename: str, content: bytes) -> Answer:
    """Upload by a form."""
    body = form(filename, content)
    return client.ask("POST", PYPI, body=body, headers={"Content-Type": FORM_TYPE})


@pytest.fixture
def pypi(memory_stand: Stand, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """A wheel is there, and the process has served the project's page."""
    monkeypatch.setattr("app.computed.views.SETTLED_SECONDS", 0.0)
    memory_stand.repository("pypi", Format.PYTHON)
    assert uploads(memory_stand.admins, WHEEL, wheel()).status == 200
    for path in ("simple/foo/", "simple/", "foo/json"):
        assert memory_stand.admins.get(f"{PYPI}{path}").status == 200
    return memory_stand


READ = ("open",)
PYTHON_ROWS: dict[str, tuple[Ask, int, int, tuple[str, ...]]] = {
    "file": (lambda c: c.get(f"{PYPI}files/foo/{WHEEL}"), 1, 0, READ),
    "metadata": (lambda c: c.get(f"{PYPI}files/foo/{WHEEL}.metadata"), 1, 0, READ),
    "HEAD of a file": (lambda c: c.head(f"{PYPI}files/foo/{WHEEL}"), 1, 0, ()),
    "HEAD of metadata": (lambda c: c.head(f"{PYPI}files/foo/{WHEEL}.metadata"), 1, 0, ()),
    "warm page": (lambda c: c.get(f"{PYPI}simple/foo/"), 1, 0, ()),
    "304 of a page": (
        lambda c: c.get(f"{PYPI}simple/foo/", headers={"If-None-Match": "*"}), 1, 0, ()
    ),
    "HEAD of a page": (lambda c: c.head(f"{PYPI}simple/foo/"), 1, 0, ()),
    "warm list of projects": (lambda c: c.get(f"{PYPI}simple/"), 1, 0, ()),
    "warm details": (lambda c: c.get(f"{PYPI}foo/json"), 1, 0, ()),
    # The revision, the project's state, and its files.
    "cold page": (lambda c: c.get(f"{PYPI}simple/foo/", headers=AS_JSON), 3, 0, ()),
    "cold list of projects": (lambda c: c.get(f"{PYPI}simple/", headers=AS_JSON), 2, 0, ()),
    "page of nothing": (lambda c: c.get(f"{PYPI}simple/bar/"), 1, 0, ()),
    # What its door reads, and what its name turns out to need. One read in the zip finds all of
    # it where it is small; METADATA is a blob of its own, here of bytes that are known.
    "form of a wheel": (
        lambda c: uploads(c, "foo-1.0-cp311-none-any.whl", wheel(tag="cp311-none-any", files={})),
        2, 2, ("commit", "commit", "open", "delete"),
    ),
    "form of an sdist": (
        lambda c: uploads(c, "foo-1.0.tar.gz", sdist(more="Summary: x\n")),
        2, 1, ("commit", "commit"),
    ),
    "form of the same again": (
        lambda c: uploads(c, WHEEL, wheel()), 3, 0, ("commit", "commit", "open", "delete")
    ),
    "DELETE of a wheel": (lambda c: c.delete(f"{PYPI}files/foo/{WHEEL}"), 1, 1, ()),
}  # fmt: skip


@pytest.mark.parametrize("row", PYTHON_ROWS)
def test_a_request_of_an_index_costs_what_the_design_says(pypi: Stand, row: str) -> None:
    ask, reads, commits, blobs = PYTHON_ROWS[row]
    with counted(pypi) as cost:
        ask(pypi.admins)
    assert cost == Cost(reads, commits, blobs)


def test_a_cold_page_costs_a_query_for_each_megabyte(pypi: Stand) -> None:
    """Of the files that it lists, here 5,000 of some 300 bytes."""
    metadata = pypi.process.installation.metadata
    (entry,) = (r for r in pypi.records() if "#distributions#" in r.key.partition)
    names = [f"foo/foo-1.0.{number:04d}-{'x' * 60}-py3-none-any.whl" for number in range(5_000)]
    for start in range(0, len(names), 90):
        some = [Key(entry.key.partition, name) for name in names[start : start + 90]]
        metadata.commit(*(Put(key, {**entry.value, "version": "1.0"}) for key in some))
    with counted(pypi) as cost:
        page = pypi.admins.get(f"{PYPI}simple/foo/", headers=AS_JSON)
    assert len(page.json["files"]) == len(names) + 1
    assert cost == Cost(4, 0, ())


def test_a_new_project_costs_a_commit_more(pypi: Stand) -> None:
    """Its folder is made known to the list of projects."""
    content = wheel("bar", more="Summary: new\n")
    name = "bar-1.0-py3-none-any.whl"
    body = form(name, content, {**fields(name, content), "name": "bar"})
    with counted(pypi) as cost:
        answer = pypi.admins.ask("POST", PYPI, body=body, headers={"Content-Type": FORM_TYPE})
    assert answer.status == 200
    assert cost == Cost(2, 2, ("commit", "commit", "open"))


def test_a_wheel_is_read_by_four_reads_at_most(pypi: Stand) -> None:
    """However far its two files are from its end, and from each other."""
    random = Random(3)
    far = {f"data/{number}.bin": random.randbytes(400_000) for number in range(4)}
    content = wheel(more="Summary: far\n", tag="cp311-none-any", files=far)
    with counted(pypi) as cost:
        assert uploads(pypi.admins, "foo-1.0-cp311-none-any.whl", content).status == 200
    assert (cost.reads, cost.commits) == (2, 1)
    assert cost.blobs.count("commit") == 2
    assert cost.blobs.count("open") <= 4


def test_on_s3_each_request_is_one(remote_stand: Stand) -> None:
    """The same rows, counted below boto3: what is asked of S3 itself."""
    faults: list[S3Faults] = []

    def open_blobs() -> Blobs:
        blobs, found = s3_with_faults(parse_s3_url(remote_stand.settings.blobs))
        faults.append(found)
        return blobs

    beside = replace(
        remote_stand.settings, metadata=f"sqlite:{remote_stand.settings.data}/beside.db"
    )
    counted_stand = stand(beside, open_blobs)
    try:
        _count_on_s3(counted_stand, faults[0])
    finally:
        counted_stand.close()


def _count_on_s3(stand: Stand, s3: S3Faults) -> None:
    stand.repository("files", overwrite=True)
    client = stand.admins
    part = 8 * 1024 * 1024
    big = bytes(2 * part + 1)  # three parts
    begun: list[Upload] = []
    stand.repository("pypi", Format.PYTHON)

    def asked(what: Callable[[Upload], Answer]) -> Answer:
        return what(begun[0])

    def uploaded(filename: str, content: bytes) -> Answer:
        return uploads(client, filename, content)

    for ask, calls in (
        (lambda: client.put(FILE, DATA), ["PutObject"]),
        (lambda: client.put(FILE, b"other"), ["PutObject"]),
        (lambda: client.get(FILE), ["GetObject"]),
        (lambda: client.head(FILE), []),
        (lambda: client.get(FILE, headers={"If-None-Match": "*"}), []),
        (lambda: client.put(f"{FILE}.copy", b"other"), ["PutObject", "DeleteObjects"]),
        (
            lambda: client.put(f"{FILE}.big", big),
            ["CreateMultipartUpload", *["UploadPart"] * 3, "CompleteMultipartUpload"],
        ),
        (lambda: client.delete(FILE), []),
        (lambda: begun.append(Upload(client, big, f"{FILE}.pieces")), ["CreateMultipartUpload"]),
        (lambda: begun[0].piece(0, part), ["ListParts", "UploadPart"]),
        (lambda: asked(Upload.look), []),
        (lambda: begun[0].piece(part, len(big)), ["ListParts", *["UploadPart"] * 2]),
        (
            lambda: asked(Upload.put),
            ["ListParts", "CompleteMultipartUpload", "GetObject", "DeleteObjects"],
        ),
        (lambda: asked(Upload.put), []),
        # A read in the wheel, and its METADATA. These are all written where they are one part.
        (lambda: uploaded(WHEEL, wheel()), ["PutObject", "GetObject", "PutObject"]),
        (
            lambda: uploaded("foo-1.0.tar.gz", sdist(more="Summary: x\n")),
            ["PutObject", "PutObject"],
        ),
        (lambda: client.get(f"{PYPI}files/foo/{WHEEL}"), ["GetObject"]),
        (lambda: client.get(f"{PYPI}files/foo/{WHEEL}.metadata"), ["GetObject"]),
        (lambda: client.head(f"{PYPI}files/foo/{WHEEL}"), []),
        (lambda: client.get(f"{PYPI}simple/foo/"), []),
    ):
        before = len(s3.calls)
        answer = ask()
        assert answer is None or answer.status < 400
        found = s3.calls[before:]
        if found and found[-1].startswith("DeleteObject"):
            found[-1] = "DeleteObjects"
        assert found == calls


@pytest.mark.parametrize("row", ROWS)
def test_a_use_of_a_key_that_is_noted_costs_the_request_nothing(warm: Stand, row: str) -> None:
    """It is written behind it: also the first use in an hour, and in all that follow."""
    ask, reads, commits, blobs = ROWS[row]
    warm.process.uses.flush()
    warm.process.uses._noted.clear()  # as when an hour begins
    with counted(warm) as cost:
        ask(warm.admins)
    assert cost == Cost(reads, commits, blobs)
    assert warm.process.uses.flush() == 1


@pytest.mark.parametrize("row", ["HEAD", "GET streamed", "GET of a range", "304", "listing"])
def test_a_request_of_a_subscriber_costs_the_same(warm: Stand, row: str) -> None:
    """With what his groups give, and with what is counted of it."""
    ask, reads, commits, blobs = ROWS[row]
    repository = next(r for r in warm.records() if r.key.partition.endswith("#repositories"))
    client = warm.client.as_(outsider(warm, repository.value["id"], "other-*").by_key)
    client.get(FILE)
    with counted(warm) as cost:
        ask(client)
    assert cost == Cost(reads, commits, blobs)
    cold(warm)
    with counted(warm) as cost:
        ask(client)
    assert cost.reads <= reads + 2
