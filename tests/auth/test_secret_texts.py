"""API keys: what a secret looks like, and that only whole ones cost anything."""

import binascii
import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.credentials import ApiKeySecret
from auth.errors import NotAuthenticated
from auth.secret_texts import fingerprint, make_secret

SCANNER = re.compile(r"\bsrk_[0-9A-Za-z]{49}\b")
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def base62(text: str) -> int:
    number = 0
    for digit in text:
        number = number * 62 + DIGITS.index(digit)
    return number


def test_a_scanner_finds_a_secret_in_a_file() -> None:
    """Prefix, 43 digits of randomness and 6 check digits: as the docstring says."""
    secret = make_secret().text
    assert SCANNER.findall(f'token = "{secret}"\n') == [secret]
    assert base62(secret[-6:]) == binascii.crc32(secret[:-6].encode())


def test_a_secret_holds_256_random_bits() -> None:
    numbers = [base62(make_secret().text[4:-6]) for _ in range(400)]
    assert len(set(numbers)) == 400
    assert all(number < 2**256 for number in numbers)
    every, some = 2**256 - 1, 0
    for number in numbers:
        every, some = every & number, some | number
    assert (every, some) == (0, 2**256 - 1)


def test_the_id_comes_from_the_secret_and_the_hash_is_of_all_of_it() -> None:
    secret = make_secret()
    found = fingerprint(secret)
    assert re.fullmatch(r"[0-9a-f]{32}", found.key_id)
    assert found.sha256 == hashlib.sha256(secret.text.encode()).hexdigest()
    assert fingerprint(ApiKeySecret(secret.text)) == found


@given(position=st.integers(0, 52), digit=st.sampled_from(DIGITS))
def test_a_mistyped_digit_is_noticed(position: int, digit: str) -> None:
    text = make_secret().text
    changed = text[:position] + digit + text[position + 1 :]
    if changed == text:
        fingerprint(ApiKeySecret(changed))
    else:
        with pytest.raises(NotAuthenticated):
            fingerprint(ApiKeySecret(changed))


@given(st.text() | st.from_regex(r"srk_[0-9A-Za-z]{49}", fullmatch=True))
def test_no_other_text_is_taken(text: str) -> None:
    """One in 57 thousand million has the right check digits by chance."""
    with pytest.raises(NotAuthenticated):
        fingerprint(ApiKeySecret(text))


@pytest.mark.parametrize("change", ["{}\n", " {}", "{}x", "X{}", "{}\0"])
def test_nothing_stands_around_a_secret(change: str) -> None:
    with pytest.raises(NotAuthenticated):
        fingerprint(ApiKeySecret(change.format(make_secret().text)))
