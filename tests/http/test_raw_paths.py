"""Paths: what is one file's name, whatever its spelling, and what is refused without a trace."""

from urllib.parse import quote

import pytest

from tests.http.client import Client
from tests.http.stand import Stand
from tests.http.test_raw_writing import nothing_stored

AT = "/repositories/files/"


@pytest.fixture
def writer(memory_stand: Stand) -> Client:
    memory_stand.repository("files")
    return memory_stand.admins


@pytest.mark.parametrize(
    "path",
    [
        "a//b",
        "/a",
        "a/../b",
        "../b",
        "..",
        ".",
        "a/.",
        "a/./b",
        "%2e%2e/b",
        "a/%2E%2e/b",
        "a%2f..%2fb",
        "a%2F%2Fb",
        "%2Fa",
        "..%2fb",
        "a%00",
        "a%0d%0aSet-Cookie:x",
        "a%09b",
        "a%1f",
        "a%7f",
        "%C2%80",
        "%C2%9F",
        "a%5Cb",
        "..%5c..%5cetc",
        "%ff",
        "%c0%ae%c0%ae/b",
        "%ed%a0%80",
        "%f8%88%80%80%80",
        "a%c3",
        "a%zz",
        "a%2",
        "a%",
        "x" * 256,
        "\xc3\xbc" * 128,
        "/".join(["a"] * 33),
        "/".join(["x" * 200] * 5),
    ],
)
def test_a_path_that_is_none_is_400_whatever_is_asked(
    writer: Client, memory_stand: Stand, path: str
) -> None:
    with nothing_stored(memory_stand):
        for method in ("PUT", "GET", "HEAD", "DELETE"):
            assert writer.ask(method, AT + path, body=b"x").status == 400
        assert writer.get(f"/public{AT}{path}").status == 400


@pytest.mark.parametrize(
    "path",
    ["a//", "../", "a/../", "%2e%2e/", "a/./", "%ff/", "a%00/", "x" * 256 + "/", "a%5cb/"],
)
def test_a_folder_that_is_none_is_400(writer: Client, path: str) -> None:
    assert writer.get(AT + path).status == 400
    assert writer.put(AT + path, b"x").status in (400, 405)


@pytest.mark.parametrize(
    "path, shown",
    [
        ("%C3%BCml%C3%A4ut/%E6%96%87", "ümläut/文"),
        ("a%20b", "a b"),
        ("a+b", "a+b"),
        ("a%2Fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("a%2525", "a%25"),
        ("%252e%252e", "%2e%2e"),
        ("...", "..."),
        ("..a", "..a"),
        ("a..", "a.."),
        (".hidden/.file", ".hidden/.file"),
        ("a%3Fb", "a?b"),
        ("a%23b", "a#b"),
        ("a;b=c", "a;b=c"),
        ("a:b", "a:b"),
        ("~", "~"),
        ("%E2%80%AE", "\u202e"),
        ("%EF%BF%BD", "\ufffd"),
        ("%F0%9F%93%A6", "\U0001f4e6"),
        ("e%CC%81", "e\u0301"),
        ("CON", "CON"),
        ("a.", "a."),
        ("%20", " "),
        ("x" * 255, "x" * 255),
        ("/".join(["a"] * 32), "/".join(["a"] * 32)),
        ("/".join(["x" * 224] * 4), "/".join(["x" * 224] * 4)),
    ],
)
def test_a_path_is_decoded_once_and_is_one_file(writer: Client, path: str, shown: str) -> None:
    answer = writer.put(AT + path, path.encode())
    assert answer.status == 201
    assert answer.json["path"] == shown
    assert writer.get(AT + path).body == path.encode()
    assert writer.get(AT + quote(shown)).body == path.encode()
    assert writer.delete(AT + path).status == 204


def test_names_that_look_alike_are_different_files(writer: Client) -> None:
    names = ["%C3%A9", "e%CC%81", "E%CC%81", "%EF%BF%BD", "A", "a", "a%20", "%D0%B0"]
    for name in names:
        assert writer.put(AT + name, name.encode()).status == 201
    for name in names:
        assert writer.get(AT + name).body == name.encode()
    assert len(writer.get(AT).json["entries"]) == len(names)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "Files",
        "files%00",
        "files%20",
        "fi%2Fles",
        "-files",
        "files-",
        "a..b",
        "%C3%BC",
        "x" * 101,
        "%ff",
        "f#",
        "files%0a",
    ],
)
def test_a_name_that_can_be_no_repositorys_is_refused(
    writer: Client, memory_stand: Stand, name: str
) -> None:
    with nothing_stored(memory_stand):
        for method in ("GET", "PUT", "DELETE"):
            answer = writer.ask(method, f"/repositories/{name}/x", body=b"x")
            assert answer.status in (400, 404)


@pytest.mark.parametrize(
    "target", ["//repositories/files/x", "/repositories//files/x", "//api/user", "///", "//"]
)
def test_an_address_has_no_empty_segment(writer: Client, memory_stand: Stand, target: str) -> None:
    """What a front judges by `/api/…` and what is served must be the same."""
    with nothing_stored(memory_stand):
        assert writer.get(target).status in (400, 404)
        assert writer.put(target, b"x").status in (400, 404)


def test_what_is_behind_the_question_mark_is_not_the_path(writer: Client) -> None:
    assert writer.put(AT + "a", b"x").status == 201
    assert writer.get(AT + "a?b/../c").body == b"x"


@pytest.mark.parametrize("target", ["/repositories/files/a#b", "/repositories/files/a?x#y"])
def test_a_fragment_is_refused(writer: Client, memory_stand: Stand, target: str) -> None:
    with nothing_stored(memory_stand):
        assert writer.put(target, b"x").status == 400
