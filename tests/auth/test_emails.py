"""E-mail addresses: which are taken, which are the same, and that keys don't name them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.emails import email_key, parse_email
from auth.errors import InvalidField


@pytest.mark.parametrize(
    "one, other",
    [
        ("Person@Example.org", "person@example.ORG"),
        ("rene\u0301@example.org", "RENÉ@example.org"),
    ],
)
def test_case_and_composition_do_not_matter(one: str, other: str) -> None:
    assert parse_email(one) == parse_email(other)
    assert email_key("org", parse_email(one)) == email_key("org", parse_email(other))


def test_dots_and_tags_do_matter() -> None:
    texts = ["a.b@example.org", "ab@example.org", "ab+c@example.org", "ab@example.com"]
    assert len({parse_email(text) for text in texts}) == 4


def test_a_key_names_neither_person_nor_domain_and_differs_by_organization() -> None:
    email = parse_email("person@example.org")
    key = email_key("org", email)
    assert "person" not in str(key)
    assert "example" not in str(key)
    assert len(key.sort) == 40
    assert email_key("other", email).sort != key.sort


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "person",
        "@example.org",
        "person@",
        "a@b@c",
        "per son@example.org",
        "person@example.org\n",
        "per\0son@example.org",
        "per:son@example.org",
        "per\u200bson@example.org",
        "per\ud800son@example.org",
        "per\u202eson@example.org",
        "a" * 243 + "@example.org",
        "é" * 122 + "@example.org",
        "x" * 1_000_000,
    ],
)
def test_bad_addresses_are_refused_by_name_of_the_field(text: str) -> None:
    with pytest.raises(InvalidField) as caught:
        parse_email(text)
    assert caught.value.field == "email"
    assert len(text) < 3 or text not in str(caught.value)


def test_a_domain_needs_no_dot_and_254_bytes_are_taken() -> None:
    parse_email("admin@localhost")
    parse_email("a" * 242 + "@example.org")


@given(st.text(max_size=300))
def test_what_is_taken_is_stable(text: str) -> None:
    """Parsing what was taken gives the same again, bounded and composed."""
    try:
        email = parse_email(text)
    except InvalidField:
        return
    assert parse_email(email.text) == email
    assert parse_email(email.compared) == email
    assert len(email.text.encode()) <= 254
    assert unicodedata.is_normalized("NFC", email.compared)
    assert email.text.count("@") == 1
