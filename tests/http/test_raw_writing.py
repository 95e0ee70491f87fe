"""PUT and DELETE of files: what is answered, what is stored, and that a refusal stores nothing."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.usage import Ledger, Usage, balances_of
from tests.http.client import Client, Vanishing
from tests.http.stand import Stand

FILE = "/repositories/files/a/b.txt"
DATA = b"the bytes of a file"
MIB = 1024 * 1024


@contextmanager
def nothing_stored(stand: Stand) -> Iterator[None]:
    """The block leaves no record, no blob, no unfinished upload and no temporary file."""
    before = stand.dump()
    yield
    after = stand.dump()
    assert after.records == before.records
    assert after == before


def hexadecimal(algorithm: str, data: bytes = DATA) -> str:
    return hashlib.new(algorithm, data).hexdigest()


def in_base64(algorithm: str, data: bytes = DATA) -> str:
    return base64.b64encode(hashlib.new(algorithm, data).digest()).decode()


#: Every form in which a client may announce a digest: header, and its value for some bytes.
ANNOUNCEMENTS = {
    "Content-MD5": lambda data: in_base64("md5", data),
    "X-Checksum-Md5": lambda data: hexadecimal("md5", data),
    "X-Checksum-Sha1": lambda data: hexadecimal("sha1", data),
    "X-Checksum-Sha256": lambda data: hexadecimal("sha256", data).upper(),
    "X-Checksum-Sha512": lambda data: hexadecimal("sha512", data),
    "Content-Digest": lambda data: f"sha-256=:{in_base64('sha256', data)}:",
    "Repr-Digest": lambda data: (
        f"sha-512=:{in_base64('sha512', data)}:, sha-256=:{in_base64('sha256', data)}:"
    ),
}


def test_a_new_file_is_201_with_its_path_size_and_digests(admins: Client) -> None:
    answer = admins.put(FILE, DATA)
    assert answer.status == 201
    described = answer.json
    assert described["path"] == "a/b.txt"
    assert described["size"] == len(DATA)
    assert described["digests"]["sha256"] == hexadecimal("sha256")
    assert answer.headers["etag"] == f'"sha256:{hexadecimal("sha256")}"'
    assert answer.headers["content-type"] == "application/json"


def test_the_same_bytes_again_are_200_and_change_nothing(admins: Client, any_stand: Stand) -> None:
    """Retries are safe, whatever the overwrite rule."""
    first = admins.put(FILE, DATA)
    with nothing_stored(any_stand):
        again = admins.put(FILE, DATA)
    assert again.status == 200
    assert again.json == first.json


def test_other_bytes_are_409_where_overwriting_is_not_allowed(
    admins: Client, any_stand: Stand
) -> None:
    admins.put(FILE, DATA)
    with nothing_stored(any_stand):
        longer = admins.put(FILE, DATA + b"!")
        as_long = admins.put(FILE, b"!" * len(DATA))
        chunked = admins.put(FILE, b"!" * len(DATA), chunked=True)
        emptied = admins.put(FILE, b"")
    assert [longer.status, as_long.status, chunked.status, emptied.status] == [409] * 4
    assert "an administrator sets the repository's 'overwrite'" in longer.detail
    assert admins.get(FILE).body == DATA


def test_overwriting_is_200_and_keeps_the_old_file_restorable(any_stand: Stand) -> None:
    repository = any_stand.repository("files", overwrite=True)
    admins = any_stand.admins
    admins.put(FILE, DATA)
    answer = admins.put(FILE, b"newer")
    assert answer.status == 200
    assert admins.get(FILE).body == b"newer"
    org = any_stand.organization
    kept = [
        record.value
        for record in any_stand.records()
        if record.key.partition == f"{org}#deleted#{repository.id}#/a/"
    ]
    assert len(kept) == 1
    assert kept[0]["artifact"]["digests"]["sha256"] == hexadecimal("sha256")
    assert kept[0]["user"] == any_stand.admin.id
    assert len(any_stand.dump().blobs) == 2, "no bytes were dropped"


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 64 * 1024 + 1, MIB, 3 * MIB + 5])
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_bodies_of_any_size_come_back_as_they_were(
    folder_stand: Stand, size: int, chunked: bool
) -> None:
    folder_stand.repository("files")
    data = hashlib.shake_256(str(size).encode()).digest(size)
    client = folder_stand.admins
    assert client.put(FILE, data, chunked=chunked).status == 201
    answer = client.get(FILE)
    assert answer.body == data
    assert answer.headers["content-length"] == str(size)
    assert client.get(FILE, sendfile=True).body == data


def test_a_file_over_one_part_comes_back_as_it_was(admins: Client) -> None:
    data = hashlib.shake_256(b"parts").digest(9 * MIB + 1)  # over the 8 MiB of a part
    assert admins.put(FILE, data).status == 201
    assert admins.get(FILE).body == data
    assert admins.get(FILE, headers={"Range": "bytes=-7"}).body == data[-7:]


def test_an_empty_file_is_a_file(admins: Client, any_stand: Stand) -> None:
    assert admins.put(FILE, b"").status == 201
    assert any_stand.dump().blobs == ()
    answer = admins.get(FILE)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == "0"
    assert answer.headers["etag"] == f'"sha256:{hexadecimal("sha256", b"")}"'


def test_equal_bytes_are_kept_once(admins: Client, any_stand: Stand) -> None:
    admins.put(FILE, DATA)
    admins.put("/repositories/files/again.txt", DATA)
    assert len(any_stand.dump().blobs) == 1
    assert admins.get("/repositories/files/again.txt").body == DATA


@pytest.mark.parametrize("header", ANNOUNCEMENTS)
def test_an_announced_digest_that_holds_is_published(memory_stand: Stand, header: str) -> None:
    memory_stand.repository("files")
    answer = memory_stand.admins.put(FILE, DATA, headers={header: ANNOUNCEMENTS[header](DATA)})
    assert answer.status == 201


@pytest.mark.parametrize("header", ANNOUNCEMENTS)
@pytest.mark.parametrize("body", [DATA, b""], ids=["bytes", "empty"])
def test_an_announced_digest_that_does_not_hold_is_400_and_stores_nothing(
    folder_stand: Stand, header: str, body: bytes
) -> None:
    folder_stand.repository("files")
    wrong = ANNOUNCEMENTS[header](b"other bytes")
    with nothing_stored(folder_stand):
        answer = folder_stand.admins.put(FILE, body, headers={header: wrong})
    assert answer.status == 400
    assert "not" in answer.detail


def test_a_wrong_digest_leaves_nothing_in_any_store(admins: Client, any_stand: Stand) -> None:
    with nothing_stored(any_stand):
        answer = admins.put(FILE, DATA, headers={"X-Checksum-Sha1": "0" * 40})
    assert answer.status == 400


@pytest.mark.parametrize(
    "name, value",
    [
        ("Content-MD5", ""),
        ("Content-MD5", "not base64"),
        ("Content-MD5", base64.b64encode(b"short").decode()),
        ("Content-MD5", hexadecimal("md5")),
        ("X-Checksum-Sha256", ""),
        ("X-Checksum-Sha256", "0" * 63),
        ("X-Checksum-Sha256", "g" * 64),
        ("X-Checksum-Sha1", hexadecimal("sha256")),
        ("Repr-Digest", ""),
        ("Repr-Digest", hexadecimal("sha256")),
        ("Repr-Digest", "sha-256=abc"),
        ("Repr-Digest", "crc32c=:AAAAAA==:"),
        ("Content-Digest", f"sha-256=:{in_base64('md5')}:"),
        ("Content-Digest", f"sha-256=:{in_base64('sha256')}:,"),
    ],
)
def test_an_announcement_that_cant_be_read_is_400_and_not_ignored(
    memory_stand: Stand, name: str, value: str
) -> None:
    memory_stand.repository("files")
    with nothing_stored(memory_stand):
        answer = memory_stand.admins.put(FILE, DATA, headers={name: value})
    assert answer.status == 400


ETAG = f'"sha256:{hexadecimal("sha256")}"'
LONG_AGO, FAR_AHEAD = "Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 31 Dec 2100 23:59:59 GMT"


@pytest.mark.parametrize(
    "headers, there, absent",
    [
        ({"If-None-Match": "*"}, 412, 201),
        ({"If-None-Match": ETAG}, 412, 201),
        ({"If-None-Match": f"W/{ETAG}"}, 412, 201),
        ({"If-None-Match": '"other"'}, 200, 201),
        ({"If-Match": "*"}, 200, 412),
        ({"If-Match": ETAG}, 200, 412),
        ({"If-Match": f'"other", {ETAG}'}, 200, 412),
        ({"If-Match": f"W/{ETAG}"}, 412, 412),
        ({"If-Match": '"other"'}, 412, 412),
        ({"If-Unmodified-Since": LONG_AGO}, 412, 412),
        ({"If-Unmodified-Since": FAR_AHEAD}, 200, 412),
        ({"If-Unmodified-Since": "nonsense"}, 200, 201),
        ({"If-Match": ETAG, "If-Unmodified-Since": LONG_AGO}, 200, 412),
        ({"If-Match": ETAG, "If-None-Match": ETAG}, 412, 412),
        ({"If-Match": "no tag"}, 400, 400),
        ({"If-None-Match": '"open'}, 400, 400),
        ({"If-Match": ""}, 400, 400),
        ({"Content-Range": "bytes 0-4/5"}, 400, 400),
        ({"Content-Encoding": "gzip"}, 415, 415),
        ({"Content-Encoding": "identity"}, 200, 201),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True], ids=["fixed", "overwrite"])
def test_a_write_is_answered_as_its_headers_say(
    memory_stand: Stand, headers: dict[str, str], there: int, absent: int, overwrite: bool
) -> None:
    """The table of `raw.md`: the same bytes, to a path where they are, and where nothing is."""
    memory_stand.repository("files", overwrite=overwrite)
    client = memory_stand.admins
    client.put(FILE, DATA)
    with nothing_stored(memory_stand):
        assert client.put(FILE, DATA, headers=headers).status == there
    new = "/repositories/files/new/file.txt"
    before = memory_stand.dump()
    assert client.put(new, DATA, headers=headers).status == absent
    assert (memory_stand.dump() == before) is (absent != 201)


def test_a_precondition_comes_before_the_body(memory_stand: Stand) -> None:
    memory_stand.repository("files", overwrite=True)
    memory_stand.admins.put(FILE, DATA)
    unread = Vanishing(b"", AssertionError("the body was read"))
    for headers in ({"If-None-Match": "*"}, {"If-Match": '"x"'}):
        answer = memory_stand.admins.put(FILE, unread, length="5", headers=headers)
        assert answer.status == 412


def test_a_refusal_comes_before_the_body(memory_stand: Stand) -> None:
    """So that a server which sends `100 Continue` at the first read never asks for it."""
    repository = memory_stand.repository("files")
    memory_stand.admins.put(FILE, DATA)
    reader = memory_stand.person(grants={repository.id: ["read"]})
    memory_stand.client.as_(memory_stand.admin.by_password).get("/api/user")  # is seen here
    unread = Vanishing(b"", AssertionError("the body was read"))
    for client, target, status in (
        (memory_stand.client, FILE, 401),
        (memory_stand.client.as_("Basic !"), FILE, 401),
        (memory_stand.client.as_(memory_stand.admin.by_password), FILE, 403),
        (memory_stand.client.as_(reader.by_key), FILE, 403),
        (memory_stand.admins, "/repositories/nowhere/x", 404),
        (memory_stand.admins, "/repositories/files/a//b", 400),
        (memory_stand.admins, FILE, 409),
    ):
        with nothing_stored(memory_stand):
            assert client.put(target, unread, length="5").status == status


@pytest.mark.parametrize("sent, announced", [(b"", "5"), (b"half", "8"), (b"x" * MIB, "2000000")])
def test_a_body_that_ends_early_is_400_and_stores_nothing(
    admins: Client, any_stand: Stand, sent: bytes, announced: str
) -> None:
    with nothing_stored(any_stand):
        answer = admins.put(FILE, Vanishing(sent), length=announced)
    assert answer.status == 400
    assert admins.get(FILE).status == 404


def test_a_client_that_vanishes_leaves_nothing(admins: Client, any_stand: Stand) -> None:
    gone = ConnectionResetError("gone")
    with nothing_stored(any_stand):
        admins.put(FILE, Vanishing(b"x" * MIB, gone), length=str(20 * MIB))
        admins.put(FILE, Vanishing(b"x" * 9 * MIB, gone), chunked=True)
    assert admins.get(FILE).status == 404


def test_bytes_behind_the_announced_length_are_no_part_of_the_file(memory_stand: Stand) -> None:
    memory_stand.repository("files")
    memory_stand.admins.put(FILE, Vanishing(DATA + b"smuggled"), length=str(len(DATA)))
    assert memory_stand.admins.get(FILE).body == DATA


@pytest.mark.parametrize("length", ["five", "-1", "+5", "5, 5", "\u0665", "0x5", " "])
def test_a_length_that_is_no_number_is_400(memory_stand: Stand, length: str) -> None:
    memory_stand.repository("files")
    with nothing_stored(memory_stand):
        answer = memory_stand.admins.put(FILE, Vanishing(DATA), length=length)
    assert answer.status == 400


def test_what_could_never_fit_is_413_and_says_why(
    remote_stand: Stand,
) -> None:
    """The store's own limit: the parts of an upload that long take more than the setting."""
    remote_stand.repository("files")
    with nothing_stored(remote_stand):
        answer = remote_stand.admins.put(FILE, Vanishing(b""), length=str(5 * 1024**4))
    assert answer.status == 413
    assert "STRONGROOM_UPLOAD_MEMORY" in answer.detail


@pytest.mark.parametrize("target", ["/repositories/files/", "/repositories/files/a/"])
def test_a_folder_is_not_written(memory_stand: Stand, target: str) -> None:
    memory_stand.repository("files")
    with nothing_stored(memory_stand):
        assert memory_stand.admins.put(target, DATA).status == 405


def test_a_file_and_a_folder_of_one_name_may_both_be_there(admins: Client) -> None:
    """The namespace is flat."""
    assert admins.put("/repositories/files/a", b"file").status == 201
    assert admins.put("/repositories/files/a/b", b"in the folder").status == 201
    assert admins.get("/repositories/files/a").body == b"file"
    assert admins.get("/repositories/files/a/b").body == b"in the folder"
    names = [entry["name"] for entry in admins.get("/repositories/files/").json["entries"]]
    assert names == ["a", "a/"]


def test_deleting_is_204_and_keeps_the_file_restorable(any_stand: Stand) -> None:
    repository = any_stand.repository("files", restore_days=3)
    admins = any_stand.admins
    admins.put(FILE, DATA)
    assert admins.delete(FILE).status == 204
    assert admins.get(FILE).status == 404
    assert admins.delete(FILE).status == 404
    org = any_stand.organization
    kept = [
        record
        for record in any_stand.records()
        if record.key.partition == f"{org}#deleted#{repository.id}#/a/"
    ]
    assert len(kept) == 1
    assert kept[0].value["artifact"]["blob"] in any_stand.dump().blobs
    ledgers = Ledger(org, repository.id), Ledger(org)
    counted = Usage(restorable_files=1, restorable_bytes=len(DATA))
    for balance in balances_of(any_stand.process.installation.metadata, *ledgers):
        assert balance.usage == counted


def test_a_deleted_path_takes_other_bytes(admins: Client) -> None:
    admins.put(FILE, DATA)
    admins.delete(FILE)
    assert admins.put(FILE, b"others").status == 201
    assert admins.get(FILE).body == b"others"


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"If-Match": ETAG}, 204),
        ({"If-Match": "*"}, 204),
        ({"If-Match": '"other"'}, 412),
        ({"If-None-Match": "*"}, 412),
        ({"If-Unmodified-Since": LONG_AGO}, 412),
        ({"If-Unmodified-Since": FAR_AHEAD}, 204),
        ({"If-Match": "no tag"}, 400),
    ],
)
def test_a_file_is_deleted_only_where_the_precondition_holds(
    memory_stand: Stand, headers: dict[str, str], status: int
) -> None:
    memory_stand.repository("files")
    client = memory_stand.admins
    client.put(FILE, DATA)
    assert client.delete(FILE, headers=headers).status == status
    assert client.get(FILE).status == (404 if status == 204 else 200)


@pytest.mark.parametrize("target", ["/repositories/files/", "/repositories/files/a/"])
def test_a_folder_is_not_deleted_by_mistake(memory_stand: Stand, target: str) -> None:
    memory_stand.repository("files")
    memory_stand.admins.put(FILE, DATA)
    with nothing_stored(memory_stand):
        for query in ("", "?recursive=false"):
            answer = memory_stand.admins.delete(f"{target}{query}")
            assert answer.status == 422
            assert answer.json["field"] == "recursive"
            assert "true" in answer.detail


@pytest.mark.parametrize("method", ["POST", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get", "X"])
@pytest.mark.parametrize("target", ["/public" + FILE, "/public/repositories/files/"])
def test_a_method_that_is_not_offered_is_405_with_allow(
    memory_stand: Stand, method: str, target: str
) -> None:
    memory_stand.repository("files", public=True)
    with nothing_stored(memory_stand):
        answer = memory_stand.admins.ask(method, target, body=DATA)
    assert answer.status == 405
    offered = set(answer.headers["allow"].split(", "))
    assert {"GET", "HEAD", "OPTIONS"} <= offered
    assert offered.isdisjoint({"PUT", "POST", "PATCH", "DELETE"})


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "get", "X"])
def test_a_file_is_told_what_it_takes(memory_stand: Stand, method: str) -> None:
    memory_stand.repository("files")
    with nothing_stored(memory_stand):
        answer = memory_stand.admins.ask(method, FILE, body=DATA)
    assert answer.status == 405
    offered = set(answer.headers["allow"].split(", "))
    assert offered == {"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"}


def test_the_public_side_takes_no_write(memory_stand: Stand) -> None:
    memory_stand.repository("files", public=True)
    memory_stand.admins.put(FILE, DATA)
    with nothing_stored(memory_stand):
        for method in ("PUT", "DELETE"):
            answer = memory_stand.admins.ask(method, f"/public{FILE}", body=b"x")
            assert answer.status == 405
            assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
            assert "publish and delete under /repositories/NAME/" in answer.detail


def test_a_file_that_is_sent_beside_all_repositories_is_told_where_they_are(
    memory_stand: Stand,
) -> None:
    with nothing_stored(memory_stand):
        answer = memory_stand.admins.put("/releases/a/b.txt", DATA)
    assert answer.status == 404
    assert "under /repositories/NAME/" in answer.detail


def test_a_key_whose_scopes_lack_a_repository_hears_the_same_as_where_there_is_none(
    memory_stand: Stand,
) -> None:
    memory_stand.repository("files")
    narrow = memory_stand.client.as_(memory_stand.person("admin", scopes={}).by_key)
    with nothing_stored(memory_stand):
        kept, missing = narrow.put(FILE, DATA), narrow.put("/repositories/none/b.txt", DATA)
    assert [kept.status, missing.status] == [404, 404]
    assert kept.detail == missing.detail
    assert "the scopes of a key have to name it" in kept.detail


def test_a_browser_of_another_origin_writes_nothing(memory_stand: Stand) -> None:
    memory_stand.repository("files")
    admins = memory_stand.admins
    admins.put(FILE, DATA)
    headers: list[dict[str, str]] = [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ]
    with nothing_stored(memory_stand):
        for each in headers:
            assert admins.put("/repositories/files/x", DATA, headers=each).status == 403
            assert admins.delete(FILE, headers=each).status == 403
            answer = admins.post("/api/repositories", {"name": "mine"}, headers=each)
            assert answer.status == 403


@pytest.mark.parametrize(
    "headers, status",
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Host": "admin@127.0.0.1"}, 400),
        ({"Host": ""}, 400),
        ({"X-Forwarded-Proto": "https"}, 403),
        ({"X-Forwarded-For": "127.0.0.1"}, 403),
        ({"Forwarded": "for=127.0.0.1;proto=https"}, 403),
        ({"Via": "1.1 somewhere"}, 403),
    ],
)
def test_a_forged_host_or_forwarding_header_stores_nothing(
    memory_stand: Stand, headers: dict[str, str], status: int
) -> None:
    memory_stand.repository("files")
    with nothing_stored(memory_stand):
        answer = memory_stand.admins.put(FILE, DATA, headers=headers)
    assert answer.status == status


def test_who_is_not_on_this_machine_does_not_get_in_in_clear(memory_stand: Stand) -> None:
    memory_stand.repository("files")
    with nothing_stored(memory_stand):
        assert memory_stand.admins.put(FILE, DATA, peer="192.0.2.1").status == 403
