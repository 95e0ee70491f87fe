"""How pip, uv, Poetry and PDM get credentials, and what they show where those do not do."""

from pathlib import Path

import pytest

from tests.clients.projects import Release, furnished, installed
from tests.clients.python import Python, with_credentials
from tests.clients.python_matrix import each_installer
from tests.clients.server import USER, Repository, Server

LIB = Release("sample-lib")

#: pip and PDM say of a page that they may not have what they say of one that is not there.
_NONE_GIVEN = {
    "pip": "No matching distribution found for sample-lib",
    "uv-pip": "lack of valid authentication credentials (401 Unauthorized)",
    "uv": "lack of valid authentication credentials (401 Unauthorized)",
    "poetry": "Authorization error accessing",
    "pdm": "Unable to find candidates for sample-lib",
}
_WRONG = {**_NONE_GIVEN, "pip": "401 Error, Credentials not correct"}


@pytest.fixture
def pypi(server: Server) -> Repository:
    return furnished(server.pypi(), LIB)


@each_installer
def test_who_gives_none_is_refused_without_a_question(
    client: str, pypi: Repository, tmp_path: Path
) -> None:
    python = Python(tmp_path / "python", pypi.url, None)
    ran = python.install(client, tmp_path / "consumer", "sample-lib")
    assert ran.status != 0
    assert _NONE_GIVEN[client] in ran.out
    assert [one.status for one in pypi.asked()] == [401]
    assert installed(tmp_path / "consumer") == set()


@each_installer
def test_wrong_ones_are_named_as_that(client: str, pypi: Repository, tmp_path: Path) -> None:
    python = Python(tmp_path / "python", pypi.url, "not-the-key")
    ran = python.install(client, tmp_path / "consumer", "sample-lib")
    assert ran.status != 0
    assert _WRONG[client] in ran.out
    assert "not-the-key" not in ran.out or client == "poetry"  # which prints addresses as they are
    assert {one.status for one in pypi.asked()} == {401}
    assert installed(tmp_path / "consumer") == set()


@each_installer
def test_a_key_for_another_repository_finds_nothing(
    client: str, pypi: Repository, server: Server, tmp_path: Path
) -> None:
    """Not even that it is there."""
    key = server.key_for(server.pypi(), "read", "write")
    python = Python(tmp_path / "python", pypi.url, key)
    ran = python.install(client, tmp_path / "consumer", "sample-lib")
    assert ran.status != 0
    assert {one.status for one in pypi.asked()} == {404}
    assert installed(tmp_path / "consumer") == set()


@each_installer
def test_a_readers_key_is_enough_to_install(
    client: str, pypi: Repository, server: Server, tmp_path: Path
) -> None:
    python = Python(tmp_path / "python", pypi.url, server.key_for(pypi, "read"))
    ran = python.install(client, tmp_path / "consumer", "sample-lib")
    assert ran.status == 0, ran.out
    assert installed(tmp_path / "consumer") == {LIB.installed}


@each_installer
def test_a_public_repository_needs_none(client: str, server: Server, tmp_path: Path) -> None:
    """At the other place of the index, the repository's own address."""
    pypi = furnished(server.pypi(public=True), LIB)
    python = Python(tmp_path / "python", pypi.url, None)
    ran = python.install(client, tmp_path / "consumer", "sample-lib", index=pypi.public_url)
    assert ran.status == 0, ran.out
    assert installed(tmp_path / "consumer") == {LIB.installed}
    assert {one.status for one in pypi.asked()} <= {200, 304}


@pytest.mark.parametrize(
    "client,names",
    [
        ("uv", "UV_INDEX_HERE_USERNAME UV_INDEX_HERE_PASSWORD"),
        pytest.param(
            "poetry",
            "POETRY_HTTP_BASIC_HERE_USERNAME POETRY_HTTP_BASIC_HERE_PASSWORD",
            marks=pytest.mark.slow,
        ),
        pytest.param("pdm", "PDM_PYPI_USERNAME PDM_PYPI_PASSWORD", marks=pytest.mark.slow),
    ],
)
def test_they_may_be_in_variables(
    client: str, names: str, pypi: Repository, server: Server, tmp_path: Path
) -> None:
    """As they are in CI, whose files of a project have none."""
    python = Python(tmp_path / "python", pypi.url, None)
    environ = dict(zip(names.split(), (USER, server.key), strict=True))
    ran = python.install(client, tmp_path / "consumer", "sample-lib", environ=environ)
    assert ran.status == 0, ran.out
    assert installed(tmp_path / "consumer") == {LIB.installed}
    assert 401 not in {one.status for one in pypi.asked()}, "they are sent at once"


def test_pip_takes_them_from_a_variable(pypi: Repository, server: Server, tmp_path: Path) -> None:
    """Within the address, which it never prints."""
    python = Python(tmp_path / "python", pypi.url, None)
    index = with_credentials(f"{pypi.url}simple/", USER, server.key)
    words = ["install", "-vv", "--target", "site", "sample-lib"]
    ran = python.run("pip", *words, at=tmp_path, environ={"PIP_INDEX_URL": index})
    assert ran.status == 0, ran.out
    assert server.key not in ran.out
    assert installed(tmp_path / "site") == {LIB.installed}
