"""Which passwords nobody may take: those that are tried first.

Three rules, whatever a password is made of: it is not among the commonest, nor one of them
with something usual done to it; it is no run or repetition; and what its user's e-mail
address or user name holds, and the name of this service, count for nothing in it, so the rest
has to be a password by itself. There is no rule about kinds of characters: those make passwords
alike, and hard to remember.
"""

import re
import string
from collections.abc import Iterator

from auth.common_passwords import CHARACTERS_LEAST as WORD_LEAST
from auth.common_passwords import common_passwords, fold, skeleton
from auth.errors import InvalidField
from auth.passwords import CHARACTERS_LEAST, normalize
from auth.user_names import UserName

#: What is put before and after a word to make a password of it, up to so many characters.
_ENDINGS = frozenset(string.digits + string.punctuation + " ")
_ENDING_MOST = 8
_DISTINCT_LEAST = 5
_RUNS_LEAST = 4
_RUN = 3  # characters, from which on they are one run
_DIGITS_LEAST = 12  # of what is digits alone: eight of them are a date
_ROWS = ("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "qwertzuiopü", "azertyuiop")
_DIGITS = re.compile(r"[\d\s./:-]+")
_ADVICE = "take four words that have nothing to do with each other, or let a program make one"
_COMMON = f"is among the commonest passwords, or nearly one of them: {_ADVICE}"
_TRIVIAL = f"is a repetition, a run along the keyboard, or digits alone: {_ADVICE}"
_NEAR = (
    "is too near the e-mail address or the name of this service: without their words it has to"
    f" be a password still; {_ADVICE}"
)
_SERVICE = "strongroom"


def require_strong(password: str, name: UserName, field: str = "password") -> None:
    """Return if that user may have that password.

    Raises:
        InvalidField: its length, or one of the rules; the reason says what to do, and nothing
            of the password.
    """
    folded = fold(normalize(password))
    if any(map(_is_trivial, _spellings(folded))):
        raise InvalidField(field, _TRIVIAL)
    if any(map(_is_common, _spellings(folded))):
        raise InvalidField(field, _COMMON)
    rest = _without(folded, name)
    if rest != folded and (len(rest) < CHARACTERS_LEAST or _is_weak(rest)):
        raise InvalidField(field, _NEAR)


def _spellings(text: str) -> set[str]:
    """A text, and what it is without its blanks: those make no word another one."""
    return {text, "".join(text.split())}


def _is_weak(text: str) -> bool:
    return any(_is_trivial(one) or _is_common(one) for one in _spellings(text))


def _is_trivial(text: str) -> bool:
    unit = _unit(text)
    return (
        len(set(text)) < _DISTINCT_LEAST
        or (unit != text and len(unit) < CHARACTERS_LEAST)
        or _runs(text) < _RUNS_LEAST
        or (len(text) < _DIGITS_LEAST and _DIGITS.fullmatch(text) is not None)
    )


def _unit(text: str) -> str:
    """What a text is a repetition of, or the text."""
    return text[: (text + text).find(text, 1)]


def _runs(text: str) -> int:
    """Of how many runs a text is made; a character that is in none counts as one."""
    count, at = 0, 0
    while at < len(text):
        end = max((_run_end(text, at, step) for step in _steps(text[at : at + 2])), default=at + 1)
        at = end if end - at >= _RUN else at + 1
        count += 1
    return count


def _run_end(text: str, start: int, step: str) -> int:
    """Where the run ends that takes that step at its start."""
    end = start + 1
    while step in _steps(text[end - 1 : end + 1]):
        end += 1
    return end


def _steps(pair: str) -> Iterator[str]:
    """How one character follows from the other: the same, or its neighbour somewhere."""
    if len(pair) < 2:
        return
    distance = ord(pair[1]) - ord(pair[0])
    if abs(distance) <= 1:
        yield f"alphabet {distance}"
    for row in _ROWS:
        if pair in row:
            yield f"{row} forward"
        elif pair[::-1] in row:
            yield f"{row} back"


def _is_common(text: str) -> bool:
    common = common_passwords()
    return any(
        form in common
        for core in _cores(text)
        for spelt in (core, _unit(core))
        for form in (skeleton(spelt), skeleton(spelt)[::-1])
    )


def _cores(text: str) -> Iterator[str]:
    """The text, and what it is without some or all of its endings."""
    starts = [0]
    while starts[-1] < min(len(text), _ENDING_MOST) and text[starts[-1]] in _ENDINGS:
        starts.append(starts[-1] + 1)
    for start in starts:
        end = len(text)
        while end - start >= WORD_LEAST and start + len(text) - end < _ENDING_MOST:
            yield text[start:end]
            if text[end - 1] not in _ENDINGS:
                break
            end -= 1


def _without(text: str, name: UserName) -> str:
    """What is left of a text without the words of an address, however they are spelt."""
    for word in _words(name):
        for spelt in (word, word[::-1]):
            # The skeleton has the text's length, so a place in it is one in the text.
            while (at := skeleton(text).find(skeleton(spelt))) >= 0:
                text = text[:at] + text[at + len(spelt) :]
    return text


def _words(name: UserName) -> list[str]:
    """The parts of an address or user name that a person thinks of, the longest first."""
    address = fold(name.text)
    local, _, domain = address.rpartition("@")
    parts = {address, local, domain, _SERVICE}
    for part in (local, *domain.split(".")):
        words = re.split(r"[\W_]+", part)
        parts |= {part, *words, "".join(words)}
    return sorted((part for part in parts if len(part) >= WORD_LEAST), key=lambda one: -len(one))
