"""Sizes as people read and write them."""

import pytest

from app.usage.sizes import in_words, parse_size


@pytest.mark.parametrize(
    "size, words",
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1024 * 1024 - 1, "1023.9 KiB"),
        (10 * 2**30, "10.0 GiB"),
        (2**40 - 1, "1023.9 GiB"),
        (3 * 2**59, "1.5 EiB"),
        (2**72, "4096.0 EiB"),
    ],
)
def test_a_size_is_written_for_people(size: int, words: str) -> None:
    assert in_words(size) == words


@pytest.mark.parametrize(
    "text, size",
    [
        ("0", 0),
        ("123", 123),
        ("10GiB", 10 * 2**30),
        (" 10 GiB ", 10 * 2**30),
        ("1KiB", 1024),
        ("1EiB", 2**60),
    ],
)
def test_a_size_is_read(text: str, size: int) -> None:
    assert parse_size(text, 2**60) == size


@pytest.mark.parametrize("text", ["", "GiB", "-1", "1.5GiB", "10GB", "10gib", "1e9", "9" * 16])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a size is a whole number"):
        parse_size(text, 2**60)


@pytest.mark.parametrize("text", ["1025", "2 KiB", "999999999999999EiB"])
def test_what_is_more_than_the_most_is_refused_with_the_most(text: str) -> None:
    with pytest.raises(ValueError, match=r"a size is at most 1\.0 KiB here"):
        parse_size(text, 1024)
