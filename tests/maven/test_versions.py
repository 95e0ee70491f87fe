"""Maven's order of versions, as its reference describes it."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.maven.versions import base_version, is_snapshot, version_key

#: What versions are made of, so that most of what is generated has something in common.
VERSIONS = st.lists(
    st.sampled_from([*"012.-ax+é²٣", "10", "00", "alpha", "RC", "SNAPSHOT", "ga", "sp"]), max_size=8
).map("".join)

#: Each line from the oldest to the newest.
ORDERED = [
    # Numbers by their value, of any length, and above words.
    "1 1.1 1.2 1.10 1.11 2",
    "1.9 1.10 1.999999999 1.1000000000 1.99999999999999999999 1.100000000000000000000",
    "1.0.x.1 1.0.1 1.1",
    "1.0-x 1.0.1",
    "1-1 1.1",
    "1-2 1-10",
    "3.8.9 3.8.10-SNAPSHOT 3.8.10 4.0.0-alpha-2 4.0.0-alpha-10 4.0.0-beta-3 4.0.0-rc-1 4.0.0",
    # Qualifiers.
    "1-alpha 1-beta 1-milestone 1-rc 1-snapshot 1 1-sp 1-a 1-abc 1-def",
    "1.0-alpha1 1.0-alpha2 1.0-alpha10 1.0-beta1 1.0-m1 1.0-m2 1.0-rc1 1.0-SNAPSHOT 1.0 1.0-sp1",
    "1-alpha-SNAPSHOT 1-alpha 1-alpha-1",
    "1.0-rc1-SNAPSHOT 1.0-rc1 1.0-rc2-SNAPSHOT 1.0-rc2",
    "1.0-SNAPSHOT 1.0 1.1-SNAPSHOT 1.1",
    # a, b and m stand for alpha, beta and milestone only before a digit.
    "1a1 1b1 1m1 1",
    "1 1-a 1-b 1-m",
    "1-a1 1 1-a-1",
    # A hyphen is less than a dot.
    "1.0.RC2 1.0-RC3 1.0.1",
    "1-sp 1-sp-1 1-sp.1 1-1 1-1.1 1.1",
    "1-1 1.0.1",
    # Moments.
    "1.0-20261124.235959-9 1.0-20261125.100000-1 1.0-20261125.100000-10 1.0.1",
    "2.0.1 2.0.1-xyz 2.0.1-123 2.0.1.1",
    "5.0.0.Alpha1 5.0.0.Beta1 5.0.0.CR1 5.0.0.Final 5.0.0.SP1 5.0.1.Final",
    # What is a digit in name only is part of a word.
    "1 1-sp 1-a 1-² 1-²2 1-1",
    # Where Maven says that the first is newer than the last, and that what is between is between.
    "1-final-SNAPSHOT 1 1-jre",
    "1.0.alpha.1 1 1-1",
]

EQUAL = [
    "1 1.0 1.0.0 1-0 1.0-0 1. 1- 1-ga 1-GA 1-final 1.Final 1-release 1.0.0.RELEASE 01 1.00",
    "1-rc 1-cr 1-RC 1-CR",
    "1-alpha1 1-a1 1a1 1alpha1 1.a1 1.0-alpha-1 1-ALPHA.0-1 1.0.0.Alpha1",
    "1-b2 1-beta2 1.b2",
    "1-m3 1-milestone3 1.M3",
    "1x 1-x 1.x 1.0.0-x 1X",
    "1x1 1-x1 1.x1 1.0.0X1.0.0-release",
    "1.0.1 1.00.01 1.0000000000.1",
    "0 0.0 0-0 - . ga",
    "1-é 1-É",
    "1.3 1.٣",
]


@pytest.mark.parametrize("line", ORDERED)
def test_versions_are_in_the_order_of_mavens_reference(line: str) -> None:
    versions = line.split()
    for older, newer in pairwise(versions):
        assert version_key(older).order < version_key(newer).order, (older, newer)
    shuffled = random.Random(1).sample(versions, len(versions))
    assert sorted(shuffled, key=version_key) == versions


@pytest.mark.parametrize("line", EQUAL)
def test_versions_that_maven_holds_to_be_equal_are_sorted_by_their_text(line: str) -> None:
    versions = line.split()
    assert len({version_key(version).order for version in versions}) == 1
    assert sorted(versions, key=version_key) == sorted(versions)


@given(st.lists(VERSIONS, max_size=6), st.randoms())
def test_the_order_is_total(versions: list[str], source: random.Random) -> None:
    expected = sorted(versions, key=version_key)
    source.shuffle(versions)
    assert sorted(versions, key=version_key) == expected
    for position, older in enumerate(expected):
        for newer in expected[position:]:
            assert version_key(older) <= version_key(newer)
            assert (version_key(older) == version_key(newer)) == (older == newer)


@given(st.text(max_size=255))
def test_any_text_is_a_version(text: str) -> None:
    assert version_key(text) == version_key(text)
    assert version_key(text).text == text


@given(VERSIONS.map(lambda text: text + "1"))
def test_what_adds_nothing_changes_nothing(version: str) -> None:
    for more in (".0", "-0", ".0.0", "-ga", ".Final", "-release", "-0-0.0", ".", "-"):
        assert version_key(version + more).order == version_key(version).order


@given(VERSIONS.map(lambda text: text + "1"))
def test_qualifiers_lie_around_the_version_that_they_qualify(version: str) -> None:
    ends = ("-alpha", "-beta", "-milestone", "-RC", "-SNAPSHOT", "", "-sp", "-zeta", "-1", ".1")
    versions = [version + end for end in ends]
    assert sorted(versions, key=version_key) == versions


@pytest.mark.parametrize(
    "version",
    ["-" * 255, "1-" * 127, "a1" * 127, "1a" * 127, "." * 255, "9" * 255, "0-" * 127 + "1"],
)
def test_no_version_is_too_deep_or_too_long_to_be_compared(version: str) -> None:
    keys = [version_key(version * times) for times in (1, 2, 50)]
    assert sorted(keys, key=lambda key: key.order) == sorted(keys)
    assert version_key(version) != version_key(version + "x")


@pytest.mark.parametrize(
    "version, base",
    [
        ("1.0-SNAPSHOT", "1.0-SNAPSHOT"),
        ("1.0-20261125.100000-3", "1.0-SNAPSHOT"),
        ("1.0-rc1-20261125.100000-12", "1.0-rc1-SNAPSHOT"),
        ("20261125.100000-3", "SNAPSHOT"),
        ("SNAPSHOT", "SNAPSHOT"),
        ("1.0SNAPSHOT", "1.0SNAPSHOT"),
    ],
)
def test_a_snapshot_is_known_by_its_end(version: str, base: str) -> None:
    assert is_snapshot(version)
    assert is_snapshot(base)
    assert base_version(version) == base


@pytest.mark.parametrize(
    "version",
    ["", "1.0", "1.0-snapshot", "1.0-SNAPSHOT-1", "1.0-20261125.100000", "1.0-20261125.100000-",
     "1.0-20261125.10000-3", "1.0.20261125.100000-3", "1.0-20261125.100000-3x",
     "1.0-20261125.100000-٣", "1.0-20261125.100000-3\n"],
)  # fmt: skip
def test_whatever_else_is_a_release_and_its_own_base(version: str) -> None:
    assert not is_snapshot(version)
    assert base_version(version) == version
