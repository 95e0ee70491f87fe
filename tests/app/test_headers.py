"""Conditions, ranges and announced digests: the grammar of RFC 9110 and 9530."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.publishing import Artifact, PreconditionFailed
from app.raw.announcements import InvalidAnnouncement, parse_announcements
from app.raw.conditions import (
    InvalidCondition,
    Outcome,
    http_date,
    parse_conditions,
    parse_date,
)
from app.raw.ranges import ByteRange, RangeNotSatisfiable, parse_range

MODIFIED = datetime(2026, 11, 23, 12, 0, 0, 500_000, tzinfo=UTC)
FILE = Artifact("org/blob", 1000, {"sha256": "ab" * 32}, MODIFIED, "user1", 1)
TAG = FILE.etag
SAME, LATER, EARLIER = (
    http_date(MODIFIED),
    http_date(MODIFIED + timedelta(seconds=5)),
    http_date(MODIFIED - timedelta(seconds=5)),
)


@pytest.mark.parametrize(
    "headers, expected",
    [
        ((None, None, None, None), Outcome.SEND),
        ((None, TAG, None, None), Outcome.NOT_MODIFIED),
        ((None, f"W/{TAG}", None, None), Outcome.NOT_MODIFIED),
        ((None, f'"x", {TAG}', None, None), Outcome.NOT_MODIFIED),
        ((None, "*", None, None), Outcome.NOT_MODIFIED),
        ((None, '"x"', SAME, None), Outcome.SEND),
        ((None, None, SAME, None), Outcome.NOT_MODIFIED),
        ((None, None, EARLIER, None), Outcome.SEND),
        ((None, None, "nonsense", None), Outcome.SEND),
        ((TAG, None, None, None), Outcome.SEND),
        (("*", None, None, None), Outcome.SEND),
        ((TAG, None, None, EARLIER), Outcome.SEND),
        ((None, None, None, LATER), Outcome.SEND),
        ((None, None, None, SAME), Outcome.SEND),
    ],
)
def test_a_read_is_answered_as_its_conditions_say(
    headers: tuple[str | None, ...], expected: Outcome
) -> None:
    assert parse_conditions(*headers).for_reading(FILE) is expected


@pytest.mark.parametrize(
    "headers",
    [('"x"', None, None, None), (f"W/{TAG}", None, None, None), (None, None, None, EARLIER)],
)
def test_a_precondition_that_does_not_hold_is_412(headers: tuple[str | None, ...]) -> None:
    conditions = parse_conditions(*headers)
    with pytest.raises(PreconditionFailed):
        conditions.for_reading(FILE)
    with pytest.raises(PreconditionFailed):
        conditions.for_writing().check(FILE)


@pytest.mark.parametrize(
    "headers, there, holds",
    [
        ((None, "*", None, None), None, True),
        ((None, "*", None, None), FILE, False),
        ((None, TAG, None, None), FILE, False),
        ((None, '"x"', None, None), FILE, True),
        (("*", None, None, None), None, False),
        (("*", None, None, None), FILE, True),
        ((TAG, None, None, None), FILE, True),
        ((TAG, None, None, None), None, False),
        ((None, None, None, SAME), None, False),
    ],
)
def test_a_write_happens_only_where_its_precondition_holds(
    headers: tuple[str | None, ...], there: Artifact | None, holds: bool
) -> None:
    precondition = parse_conditions(*headers).for_writing()
    if holds:
        precondition.check(there)
    else:
        with pytest.raises(PreconditionFailed):
            precondition.check(there)


@pytest.mark.parametrize("text", ["", "x", '"x', "x, y", ",", '"a" "b"', "'x'"])
def test_a_list_of_tags_that_cant_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidCondition):
        parse_conditions(text, None, None, None)


def test_a_hostile_list_of_tags_is_read_once_and_refused() -> None:
    """Its parser stands before the credentials: it must not look twice at a character."""
    with pytest.raises(InvalidCondition):
        parse_conditions('",' * 16_000, None, None, None)
    with pytest.raises(InvalidCondition):
        parse_conditions(",".join(['"a"'] * 101), None, None, None)


@given(st.lists(st.text(alphabet="ab,!'", max_size=5), min_size=1, max_size=6))
def test_any_list_of_tags_is_read_back(values: list[str]) -> None:
    tags = tuple(f'"{value}"' for value in values)
    assert parse_conditions(" , ".join(tags), None, None, None).match == tags


def test_a_tag_may_hold_a_comma() -> None:
    assert parse_conditions('"a,b", "c"', None, None, None).match == ('"a,b"', '"c"')


@given(st.text(max_size=40))
def test_a_date_is_one_or_none(text: str) -> None:
    moment = parse_date(text)
    assert moment is None or moment.tzinfo is not None


@pytest.mark.parametrize(
    "header, expected",
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=0-", ByteRange(0, 1000)),
        ("bytes=500-", ByteRange(500, 500)),
        ("bytes=-500", ByteRange(500, 500)),
        ("bytes=-5000", ByteRange(0, 1000)),
        ("bytes=10-5000", ByteRange(10, 990)),
        ("Bytes=1-2", ByteRange(1, 2)),
        ("bytes=2-1", None),
        ("bytes=0-1,5-6", None),
        ("items=0-1", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=\u0660-\u0661", None),
        ("", None),
    ],
)
def test_one_range_is_answered_and_nonsense_is_the_whole_file(
    header: str, expected: ByteRange | None
) -> None:
    assert parse_range(header, None, FILE) == expected


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-2000", "bytes=-0"])
def test_a_range_past_the_end_is_416(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as caught:
        parse_range(header, None, FILE)
    assert caught.value.size == 1000


@pytest.mark.parametrize(
    "if_range, holds",
    [(TAG, True), ('"x"', False), (f"W/{TAG}", False), (SAME, False), (LATER, False), ("?", False)],
)
def test_if_range_names_the_file_exactly_or_gets_it_whole(if_range: str, holds: bool) -> None:
    assert (parse_range("bytes=0-1", if_range, FILE) is not None) is holds


@given(st.text(alphabet="bytes=0123456789-, ", max_size=30))
def test_a_range_lies_within_the_file(text: str) -> None:
    try:
        found = parse_range(text, None, FILE)
    except RangeNotSatisfiable:
        return
    if found is not None:
        assert 0 <= found.start < found.start + found.length <= FILE.size


MD5, SHA256 = "d41d8cd98f00b204e9800998ecf8427e", "e3b0c44298fc1c149afbf4c8996fb924" * 2


@pytest.mark.parametrize(
    "headers, expected",
    [
        ({}, ()),
        ({"CONTENT-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}, (("md5", MD5),)),
        ({"X-CHECKSUM-MD5": MD5.upper()}, (("md5", MD5),)),
        ({"X-CHECKSUM-SHA256": SHA256}, (("sha256", SHA256),)),
        ({"REPR-DIGEST": "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:"}, (("md5", MD5),)),
        (
            {"CONTENT-DIGEST": "unixsum=:AAAA:, md5=:1B2M2Y8AsgTpgAmY7PhCfg==:"},
            (("md5", MD5),),
        ),
    ],
)
def test_an_announced_digest_is_an_expectation(
    headers: dict[str, str], expected: tuple[tuple[str, str], ...]
) -> None:
    assert parse_announcements(headers).digests == expected


@pytest.mark.parametrize(
    "headers",
    [
        {"CONTENT-MD5": "x"},
        {"CONTENT-MD5": "AAAA"},
        {"CONTENT-MD5": ""},
        {"X-CHECKSUM-SHA1": MD5},
        {"X-CHECKSUM-SHA256": "zz" * 32},
        {"REPR-DIGEST": "sha-256=abc"},
        {"REPR-DIGEST": "sha-256=:AAAA:"},
        {"REPR-DIGEST": "crc32c=:AAAA:"},
        {"REPR-DIGEST": ""},
        {"CONTENT-DIGEST": "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:,"},
    ],
)
def test_a_digest_that_cant_be_read_is_refused_and_not_ignored(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidAnnouncement):
        parse_announcements(headers)


@given(st.dictionaries(st.sampled_from(["CONTENT-MD5", "REPR-DIGEST"]), st.text(max_size=60)))
def test_a_digest_header_is_read_or_refused(headers: dict[str, str]) -> None:
    try:
        found = parse_announcements(headers)
    except InvalidAnnouncement:
        return
    assert all(len(digest) in (32, 40, 64, 128) for _, digest in found.digests)
