"""Sealed texts: they open for what they were sealed for, and for nothing else."""

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.sealing import NotSealedHere, Sealer

OLD, NEW = b"o" * 32, b"n" * 32
SEALER = Sealer(NEW, OLD)
contexts = st.lists(st.text(max_size=8), max_size=3)


@given(st.text(), contexts)
def test_what_was_sealed_opens_again(text: str, context: list[str]) -> None:
    assert SEALER.open(SEALER.seal(text, *context), *context) == text


@given(st.text(max_size=8), contexts, contexts)
def test_it_opens_for_its_own_context_alone(text: str, of: list[str], other: list[str]) -> None:
    sealed = SEALER.seal(text, *of)
    if of == other:
        assert SEALER.open(sealed, *other) == text
    else:
        with pytest.raises(NotSealedHere):
            SEALER.open(sealed, *other)


@pytest.mark.parametrize(
    "of, other",
    [(("a", "b"), ("ab",)), (("a", "b"), ("b", "a")), (("a",), ("a", "")), ((), ("",))],
)
def test_parts_of_a_context_do_not_run_together(
    of: tuple[str, ...], other: tuple[str, ...]
) -> None:
    with pytest.raises(NotSealedHere):
        SEALER.open(SEALER.seal("text", *of), *other)


@given(st.data())
def test_a_changed_text_does_not_open(data: st.DataObject) -> None:
    raw = bytearray(base64.urlsafe_b64decode(SEALER.seal("a secret", "what")))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(NotSealedHere):
        SEALER.open(base64.urlsafe_b64encode(bytes(raw)).decode(), "what")


@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{40}", fullmatch=True))
def test_no_other_text_opens(text: str) -> None:
    with pytest.raises(NotSealedHere):
        SEALER.open(text, "what")


def test_each_bit_of_the_text_counts() -> None:
    """The last character before the padding holds bits that the decoder passes over."""
    sealed = SEALER.seal("1234", "what")
    digits, padding = sealed[:-1], sealed[-1]
    assert padding == "="
    for digit in set(string.ascii_letters + string.digits + "-_") - {digits[-1]}:
        with pytest.raises(NotSealedHere):
            SEALER.open(digits[:-1] + digit + padding, "what")


def test_the_same_text_is_sealed_to_another_one_each_time() -> None:
    assert len({SEALER.seal("text", "what") for _ in range(50)}) == 50


def test_the_first_key_seals_and_all_of_them_open() -> None:
    assert Sealer(NEW, OLD).open(Sealer(OLD).seal("text")) == "text"
    assert Sealer(NEW).open(Sealer(NEW, OLD).seal("text")) == "text"
    with pytest.raises(NotSealedHere):
        Sealer(OLD).open(Sealer(NEW, OLD).seal("text"))


def test_a_key_is_needed() -> None:
    with pytest.raises(ValueError, match="secret key"):
        Sealer()


def test_nothing_shows_in_an_error() -> None:
    with pytest.raises(NotSealedHere) as caught:
        Sealer(OLD).open(Sealer(NEW).seal("the-secret", "whose"), "whose")
    assert "the-secret" not in str(caught.value)
    assert "whose" not in str(caught.value)
