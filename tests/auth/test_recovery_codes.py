"""Recovery codes: random, stored as hashes, each good once, however it is typed."""

import hashlib
import re

import pytest

from auth import recovery_codes
from auth.errors import WrongCode


def test_there_are_ten_each_of_80_random_bits() -> None:
    codes = recovery_codes.make_codes()
    assert len(set(codes)) == 10
    for code in codes:
        assert re.fullmatch("[a-z2-7]{4}(-[a-z2-7]{4}){3}", code)
        assert recovery_codes.is_recovery_code(code)
    assert not set(codes) & set(recovery_codes.make_codes())


def test_what_is_stored_is_their_sha256() -> None:
    (stored,) = recovery_codes.hashes(["abcd-efgh-ijkl-mnop"])
    assert stored == hashlib.sha256(b"abcdefghijklmnop").hexdigest()


@pytest.mark.parametrize(
    "typed", ["{}", " {} ", "\t{}\n", "UPPER", "no dashes", "blanks", "dashes elsewhere"]
)
def test_a_code_is_taken_as_people_type_it(typed: str) -> None:
    codes = recovery_codes.make_codes()
    code = codes[3]
    plain = code.replace("-", "")
    text = {
        "UPPER": code.upper(),
        "no dashes": plain,
        "blanks": code.replace("-", " "),
        "dashes elsewhere": f"{plain[:3]}--{plain[3:]}-",
    }.get(typed, typed.format(code))
    stored = recovery_codes.hashes(codes)
    assert recovery_codes.is_recovery_code(text)
    assert recovery_codes.without(stored, text) == stored[:3] + stored[4:]


def test_a_code_is_used_up() -> None:
    codes = recovery_codes.make_codes()
    left = recovery_codes.without(recovery_codes.hashes(codes), codes[0])
    with pytest.raises(WrongCode):
        recovery_codes.without(left, codes[0])
    assert len(recovery_codes.without(left, codes[1])) == 8


@pytest.mark.parametrize(
    "text", ["", "123456", "abcd-efgh-ijkl-mno", "abcd-efgh-ijkl-mno1", "x" * 10_000, "\u017f" * 16]
)
def test_what_is_no_code_is_none(text: str) -> None:
    assert not recovery_codes.is_recovery_code(text)
    with pytest.raises(WrongCode):
        recovery_codes.without(recovery_codes.hashes(recovery_codes.make_codes()), text)
