"""The order of versions, held against Maven's own class."""

import os
import random
import re
import subprocess
from collections.abc import Sequence
from itertools import chain, pairwise
from pathlib import Path

import pytest

from app.maven.versions import version_key
from tests.maven.test_versions import EQUAL, ORDERED
from tests.parts import require, tool

LIBRARY = Path("/usr/share/maven/lib/maven-artifact-3.x.jar")
LANGUAGE = Path("/usr/share/java/commons-lang3.jar")
MAIN = "org.apache.maven.artifact.versioning.ComparableVersion"

Pair = tuple[str, str]

WORDS = [
    *("alpha", "beta", "milestone", "rc", "cr", "snapshot", "ga", "final", "release", "sp"),
    *("a", "b", "m", "A", "RC", "SNAPSHOT", "Final", "RELEASE", "GA", "SP", "CR", "Beta"),
    *("jre", "x", "redhat", "v", "z", "pre", "al", "alphabet"),
    *("+", "_", "é", "É", "Я", "я", "²", "\U0001d7d9"),
]
NUMBERS = [
    *("0", "1", "2", "3", "9", "10", "11", "00", "01", "007", "20261125", "999999999"),
    *("1000000000", "2147483648", "999999999999999999", "1000000000000000000"),
    *("123456789012345678901234567890", "0000000001", "٣", "१२"),
]
# Left out: ten zeros or more, which Maven 3 has above each number of up to nine digits, and which
# are zero in Maven 4; and the Greek capital sigma, whose lower case depends on its neighbours, in
# Java by other rules than in Python.
TEN_ZEROS = re.compile(r"(?<![0-9])0{10}")
SEPARATORS = [".", ".", ".", "-", "-", "", "", "..", "--", "-.", ".-"]


def compared(pairs: Sequence[Pair]) -> list[int]:
    """What Maven says of each pair: -1 where the first is older, 0 where they are equal, 1."""
    java = tool("java")
    for jar in (LIBRARY, LANGUAGE):
        if not jar.exists():
            require("maven", f"no {jar}")
    command = [java, "-Xshare:auto", "-cp", f"{LIBRARY}:{LANGUAGE}", MAIN, *chain(*pairs)]
    # Java takes the encoding of its arguments from the locale.
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    lines = [line for line in done.stdout.decode().splitlines() if line.startswith("   ")]
    # Neighbours are compared, so that every second line is between two pairs.
    return [
        outcome(pair, line.removeprefix("   "))
        for pair, line in zip(pairs, lines[::2], strict=True)
    ]


def outcome(pair: Pair, line: str) -> int:
    found = re.fullmatch(rf"{re.escape(pair[0])} (<|==|>) {re.escape(pair[1])}", line)
    assert found, (pair, line)
    return {"<": -1, "==": 0, ">": 1}[found[1]]


def ours(first: str, second: str) -> int:
    left, right = version_key(first).order, version_key(second).order
    return (left > right) - (left < right)


def version(source: random.Random) -> str:
    pieces = [source.choice(NUMBERS) if source.random() < 0.8 else source.choice(WORDS)]
    for _ in range(source.randrange(6)):
        pieces += [source.choice(SEPARATORS), source.choice([*WORDS, *NUMBERS[:8], *NUMBERS[:3]])]
    pieces += source.choice(["", "", "", ".", "-", ".0", "-SNAPSHOT"])
    return "".join(pieces)


def neighbour(text: str, source: random.Random) -> str:
    """A version that shares a beginning with another, so that what follows decides."""
    kept = text[: source.randrange(1, len(text) + 1)]
    return kept + source.choice(["", ".", "-"]) + version(source)


def respelled(text: str, source: random.Random) -> str:
    """A version that is likely to be equal to another."""
    ends = ["", ".0", "-0", ".", "-", "-ga", ".Final", "-release", ".0.0", "-0-0.0"]
    other = source.choice([text, text.upper(), text.lower(), text.replace("cr", "rc")])
    return other.replace("0", source.choice(["0", "00", ""])) + source.choice(ends)


def generated(count: int, seed: int = 20261125) -> list[Pair]:
    source = random.Random(seed)
    partners = [neighbour, neighbour, respelled, lambda text, source: version(source)]
    pairs = []
    for number in range(count):
        text = version(source)
        pairs.append((text, partners[number % len(partners)](text, source)))
    return [pair for pair in pairs if not TEN_ZEROS.search(" ".join(pair))]


def beginnings(pair: Pair) -> list[str]:
    """What two versions may have in common. A hyphen ends the last word as it stands."""
    return [text[:end] + hyphen for text in pair for end in range(1, len(text))
            for hyphen in ("", "-")]  # fmt: skip


@pytest.fixture(scope="module")
def answers() -> dict[Pair, int]:
    pairs = generated(2000)
    return dict(zip(pairs, compared(pairs), strict=True))


def test_versions_are_ordered_as_by_maven_unless_it_contradicts_itself(
    answers: dict[Pair, int],
) -> None:
    differing = [pair for pair, answer in answers.items() if ours(*pair) != answer]
    assert len(differing) < len(answers) / 20
    # A contradiction is shown by a version that Maven itself has between the two, the way round
    # that they are in here.
    middles = [(pair, text) for pair in differing for text in beginnings(pair)]
    asked = [(text, other) for (first, second), text in middles for other in (first, second)]
    found = iter(compared(asked))
    shown = set()
    for (pair, _), to_first, to_second in zip(middles, found, found, strict=True):
        if to_first == -ours(*pair) and to_second == ours(*pair):
            shown.add(pair)
    assert set(differing) == shown


def test_maven_is_asked_about_many_and_of_every_outcome(answers: dict[Pair, int]) -> None:
    assert len(answers) > 1500
    for expected in (-1, 0, 1):
        assert sum(answer == expected for answer in answers.values()) > 100


def test_maven_has_the_tables_of_its_reference_in_the_same_order() -> None:
    pairs = [pair for line in ORDERED for pair in pairwise(line.split())]
    assert [pair for pair, answer in zip(pairs, compared(pairs), strict=True) if answer != -1] == []


def test_maven_holds_the_same_versions_to_be_equal() -> None:
    pairs = [pair for line in EQUAL for pair in pairwise(line.split())]
    pairs = [pair for pair in pairs if not TEN_ZEROS.search(" ".join(pair))]
    assert [pair for pair, answer in zip(pairs, compared(pairs), strict=True) if answer != 0] == []


def test_maven_contradicts_itself() -> None:
    circle = ["1-final-SNAPSHOT", "1", "1-jre", "1-final-SNAPSHOT"]
    assert compared(list(pairwise(circle))) == [-1, -1, -1]
    assert sorted(circle[:3], key=version_key) == circle[:3]
