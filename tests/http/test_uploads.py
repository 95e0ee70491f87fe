"""Uploads in pieces: what is answered, what is durable, and that nothing is half done."""

import hashlib
from collections.abc import Callable

import pytest

from storage.blobs import BlobsUnavailable
from tests.http.client import Answer, Client, Vanishing
from tests.http.pieces import FILE, MIB, Upload, bytes_of
from tests.http.stand import Stand

PART = 8 * MIB  # of S3, for a file of an unknown length
DATA = bytes_of(PART + MIB + 17)
SMALL = b"the bytes of a file"


@pytest.fixture
def client(memory_stand: Stand) -> Client:
    memory_stand.repository("files")
    return memory_stand.admins


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("length", [True, False], ids=["length first", "length last"])
def test_pieces_become_a_file(admins: Client, any_stand: Stand, length: bool) -> None:
    upload = Upload(admins, DATA, length=length)
    assert upload.begun.status == 201
    begun = upload.begun.json
    assert (begun["offset"], begun["complete"]) == (0, False)
    assert begun["length"] == (len(DATA) if length else None)
    assert begun["location"] == upload.location
    first = upload.piece(0, PART, total=None)
    assert (first.status, first.headers["upload-offset"]) == (202, str(PART))
    assert admins.get(FILE).status == 404
    assert upload.offset == PART
    last = upload.piece(PART, len(DATA))
    assert (last.status, last.json["offset"]) == (202, len(DATA))
    assert admins.get(FILE).status == 404
    done = upload.put({"X-Checksum-Sha1": hashlib.sha1(DATA, usedforsecurity=False).hexdigest()})
    assert done.status == 201
    assert done.headers["etag"] == f'"sha256:{sha256(DATA)}"'
    assert done.json["path"] == "a/b.bin"
    assert done.json["digests"].keys() == {"sha256", "sha1"}
    assert admins.get(FILE).body == DATA
    assert len(any_stand.dump().blobs) == 1
    assert any_stand.dump().uploads == ()


def test_the_same_answer_comes_again_after_a_lost_one(admins: Client, any_stand: Stand) -> None:
    upload = Upload(admins, DATA)
    upload.rest()
    first, before = upload.put(), any_stand.dump()
    again = upload.put()
    assert (again.status, again.body) == (first.status, first.body)
    assert any_stand.dump() == before
    admins.delete(FILE)
    assert upload.put().body == first.body
    assert admins.get(FILE).status == 404, "a repeated PUT publishes nothing"


def test_another_process_goes_on(admins: Client, any_stand: Stand) -> None:
    upload = Upload(admins, DATA)
    upload.piece(0, PART)
    for first, end in ((PART, len(DATA)), (0, 0)):
        upload.client = any_stand.another_process().client.as_(any_stand.admin.by_key)
        answer = upload.piece(first, end) if end else upload.put()
        assert answer.status in (202, 201)
    assert admins.get(FILE).body == DATA


@pytest.mark.parametrize("way", ["told first", "told last"])
def test_an_empty_file_has_no_pieces(admins: Client, any_stand: Stand, way: str) -> None:
    upload = Upload(admins, b"", length=way == "told first")
    if way == "told last":
        told = admins.ask(
            "PATCH", upload.location, headers={"Content-Range": "bytes */0"}, body=b""
        )
        assert (told.status, told.json["length"]) == (202, 0)
    assert upload.put().status == 201
    answer = admins.get(FILE)
    assert (answer.status, answer.body) == (200, b"")
    assert any_stand.dump().blobs == any_stand.dump().uploads == ()


def test_a_vanished_client_goes_on_from_what_is_durable(admins: Client, any_stand: Stand) -> None:
    upload = Upload(admins, DATA)
    gone = upload.piece(0, len(DATA), body=Vanishing(DATA[: PART + 1000]), length=str(len(DATA)))
    assert gone.status == 400
    offset = upload.offset
    assert offset in (PART, PART + 1000)  # S3 keeps whole parts
    assert upload.rest(offset).status == 202
    assert upload.put().status == 201
    assert admins.get(FILE).body == DATA


# What is wrong with a piece: header, body, status, and words of the answer.
WRONG: dict[str, tuple[str | None, bytes, int, str]] = {
    "no range": (None, b"x", 400, "Content-Range: bytes FIRST-LAST/LENGTH"),
    "other unit": ("items 0-3/19", b"the ", 400, "bytes FIRST-LAST/LENGTH"),
    "nothing told": ("bytes */*", b"", 400, "bytes */LENGTH"),
    "backwards": ("bytes 3-2/19", b"x", 400, "ends before it begins"),
    "past its total": ("bytes 0-19/19", b"x" * 20, 400, "past the length"),
    "past the length": ("bytes 5-19/*", b"x" * 15, 400, "does not lie within the 19 bytes"),
    "another total": ("bytes 5-8/20", b"ytes", 409, "told before: 19 bytes"),
    "behind the offset": ("bytes 6-8/19", b"tes", 409, "goes on at byte 5"),
    "before the offset": ("bytes 0-3/19", b"the ", 409, "goes on at byte 5"),
    "body too short": ("bytes 5-8/19", b"yte", 400, "another number of bytes"),
    "body too long": ("bytes 5-8/19", b"ytes!", 400, "another number of bytes"),
    "bytes that only tell": ("bytes */19", b"x", 400, "another number of bytes"),
    "a signed number": ("bytes +5-8/19", b"ytes", 400, "bytes FIRST-LAST/LENGTH"),
    "an endless number": (f"bytes 5-{'9' * 17}/*", b"ytes", 400, "bytes FIRST-LAST/LENGTH"),
}  # fmt: skip


@pytest.mark.parametrize("trouble", WRONG)
def test_a_wrong_piece_changes_nothing(memory_stand: Stand, client: Client, trouble: str) -> None:
    told, body, status, words = WRONG[trouble]
    upload = Upload(client, SMALL)
    upload.piece(0, 5)
    before = memory_stand.dump()
    headers = {} if told is None else {"Content-Range": told}
    answer = client.ask("PATCH", upload.location, headers=headers, body=body)
    assert answer.status == status
    assert words in answer.detail
    assert memory_stand.dump() == before
    if status == 409:
        assert answer.json["offset"] == 5
    assert upload.rest(5).status == 202
    assert upload.put().json["digests"]["sha256"] == sha256(SMALL)


@pytest.mark.parametrize(
    "sent, words", [(b"ytes", ""), (b"yte", "ended 1 bytes before"), (b"ytes!", "goes on")]
)
def test_a_chunked_piece_is_as_long_as_it_says(client: Client, sent: bytes, words: str) -> None:
    upload = Upload(client, b"bytes!")
    upload.piece(0, 1)
    answer = upload.piece(1, 5, body=sent, chunked=True)
    assert answer.status == (400 if words else 202)
    assert words in answer.json.get("detail", "")
    assert upload.rest(upload.offset).status == 202
    assert upload.put().status == 201
    assert client.get(FILE).body == b"bytes!"


def test_a_short_piece_that_could_not_be_kept_is_refused_before_its_bytes(
    remote_stand: Stand,
) -> None:
    remote_stand.repository("files")
    upload = Upload(remote_stand.admins, DATA, length=False)
    assert upload.begun.json["piece_bytes"] == PART
    unread = Vanishing(b"", AssertionError("read"))
    answer = upload.piece(0, 1000, total=None, body=unread, length="1000")
    assert answer.status == 400
    assert f"at least {PART} bytes" in answer.detail
    assert upload.piece(0, 1000, total=1000).status == 202


def test_two_pieces_at_once_are_a_conflict(memory_stand: Stand, client: Client) -> None:
    upload = Upload(client, SMALL)
    answers: list[Answer] = []

    class Meanwhile(Vanishing):
        def read(self, size: int = -1) -> bytes:
            if not answers:
                other = memory_stand.another_process().client.as_(client.authorization)
                intruder = Upload.__new__(Upload)
                intruder.__dict__ = {**upload.__dict__, "client": other}
                answers.extend((intruder.rest(), intruder.put(), intruder.drop(), intruder.look()))
            return super().read(size)

    done = upload.piece(0, len(SMALL), body=Meanwhile(SMALL), length=str(len(SMALL)))
    assert done.status == 202
    piece, put, drop, _ = answers
    assert [each.status for each in answers] == [409, 409, 409, 200]
    for each in (piece, put, drop):
        assert each.json["offset"] == 0
        assert 1 <= int(each.headers["retry-after"]) <= 120
    assert upload.put().status == 201
    assert client.get(FILE).body == SMALL


@pytest.mark.parametrize("chunked", [False, True])
def test_a_piece_s_own_digest_is_held_before_it_counts(client: Client, chunked: bool) -> None:
    upload = Upload(client, SMALL)
    wrong = "sha-256=:" + "A" * 43 + "=:"
    answer = upload.piece(0, 9, headers={"Content-Digest": wrong}, chunked=chunked)
    assert (answer.status, upload.offset) == (400, 0)
    body = Vanishing(SMALL[:5])
    gone = upload.piece(0, 9, headers={"Content-Digest": wrong}, body=body, length="9")
    assert (gone.status, upload.offset) == (400, 0)
    md5 = {"Content-MD5": "XUFAKrxLKna5cZ2REBfFkg=="}  # of b"hello"
    assert upload.piece(0, 5, body=b"hello", headers=md5).status == 202
    assert upload.offset == 5


@pytest.mark.parametrize("told", ["first", "last"])
@pytest.mark.parametrize("pieces", [1, 2])
def test_a_digest_of_the_file_that_does_not_hold_ends_the_upload(
    admins: Client, any_stand: Stand, told: str, pieces: int
) -> None:
    wrong = {"X-Checksum-Sha256": "0" * 64}
    upload = Upload(admins, DATA, headers=wrong if told == "first" else {})
    if pieces == 2:
        upload.piece(0, PART)
    upload.rest(PART if pieces == 2 else 0)
    answer = upload.put({} if told == "first" else wrong)
    assert answer.status == 400
    assert "sha256" in answer.detail
    assert [upload.put().status, upload.look().status, upload.rest().status] == [404] * 3
    dump = any_stand.dump()
    assert dump.blobs == dump.uploads == dump.files == ()
    assert admins.get(FILE).status == 404


def test_a_digest_of_the_file_does_not_belong_to_a_piece(client: Client) -> None:
    upload = Upload(client, SMALL)
    for name in ("X-Checksum-Sha256", "Repr-Digest"):
        answer = upload.piece(0, 5, headers={name: "0" * 64})
        assert answer.status == 400
        assert "Content-Digest" in answer.detail


def test_bytes_that_are_missing_are_asked_for(client: Client) -> None:
    upload = Upload(client, SMALL, length=False)
    upload.piece(0, 5, total=None)
    unknown = upload.put()
    assert (unknown.status, unknown.json["offset"]) == (409, 5)
    assert "bytes */LENGTH" in unknown.detail
    client.ask("PATCH", upload.location, headers={"Content-Range": "bytes */19"}, body=b"")
    missing = upload.put()
    assert (missing.status, missing.json["offset"]) == (409, 5)
    assert "5 of its 19 bytes" in missing.detail


def test_a_length_may_not_lie_before_what_is_there(client: Client) -> None:
    upload = Upload(client, SMALL, length=False)
    upload.piece(0, 5, total=None)
    answer = client.ask("PATCH", upload.location, headers={"Content-Range": "bytes */4"}, body=b"")
    assert answer.status == 400


def test_a_dropped_upload_leaves_nothing(admins: Client, any_stand: Stand) -> None:
    before = any_stand.dump()
    upload = Upload(admins, DATA)
    upload.piece(0, PART)
    assert upload.drop().status == 204
    assert any_stand.dump() == before
    assert [upload.look().status, upload.drop().status] == [404, 404]


def test_the_rules_of_overwriting_hold_at_the_beginning_and_at_the_end(
    memory_stand: Stand, client: Client
) -> None:
    client.put(FILE, b"other")
    assert Upload(client, SMALL).begun.status == 409, "of another length: it can't be the same"
    client.delete(FILE)
    upload = Upload(client, SMALL)
    upload.rest()
    client.put(FILE, b"!" * len(SMALL))
    assert upload.put().status == 409
    assert upload.look().status == 200, "the upload is still there"
    client.delete(FILE)
    assert upload.put().status == 201


def test_a_length_that_is_told_late_is_refused_as_one_that_is_told_first(client: Client) -> None:
    upload = Upload(client, SMALL, length=False)
    upload.piece(0, 5, total=None)
    client.put(FILE, b"other")
    assert upload.rest(5).status == 409
    assert upload.piece(5, 9, total=None).status == 202
    client.delete(FILE)
    assert upload.rest(9).status == 202
    assert upload.put().status == 201


def test_the_same_bytes_that_came_meanwhile_succeed_and_are_kept_once(
    admins: Client, any_stand: Stand
) -> None:
    upload = Upload(admins, DATA)
    upload.rest()
    admins.put(FILE, DATA)
    done = upload.put()
    assert done.status == 200
    assert upload.put().body == done.body
    assert len(any_stand.dump().blobs) == 1


def test_a_condition_of_the_beginning_holds_at_the_end(client: Client) -> None:
    only_new = {"If-None-Match": "*"}
    upload = Upload(client, SMALL, headers=only_new)
    upload.rest()
    client.put(FILE, SMALL)
    assert upload.put().status == 412
    assert Upload(client, SMALL, headers=only_new).begun.status == 412
    etag = client.get(FILE).headers["etag"]
    assert upload.put({"If-Match": etag}).status == 200


def test_what_it_takes_to_begin(client: Client) -> None:
    table: list[tuple[str, dict[str, str], bytes, int]] = [
        (FILE, {}, b"", 422),
        (f"{FILE}?uploads&more", {}, b"", 422),
        (f"{FILE}?upload=" + "0" * 32, {}, b"", 422),
        (f"{FILE}?uploads", {}, b"bytes", 400),
        (f"{FILE}?uploads", {"Upload-Length": "many"}, b"", 400),
        (f"{FILE}?uploads", {"Upload-Length": "-1"}, b"", 400),
        (f"{FILE}?uploads", {"X-Checksum-Md5": "short"}, b"", 400),
        (f"{FILE}?uploads", {"Content-Encoding": "gzip"}, b"", 415),
        ("/repositories/files/a/../b?uploads", {}, b"", 400),
        ("/repositories/files/a/?uploads", {}, b"", 422),
        ("/repositories/others/a?uploads", {}, b"", 404),
    ]
    for target, headers, body, status in table:
        assert client.ask("POST", target, headers=headers, body=body).status == status, target


def test_too_many_that_are_not_complete_are_409(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.publishing.sessions.MOST_OPEN", 2)
    uploads = [Upload(client, SMALL) for _ in range(2)]
    refused = Upload(client, SMALL).begun
    assert refused.status == 409
    assert "uploads that are not complete" in refused.detail
    uploads[0].drop()
    assert Upload(client, SMALL).begun.status == 201


def test_no_file_is_made_by_a_misspelt_upload(memory_stand: Stand, client: Client) -> None:
    before = memory_stand.dump()
    for query in ("uploads", "uplaod=" + "0" * 32, "upload", "upload=", "upload=..%2F", "upload=A"):
        assert client.put(f"{FILE}?{query}").status in (404, 422), query
        assert client.delete(f"{FILE}?{query}").status in (404, 422), query
    assert client.ask("PATCH", FILE, body=b"x").status == 422
    assert client.put(f"{FILE}?upload={'0' * 32}", b"bytes").status == 400
    assert memory_stand.dump() == before


def asked(client: Client, location: str) -> list[int]:
    """What an upload's location answers to each method."""
    piece = {"Content-Range": "bytes 0-0/19"}
    return [
        client.head(location).status,
        client.get(location).status,
        client.ask("PATCH", location, headers=piece, body=b"t").status,
        client.put(location).status,
        client.delete(location).status,
    ]


def test_an_upload_is_its_user_s_alone(memory_stand: Stand) -> None:
    repository = memory_stand.repository("files")
    grants = {repository.id: ["read", "write"]}
    owner, other = memory_stand.person(grants=grants), memory_stand.person(grants=grants)
    reader = memory_stand.person(grants={repository.id: ["read"]})
    stranger = memory_stand.person()
    client = memory_stand.client
    upload = Upload(client.as_(owner.by_key), SMALL)
    before = memory_stand.dump()
    assert asked(client.as_(other.by_key), upload.location) == [404] * 5
    assert asked(memory_stand.admins, upload.location) == [404] * 5
    assert asked(client.as_(reader.by_key), upload.location) == [403] * 5
    assert asked(client.as_(stranger.by_key), upload.location) == [404] * 5
    assert asked(client, upload.location) == [401] * 5
    public = client.get(f"/public{upload.location}")
    assert public.status == 404
    assert memory_stand.dump() == before
    with_password = client.as_(owner.by_password)
    assert Upload.look(upload).status == 200
    upload.client = with_password
    assert upload.rest().status == 202
    assert upload.put().status == 201


def test_an_upload_is_of_its_path_and_repository_alone(memory_stand: Stand) -> None:
    for name in ("files", "others"):
        memory_stand.repository(name)
    client = memory_stand.admins
    upload = Upload(client, SMALL)
    for path in ("/repositories/files/a/c.bin", "/repositories/others/a/b.bin"):
        assert asked(client, f"{path}?upload={upload.id}") == [404] * 5
    assert upload.rest().status == 202


def test_an_upload_ends_with_its_repository_and_with_its_user(memory_stand: Stand) -> None:
    repository = memory_stand.repository("files")
    person = memory_stand.person(grants={repository.id: ["read", "write"]})
    upload = Upload(memory_stand.client.as_(person.by_key), SMALL)
    memory_stand.admins.ask("PATCH", f"/api/users/{person.id}", json={"active": False})
    assert asked(upload.client, upload.location) == [401] * 5
    memory_stand.admins.ask("PATCH", f"/api/users/{person.id}", json={"active": True})
    assert upload.look().status == 200
    memory_stand.admins.delete("/api/repositories/files")
    assert asked(upload.client, upload.location) == [404] * 5
    memory_stand.repository("files")
    assert asked(memory_stand.admins, upload.location) == [404] * 5


Break = Callable[[Stand], None]

#: What fails in a piece, how, and what is durable then.
FAILURES: dict[str, tuple[Break, int]] = {
    "the bytes can't be taken up": (lambda s: s.blobs.fail("resume"), 503),
    "a window fails": (lambda s: s.blobs.fail("window"), 503),
    "the disk is full": (lambda s: s.blobs.fail("filled"), 503),
    "what came is not made durable": (lambda s: s.blobs.fail("suspend"), 503),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_an_upload_outlives_a_store_that_fails(
    memory_stand: Stand, client: Client, failure: str
) -> None:
    fail, status = FAILURES[failure]
    upload = Upload(client, SMALL)
    upload.piece(0, 5)
    fail(memory_stand)
    assert upload.rest(5).status == status
    assert upload.offset == 5
    assert upload.rest(5).status == 202, "the claim was given up"
    assert upload.put().status == 201
    assert client.get(FILE).body == SMALL


@pytest.mark.parametrize("after", [False, True], ids=["not done", "done, answer lost"])
@pytest.mark.parametrize("call", ["commit", "open"])
def test_a_completion_that_failed_is_repeated(
    memory_stand: Stand, client: Client, call: str, after: bool
) -> None:
    upload = Upload(client, SMALL)
    upload.piece(0, 5)
    upload.rest(5)
    memory_stand.blobs.fail(call, BlobsUnavailable("scripted"), after=after)
    assert upload.put().status == 503
    assert client.get(FILE).status == 404
    assert upload.put().status == 201
    assert client.get(FILE).body == SMALL
    assert len(memory_stand.dump().blobs) == 1


def test_bytes_that_the_store_lost_end_the_upload(memory_stand: Stand, client: Client) -> None:
    upload = Upload(client, SMALL)
    upload.piece(0, 5)
    for found in memory_stand.process.installation.blobs.uploads().uploads:
        memory_stand.process.installation.blobs.abort(found.token)
    assert upload.rest(5).status == 410
    assert upload.look().status == 404
    other = Upload(client, SMALL)
    other.rest()
    for found in memory_stand.process.installation.blobs.uploads().uploads:
        memory_stand.process.installation.blobs.abort(found.token)
    assert other.put().status == 410
    assert other.look().status == 404


@pytest.fixture
def nobody_reads() -> Vanishing:
    return Vanishing(b"", AssertionError("the body was read"))


def test_a_refusal_comes_before_the_body(client: Client, nobody_reads: Vanishing) -> None:
    upload = Upload(client, SMALL)
    for answer in (
        upload.piece(3, 9, body=nobody_reads, length="6"),
        upload.piece(0, 9, total=99, body=nobody_reads, length="9"),
        upload.piece(0, 9, body=nobody_reads, length="8"),
        upload.piece(0, 9, headers={"Authorization": "Bearer x"}, body=nobody_reads, length="9"),
    ):
        assert answer.status in (400, 401, 409)
