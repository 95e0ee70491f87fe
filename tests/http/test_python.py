"""Python repositories as their clients speak to them: uploads, the index, files, and refusals."""

import gzip
import hashlib
import re
from dataclasses import dataclass
from typing import Any

import pytest

from app.repositories import Format
from tests.http.client import Answer, Client
from tests.http.stand import Stand
from tests.python.building import (
    FORM_TYPE,
    fields,
    form,
    metadata,
    sdist,
    wheel,
    zip_sdist,
    zipped,
)

AT = "/repositories/pypi/"
JSON = "application/vnd.pypi.simple.v1+json"
WHEEL = "foo-1.0-py3-none-any.whl"
SDIST = "foo-1.0.tar.gz"
SIGNATURE = b"-----BEGIN PGP SIGNATURE-----\n\naGVsbG8=\n-----END PGP SIGNATURE-----\n"


@dataclass
class Pypi:
    """A Python repository, asked with an administrator's key."""

    stand: Stand
    client: Client
    repository_id: str = ""

    def post(self, body: bytes, path: str = "", **more: Any) -> Answer:
        headers = [("Content-Type", FORM_TYPE), *more.pop("headers", ())]
        return self.client.ask("POST", f"{AT}{path}", body=body, headers=headers, **more)

    def upload(
        self, filename: str, content: bytes, name: str = "foo", version: str = "1.0", **more: Any
    ) -> Answer:
        said = fields(filename, content, name, version)
        return self.post(form(filename, content, said, **more))

    def get(self, path: str, **more: Any) -> Answer:
        return self.client.get(f"{AT}{path}", **more)

    def page(self, project: str = "foo") -> Any:
        answer = self.get(f"simple/{project}/", headers=[("Accept", JSON)])
        assert answer.status == 200, answer.text
        return answer.json

    def files(self, project: str = "foo") -> list[str]:
        return [file["filename"] for file in self.page(project)["files"]]


@pytest.fixture
def pypi(memory_stand: Stand) -> Pypi:
    made = memory_stand.repository("pypi", Format.PYTHON)
    return Pypi(memory_stand, memory_stand.admins, made.id)


@pytest.fixture
def everywhere(any_stand: Stand) -> Pypi:
    any_stand.repository("pypi", Format.PYTHON)
    return Pypi(any_stand, any_stand.admins)


def test_what_is_uploaded_is_listed_and_fetched(everywhere: Pypi) -> None:
    pypi = everywhere
    more = 'Requires-Python: >=3.9\nSummary: Adds "foo"\n'
    content, source = wheel(more=more), sdist(more=more)
    assert pypi.upload(WHEEL, content).status == 200
    assert pypi.upload(SDIST, source).status == 200
    page = pypi.page()
    assert page["meta"]["api-version"] == "1.4"
    assert (page["name"], page["versions"]) == ("foo", ["1.0"])
    by_name = {file["filename"]: file for file in page["files"]}
    assert by_name.keys() == {WHEEL, SDIST}
    told = by_name[WHEEL]
    assert told["hashes"] == {"sha256": hashlib.sha256(content).hexdigest()}
    assert (told["size"], told["requires-python"], told["yanked"]) == (
        len(content),
        ">=3.9",
        False,
    )
    core = metadata(more=more)
    assert told["core-metadata"] == {"sha256": hashlib.sha256(core).hexdigest()}
    assert by_name[SDIST]["core-metadata"] is False
    assert told["url"] == f"../../files/foo/{WHEEL}"
    answer = pypi.get(f"files/foo/{WHEEL}")
    assert (answer.status, answer.body) == (200, content)
    answer = pypi.get(f"files/foo/{WHEEL}.metadata")
    assert (answer.status, answer.body) == (200, core)
    assert pypi.get(f"files/foo/{SDIST}").body == source


@pytest.mark.parametrize("path", ["", "legacy/", "legacy", "simple/", "simple"])
def test_a_form_is_taken_at_every_address_that_tools_send_it_to(pypi: Pypi, path: str) -> None:
    assert pypi.post(form(WHEEL, wheel()), path).status == 200
    assert pypi.files() == [WHEEL]


def test_a_form_is_taken_at_the_address_without_a_slash(pypi: Pypi) -> None:
    headers = [("Content-Type", FORM_TYPE)]
    answer = pypi.client.ask(
        "POST", AT.removesuffix("/"), body=form(WHEEL, wheel()), headers=headers
    )
    assert answer.status == 200


def test_fields_may_come_behind_the_file(pypi: Pypi) -> None:
    assert pypi.post(form(WHEEL, wheel(), first=True)).status == 200
    assert pypi.files() == [WHEEL]


def test_a_form_of_unknown_length_is_taken(pypi: Pypi) -> None:
    assert pypi.post(form(WHEEL, wheel()), chunked=True).status == 200


def test_the_same_bytes_again_are_200(everywhere: Pypi) -> None:
    assert everywhere.upload(WHEEL, wheel()).status == 200
    assert everywhere.upload(WHEEL, wheel()).status == 200


def test_other_bytes_under_a_name_are_400_in_the_words_that_twine_looks_for(
    everywhere: Pypi,
) -> None:
    pypi = everywhere
    assert pypi.upload(WHEEL, wheel()).status == 200
    answer = pypi.upload(WHEEL, wheel(more="Summary: other\n"))
    assert answer.status == 400
    assert answer.reason.startswith("File already exists")
    assert "already exist" in answer.text
    assert pypi.get(f"files/foo/{WHEEL}").body == wheel()


def test_a_deleted_files_name_is_not_used_again_though_it_was_purged(everywhere: Pypi) -> None:
    pypi = everywhere
    assert pypi.upload(WHEEL, wheel()).status == 200
    assert pypi.client.delete(f"{AT}files/foo/{WHEEL}").status == 204
    assert pypi.get(f"files/foo/{WHEEL}.metadata").status == 404
    assert pypi.get("foo/").status == 404, "nothing is left of it"
    for content in (wheel(), wheel(more="Summary: other\n")):
        answer = pypi.upload(WHEEL, content)
        assert (answer.status, answer.reason[:19]) == (400, "File already exists")
    asked = {"path": f"files/foo/{WHEEL}"}
    assert pypi.client.post("/api/repositories/pypi/purge", asked).status == 200
    assert pypi.upload(WHEEL, wheel()).status == 400


def test_a_restored_file_comes_back_with_its_metadata(everywhere: Pypi) -> None:
    pypi = everywhere
    assert pypi.upload(WHEEL, wheel()).status == 200
    pypi.client.delete(f"{AT}files/foo/{WHEEL}")
    restored = pypi.client.post("/api/repositories/pypi/restore", {"path": f"files/foo/{WHEEL}"})
    assert restored.status == 200
    assert pypi.get(f"files/foo/{WHEEL}.metadata").body == metadata()
    assert pypi.upload(WHEEL, wheel()).status == 200, "the same bytes are there"
    assert pypi.upload(WHEEL, wheel(more="Summary: other\n")).status == 400


def test_where_overwriting_is_allowed_a_name_is_used_again(memory_stand: Stand) -> None:
    memory_stand.repository("pypi", Format.PYTHON, overwrite=True)
    pypi = Pypi(memory_stand, memory_stand.admins)
    other = wheel(more="Summary: other\n")
    assert pypi.upload(WHEEL, wheel()).status == 200
    assert pypi.upload(WHEEL, other).status == 200
    assert pypi.get(f"files/foo/{WHEEL}").body == other
    assert pypi.get(f"files/foo/{WHEEL}.metadata").body == metadata(more="Summary: other\n")
    assert pypi.upload(SDIST, sdist()).status == 200
    assert pypi.upload("foo-1.0.zip", zip_sdist()).status == 400, "two sdists"
    assert pypi.client.delete(f"{AT}files/foo/{SDIST}").status == 204
    assert pypi.upload("foo-1.0.zip", zip_sdist()).status == 200, "the other is gone"


def test_a_signature_lies_beside_its_file(pypi: Pypi) -> None:
    assert pypi.upload(WHEEL, wheel(), signature=SIGNATURE).status == 200
    assert pypi.get(f"files/foo/{WHEEL}.asc").body == SIGNATURE
    assert pypi.page()["files"][0]["gpg-sig"] is True
    page = pypi.get("foo/").text
    assert 'data-gpg-sig="true"' in page
    pypi.client.delete(f"{AT}files/foo/{WHEEL}")
    assert pypi.get(f"files/foo/{WHEEL}.asc").status == 404


def test_the_index_is_at_two_places_with_relative_addresses(pypi: Pypi) -> None:
    pypi.upload(WHEEL, wheel())
    assert f'href="../files/foo/{WHEEL}#sha256=' in pypi.get("foo/").text
    assert f'href="../../files/foo/{WHEEL}#sha256=' in pypi.get("simple/foo/").text
    for path in ("", "simple/"):
        assert pypi.get(path, headers=[("Accept", JSON)]).json["projects"] == [{"name": "foo"}]
        assert ">foo</a>" in pypi.get(path).text


@pytest.mark.parametrize(
    "asked, answered",
    [
        ("Foo/", "foo/"),
        ("simple/FOO/", "simple/foo/"),
        ("foo", "foo/"),
        ("simple", "simple/"),
        ("simple/foo", "simple/foo/"),
        ("Foo?x=1", "foo/?x=1"),
        ("files/foo", "files/foo/"),
        ("simple/f.o_o/", "simple/f-o-o/"),
    ],
)
def test_another_spelling_leads_to_the_right_one(pypi: Pypi, asked: str, answered: str) -> None:
    pypi.upload(WHEEL, wheel())
    answer = pypi.get(asked)
    assert (answer.status, answer.headers["location"]) == (301, f"{AT}{answered}")


@pytest.mark.parametrize(
    "accept, type_",
    [
        (None, "text/html; charset=utf-8"),
        ("*/*", "text/html; charset=utf-8"),
        (JSON, JSON),
        ("application/vnd.pypi.simple.v1+html", "application/vnd.pypi.simple.v1+html"),
        (f"{JSON};q=0.5, text/html", "text/html; charset=utf-8"),
        ("image/png", "text/html; charset=utf-8"),
    ],
)
def test_a_page_is_of_the_form_that_is_asked_for(
    pypi: Pypi, accept: str | None, type_: str
) -> None:
    pypi.upload(WHEEL, wheel())
    answer = pypi.get("foo/", headers=[("Accept", accept)] if accept else [])
    assert answer.status == 200
    assert answer.headers["content-type"] == type_
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert answer.headers["cache-control"] == "no-cache, must-revalidate"


def test_every_form_has_its_own_tag_and_is_304_by_it(pypi: Pypi) -> None:
    pypi.upload(WHEEL, wheel())
    tags = set()
    for accept in (JSON, "text/html"):
        for encoding in ("identity", "gzip"):
            asked = [("Accept", accept), ("Accept-Encoding", encoding)]
            answer = pypi.get("foo/", headers=asked)
            tag = answer.headers["etag"]
            tags.add(tag)
            again = pypi.get("foo/", headers=[*asked, ("If-None-Match", tag)])
            assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
            assert again.headers["vary"] == "Accept, Accept-Encoding"
            head = pypi.client.head(f"{AT}foo/", headers=asked)
            assert head.headers["content-length"] == str(len(answer.body))
            if encoding == "gzip":
                assert answer.headers["content-encoding"] == "gzip"
                assert b"foo" in gzip.decompress(answer.body)
    assert len(tags) == 4


def test_a_new_file_changes_the_tag(pypi: Pypi) -> None:
    pypi.upload(WHEEL, wheel())
    tag = pypi.get("foo/").headers["etag"]
    pypi.upload(SDIST, sdist())
    answer = pypi.get("foo/", headers=[("If-None-Match", tag)])
    assert (answer.status, SDIST in answer.text) == (200, True)


def test_a_public_index_leads_to_public_files(pypi: Pypi) -> None:
    pypi.stand.repository("open", Format.PYTHON, public=True)
    headers = [("Content-Type", FORM_TYPE)]
    pypi.client.ask("POST", "/repositories/open/", body=form(WHEEL, wheel()), headers=headers)
    nobody = pypi.stand.client
    page = nobody.get("/public/repositories/open/simple/foo/")
    (url,) = re.findall(r'href="([^"#]+)#', page.text)
    assert url == f"../../files/foo/{WHEEL}"
    assert nobody.get(f"/public/repositories/open/files/foo/{WHEEL}").body == wheel()
    assert nobody.get("/public/repositories/open/Foo").headers["location"] == (
        "/public/repositories/open/foo/"
    )
    assert nobody.get("/public/repositories/pypi/simple/foo/").status == 404


def test_a_file_may_be_put_at_its_path(pypi: Pypi) -> None:
    """As scripts do, and uploads in pieces; it is read as one that came by a form."""
    assert pypi.client.put(f"{AT}files/foo/{WHEEL}", wheel()).status == 201
    assert pypi.page()["files"][0]["core-metadata"]
    for path in ("foo.txt", "files/bar/" + WHEEL, "files/foo/foo.exe", "simple/foo", "foo/json"):
        answer = pypi.client.put(f"{AT}{path}", wheel())
        assert answer.status == 400, path


@pytest.mark.parametrize(
    "filename, content, said, words",
    [
        (WHEEL, wheel(), {"md5_digest": "0" * 32}, "md5"),
        (WHEEL, wheel(), {"sha256_digest": "0" * 64}, "sha256"),
        (WHEEL, wheel(), {"blake2_256_digest": "0" * 64}, "blake2b-256"),
        (WHEEL, wheel(), {"name": "bar"}, "bar"),
        (WHEEL, wheel(), {"version": "2.0"}, "2.0"),
        (WHEEL, wheel(), {"filetype": "sdist"}, "filetype"),
        (WHEEL, wheel(), {":action": "submit"}, "action"),
        (WHEEL, wheel(), {"protocol_version": "2"}, "protocol"),
        (WHEEL, wheel(core=metadata("bar")), {}, "bar"),
        (WHEEL, wheel(core=metadata(version="2.0")), {}, "2.0"),
        (WHEEL, wheel(core=b"\xff\xfe"), {}, "METADATA"),
        (WHEEL, wheel(core=metadata(more="Requires-Python: python3\n")), {}, "Requires-Python"),
        (WHEEL, wheel(core=metadata(more="\n" + "x" * 1_100_000)), {}, "METADATA"),
        (WHEEL, zipped({"foo.py": b""}), {}, "dist-info"),
        (WHEEL, b"PK no zip at all", {}, "zip"),
        (WHEEL, zipped({"foo-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\n"}), {}, "METADATA"),
        (SDIST, b"no gzip", {}, "gzip"),
        (SDIST, sdist("bar"), {}, "bar"),
        ("foo-1.0.exe", b"MZ", {}, "wheels"),
        ("foo-1.0.tar.bz2", b"BZ", {}, "sdist"),
        ("foo-x.y.tar.gz", sdist(), {}, "PEP 440"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_400_in_words_and_nothing_is_stored(
    pypi: Pypi, filename: str, content: bytes, said: dict[str, str], words: str
) -> None:
    given = {**fields(filename, content), **said}
    for first in (False, True):
        before = pypi.stand.dump()
        answer = pypi.post(form(filename, content, given, first=first))
        assert answer.status == 400, answer.text
        assert words in answer.text
        assert words[:20] in answer.reason or answer.reason.endswith("...")
        assert answer.reason.isascii()
        assert pypi.stand.dump() == before
    assert pypi.get("foo/").status == 404


def test_a_second_sdist_of_a_version_is_refused(pypi: Pypi) -> None:
    assert pypi.upload(SDIST, sdist()).status == 200
    answer = pypi.upload("foo-1.0.zip", zip_sdist())
    assert (answer.status, "foo-1.0.tar.gz" in answer.text) == (400, True)
    answer = pypi.upload("foo-1.0.0.tar.gz", sdist(version="1.0.0"), version="1.0.0")
    assert answer.status == 400


def test_a_name_that_means_anothers_is_refused(pypi: Pypi) -> None:
    name, other = "foo_bar-1.0-py2.py3-none-any.whl", "Foo.Bar-1.0.0-py3.py2-none-any.whl"
    tag = "py2-none-any\nTag: py3-none-any"
    assert pypi.upload(name, wheel("foo_bar", tag=tag), "foo-bar").status == 200
    content = wheel("Foo.Bar", "1.0.0", tag=tag)
    answer = pypi.upload(other, content, "Foo.Bar", "1.0.0")
    assert (answer.status, name in answer.text) == (400, True), answer.text


def test_a_form_that_is_cut_short_stores_nothing(pypi: Pypi) -> None:
    whole = form(WHEEL, wheel())
    for cut in (len(whole) - 3, len(whole) // 2, 30):
        answer = pypi.post(whole[:cut])
        assert answer.status == 400
        assert pypi.stand.blobs.list().entries == ()


def test_a_form_with_a_hundred_thousand_fields_is_refused(pypi: Pypi) -> None:
    answer = pypi.post(form(WHEEL, wheel(), more=[("classifiers", "x")] * 100_000))
    assert (answer.status, "parts" in answer.text) == (400, True)


@pytest.mark.parametrize("status", ["archived", "quarantined"])
def test_a_closed_project_takes_no_other_bytes(memory_stand: Stand, status: str) -> None:
    memory_stand.repository("pypi", Format.PYTHON, overwrite=True)
    pypi = Pypi(memory_stand, memory_stand.admins)
    pypi.upload(WHEEL, wheel())
    asked = {"status": status, "reason": "looked at"}
    assert pypi.client.patch("/api/repositories/pypi/projects/foo", asked).status == 200
    answer = pypi.upload(WHEEL, wheel(more="Summary: other\n"))
    assert (answer.status, "looked at" in answer.text) == (400, True)
    assert pypi.upload(SDIST, sdist()).status == 400
    assert pypi.upload(WHEEL, wheel()).status == 200, "the same bytes are there"


def test_quarantine_hides_what_a_release_says_of_itself(pypi: Pypi) -> None:
    pypi.upload(WHEEL, wheel(more="Summary: buy this\n"))
    asked = {"status": "quarantined"}
    assert pypi.client.patch("/api/repositories/pypi/projects/foo", asked).status == 200
    for path in ("foo/json", "foo/1.0/json", "foo/", f"files/foo/{WHEEL}.metadata"):
        assert "buy this" not in pypi.get(path).text
    assert pypi.get(f"files/foo/{WHEEL}").status == 403
    assert pypi.page()["files"] == []


def test_attached_bytes_count_where_room_is_short(pypi: Pypi) -> None:
    """METADATA is larger than its wheel: what fits is taken at once, and what does not is 413."""
    content = wheel(more="Keywords: " + "x" * 2_000 + "\n")
    held = len(content) + len(metadata(more="Keywords: " + "x" * 2_000 + "\n"))
    rules = {"quota_bytes": 16 * (len(content) + 800)}  # in a stripe there is room for half
    assert pypi.client.patch("/api/repositories/pypi", rules).status == 200
    assert pypi.upload(WHEEL, content).status == 200
    assert pypi.client.patch("/api/repositories/pypi", {"quota_bytes": held + 500}).status == 200
    other = wheel(version="2.0", more="Keywords: " + "y" * 2_000 + "\n")
    answer = pypi.upload("foo-2.0-py3-none-any.whl", other, version="2.0")
    assert answer.status == 413, answer.text


def test_a_signature_comes_with_its_file_or_never(pypi: Pypi) -> None:
    assert pypi.upload(WHEEL, wheel()).status == 200
    answer = pypi.upload(WHEEL, wheel(), signature=SIGNATURE)
    assert (answer.status, "signature" in answer.reason) == (400, True)
    assert pypi.upload(SDIST, sdist(), signature=SIGNATURE).status == 200
    assert pypi.upload(SDIST, sdist(), signature=SIGNATURE).status == 200, "a retry"


@pytest.mark.parametrize("first", [True, False])
def test_a_field_that_is_no_utf_8_is_refused(pypi: Pypi, first: bool) -> None:
    body = form(WHEEL, wheel(), first=first, more=[("summary", "SUMMARY")])
    answer = pypi.post(body.replace(b"SUMMARY", b"\xff\xfe"))
    assert (answer.status, "UTF-8" in answer.text) == (400, True)
    assert pypi.stand.blobs.list().entries == ()


def test_a_folder_of_a_version_without_end_is_refused(pypi: Pypi) -> None:
    content = zipped({f"foo-{'1' * 5_000}.dist-info/METADATA": metadata()})
    assert pypi.upload(WHEEL, content).status == 400


def test_no_project_is_told_to_be_on_another_organizations_host(pypi: Pypi) -> None:
    """With a domain the base URL is of one organization of many."""
    pypi.upload(WHEEL, wheel())
    (file,) = pypi.get("foo/json").json["urls"]
    assert file["url"] == f"{AT}files/foo/{WHEEL}"


def test_a_form_is_for_python_repositories(memory_stand: Stand) -> None:
    memory_stand.repository("files")
    headers = [("Content-Type", FORM_TYPE)]
    for path in ("/repositories/files/", "/repositories/files"):
        answer = memory_stand.admins.ask("POST", path, body=form(WHEEL, wheel()), headers=headers)
        assert answer.status == 405


def test_who_may_not_write_is_told_so_in_the_reason(pypi: Pypi) -> None:
    reader = pypi.stand.person(grants={pypi.repository_id: ["read"]})
    client = pypi.stand.client.as_(reader.by_key)
    answer = client.ask(
        "POST", AT, body=form(WHEEL, wheel()), headers=[("Content-Type", FORM_TYPE)]
    )
    assert answer.status == 403
    assert "write" in answer.reason


def test_nobody_is_told_that_there_is_a_repository(pypi: Pypi) -> None:
    headers = [("Content-Type", FORM_TYPE)]
    answer = pypi.stand.client.ask("POST", AT, body=form(WHEEL, wheel()), headers=headers)
    assert (answer.status, answer.headers["www-authenticate"][:5]) == (401, "Basic")


def test_the_json_of_a_project_is_what_pypi_tells(pypi: Pypi) -> None:
    more = "Requires-Python: >=3.9\nSummary: Adds foo\nRequires-Dist: bar>=2\n"
    pypi.upload(WHEEL, wheel(more=more))
    pypi.upload(
        "foo-2.0-py3-none-any.whl", wheel(version="2.0", more="Summary: Two\n"), version="2.0"
    )
    told = pypi.get("foo/json").json
    assert (told["info"]["version"], told["info"]["summary"]) == ("2.0", "Two")
    assert told["releases"].keys() == {"1.0", "2.0"}
    told = pypi.get("foo/1.0/json").json
    assert told["info"]["requires_dist"] == ["bar>=2"]
    (file,) = told["urls"]
    assert file["digests"]["sha256"] == hashlib.sha256(wheel(more=more)).hexdigest()
    assert file["url"].endswith(f"/repositories/pypi/files/foo/{WHEEL}")
    assert pypi.get("foo/3.0/json").status == 404
    assert pypi.get("bar/json").status == 404
