"""Digests that came before their file: each counts for an hour, and no longer."""

from datetime import UTC, datetime, timedelta

import pytest

from app.publishing.announced import KEPT, Announced, AnnouncedDiffers
from app.publishing.place import Place
from app.repositories import ArtifactPath, Format
from storage.metadata import Put, Record

PLACE = Place("org1", "repo1", ArtifactPath.parse("a/b/1/b-1.jar"), False, 14, format=Format.MAVEN)
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
RIGHT = {"md5": "1" * 32, "sha1": "1" * 40, "sha256": "1" * 64}
WRONG = {"md5": "0" * 32, "sha1": "0" * 40, "sha256": "0" * 64}


def read(record: Record | None, minutes: float) -> Announced:
    """What is announced, so many minutes past noon."""
    now = NOON + timedelta(minutes=minutes)
    return Announced.at(PLACE, {} if record is None else {record.key: record}, lambda: now)


def announce(before: Record | None, algorithm: str, digest: str, minutes: float) -> Record:
    """The record once one more was announced."""
    now = NOON + timedelta(minutes=minutes)
    put, _ = read(before, minutes).adding(PLACE, algorithm, digest, now)
    assert isinstance(put, Put)
    return Record(put.key, put.value, 1, put.expires)


def refused(record: Record, minutes: float) -> bool:
    try:
        read(record, minutes).check(PLACE, RIGHT)
    except AnnouncedDiffers:
        return True
    return False


@pytest.mark.parametrize("wrong", ["md5", "sha1"])
def test_each_counts_for_an_hour_of_its_own(wrong: str) -> None:
    sent = {**RIGHT, wrong: WRONG[wrong]}
    record = announce(None, "md5", sent["md5"], 0)
    record = announce(record, "sha1", sent["sha1"], 59)
    assert record.expires == NOON + timedelta(minutes=59) + KEPT
    ends = 60 if wrong == "md5" else 119
    assert [refused(record, minutes) for minutes in (59, ends - 0.01, ends)] == [True, True, False]


def test_one_that_is_past_is_written_no_more() -> None:
    record = announce(None, "md5", WRONG["md5"], 0)
    record = announce(record, "sha1", RIGHT["sha1"], 59)
    record = announce(record, "sha256", RIGHT["sha256"], 61)
    assert record.value["digests"] == {name: RIGHT[name] for name in ("sha1", "sha256")}


def test_one_that_is_sent_again_has_another_hour() -> None:
    record = announce(announce(None, "md5", RIGHT["md5"], 0), "md5", WRONG["md5"], 59)
    assert refused(record, 118)


def test_a_record_without_times_counts_as_long_as_it_is_there() -> None:
    """As it was written when all ended with the first."""
    record = announce(None, "md5", WRONG["md5"], 0)
    record = Record(record.key, {"digests": record.value["digests"]}, 1, record.expires)
    assert refused(record, 59)
    record = announce(record, "sha1", RIGHT["sha1"], 59)
    assert [refused(record, minutes) for minutes in (59.9, 60)] == [True, False]
