"""One-time codes: the vectors of both RFCs, the clock's edges, and what authenticators take."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from auth import totp
from auth.errors import WrongCode

SECRET = b"12345678901234567890"  # that of both RFCs' vectors
AT = datetime(2026, 11, 23, 12, 0, 15, tzinfo=UTC)  # in the middle of a step

#: RFC 4226, appendix D: the codes of the counters from 0 on.
HOTP = [
    "755224", "287082", "359152", "969429", "338314",
    "254676", "287922", "162583", "399871", "520489",
]  # fmt: skip
#: RFC 6238, appendix B, of SHA-1: seconds since 1970, and the last six of its eight digits.
TOTP = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


@pytest.mark.parametrize("counter, code", list(enumerate(HOTP)))
def test_codes_of_counters_are_those_of_rfc_4226(counter: int, code: str) -> None:
    assert totp.hotp(SECRET, counter) == code


@pytest.mark.parametrize("seconds, code", TOTP)
def test_codes_of_the_clock_are_those_of_rfc_6238(seconds: int, code: str) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    assert totp.hotp(SECRET, totp.step_at(moment)) == code
    assert totp.matched_step(SECRET, code, moment) == seconds // 30


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_a_clock_may_be_off_by_a_step(off: int) -> None:
    step = totp.step_at(AT) + off
    assert totp.matched_step(SECRET, totp.hotp(SECRET, step), AT) == step


@pytest.mark.parametrize("off", [-2, 2, -1000, 1000])
def test_and_by_no_more(off: int) -> None:
    code = totp.hotp(SECRET, totp.step_at(AT) + off)
    with pytest.raises(WrongCode):
        totp.matched_step(SECRET, code, AT)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "12345",
        "1234567",
        "12345a",
        "\uff11\uff12\uff13\uff14\uff15\uff16",
        "\ud800" * 6,
        "x" * 10_000,
    ],
)
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert not totp.is_code(code)
    with pytest.raises(WrongCode):
        totp.matched_step(SECRET, code, AT)


def test_the_first_steps_of_all_time_have_codes() -> None:
    assert totp.matched_step(SECRET, HOTP[0], datetime(1970, 1, 1, tzinfo=UTC)) == 0


def test_a_step_ends_after_thirty_seconds() -> None:
    start = datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert totp.step_at(start + timedelta(seconds=29.999)) == totp.step_at(start)
    assert totp.step_at(start + timedelta(seconds=30)) == totp.step_at(start) + 1


def test_a_secret_is_160_random_bits_in_base32() -> None:
    secrets = {totp.make_secret() for _ in range(50)}
    assert len(secrets) == 50
    for secret in secrets:
        text = totp.secret_text(secret)
        assert len(secret) == 20
        assert re.fullmatch("[A-Z2-7]{32}", text)
        assert totp.read_secret(text) == secret
        assert totp.grouped(text).split(" ") == [text[at : at + 4] for at in range(0, 32, 4)]
    assert totp.secret_text(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


@pytest.mark.parametrize(
    "account", ["jo@example.com", "a b:c/d?e&f=g#h%+@example.org", "jürgen@bücher.example"]
)
def test_the_address_says_it_all_whatever_the_account(account: str) -> None:
    uri = totp.uri(SECRET, "Strong room", account)
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("otpauth", "totp", "")
    assert uri.isascii()
    assert "+" not in uri, "authenticators take it for itself"
    issuer, _, name = parts.path.removeprefix("/").partition(":")
    assert (unquote(issuer), unquote(name)) == ("Strong room", account)
    assert parse_qs(parts.query) == {
        "secret": ["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"],
        "issuer": ["Strong room"],
        "algorithm": ["SHA1"],
        "digits": ["6"],
        "period": ["30"],
    }
