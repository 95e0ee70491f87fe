"""Paths and names: whatever is parsed is safe to authorize and to serve."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.repositories.names import ArtifactPath, FolderPath, InvalidName, RepositoryName


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/a",
        "a//b",
        "a/",
        "a/./b",
        "a/../b",
        "..",
        ".",
        "a\\b",
        "a\0b",
        "a\nb",
        "a\x7fb",
        "a\x85b",
        "a/\ud800",
        "x" * 256,
        "é" * 128,
        "/".join(["x" * 200] * 5),
        "/".join(["a"] * 33),
    ],
)
def test_a_path_that_could_mislead_is_refused(path: str) -> None:
    with pytest.raises(InvalidName):
        ArtifactPath.parse(path)


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b/c.txt",
        "...",
        "a b",
        "ü/é.txt",
        "%2e%2e/x",
        "~",
        "x" * 255,
        "é" * 127,
        "/".join(["a"] * 32),
        "a:b@c",
        "\u202eevil",
    ],
)
def test_an_ordinary_path_is_kept_as_it_is(path: str) -> None:
    assert str(ArtifactPath.parse(path)) == path


@given(st.text(max_size=60))
def test_a_parsed_path_is_itself_and_climbs_nowhere(text: str) -> None:
    try:
        path = ArtifactPath.parse(text)
    except InvalidName:
        return
    assert str(path) == text
    segments = (*path.folder.segments, path.name)
    assert all(segment not in ("", ".", "..") for segment in segments)
    assert not any(ord(c) < 32 or c in "\\\x7f" for c in text)
    assert path.folder.key.startswith("/")
    assert path.folder.key.endswith("/")


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=5))
def test_a_folder_and_its_ancestors_agree(segments: list[str]) -> None:
    try:
        folder = FolderPath.parse("".join(f"{segment}/" for segment in segments))
    except InvalidName:
        return
    ancestors = folder.ancestors()
    assert [name for _, name in ancestors] == list(folder.segments)
    parent, name = ancestors[-1]
    assert parent.key + f"{name}/" == folder.key


@pytest.mark.parametrize(
    "name", ["", "A", "-a", "a-", ".a", "a.", "a..b", "a/b", "ä", "a" * 101, "a b", "a\n", "\u0661"]
)
def test_a_name_that_is_no_repositorys_is_refused(name: str) -> None:
    with pytest.raises(InvalidName):
        RepositoryName.parse(name)


@pytest.mark.parametrize("name", ["a", "0", "maven-releases", "a.b_c-d", "a" * 100])
def test_a_repositorys_name_is_kept(name: str) -> None:
    assert RepositoryName.parse(name).text == name
