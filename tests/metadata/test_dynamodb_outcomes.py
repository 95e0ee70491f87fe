"""What was surely never sent to DynamoDB, and what may have been: over TLS and proxies too."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.metadata import (
    Add,
    ClockSkewed,
    ConditionFailed,
    Conflict,
    Key,
    Metadata,
    OutcomeUnknown,
    Put,
    Unavailable,
)
from storage.metadata.dynamodb import DynamoDBEngine
from tests import certificates
from tests.metadata.rubbish import (
    Answer,
    Server,
    below_tls,
    cancelled,
    garbage,
    hangup,
    http,
    silence,
)

KEY = Key("p", "a")
FRESH = 1_700_000_000_000_000 << 10
FAR = "http://dynamodb.test"  # by a proxy alone


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself, and its key, in one file."""
    certificate, key = certificates.make(tmp_path_factory.mktemp("tls"), "127.0.0.1")
    path = certificate.with_name("server.pem")
    path.write_bytes(certificate.read_bytes() + key.read_bytes())
    return path


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(tls)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def engine_at(url: str) -> Iterator[DynamoDBEngine]:
    engine = DynamoDBEngine("table", region="us-east-1", endpoint=url, read_seconds=0.3)
    try:
        yield engine
    finally:
        engine.close()


@pytest.fixture
def proxied(credentials: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as server:
        monkeypatch.setenv("HTTP_PROXY", server.url)
        yield server


@pytest.mark.parametrize(
    "answer",
    [
        below_tls(b"\x00" * 64),
        below_tls(b"HTTP/1.1 500 -\r\n\r\n"),
        below_tls(b"\x17\x03\x03\x00\x20" + b"\xaa" * 32),
        below_tls(b""),
        hangup,
        garbage,
        silence,
    ],
    ids=["zeros", "plain HTTP", "a false record", "cut", "closed", "no HTTP", "silence"],
)
def test_an_answer_that_tls_refuses_leaves_the_outcome_unknown(
    credentials: None, certificate: Path, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    """The request was received whole: it may have been carried out."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    with serving(tls) as server, engine_at(server.url) as engine:
        server.answers = [answer]
        with pytest.raises(OutcomeUnknown):
            engine.transact([Put(KEY, {})], FRESH, "t")
        with pytest.raises(Unavailable) as caught:
            engine.get([KEY])
        assert not isinstance(caught.value, OutcomeUnknown)
        assert [request["target"] for request in server.requests] == [
            "TransactWriteItems",
            "GetItem",
        ]


@pytest.mark.parametrize("answer", [hangup, garbage, silence, http(502, b"")])
def test_an_answer_that_a_proxy_cut_off_leaves_the_outcome_unknown(
    proxied: Server, answer: Answer
) -> None:
    proxied.answers = [answer]
    with engine_at(FAR) as engine, pytest.raises(OutcomeUnknown):
        engine.transact([Put(KEY, {})], FRESH, "t")
    assert len(proxied.requests) == 1


def test_a_proxy_that_is_not_there_was_sent_nothing(
    proxied: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as gone:
        monkeypatch.setenv("HTTP_PROXY", gone.url)
    with engine_at(FAR) as engine, pytest.raises(Unavailable) as caught:
        engine.transact([Put(KEY, {})], FRESH, "t")
    assert not isinstance(caught.value, OutcomeUnknown)


def test_what_another_transaction_is_about_to_change_is_not_told_of(credentials: None) -> None:
    """Half of what that does may be there already: a condition that fails beside it says nothing
    yet, and the commit is tried again."""
    claim, file = Put(KEY, {}, absent=True), Put(Key("p", "b"), {}, absent=True)
    half, whole = ("ConditionalCheckFailed", "TransactionConflict"), ("ConditionalCheckFailed",) * 2
    with serving() as server, engine_at(server.url) as engine:
        server.answers = [cancelled(*half)]
        with pytest.raises(Conflict):
            engine.transact([claim, file], FRESH, "t")
        server.answers = [cancelled(*whole)]
        with pytest.raises(ConditionFailed) as caught:
            engine.transact([claim, file], FRESH, "t")
        assert caught.value.found.keys() == {claim.key, file.key}


def test_the_time_of_the_store_is_asked_for_before_anything_is_written(credentials: None) -> None:
    """A process that writes before it reads must not hold its own clock for the store's."""
    late = (datetime.now(UTC) - timedelta(minutes=5)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    with serving() as server, engine_at(server.url) as engine:
        server.answers = [http(200, {}, date=late)]
        metadata = Metadata(engine)
        for _ in range(2):
            with pytest.raises(ClockSkewed):
                metadata.commit(Add(KEY, {"x": 1}))
            with pytest.raises(ClockSkewed):
                metadata.agreed_time()
        assert [request["target"] for request in server.requests] == ["GetItem"]


def test_before_its_first_answer_a_store_that_is_away_has_no_time(credentials: None) -> None:
    with serving() as gone:
        url = gone.url
    with engine_at(url) as engine:
        metadata = Metadata(engine, sleep=lambda seconds: None)
        for call in (metadata.now, metadata.agreed_time, lambda: metadata.commit(Put(KEY, {}))):
            with pytest.raises(Unavailable) as caught:
                call()
            assert not isinstance(caught.value, OutcomeUnknown)
