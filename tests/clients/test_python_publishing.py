"""twine, uv, Poetry, PDM, Hatch and flit publish, and show why something is refused."""

from pathlib import Path

import pytest

from tests.clients.commands import Ran
from tests.clients.projects import Project, Release, furnished, installed
from tests.clients.python import PUBLISHERS, Python
from tests.clients.python_matrix import each_publisher, each_publisher_over_both_stores
from tests.clients.server import Repository, Server
from tests.clients.stores import over_both_stores
from tests.clients.watched import Asked
from tests.python.building import sdist, wheel, zip_sdist

NAME = "sample-lib"
FILES = f"files/{NAME}/"


@pytest.fixture
def pypi(server: Server) -> Repository:
    return server.pypi()


@pytest.fixture
def python(server: Server, pypi: Repository, tmp_path: Path) -> Python:
    return Python(tmp_path / "python", pypi.url, server.key)


def said(ran: Ran) -> str:
    """What was printed, in one line: twine breaks sentences to the width of a terminal."""
    return " ".join(ran.out.split())


def uploads(asked: list[Asked]) -> list[int | None]:
    return [one.status for one in asked if one.method == "POST"]


def listed(pypi: Repository) -> set[str]:
    return {file["filename"] for file in pypi.page(NAME)}


def sample(client: str) -> Project:
    extras = {"fast": ["sample-fast>=1"]}
    return Project(NAME, "1.0", PUBLISHERS[client], ["sample-base"], extras)


@each_publisher_over_both_stores
def test_what_is_published_is_there_as_it_was_built(
    client: str, python: Python, pypi: Repository
) -> None:
    """A wheel and an sdist, each sent once; and it is installed, with what it depends on."""
    folder = sample(client).write(python.folder / "project")
    built = {path.name: path.read_bytes() for path in python.build(client, folder)}
    ran = python.publish(client, folder)
    assert ran.status == 0, ran.out
    assert uploads(pypi.asked()) == [200, 200]
    if client == "flit":  # it built once more
        built = {path.name: path.read_bytes() for path in (folder / "dist").iterdir()}
    assert built.keys() == {sample(client).wheel, sample(client).sdist}
    assert {name: pypi.get(FILES + name) for name in built} == built

    furnished(pypi, Release("sample-base"), Release("sample-fast"))
    ran = python.install("uv-pip", python.folder / "consumer", f"{NAME}[fast]")
    assert ran.status == 0, ran.out
    wanted = {"sample_lib-1.0", "sample_base-1.0", "sample_fast-1.0"}
    assert installed(python.folder / "consumer") == wanted
    (module,) = python.folder.glob("consumer/site/sample_lib/__init__.py")
    assert 'TEXT = "hello"' in module.read_text()


@each_publisher
def test_a_name_that_was_used_is_refused_in_words(
    client: str, python: Python, pypi: Repository, server: Server
) -> None:
    """Its files are deleted: so nobody passes over them as over what is there."""
    project = sample(client)
    folder = project.write_built(python.folder / "project")
    for name in (project.wheel, project.sdist):
        pypi.put(FILES + name, (folder / "dist" / name).read_bytes())
        status, _, _ = server.ask("DELETE", f"/repositories/{pypi.name}/{FILES}{name}")
        assert status == 204
    ran = python.publish(client, folder)
    assert ran.status != 0
    assert "File already exists:" in said(ran)
    assert (
        "was used before, and was deleted. A name is not used again: restore the file, or publish"
        " another version."
    ) in said(ran)
    assert uploads(pypi.asked()) == [400], "once, for it was understood"


@each_publisher
def test_who_may_not_write_is_told_so(
    client: str, pypi: Repository, server: Server, tmp_path: Path
) -> None:
    reader = Python(tmp_path / "python", pypi.url, server.key_for(pypi, "read"))
    ran = reader.publish(client, sample(client).write_built(tmp_path / "project"))
    assert ran.status != 0
    assert "These credentials do not allow to write here." in said(ran)
    assert uploads(pypi.asked()) == [403]


@each_publisher
def test_wrong_credentials_are_named(client: str, pypi: Repository, tmp_path: Path) -> None:
    stranger = Python(tmp_path / "python", pypi.url, "not-the-key")
    ran = stranger.publish(client, sample(client).write_built(tmp_path / "project"))
    assert ran.status != 0
    assert "This user name goes with an API key as the password." in said(ran)
    assert "not-the-key" not in ran.out
    assert uploads(pypi.asked()) == [401]


@pytest.mark.parametrize(
    "filename,content,words",
    [
        pytest.param(
            "sample_lib-1.0-py3-none-any.whl",
            wheel(NAME, more=f"Keywords: {'long ' * 2**18}\n"),
            "'sample_lib-1.0.dist-info/METADATA' takes more than 1,048,576 bytes inflated.",
            id="metadata of more than a mebibyte",
        ),
        pytest.param(
            "other-1.0-py3-none-any.whl",
            wheel(NAME),
            "'other-1.0-py3-none-any.whl' is named as a file of the project 'other', and the name"
            " in the form is 'sample-lib'.",
            id="the name of another project",
        ),
        pytest.param(
            "sample_lib-2.0-py3-none-any.whl",
            wheel(NAME),
            "is named as a file of the version '2.0', and the version in the form is '1.0'.",
            id="the name of another version",
        ),
        pytest.param(
            "Sample.Lib-0.9-py3-none-any.whl",
            wheel(NAME, "0.9"),
            "Sample.Lib-0.9-py3-none-any.whl means the same as sample_lib-0.9-py3-none-any.whl,"
            " which was here first:",
            id="another spelling of a name",
        ),
        pytest.param(
            "sample_lib-0.9.zip",
            zip_sdist(NAME, "0.9"),
            "sample-lib 0.9 has had the source distribution sample_lib-0.9.tar.gz, and there can be"
            " no other beside it:",
            id="a second sdist",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_shown(
    filename: str, content: bytes, words: str, python: Python, pypi: Repository
) -> None:
    """What twine does not see before it sends; and nothing is stored."""
    there = {
        "sample_lib-0.9-py3-none-any.whl": wheel(NAME, "0.9"),
        "sample_lib-0.9.tar.gz": sdist(NAME, "0.9"),
    }
    for name, data in there.items():
        pypi.put(FILES + name, data)
    dist = python.folder / "project" / "dist"
    dist.mkdir(parents=True)
    (dist / filename).write_bytes(content)
    ran = python.publish("twine", dist.parent)
    assert ran.status != 0
    assert words in said(ran)
    assert uploads(pypi.asked()) == [400]
    assert listed(pypi) == there.keys()


@pytest.mark.parametrize(
    "client,words,posts",
    [
        pytest.param("twine", [], [200, 200], id="twine, which sends the same bytes again"),
        pytest.param("twine-6.1", ["--skip-existing"], [200, 400], marks=pytest.mark.slow),
        pytest.param("poetry", ["--skip-existing"], [400, 200], marks=pytest.mark.slow),
        pytest.param("pdm", ["--skip-existing"], [200, 400], marks=pytest.mark.slow),
        pytest.param("hatch", [], [], marks=pytest.mark.slow),
        pytest.param("uv", ["--check-url", "simple/"], []),
    ],
)
def test_what_exists_is_passed_over(
    client: str, words: list[str], posts: list[int], python: Python, pypi: Repository
) -> None:
    """Where a client asks first, and where it learns of it by the refusal: there the sdist has
    other bytes, as one that was built again."""
    project = sample(client)
    folder = project.write_built(python.folder / "project")
    built = {name: (folder / "dist" / name).read_bytes() for name in (project.wheel, project.sdist)}
    if 400 in posts:
        built[project.sdist] = sdist(NAME, text=b"# built before\n")
    for name, data in built.items():
        pypi.put(FILES + name, data)
    ran = python.publish(client, folder, *(word.replace("simple/", python.index) for word in words))
    assert ran.status == 0, ran.out
    assert uploads(pypi.asked()) == posts
    assert {name: pypi.get(FILES + name) for name in built} == built


@over_both_stores
def test_a_signature_is_published_with_its_file(python: Python, pypi: Repository) -> None:
    """By twine, which sends what lies beside a file, whoever made it."""
    project = sample("twine")
    folder = project.write_built(python.folder / "project")
    signature = "-----BEGIN PGP SIGNATURE-----\n\naGVsbG8=\n-----END PGP SIGNATURE-----\n"
    (folder / "dist" / f"{project.wheel}.asc").write_text(signature)
    ran = python.publish("twine", folder)
    assert ran.status == 0, ran.out
    assert uploads(pypi.asked()) == [200, 200]
    assert pypi.get(f"{FILES}{project.wheel}.asc") == signature.encode()
    signed = {file["filename"]: file["gpg-sig"] for file in pypi.page(NAME)}
    assert signed == {project.wheel: True, project.sdist: False}
