"""Passwords that nobody may take: the commonest, the trivial, and those near the address."""

import random
import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.common_passwords import CommonPasswords, common_passwords, fold, pack, skeleton
from auth.emails import parse_email
from auth.errors import InvalidField
from auth.password_rules import require_strong

ADVICE = "take four words that have nothing to do with each other, or let a program make one"
EMAIL = parse_email("Ilya.Novak@build.example.org")
REASONS = {
    f"is {trouble}{ADVICE}"
    for trouble in (
        "among the commonest passwords, or nearly one of them: ",
        "a repetition, a run along the keyboard, or digits alone: ",
        (
            "too near the e-mail address or the name of this service: without their words it has"
            " to be a password still; "
        ),
    )
} | {"must have 8 to 256 characters"}
COMMON = ("password", "sunshine", "iloveyou", "princess", "football", "trustno1", "starwars")


def reason(password: str, email: str = "Ilya.Novak@build.example.org") -> str:
    """Why a password is refused."""
    with pytest.raises(InvalidField) as caught:
        require_strong(password, parse_email(email))
    assert caught.value.field == "password"
    told = caught.value.reason
    # Always one of the same few texts, so none can hold what was sent.
    assert told in REASONS
    return told


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PASSWORD",
        "P@ssw0rd",
        "p455w0rd!",
        "Password1",
        "password2026!",
        "1234password",
        "!!sunshine!!",
        "sunshine 2026",
        "drowssap",
        "drowssap99",
        "passwordpassword",
        "iloveyou!!",
        "letmein123",
        "welcome1",
        "dragon20241231",
        "changeme",
        "1q2w3e4r",
        "qazwsxedc",
        "ﬁreman99",
        "password password",
        "pass word pass word",
    ],
)
def test_the_commonest_are_refused_however_they_are_spelt(password: str) -> None:
    assert "commonest" in reason(password)


@pytest.mark.parametrize(
    "password",
    [
        "aaaaaaaa",
        "abababab",
        "abcabcabcabc",
        "xkq7xkq7",
        "abcdefgh",
        "hgfedcba",
        "abcd1234",
        "aaaabbbb",
        "12345678",
        "87654321",
        "qwertyuiop",
        "asdfghjkl",
        "poiuytrewq",
        "qwer1234",
        "19841231",
        "31.12.1984",
        "2026-11-26",
        "🙂🙂🙂🙂🙂🙂🙂🙂",
        "αβγδεζηθ",
        "        ",
        "x y x y x y x y",
        "monkey monkey",
        "ab ab ab ab",
    ],
)
def test_runs_repetitions_and_dates_are_refused(password: str) -> None:
    assert "repetition" in reason(password)


@pytest.mark.parametrize(
    "password",
    [
        "ilya.novak@build.example.org",
        "Ilya.Novak",
        "ilya.novak99",
        "novakilya",
        "Novak-7Kq2",
        "N0v4k-7Kq2",
        "kavon1234x",
        "example.org",
        "build-example",
        "xx!novak!xx",
        "novakpassword1",
        "novaknovaknovak!",
        "Strongroom1",
        "moorgnorts!7",
    ],
)
def test_the_address_counts_for_nothing(password: str) -> None:
    assert "too near the e-mail address" in reason(password)


@pytest.mark.parametrize(
    "password, email",
    [
        ("Acme2026!Acme", "jo@acme-widgets.example"),
        ("acmewidgets1", "jo@acme-widgets.example"),
        ("widgets-7Kq2", "jo@acme-widgets.example"),
        ("a1b2c3-7Kq2", "jo@a1-b2-c3.example"),
        ("a1b2c3-7Kq2", "a1.b2.c3@example.org"),
        ("A1B2C3-7Kq2", "a1_b2_c3@example.org"),
    ],
)
def test_its_words_count_for_nothing_parted_and_joined(password: str, email: str) -> None:
    assert "too near the e-mail address" in reason(password, email)


def test_the_address_of_another_may_be_in_it() -> None:
    require_strong("Novak-7Kq2", parse_email("dev@example.org"))
    assert "too near" in reason("Novak-7Kq2")


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "novak purple tractor salad",  # without the name it is a password still
        "Tr0ub4dor&3",
        "zebrastripe",
        "昨日の夕飯は魚でした",
        "8f3b9c21d7",
        "4711081519932605",
        "7#2k!9$w",
    ],
)
def test_what_is_hard_to_guess_is_taken(password: str) -> None:
    require_strong(password, EMAIL)


def test_the_length_is_told_first() -> None:
    assert "8 to 256 characters" in reason("novak")
    assert "8 to 256 characters" in reason("a" * 257)


@given(
    st.sampled_from(COMMON),
    st.text(string.digits + "!?.#-_ ", max_size=3),
    st.text(string.digits + "!?.#-_ ", max_size=4),
    st.sampled_from([str.lower, str.upper, str.title, lambda text: text[::-1]]),
    st.sampled_from([str.maketrans("", ""), str.maketrans("aoeis", "@03!$")]),
)
def test_no_usual_change_makes_a_common_one_good(word, before, after, case, spelling) -> None:  # type: ignore[no-untyped-def]
    reason(f"{before}{case(word).translate(spelling)}{after}")


@given(
    st.text(string.ascii_letters, min_size=4, max_size=20),
    st.text(string.ascii_letters, min_size=4, max_size=20),
    st.text(string.ascii_letters + string.digits, max_size=3),
    st.integers(0, 3),
)
def test_nothing_made_of_an_address_is_good(local: str, label: str, more: str, form: int) -> None:
    email = f"{local}@{label}.org"
    made = (local + more, more + label, local[::-1] + more, f"{label}{more}{local}")[form]
    if len(made) >= 8:
        reason(made, email)


@pytest.mark.parametrize("length", [12, 16, 24])
def test_what_was_made_by_chance_is_taken(length: int) -> None:
    letters = string.ascii_letters + string.digits + "-_"
    chance = random.Random(length)
    for _ in range(2_000):
        require_strong("".join(chance.choices(letters, k=length)), EMAIL)


@given(st.text(max_size=300))
def test_every_text_is_judged(password: str) -> None:
    with suppress(InvalidField):
        require_strong(password, EMAIL)


@given(st.lists(st.text(min_size=4, max_size=12), max_size=50), st.text(min_size=4, max_size=12))
def test_a_packed_list_holds_what_was_put_in(texts: list[str], other: str) -> None:
    packed = CommonPasswords(pack(texts))
    held = {skeleton(fold(text.strip())) for text in texts}
    for text in held:
        assert (text in packed) is (len(text) >= 4)
    if skeleton(other) not in held:
        assert skeleton(other) not in packed


def test_the_list_that_ships_is_whole() -> None:
    """Sorted, no entry twice, and as long as its source says it is."""
    shipped = common_passwords()
    entries = [shipped[number] for number in range(len(shipped))]
    assert entries == sorted(set(entries))
    assert len(entries) == 29_689
    assert all(skeleton(word) in shipped for word in COMMON)


def test_a_cut_list_is_not_taken() -> None:
    with pytest.raises(ValueError, match="within a hash"):
        CommonPasswords(b"1234567")
