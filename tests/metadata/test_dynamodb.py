"""What is DynamoDB's alone: silences and odd answers, the count of calls, the table."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from storage.metadata import (
    Add,
    Conflict,
    Counted,
    InvalidOperation,
    Key,
    Metadata,
    MetadataError,
    OutcomeUnknown,
    Put,
    Unavailable,
    UnknownStore,
)
from storage.metadata.dynamodb import DynamoDBEngine
from storage.metadata.dynamodb.clock import StoreClock
from storage.metadata.operations import moment
from tests.metadata.backends import dynamodb, new_table
from tests.metadata.rubbish import (
    Answer,
    Server,
    cancelled,
    error,
    garbage,
    hangup,
    http,
    silence,
)

KEY = Key("p", "a")
#: What each read answers where there is nothing.
NOTHING = {"Responses": {}, "UnprocessedKeys": {}, "Items": [], "Count": 0, "ScannedCount": 0}
FRESH = 1_700_000_000_000_000 << 10


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@contextmanager
def engine_at(url: str) -> Iterator[DynamoDBEngine]:
    engine = DynamoDBEngine("table", region="us-east-1", endpoint=url, read_seconds=0.3)
    yield engine
    engine.close()


@pytest.fixture
def engine(credentials: None, server: Server) -> Iterator[DynamoDBEngine]:
    with engine_at(server.url) as engine:
        yield engine


LOST = {
    "silence": silence,
    "a connection closed": hangup,
    "garbage": garbage,
    "500": error(500, "InternalServerError"),
    "503": error(503, "ServiceUnavailable"),
    "502 of a proxy": http(502, b"<html>Bad Gateway</html>"),
    "504 without a body": http(504, b""),
    "a body cut short": http(200, b"{" + b" " * 100 + b"}", cut=50),
    "a body that is no JSON": http(200, b"<html>"),
    "a body that is no object": http(200, b"[]"),
    "an empty body": http(200, b""),
    "a body with another checksum": http(200, {}, crc=7),
    "a body of another shape": http(
        200, {"ConsumedCapacity": 5, "Responses": 5, "Items": 5, "Item": 5}
    ),
    "an error of another shape": http(400, [1]),
    "an error with another checksum": http(400, {"__type": "ThrottlingException"}, crc=7),
}


@pytest.mark.parametrize("what", LOST)
def test_after_sending_a_transaction_silence_leaves_its_outcome_unknown(
    server: Server, engine: DynamoDBEngine, what: str
) -> None:
    server.answers = [LOST[what]]
    with pytest.raises(OutcomeUnknown):
        engine.transact([Put(KEY, {})], FRESH, "t")
    assert len(server.requests) == 1


@pytest.mark.parametrize("what", LOST)
def test_a_read_that_is_not_answered_is_unavailable(
    server: Server, engine: DynamoDBEngine, what: str
) -> None:
    server.answers = [LOST[what]]
    for read in (
        lambda: engine.get([KEY]),
        lambda: engine.get([KEY, Key("p", "b")]),
        lambda: engine.query("p", "", "", 10),
        lambda: engine.count("p", "", "", 10),
        lambda: engine.scan(0, 1, "", 10),
    ):
        with pytest.raises(Unavailable) as caught:
            read()
        assert not isinstance(caught.value, OutcomeUnknown)
    assert len(server.requests) == 5  # the library repeats nothing by itself


@pytest.mark.parametrize(
    "answer, expected",
    [
        (error(400, "ThrottlingException"), Unavailable),
        (error(400, "ProvisionedThroughputExceededException"), Unavailable),
        (error(400, "RequestLimitExceeded"), Unavailable),
        (error(400, "ResourceNotFoundException"), Unavailable),
        (error(400, "UnrecognizedClientException"), Unavailable),
        (error(400, "AccessDeniedException"), Unavailable),
        (error(400, "TransactionInProgressException"), OutcomeUnknown),
        (error(400, "ValidationException"), InvalidOperation),
        (cancelled("None", "TransactionConflict"), Conflict),
        (cancelled("ThrottlingError", "TransactionConflict"), Conflict),
        (cancelled("None", "ThrottlingError"), Unavailable),
        (cancelled("ProvisionedThroughputExceeded", "None"), Unavailable),
        (cancelled("ValidationError", "None"), InvalidOperation),
        (cancelled(), Unavailable),
    ],
)
def test_what_a_transaction_is_told(
    server: Server, engine: DynamoDBEngine, answer: Answer, expected: type[MetadataError]
) -> None:
    server.answers = [answer]
    with pytest.raises(MetadataError) as caught:
        engine.transact([Put(KEY, {}), Put(Key("p", "b"), {})], FRESH, "t")
    assert type(caught.value) is expected


def test_a_server_that_is_not_there_was_sent_nothing(credentials: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with engine_at(url) as engine, pytest.raises(Unavailable) as caught:
        engine.transact([Put(KEY, {})], FRESH, "t")
    assert not isinstance(caught.value, OutcomeUnknown)


def test_a_repetition_is_the_same_call_to_the_letter(
    server: Server, engine: DynamoDBEngine
) -> None:
    server.answers = [http(200, {})]
    operations = [Add(KEY, {"x": 1}, create=True, limits={"x": 5}), Put(Key("p", "b"), {"y": 2})]
    for _ in range(2):
        engine.transact(operations, FRESH, "t")
        time.sleep(0.01)
    assert server.requests[0] == server.requests[1]


def test_keys_left_unprocessed_are_asked_for_again(server: Server, credentials: None) -> None:
    def item(sort: str) -> dict[str, Any]:
        return {
            "pk": {"S": "p"},
            "sk": {"S": sort},
            "body": {"S": "{}"},
            "version": {"N": "1"},
            "until": {"N": str(10**18)},
            "expiry": {"NULL": True},
        }

    keys = [Key("p", sort) for sort in "abc"]
    left = [{"pk": {"S": "p"}, "sk": {"S": sort}} for sort in "bc"]
    server.answers = [
        http(
            200, {"Responses": {"table": [item("a")]}, "UnprocessedKeys": {"table": {"Keys": left}}}
        ),
        http(200, {"Responses": {"table": []}, "UnprocessedKeys": {"table": {"Keys": left}}}),
        http(200, {"Responses": {"table": [item("b"), item("c")]}, "UnprocessedKeys": {}}),
        http(200, {"Responses": {}, "UnprocessedKeys": {"table": {"Keys": left}}}),
    ]
    naps: list[float] = []
    engine = DynamoDBEngine("table", region="us-east-1", endpoint=server.url, sleep=naps.append)
    assert engine.get(keys).keys() == set(keys)
    assert len(server.requests) == 3
    assert len(naps) == 1
    with pytest.raises(Unavailable):
        engine.get(keys)
    assert len(server.requests) == 8
    engine.close()


def test_reads_are_strongly_consistent(server: Server, engine: DynamoDBEngine) -> None:
    server.answers = [http(200, NOTHING)]
    engine.now()  # the first asks
    server.requests.clear()
    engine.get([KEY])
    engine.get([KEY, Key("p", "b")])
    engine.query("p", "", "", 10)
    engine.count("p", "", "", 10)
    engine.scan(0, 1, "", 10)
    one, many, query, count, scan = server.requests
    assert one["ConsistentRead"]
    assert many["RequestItems"]["table"]["ConsistentRead"]
    assert query["ConsistentRead"]
    assert count["ConsistentRead"]
    assert scan["ConsistentRead"]


def test_a_commit_and_a_read_are_one_call_each(server: Server, engine: DynamoDBEngine) -> None:
    server.answers = [http(200, NOTHING)]
    store = Metadata(engine)
    store.now()  # the first asks
    server.requests.clear()
    store.commit(*(Put(Key("p", str(number)), {}) for number in range(99)))
    store.get(*(Key("p", str(number)) for number in range(100)))
    store.get(KEY)
    store.query("p")
    store.count("p")
    store.skip("p", 5)
    assert [request["target"] for request in server.requests] == [
        "TransactWriteItems",
        "BatchGetItem",
        "GetItem",
        "Query",
        "Query",
        "Query",
    ]


def test_no_item_is_sent_for_a_count(server: Server, engine: DynamoDBEngine) -> None:
    last = {"pk": {"S": "p"}, "sk": {"S": "k"}}
    server.answers = [
        http(200, {"Count": 5, "ScannedCount": 7, "LastEvaluatedKey": last}),
        http(200, {"Count": 2, "ScannedCount": 2}),
    ]
    engine._asked = True  # the time is not what is asked for here
    assert engine.count("p", "", "", 9) == Counted(5, "k", 2)
    assert engine.count("p", "", "k", 4) == Counted(2, None, 0)
    assert [request["Select"] for request in server.requests] == ["COUNT"] * 2
    assert [request["Limit"] for request in server.requests] == [9, 4]
    assert server.requests[1]["ExclusiveStartKey"] == last


def test_a_count_goes_by_the_stores_time(server: Server, engine: DynamoDBEngine) -> None:
    """A record that has expired there is not counted because this machine is behind."""
    server.answers = [http(200, NOTHING, date="Tue, 01 Jan 2030 10:00:00 GMT")]
    engine.count("p", "", "", 9)
    told = int(server.requests[-1]["ExpressionAttributeValues"][":now"]["N"])
    ten = datetime(2030, 1, 1, 10, tzinfo=UTC)
    assert timedelta() <= moment(told) - ten < timedelta(seconds=5)


def test_the_stores_time_is_that_of_its_answers(server: Server, engine: DynamoDBEngine) -> None:
    server.answers = [http(200, {}, date="Tue, 01 Jan 2030 10:00:00 GMT")]
    engine.get([KEY])
    assert timedelta() <= engine.now() - datetime(2030, 1, 1, 10, tzinfo=UTC) < timedelta(seconds=5)


class TestStoreClock:
    @staticmethod
    def clock() -> tuple[StoreClock, list[float]]:
        steady = [100.0]
        return StoreClock(lambda: steady[0], lambda: datetime(1999, 1, 1, tzinfo=UTC)), steady

    @staticmethod
    def date(second: int) -> str:
        return f"Tue, 01 Jan 2030 00:00:{second:02} GMT"

    def test_before_the_first_answer_it_is_the_machines(self) -> None:
        clock, _ = self.clock()
        assert clock.now() == datetime(1999, 1, 1, tzinfo=UTC)

    def test_it_goes_on_between_answers(self) -> None:
        clock, steady = self.clock()
        clock.hear(self.date(10), 100.0, 100.0)
        steady[0] += 5.5
        assert clock.now() == datetime(2030, 1, 1, 0, 0, 15, 500_000, tzinfo=UTC)

    def test_answers_narrow_it_and_it_does_not_go_back(self) -> None:
        """The store's clock is really 0.7 s into its second at 100.0."""
        clock, steady = self.clock()
        told = []
        for tenth in range(30):
            steady[0] = 100.0 + tenth / 10
            clock.hear(self.date(int(10.7 + tenth / 10)), steady[0], steady[0])
            told.append(clock.now())
        assert told == sorted(told)
        really = datetime(2030, 1, 1, 0, 0, 10, 700_000, tzinfo=UTC) + timedelta(seconds=2.9)
        assert timedelta() <= really - told[-1] < timedelta(milliseconds=101)

    @pytest.mark.parametrize("second", [2, 40])
    def test_a_store_whose_clock_was_set_is_followed(self, second: int) -> None:
        clock, _ = self.clock()
        clock.hear(self.date(10), 100.0, 100.0)
        clock.hear(self.date(second), 100.0, 100.0)
        assert clock.now().second == second

    def test_a_slow_answer_changes_nothing(self) -> None:
        clock, steady = self.clock()
        clock.hear(self.date(10), 100.0, 100.0)
        steady[0] = 108.0
        clock.hear(self.date(10), 100.0, 108.0)
        assert clock.now().second == 18

    def test_what_is_no_date_says_nothing(self) -> None:
        clock, _ = self.clock()
        for text in ("", "yesterday", "Tue, 99 Jan 2030 00:00:00 GMT"):
            clock.hear(text, 100.0, 100.0)
        assert clock.now().year == 1999


class TestTable:
    @pytest.mark.parametrize("server_url", ["dynamodb_local_url", "moto_url"])
    def test_it_is_made_on_demand_and_sweeps_by_expiry(
        self, request: pytest.FixtureRequest, server_url: str
    ) -> None:
        url, table = request.getfixturevalue(server_url), new_table()
        with dynamodb(url, table):
            client = boto3.client("dynamodb", region_name="us-east-1", endpoint_url=url)
            made = client.describe_table(TableName=table)["Table"]
            assert made["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
            assert not made.get("GlobalSecondaryIndexes")
            sweep = client.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
            assert sweep == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expiry"}
            client.close()

    def test_expiry_is_whole_seconds_and_never_too_early(self, dynamodb_local_url: str) -> None:
        table = new_table()
        moment = datetime(2099, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
        with dynamodb(dynamodb_local_url, table) as engine:
            engine.transact([Put(KEY, {}, expires=moment)], FRESH, "t1")
            engine.transact([Put(Key("p", "b"), {})], FRESH, "t2")
            engine.transact(
                [Add(Key("p", "b"), {"x": 1}, create=True, expires=moment)], FRESH, "t3"
            )
            client = boto3.client(
                "dynamodb", region_name="us-east-1", endpoint_url=dynamodb_local_url
            )
            items = client.scan(TableName=table)["Items"]
            client.close()
        expiries = {item["sk"]["S"]: item["expiry"] for item in items}
        whole = int(moment.replace(microsecond=0).timestamp()) + 1
        assert expiries == {"a": {"N": str(whole)}, "b": {"NULL": True}}

    def test_a_table_of_another_program_is_left_alone(self, dynamodb_local_url: str) -> None:
        table = new_table()
        client = boto3.client("dynamodb", region_name="us-east-1", endpoint_url=dynamodb_local_url)
        client.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        client.close()
        with pytest.raises(UnknownStore), dynamodb(dynamodb_local_url, table):
            pass

    def test_without_its_table_a_store_is_unavailable(self, dynamodb_local_url: str) -> None:
        with engine_at(dynamodb_local_url) as engine:
            with pytest.raises(Unavailable):
                engine.get([KEY])
            with pytest.raises(Unavailable):
                engine.transact([Put(KEY, {})], FRESH, "t")


def test_dynamodb_local_listens_on_loopback_alone(dynamodb_local_url: str) -> None:
    port = int(dynamodb_local_url.rsplit(":", 1)[1])
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", port))  # refused, if it had every address


def test_many_keys_left_over_a_limit_of_their_size_are_read(dynamodb_local_url: str) -> None:
    """Over 16 MB: an answer of a batch holds no more, and the rest is asked for."""
    with dynamodb(dynamodb_local_url, new_table()) as engine:
        keys = [Key("p", f"{number:02}") for number in range(50)]
        for start in range(0, 50, 10):
            puts = [Put(key, {"t": "x" * 399_000}) for key in keys[start : start + 10]]
            engine.transact(puts, FRESH, f"t{start}")
        assert len(engine.get(keys)) == 50
