"""Importing a folder of distributions: what comes in and under which name, and what does not."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.importing import Counts, Outcome, PythonSorting, Survey
from app.importing.folder import Found
from app.installation import Installation
from app.python.filenames import METADATA_SUFFIX
from app.python.paths import SIGNATURE_SUFFIX
from app.repositories import Format, Rules
from app.usage import Quota
from tests.app.depot import Depot
from tests.python.building import metadata, sdist, wheel, zip_sdist

WHEEL, SDIST = "foo-1.0-py3-none-any.whl", "foo-1.0.tar.gz"
AT = "files/foo"
SIGNATURE = b"-----BEGIN PGP SIGNATURE-----\n\nabc=\n-----END PGP SIGNATURE-----\n"


@pytest.fixture
def make(installation: Installation, tmp_path: Path) -> Callable[..., Depot]:
    folder = tmp_path / "folder"
    folder.mkdir()
    return lambda **rules: Depot(installation, folder, Rules(**rules), Format.PYTHON)


@pytest.fixture
def depot(make: Callable[..., Depot]) -> Depot:
    return make()


def test_a_folder_comes_in_on_both_stores(any_installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    depot = Depot(any_installation, folder, Rules(), Format.PYTHON)
    depot.lay({WHEEL: wheel(), SDIST: sdist(), "sub/Bar-2.zip": zip_sdist("Bar", "2")})
    assert depot.run() == (3, 0, 0)
    assert depot.read(f"{AT}/{WHEEL}") == wheel()
    found = depot.artifact(f"{AT}/{WHEEL}")
    assert found is not None
    assert found.digests["md5"] == hashlib.md5(wheel()).hexdigest()
    assert METADATA_SUFFIX in found.attached
    assert depot.read("files/bar/Bar-2.zip") == zip_sdist("Bar", "2")
    assert depot.run() == (0, 3, 0)


@pytest.mark.parametrize(
    "place",
    [
        "",
        "dist/",
        "foo/",
        "packages/ab/cd/0123456789/",
        "+files/root/prod/+f/2c2/6b46b68ffc68f/",
        "web/packages/py3/f/foo/",
    ],
)
def test_any_layout_will_do(depot: Depot, place: str) -> None:
    depot.lay({f"{place}{WHEEL}": wheel(), f"{place}{SDIST}": sdist()})
    assert depot.run() == (2, 0, 0)
    assert depot.read(f"{AT}/{SDIST}") == sdist()


@pytest.mark.parametrize(
    "path",
    [
        "index.html",
        "simple/foo/index.html",
        "simple/foo/index.v1_json",
        ".cache/foo-1.0-py3-none-any.whl",
        ".foo-1.0.tar.gz",
        "requirements.txt",
        f"{WHEEL}.metadata",
        f"{WHEEL}.sha256",
        f"{WHEEL}.asc",
        f"{WHEEL}.provenance",
        f"{WHEEL}.part",
        "foo.py",
    ],
)
def test_what_lies_about_is_left_out(depot: Depot, path: str) -> None:
    depot.lay({path: b"anything"})
    assert depot.run() == (0, 0, 0)
    assert depot.tally.counts[Outcome.LEFT_OUT] == Counts(1, 8)


@pytest.mark.parametrize(
    "name, data, said",
    [
        ("foo-1.0-py2.7.egg", b"1", "an egg"),
        ("foo-1.0.win32.exe", b"1", "an installer"),
        ("foo-1.0.tar.bz2", b"1", "compressed in another way"),
        ("foo-1.0.tgz", b"1", "compressed in another way"),
        ("foo.zip", b"1", "the file name of an sdist"),
        ("foo-1.0-py3-none-any.WHL", b"1", "lower case"),
        ("foo-1.0-any.whl", b"1", "the file name of a wheel"),
        (WHEEL, b"no zip", "foo-1.0-py3-none-any.whl"),
        (WHEEL, wheel(core=metadata("bar")), "'bar'"),
        (SDIST, sdist(version="2.0"), "foo"),
        (WHEEL, b"", "foo-1.0-py3-none-any.whl"),
    ],
)
def test_what_an_upload_would_be_refused_is_refused(
    depot: Depot, name: str, data: bytes, said: str
) -> None:
    depot.lay({name: data, "other-1.0.tar.gz": sdist("other")})
    for dry in (True, False):
        assert depot.run(dry=dry) == (1, 0, 1)
        ((path, reason),) = depot.reasons.items()
        assert path == name
        assert said in reason
    assert depot.stored() == 2, "the other one and its metadata"


def test_a_signature_comes_along_with_its_file(depot: Depot) -> None:
    depot.lay({SDIST: sdist(), f"{SDIST}.asc": SIGNATURE, f"{SDIST}.asc.md5": b"0" * 32})
    assert depot.run(dry=True) == (2, 0, 0)
    assert depot.run() == (2, 0, 0)
    found = depot.artifact(f"{AT}/{SDIST}")
    assert found is not None
    held = found.attached[SIGNATURE_SUFFIX]
    assert b"".join(depot.blobs.open(held.blob)) == SIGNATURE
    assert depot.tally.counts[Outcome.LEFT_OUT].files == 1
    assert depot.run() == (0, 2, 0)


@pytest.mark.parametrize(
    "signature", [b"", b"UNKNOWN", b"no armour", b"\xff", SIGNATURE + b" " * 8192]
)
def test_what_is_no_signature_is_refused_by_itself(depot: Depot, signature: bytes) -> None:
    depot.lay({SDIST: sdist(), f"{SDIST}.asc": signature})
    assert depot.run() == (1, 0, 1)
    assert list(depot.reasons) == [f"{SDIST}.asc"]
    found = depot.artifact(f"{AT}/{SDIST}")
    assert found is not None
    assert SIGNATURE_SUFFIX not in found.attached


def test_the_signature_of_what_is_refused_is_left_out(depot: Depot) -> None:
    depot.lay({WHEEL: b"no wheel", f"{WHEEL}.asc": SIGNATURE})
    assert depot.run() == (0, 0, 1)
    assert depot.tally.counts[Outcome.LEFT_OUT] == Counts(1, len(SIGNATURE))


def test_checksums_beside_a_file_hold_or_it_is_refused(depot: Depot) -> None:
    digest = hashlib.sha256(sdist()).hexdigest()
    depot.lay({SDIST: sdist(), f"{SDIST}.sha256": f"{digest}  {SDIST}\n".encode()})
    depot.lay({WHEEL: wheel(), f"{WHEEL}.md5": b"0" * 32})
    assert depot.run() == (1, 0, 1)
    assert "its .md5 file says 000" in depot.reasons[WHEEL]
    assert depot.tally.counts[Outcome.CHECKSUM].files == 2


def test_the_same_file_in_two_folders_comes_once(depot: Depot) -> None:
    depot.lay({f"a/{SDIST}": sdist(), f"b/{SDIST}": sdist(), f"c/{SDIST}": sdist()})
    assert depot.run(jobs=4) == (1, 2, 0)
    assert depot.run() == (0, 3, 0)


@pytest.mark.parametrize("overwrite", [False, True])
def test_other_bytes_under_one_name_are_refused_and_both_are_named(
    make: Callable[..., Depot], overwrite: bool
) -> None:
    depot = make(overwrite=overwrite)
    depot.lay({f"a/{SDIST}": sdist(), f"b/{SDIST}": sdist(text=b"other")})
    for told in ((1, 0, 1), (0, 1, 1)):
        assert depot.run() == told
        assert list(depot.reasons) == [f"b/{SDIST}"]
        assert f"a/{SDIST}" in depot.reasons[f"b/{SDIST}"]
    assert depot.read(f"{AT}/{SDIST}") == sdist()


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("beside", [True, False])
def test_the_first_copy_that_is_not_damaged_comes(
    make: Callable[..., Depot], overwrite: bool, beside: bool
) -> None:
    depot = make(overwrite=overwrite)
    damaged = sdist(text=b"exchanged") if beside else b"no tar"
    depot.lay({f"a/{SDIST}": damaged, f"b/{SDIST}": sdist()})
    depot.lay({f"c/{SDIST}": sdist(text=b"other"), f"d/{SDIST}": sdist()})
    if beside:
        depot.lay({f"a/{SDIST}.sha256": hashlib.sha256(sdist()).hexdigest().encode()})
    assert depot.run(jobs=1, dry=True) == (2, 0, 2)
    assert depot.run(jobs=4)[2] == 2
    assert sorted(depot.reasons) == [f"a/{SDIST}", f"c/{SDIST}"]
    assert f"b/{SDIST}" in depot.reasons[f"c/{SDIST}"]
    assert depot.read(f"{AT}/{SDIST}") == sdist()
    assert depot.run() == (0, 2, 2)


def test_of_two_sdists_of_a_release_the_first_by_name_comes(depot: Depot) -> None:
    depot.lay({"foo-1.0.zip": zip_sdist(), SDIST: sdist(), WHEEL: wheel()})
    assert depot.run(jobs=8) == (2, 0, 1)
    assert "foo 1.0 has had the source distribution foo-1.0.tar.gz" in depot.reasons["foo-1.0.zip"]


def test_a_name_that_was_used_is_not_used_again(depot: Depot) -> None:
    depot.lay({SDIST: sdist()})
    depot.run()
    depot.delete(f"{AT}/{SDIST}")
    for dry in (True, False):
        assert depot.run(dry=dry) == (0, 0, 1)
        assert "was used before, and was deleted" in depot.reasons[SDIST]


def test_links_that_lead_out_are_told(depot: Depot, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(sdist())
    (depot.folder / SDIST).symlink_to(tmp_path / "secret")
    depot.lay({WHEEL: wheel()})
    (depot.folder / f"{WHEEL}.asc").symlink_to(tmp_path / "secret")
    (depot.folder / "latest").symlink_to(tmp_path)
    assert depot.run() == (1, 0, 3)
    assert all("leads out of the folder" in why for why in depot.reasons.values())


def test_what_does_not_fit_a_quota_is_refused(make: Callable[..., Depot]) -> None:
    depot = make(quota=Quota(10))
    depot.lay({SDIST: sdist()})
    assert depot.run() == (0, 0, 1)
    assert "quota" in depot.reasons[SDIST]


def test_a_dry_run_stores_nothing(depot: Depot) -> None:
    depot.lay({SDIST: sdist(), WHEEL: wheel()})
    depot.engine.made.clear()
    assert depot.run(dry=True) == (2, 0, 0)
    assert "transact" not in depot.engine.made
    assert depot.blobs.calls["create"] == 0


def test_all_that_is_there_is_looked_up_in_one_read(depot: Depot) -> None:
    for number in range(100):
        depot.lay({f"foo-{number}.tar.gz": sdist(version=str(number))})
    assert depot.run(jobs=4) == (100, 0, 0)
    depot.engine.made.clear()
    assert depot.run() == (0, 100, 0)
    assert depot.engine.made == ["get"]


def test_a_survey_counts_what_an_import_deals_with(depot: Depot) -> None:
    depot.lay({SDIST: sdist(), f"{SDIST}.asc": SIGNATURE, f"{SDIST}.md5": b"0", "x": b"123"})
    depot.lay({WHEEL: b"no wheel", f"{WHEEL}.asc": SIGNATURE, "foo.egg": b"1", ".x": b"1"})
    depot.lay({f"b/{SDIST}": sdist(), f"b/{SDIST}.asc": b"none"})
    survey = Survey(depot.folder)
    survey.count()
    depot.run()
    assert survey.total == (depot.tally.done.files, depot.tally.done.bytes)


_NAMES = st.sampled_from([WHEEL, SDIST, f"{SDIST}.asc", f"{SDIST}.md5", "foo.egg", "a/b.whl"])


@given(st.lists(st.one_of(_NAMES, st.text(max_size=30)), unique=True))
def test_any_names_can_be_sorted_and_each_comes_to_one_end(names: list[str]) -> None:
    files = [Found(name, Path("/nowhere"), 1) for name in names]
    result = PythonSorting().sort(files)
    ends = [found for found, _ in (*result.ended, *result.refused)]
    for unit in result.units:
        ends += [wanted.found for wanted in unit]
        ends += [wanted.signature[0] for wanted in unit if wanted.signature is not None]
    assert len(ends) == len({found.path for found in ends})
    assert {found.path for found in ends} == set(names)
