"""File names of distributions: what they say, and which of them are one file."""

import random
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from app.python.filenames import (
    EXPANDED_TAGS,
    FILENAME_BYTES,
    IDENTITY_BYTES,
    Distribution,
    InvalidDistribution,
    Kind,
    agree,
    parse_distribution,
)
from app.repositories.names import ArtifactPath
from tests.python.test_names import NAMES, VERSIONS

TAGS = st.lists(st.sampled_from(["py3", "PY3", "any"]), min_size=1, max_size=3)


def _wheels(
    names: st.SearchStrategy[str], versions: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    return st.builds(
        lambda name, version, build, *tags: (
            "-".join([name, version, *build, *(".".join(members) for members in tags)]) + ".whl"
        ),
        names,
        versions,
        st.sampled_from([[], ["1"], ["01"], ["1a"], ["2_b.c"]]),
        TAGS,
        TAGS,
        TAGS,
    )


WHEELS = _wheels(NAMES.map(lambda name: re.sub("[-_]+", "_", name)), VERSIONS)
#: Those of which two are often one.
ALIKE = _wheels(st.sampled_from(["a", "A", "a_1", "a.1"]), st.sampled_from(["1", "1.0", "2"]))
SDISTS = st.builds(
    lambda name, version, extension: f"{name}-{version}{extension}",
    NAMES,
    VERSIONS,
    st.sampled_from([".zip", ".tar.gz"]),
)


@pytest.mark.parametrize(
    "filename, project, version, build, tags",
    [
        ("foo-1.0-py3-none-any.whl", "foo", "1.0", "", "py3-none-any"),
        ("Foo.Bar_baz-1.0.0-py3-none-any.whl", "foo-bar-baz", "1.0.0", "", "py3-none-any"),
        ("foo-1.0-py3.py2-none-any.whl", "foo", "1.0", "", "py2.py3-none-any"),
        ("foo-1.0-01local-py3-none-any.whl", "foo", "1.0", "1local", "py3-none-any"),
        ("foo-1!1.0rc1+cpu.1-cp311-abi3-linux_x86_64.whl", "foo", "1!1.0rc1+cpu.1", "",
         "cp311-abi3-linux_x86_64"),
        ("foo-1-CP311-cp311-macosx_11_0_arm64.macosx_10_9_x86_64.whl", "foo", "1", "",
         "cp311-cp311-macosx_10_9_x86_64.macosx_11_0_arm64"),
        ("foo-1-py3.py3-none-any.whl", "foo", "1", "", "py3-none-any"),
    ],
)  # fmt: skip
def test_a_wheels_name_is_read(
    filename: str, project: str, version: str, build: str, tags: str
) -> None:
    assert parse_distribution(filename) == Distribution(
        filename, project, Version(version), Kind.WHEEL, build, tags
    )
    assert parse_distribution(filename).shown == version


@pytest.mark.parametrize(
    "filename, project, version",
    [
        ("foo-1.0.tar.gz", "foo", "1.0"),
        ("Foo.Bar-baz_qux-1.0.zip", "foo-bar-baz-qux", "1.0"),
        ("foo-1!1.0.post1.dev2+cpu.tar.gz", "foo", "1!1.0.post1.dev2+cpu"),
        ("foo-2-1.0.tar.gz", "foo-2", "1.0"),
        ("foo__bar-v1.tar.gz", "foo-bar", "1"),
    ],
)
def test_an_sdists_name_is_read(filename: str, project: str, version: str) -> None:
    found = parse_distribution(filename)
    assert found == Distribution(filename, project, Version(version), Kind.SDIST)
    assert found.identity == f"{project}-{found.release}.sdist"


@pytest.mark.parametrize(
    "filename, reason",
    [
        # What is no wheel and no sdist.
        ("foo-1.0-py3.12.egg", "is an egg, which no installer takes any more: build a wheel"),
        ("foo-1.0.win32.exe", "is an installer; a repository takes wheels, '.whl', and sdists"),
        ("foo-1.0.tar.bz2", "compressed in another way than an sdist"),
        ("foo-1.0.tgz", "compressed in another way than an sdist"),
        ("foo-1.0.tar.Z", "compressed in another way than an sdist"),
        ("foo-1.0.tar.gz.asc", "is a signature: it is sent along with the file that it signs"),
        ("foo-1.0-py3-none-any.whl.metadata", "the repository takes it from the wheel"),
        ("foo-1.0.txt", "is no distribution: a repository takes wheels"),
        ("whl", "is no distribution"),
        ("foo-1.0-py3-none-any.WHL", "the extension is in lower case"),
        ("foo-1.0.Tar.gz", "the extension is in lower case"),
        # Characters.
        ("", "is empty or has something other than A-Z"),
        ("foo-1.0 .tar.gz", "something other than A-Z"),
        ("foo-1.0.tar.gz\n", "something other than A-Z"),
        ("foo-1.0\r\nx.tar.gz", "'foo-1.0\\r\\nx.tar.gz' is empty or has something other"),
        ("../foo-1.0.tar.gz", "something other than A-Z"),
        ("a/foo-1.0.tar.gz", "something other than A-Z"),
        ("föö-1.0.tar.gz", "'f\\xf6\\xf6-1.0.tar.gz' is empty or has something other"),
        ("foo-1.0.tar.gz\x00", "something other than A-Z"),
        ("foo-\u0661.0.tar.gz", "something other than A-Z"),
        ("foo-1.0\udc80.tar.gz", "something other than A-Z"),
        # Parts.
        (".whl", "is NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl"),
        ("foo-1.0-py3-none.whl", "is NAME-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl"),
        ("foo-bar-baz-1.0-py3-none-any.whl", "with '_' for each '-' in one of these"),
        ("foo-bar-1.0-py3-none-any.whl", "'bar' is no version by PEP 440"),
        (".tar.gz", "is NAME-VERSION.tar.gz or .zip"),
        ("foo.zip", "is NAME-VERSION.tar.gz or .zip"),
        # Names.
        ("-1.0-py3-none-any.whl", "'' can be no project's name"),
        ("-1.0.tar.gz", "'' can be no project's name"),
        ("_foo-1.0-py3-none-any.whl", "'_foo' can be no project's name"),
        ("foo--1.0.tar.gz", "'foo-' can be no project's name"),
        ("foo+bar-1.0.tar.gz", "'foo+bar' can be no project's name"),
        ("foo__bar-1.0-py3-none-any.whl", "a wheel's name has no '__' in it"),
        (f"{'a' * 101}-1.0.tar.gz", "can be no project's name: one has 1 to 100 of"),
        # Versions.
        ("foo-1.0-SNAPSHOT.tar.gz", "'SNAPSHOT' is no version by PEP 440"),
        ("foo-2004d.tar.gz", "that is numbers with dots, such as '1.0.2'"),
        ("foo-.tar.gz", "'' is no version"),
        ("foo--py3-none-any.whl", "'' is no version"),
        ("foo-1.0_1-py3-none-any.whl", "'1.0_1' is no version"),
        (f"foo-{'1' * 129}.tar.gz", "has more than 128 characters"),
        # Build tags and tags.
        ("foo-1.0-x1-py3-none-any.whl", "'x1' does not"),
        ("foo-1.0--py3-none-any.whl", "a build tag begins with a digit"),
        ("foo-1.0-1+x-py3-none-any.whl", "a build tag begins with a digit"),
        ("foo-1.0-3.12-none-any.whl", "'3' is not"),
        ("foo-1.0-py3.-none-any.whl", "'' is not"),
        ("foo-1.0-py3--any.whl", "as in 'py3-none-any', and '' is not"),
        ("foo-1.0-py3-none-.whl", "'' is not"),
        ("foo-1.0-py3-none-win!32.whl", "'win!32' is not"),
    ],
)
def test_what_is_no_distribution_is_refused_in_words(filename: str, reason: str) -> None:
    with pytest.raises(InvalidDistribution) as refusal:
        parse_distribution(filename)
    assert reason in str(refusal.value)
    assert str(refusal.value).replace("…", "").isascii()
    assert str(refusal.value).isprintable()


def test_a_file_name_leaves_room_for_the_name_of_its_metadata() -> None:
    longest = f"{'a' * 100}-{'1' * 128}-py3-none-a"
    longest += "n" * (FILENAME_BYTES - len(longest) - 4) + ".whl"
    found = parse_distribution(longest)
    ArtifactPath.parse(f"files/{found.project}/{longest}.metadata")
    with pytest.raises(InvalidDistribution, match="takes more than 246 bytes") as refusal:
        parse_distribution(f"{longest[:-4]}n.whl")
    assert len(str(refusal.value)) < 200


def test_tags_stand_for_a_bounded_number_of_combinations() -> None:
    ten = ".".join(f"t{number}" for number in range(10))
    assert EXPANDED_TAGS == 1000
    assert parse_distribution(f"foo-1-{ten}-{ten}-{ten}.whl").tags == f"{ten}-{ten}-{ten}"
    with pytest.raises(InvalidDistribution, match="stand for more than 1,000 combinations"):
        parse_distribution(f"foo-1-{ten}.t10-{ten}-{ten}.whl")
    # Repeated ones count: what is installed is chosen from all that are written.
    with pytest.raises(InvalidDistribution, match="stand for more than 1,000 combinations"):
        parse_distribution(f"foo-1-{ten}.t1-{ten}-{ten}.whl")


@pytest.mark.parametrize(
    "line",
    [
        "foo-1.0.tar.gz foo-1.0.zip Foo-1.0.0.tar.gz foo-v1.zip foo-01.tar.gz",
        "foo-bar-1.0rc1.tar.gz foo_bar-1.0.0.rc.1.zip foo.bar-1.0c1.tar.gz",
        "foo-1.0+cpu.1.zip foo-1.0.0+CPU_1.zip foo-1+cpu.01.tar.gz",
        "foo-1.0-py2.py3-none-any.whl FOO-1.0-py3.py2-none-any.whl foo-1-PY2.py3.py3-none-any.whl",
        "a_b-1-1-py3-none-any.whl a.b-1.0-01-py3-none-any.whl A_B-v1-1-py3-none-any.whl",
    ],
)
def test_names_of_one_file_have_one_identity(line: str) -> None:
    assert len({parse_distribution(name).identity for name in line.split()}) == 1


def test_names_of_different_files_have_different_identities() -> None:
    names = [
        "foo-1.0.tar.gz",
        "foo-1.0.1.tar.gz",
        "foo-1.0.post1.tar.gz",
        "foo-1.0+cpu.tar.gz",
        "foo-1!1.0.tar.gz",
        "foo-1-2.tar.gz",
        "foo-1.0-py3-none-any.whl",
        "foo-1.0+cpu-py3-none-any.whl",
        "foo-1.0-1-py3-none-any.whl",
        "foo-1.0-1a-py3-none-any.whl",
        "foo-1.0-10-py3-none-any.whl",
        "foo-1.0-py2.py3-none-any.whl",
        "foo-1.0-py3-abi3-any.whl",
        "foo-1-2-py3-none-any.whl",
        "foo_1-2-py3-none-any.whl",
        "foo-1-py3-none-a.b.whl",
        "foo-1-py3-a.b-none.whl",
    ]
    assert len({parse_distribution(name).identity for name in names}) == len(names)


@given(st.text(st.sampled_from("abp301._-+! \né"), max_size=24), st.sampled_from([".whl", ".zip"]))
def test_a_name_is_read_or_refused(stem: str, extension: str) -> None:
    with suppress(InvalidDistribution):
        assert parse_distribution(stem + extension).filename == stem + extension


@given(WHEELS)
def test_a_wheel_is_what_packaging_takes_it_for(filename: str) -> None:
    found = parse_distribution(filename)
    project, version, build, tags = parse_wheel_filename(filename)
    assert (found.project, found.version) == (project, version)
    assert found.build == "".join(map(str, build))
    # The canonical tags are of the same set, and so a name with them is of the same file.
    canonical = [project.replace("-", "_"), found.release, *filter(None, [found.build]), found.tags]
    again = "-".join(canonical) + ".whl"
    assert parse_wheel_filename(again) == (project, version, build, tags)
    assert parse_distribution(again).identity == found.identity


@given(ALIKE, ALIKE)
def test_wheels_are_one_exactly_when_all_that_packaging_says_is_the_same(
    one: str, other: str
) -> None:
    same = parse_wheel_filename(one) == parse_wheel_filename(other)
    assert (parse_distribution(one).identity == parse_distribution(other).identity) == same


@given(SDISTS)
def test_an_sdist_is_what_packaging_takes_it_for(filename: str) -> None:
    found = parse_distribution(filename)
    assert (found.project, found.version) == parse_sdist_filename(filename)


@given(st.randoms(), st.sampled_from([3, 10, 24]))
def test_an_identity_is_bounded_and_knows_no_order(source: random.Random, count: int) -> None:
    platforms = [f"plat_{number}" for number in range(count)]
    first = parse_distribution(f"foo-1.0-py3-none-{'.'.join(platforms)}.whl")
    source.shuffle(platforms)
    second = parse_distribution(f"foo-1.0-py3-none-{'.'.join(platforms)}.whl")
    assert first.identity == second.identity
    assert len(first.identity.encode()) <= IDENTITY_BYTES
    fewer = parse_distribution(f"foo-1.0-py3-none-{'.'.join(platforms[1:])}.whl")
    assert fewer.identity != first.identity


def test_an_sdists_identity_is_bounded() -> None:
    found = parse_distribution(f"{'a' * 100}-{'1' * 128}.tar.gz")
    assert found.identity.startswith("sha256:")
    assert found.identity.endswith(".sdist")
    assert len(found.identity) <= IDENTITY_BYTES


@pytest.mark.parametrize(
    "name, version",
    [("foo-bar", "1.0"), ("Foo_Bar", "1.0.0"), ("foo.bar", "v1"), ("foo--bar", Version("1"))],
)
def test_any_spelling_of_name_and_version_agrees(name: str, version: str | Version) -> None:
    agree(parse_distribution("foo_bar-1.0-py3-none-any.whl"), name, version)


@pytest.mark.parametrize(
    "name, version, source, reason",
    [
        ("bar", "1.0", "the form",
         "a file of the project 'foo', and the name in the form is 'bar'"),
        ("foo", "1.1", "METADATA",
         "a file of the version '1.0', and the version in METADATA is '1.1'"),
        ("foo", Version("1.0+cpu"), "METADATA", "the version in METADATA is '1.0+cpu'"),
        ("foo", "latest", "the form", "in the form 'latest' is no version by PEP 440"),
        ("foo bar", "1.0", "the form", "in the form 'foo bar' can be no project's name"),
        ("foo", "9" * 10_000, "the form", "has more than 128 characters"),
    ],
)  # fmt: skip
def test_another_name_or_version_is_refused_and_both_are_named(
    name: str, version: str | Version, source: str, reason: str
) -> None:
    with pytest.raises(InvalidDistribution) as refusal:
        agree(parse_distribution("foo-1.0.tar.gz"), name, version, source)
    assert reason in str(refusal.value)
    assert str(refusal.value).startswith("'foo-1.0.tar.gz'")
    assert len(str(refusal.value)) < 400
