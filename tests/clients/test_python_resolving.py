"""pip, uv, Poetry and PDM find, choose and install what a repository has, over both stores."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.clients.projects import Release, furnished, installed, write_consumer
from tests.clients.python import Python
from tests.clients.python_matrix import each_installer, each_installer_over_both_stores
from tests.clients.server import Repository, Server
from tests.clients.stores import over_both_stores
from tests.clients.watched import Asked
from tests.python.building import sdist

APP = Release(
    "sample-app",
    about=[
        "Provides-Extra: fast",
        "Requires-Dist: sample-lib>=1",
        'Requires-Dist: sample-fast; extra == "fast"',
    ],
)
LIB = Release("sample-lib", "2.0")
FAST = Release("sample-fast")
OLDER = Release("sample-lib", "1.0")
#: For a Python that there is not yet.
NEWER = Release("sample-lib", "3.0", ["Requires-Python: >=4"])
ALL = (APP, LIB, FAST, OLDER, NEWER)
WANTED = {release.installed for release in (APP, LIB, FAST)}


@pytest.fixture
def pypi(server: Server) -> Repository:
    """With all of the releases."""
    return furnished(server.pypi(), *ALL)


@pytest.fixture
def python(server: Server, pypi: Repository, tmp_path: Path) -> Python:
    return Python(tmp_path / "python", pypi.url, server.key)


def pages(asked: Sequence[Asked]) -> list[str]:
    return sorted(str(one) for one in asked if one.path.startswith("simple/"))


def files(asked: Sequence[Asked]) -> list[str]:
    return sorted(str(one) for one in asked if one.path.startswith("files/"))


def got(*paths: str) -> list[str]:
    return sorted(f"GET {path}: 200" for path in paths)


PAGES = got("simple/sample-app/", "simple/sample-fast/", "simple/sample-lib/")


@each_installer_over_both_stores
def test_extras_and_dependencies_come_out_of_the_repository(
    client: str, python: Python, pypi: Repository
) -> None:
    """By `.metadata`, the whole of which is asked for: no part of a wheel, and none twice."""
    ran = python.install(client, python.folder / "consumer", "sample-app[fast]")
    assert ran.status == 0, ran.out
    assert installed(python.folder / "consumer") == WANTED
    asked = pypi.asked()
    wheels = [one for one in files(asked) if ".metadata" not in one]
    assert wheels == got(APP.path, LIB.path, FAST.path)
    metadata = [one for one in files(asked) if ".metadata" in one]
    told = got(*(f"{release.path}.metadata" for release in (APP, LIB, FAST)))
    if client in ("pdm", "poetry"):
        # PDM asks once more for an extra, Poetry for the newer one too: it locks for all Pythons.
        assert {*told} <= {*metadata} <= {*told, *got(f"{NEWER.path}.metadata")}
    else:
        assert metadata == told
        assert pages(asked) == PAGES


@over_both_stores
def test_a_lock_file_has_addresses_and_hashes_and_no_credentials(
    python: Python, pypi: Repository, server: Server
) -> None:
    """That of uv, made of pages and metadata alone, and anew of what it has of them."""
    consumer = write_consumer(python.folder / "consumer", python.index, ["sample-app[fast]"])
    lock = ["lock", "--python", "3.11", "--no-python-downloads"]
    ran = python.run("uv", *lock, at=consumer)
    assert ran.status == 0, ran.out
    asked = pypi.asked()
    assert pages(asked) == PAGES
    assert files(asked) == got(*(f"{one.path}.metadata" for one in (APP, LIB, FAST)))
    text = (consumer / "uv.lock").read_text()
    assert server.key not in text
    locked = {one["name"]: one for one in tomllib.loads(text)["package"]}
    for release in (APP, LIB, FAST):
        (wheel,) = locked[release.name]["wheels"]
        assert wheel["url"] == pypi.url + release.path
        assert wheel["hash"] == f"sha256:{release.sha256}"
        assert wheel["size"] == len(release.data)

    ran = python.run("uv", *lock, "--upgrade", at=consumer)
    assert ran.status == 0, ran.out
    assert {one.status for one in pypi.asked()} == {304}


@each_installer
def test_pages_that_did_not_change_are_not_sent_again(
    client: str, server: Server, tmp_path: Path
) -> None:
    """With credentials out of `.netrc`, without which uv asks first."""
    pypi = furnished(server.pypi(), *ALL)
    python = Python(tmp_path / "python", pypi.url, server.key)
    python.netrc()
    index = f"{pypi.url}simple/"
    ran = python.install(client, python.folder / "first", "sample-app[fast]", index=index)
    assert ran.status == 0, ran.out
    assert 200 in {one.status for one in pypi.asked()}
    ran = python.install(client, python.folder / "second", "sample-app[fast]", index=index)
    assert ran.status == 0, ran.out
    assert installed(python.folder / "second") == WANTED
    statuses = {one.status for one in pypi.asked() if one.path.startswith("simple/")}
    assert statuses - {401} == {304}


@pytest.mark.parametrize(
    "command,complaint",
    [
        ("pip install --only-binary :all: --target got", "DO NOT MATCH THE HASHES"),
        ("pip download --only-binary :all: --dest got", "DO NOT MATCH THE HASHES"),
        ("uv pip install --only-binary :all: --target got", "Hash mismatch"),
    ],
)
def test_files_are_held_against_the_hashes_that_are_required(
    command: str, complaint: str, python: Python, pypi: Repository
) -> None:
    client, *words = command.split()
    words += ["--index-url", python.index, "--require-hashes", "--requirement"]
    right = "".join(release.pinned for release in (APP, LIB))
    (python.folder / "right").write_text(right)
    (python.folder / "wrong").write_text(right.replace(LIB.sha256, OLDER.sha256))
    ran = python.run(client, *words, "wrong", at=python.folder)
    assert ran.status != 0
    assert complaint in ran.out
    ran = python.run(client, *words, "right", at=python.folder)
    assert ran.status == 0, ran.out
    if "download" in words:
        downloaded = {path.name: path.read_bytes() for path in python.folder.glob("got/*")}
        assert downloaded == {Path(one.path).name: one.data for one in (APP, LIB)}
    else:
        assert installed(python.folder) == {APP.installed, LIB.installed}


def test_wheels_alone_are_taken_where_that_is_asked_for(python: Python, pypi: Repository) -> None:
    """Though an sdist is newer."""
    pypi.put("files/sample-lib/sample_lib-2.5.tar.gz", sdist("sample-lib", "2.5"))
    words = ["install", "--target", "site", "--index-url", python.index]
    ran = python.run("pip", *words, "--only-binary", ":all:", "sample-lib", at=python.folder)
    assert ran.status == 0, ran.out
    assert installed(python.folder) == {LIB.installed}


@each_installer
def test_what_was_yanked_is_for_who_pins_it(client: str, python: Python, pypi: Repository) -> None:
    """And he is told why it was, where his client tells."""
    why = {"yanked": True, "reason": "broken on Windows"}
    pypi.api("PATCH", "projects/sample-lib/releases/2.0", why)
    ran = python.install(client, python.folder / "any", "sample-lib")
    assert ran.status == 0, ran.out
    assert installed(python.folder / "any") == {OLDER.installed}
    ran = python.install(client, python.folder / "pinned", "sample-lib==2.0")
    assert ran.status == 0, ran.out
    assert installed(python.folder / "pinned") == {LIB.installed}
    if client not in ("poetry", "pdm"):
        assert "broken on Windows" in ran.out


@each_installer
def test_nothing_is_had_out_of_quarantine(client: str, python: Python, pypi: Repository) -> None:
    pypi.api("PATCH", "projects/sample-lib", {"status": "quarantined", "reason": "looked at"})
    ran = python.install(client, python.folder / "hidden", "sample-app")
    assert ran.status != 0
    assert installed(python.folder / "hidden") == set()
    assert not [one for one in files(pypi.asked()) if "sample-lib" in one]
    pypi.api("PATCH", "projects/sample-lib", {"status": "active"})
    ran = python.install(client, python.folder / "found", "sample-app")
    assert ran.status == 0, ran.out
    assert installed(python.folder / "found") == {APP.installed, LIB.installed}


def test_no_lock_file_leads_around_a_quarantine(python: Python, pypi: Repository) -> None:
    """That of uv, which asks for no page then."""
    folder = write_consumer(python.folder / "consumer", python.index, ["sample-lib"])
    assert python.run("uv", "lock", at=folder).status == 0
    pypi.api("PATCH", "projects/sample-lib", {"status": "quarantined"})
    ran = python.run("uv", "sync", "--frozen", at=folder)
    assert ran.status != 0
    assert "403 Forbidden" in ran.out
    assert installed(folder) == set()
