"""Promises S1 and S2: how a password is hashed, and how long it may be."""

import base64
import hashlib
import hmac
import struct
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.errors import CorruptRecord, InvalidField
from auth.passwords import (
    CHEAP,
    ITERATIONS_MOST,
    STRONG,
    Parameters,
    WrongPassword,
    decoy,
    hash_password,
    normalize,
    outdated,
    verify,
)

# Made once with `by_hand` below, which shares nothing with hashlib's PBKDF2.
VECTORS = [
    (
        "password",
        b"saltsaltsalt",
        1,
        (
            "4e770eb008c741b568791e3be6b9ff61a38e5f6379add4b474410284c50206652"
            "cd1e4b5a17cdbdb724ddc51e5e66bfff427d21e869308905c8766d29efe05a7"
        ),
    ),
    (
        "password",
        b"saltsaltsalt",
        2,
        (
            "22ecb50a454c6278d99983bb9afacde65f25aa0ae352aab0c482e548fc1286f6d"
            "2de417c2a359abb34265ec924eaba5e43a9dd4a9ab3bc2af07209f6024f3f0c"
        ),
    ),
    (
        "Grüße, Welt",
        bytes(range(12)),
        1000,
        (
            "61eb37cbfb28fee154ce4a6b9f7c97049a1b8f22c6221f8b9ef0deb14d2cc27de"
            "57007c1d93cdb06c1179658e688137ff1d9fd19d38abaea815e57b07e9c0d90"
        ),
    ),
]


def by_hand(password: bytes, salt: bytes, iterations: int) -> bytes:
    """PBKDF2 of RFC 8018, section 5.2, for one block: T_1 = U_1 xor … xor U_c."""

    def prf(text: bytes) -> bytes:  # HMAC of RFC 2104, over BLAKE2b-512 with its 128-byte block
        key = (password if len(password) <= 128 else hashlib.blake2b(password).digest()).ljust(
            128, b"\0"
        )
        inner = hashlib.blake2b(bytes(byte ^ 0x36 for byte in key) + text).digest()
        return hashlib.blake2b(bytes(byte ^ 0x5C for byte in key) + inner).digest()

    last = prf(salt + struct.pack(">I", 1))
    result = int.from_bytes(last)
    for _ in range(iterations - 1):
        last = prf(last)
        result ^= int.from_bytes(last)
    return result.to_bytes(64)


def parts(stored: str) -> tuple[int, bytes, bytes]:
    _, name, cost, salt, key = stored.split("$")
    assert name == "pbkdf2-blake2b-512"
    return (
        int(cost.removeprefix("i=")),
        base64.b64decode(salt),
        base64.b64decode(key + "=="),
    )


def test_a_hash_is_what_the_practices_promise() -> None:
    """PBKDF2, BLAKE2b-512, 50,000 iterations, 12 bytes of salt, 64 of key."""
    iterations, salt, key = parts(hash_password("correct horse", STRONG))
    assert (iterations, len(salt), len(key)) == (50_000, 12, 64)
    assert key == by_hand(b"correct horse", salt, 50_000)


@pytest.mark.parametrize("password, salt, iterations, expected", VECTORS)
def test_known_answers(password: str, salt: bytes, iterations: int, expected: str) -> None:
    assert by_hand(password.encode(), salt, iterations).hex() == expected
    stored = "$pbkdf2-blake2b-512$i={}${}${}".format(
        iterations,
        base64.b64encode(salt).decode(),
        base64.b64encode(bytes.fromhex(expected)).decode().rstrip("="),
    )
    verify(stored, password)


@given(st.text(min_size=8, max_size=64).filter(lambda text: text.isprintable()))
def test_every_password_is_hashed_as_by_hand(text: str) -> None:
    try:
        stored = hash_password(text, CHEAP)
    except InvalidField:
        assert len(unicodedata.normalize("NFC", text)) < 8
        return
    iterations, salt, key = parts(stored)
    assert key == by_hand(unicodedata.normalize("NFC", text).encode(), salt, iterations)
    assert hmac.compare_digest(key, by_hand(normalize(text).encode(), salt, iterations))
    verify(stored, text)


def test_salts_differ() -> None:
    assert len({hash_password("the same password", CHEAP) for _ in range(50)}) == 50


@pytest.mark.parametrize("length, taken", [(7, False), (8, True), (256, True), (257, False)])
@pytest.mark.parametrize(
    "character", ["a", "é", "e\u0301", "\U0001d530", "각", "\u1100\u1161\u11a8"]
)
def test_length_is_counted_in_characters_after_nfc(
    length: int, taken: bool, character: str
) -> None:
    """8 to 256, whatever the characters' number of code points or bytes."""
    text = character * length
    if taken:
        verify(hash_password(text, CHEAP), text)
    else:
        with pytest.raises(InvalidField) as caught:
            hash_password(text, CHEAP)
        assert caught.value.field == "password"


def test_composed_and_decomposed_are_one_password() -> None:
    verify(hash_password("cafe\u0301 olé", CHEAP), "café ole\u0301")


def test_a_wrong_password_raises() -> None:
    stored = hash_password("correct horse", CHEAP)
    for wrong in ("correct horsf", "Correct horse", "correct horse ", "", "x" * 5000, "\ud800" * 9):
        with pytest.raises(WrongPassword):
            verify(stored, wrong)


@pytest.mark.parametrize("text", ["with\nnewline", "with\0zero!", "\ud800 surrogate", "x" * 9999])
def test_what_basic_authentication_cannot_carry_is_refused(text: str) -> None:
    with pytest.raises(InvalidField):
        hash_password(text, CHEAP)


def test_no_password_fits_the_decoy() -> None:
    for text in ("password", "\0" * 8, "a" * 256):
        with pytest.raises(WrongPassword):
            verify(decoy(CHEAP), text)
    assert parts(decoy(STRONG))[0] == 50_000


def test_fewer_iterations_than_wanted_are_outdated() -> None:
    stored = hash_password("correct horse", Parameters(iterations=3))
    assert outdated(stored, Parameters(iterations=4))
    assert not outdated(stored, Parameters(iterations=3))
    assert not outdated(stored, Parameters(iterations=2))


GOOD = hash_password("correct horse", CHEAP)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "plain text",
        GOOD + "\n",
        GOOD + "=",
        GOOD[:-1],
        GOOD.replace("i=2", "i=0"),
        GOOD.replace("i=2", "i=02"),
        GOOD.replace("i=2", "i=-2"),
        GOOD.replace("i=2", f"i={ITERATIONS_MOST + 1}"),
        GOOD.replace("i=2", "i=99999999999999999999"),
        GOOD.replace("i=2", "i=٢"),
        GOOD.replace("blake2b", "blake2s"),
        "$pbkdf2-blake2b-512$i=2$" + "A" * 16 + "$" + "A" * 85 + "B",  # bits that are left over
        "$pbkdf2-blake2b-512$i=2$" + "A" * 15 + "_$" + "A" * 86,
        "$pbkdf2-blake2b-512$i=2$" + "A" * 20 + "$" + "A" * 86,
    ],
)
def test_only_the_stored_form_is_read(stored: str) -> None:
    """And a record that was tampered with can't ask for a million rounds."""
    with pytest.raises(CorruptRecord):
        verify(stored, "correct horse")
    with pytest.raises(CorruptRecord):
        outdated(stored)


@given(st.text())
def test_no_text_is_read_by_accident(stored: str) -> None:
    with pytest.raises(CorruptRecord):
        verify(stored, "correct horse")


@pytest.mark.parametrize("iterations", [0, -1, ITERATIONS_MOST + 1])
def test_parameters_have_bounds(iterations: int) -> None:
    with pytest.raises(ValueError, match="iterations"):
        Parameters(iterations)
