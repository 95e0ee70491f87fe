"""Pages of a Maven repository's folders: the coordinates, and what a build writes for them."""

import re
from html import unescape
from urllib.parse import quote, urljoin

import pytest

from app.repositories import Format
from tests.http.stand import Stand
from tests.http.test_listings import HTML, Page
from tests.http.test_maven import AT, LIB, Maven, plugin_jar, pom

_ABOVE = re.compile(r"<h1>(.*?)</h1>(.*?)<table>", re.DOTALL)


@pytest.fixture
def maven(memory_stand: Stand) -> Maven:
    memory_stand.repository("maven", Format.MAVEN)
    return Maven(memory_stand, memory_stand.admins)


def shown(maven: Maven, at: str) -> tuple[str, str]:
    """The heading of a folder's page as a person reads it, and the markup up to the entries."""
    answer = maven.client.get(at, headers=HTML)
    assert answer.status == 200
    found = _ABOVE.search(answer.text)
    assert found is not None
    return re.sub("<[^>]*>", "", found[1]), found[2]


def snippets(markup: str) -> dict[str, str]:
    found = re.findall(r"<h2>(.*?)</h2>\n<pre>(.*?)</pre>", markup, re.DOTALL)
    return {tool: unescape(re.sub("</?bdi>", "", text)) for tool, text in found}


def queries(maven: Maven, at: str) -> int:
    """How often a page asks the store for more than one record."""
    engine = maven.stand.engine
    engine.made.clear()
    assert maven.client.get(at, headers=HTML).status == 200
    return engine.made.count("query")


def test_a_version_shows_its_coordinates_and_a_snippet_for_each_tool(maven: Maven) -> None:
    maven.release("1.0")
    heading, markup = shown(maven, f"{LIB}1.0/")
    assert heading == "com.example : lib : 1.0"
    found = snippets(markup)
    assert list(found) == ["Maven", "Gradle", "sbt", "Leiningen"]
    assert "<artifactId>lib</artifactId>\n  <version>1.0</version>" in found["Maven"]
    assert found["Gradle"] == 'implementation("com.example:lib:1.0")'


def test_each_of_the_coordinates_leads_to_its_folder(maven: Maven) -> None:
    maven.release("1.0")
    for at in (f"{LIB}1.0/", LIB):
        links = Page(maven.client.get(at, headers=HTML).text).links
        assert urljoin(at, links["com.example"]) == f"{AT}com/example/"
        assert urljoin(at, links["lib"]) == LIB
        assert urljoin(at, links["1.0"]) == f"{LIB}1.0/"


def test_an_artifact_shows_its_newest_release_by_the_order_of_maven(maven: Maven) -> None:
    for version in ("1.9", "1.10", "1.10-rc1", "2.0-SNAPSHOT"):
        maven.release(version)
    heading, markup = shown(maven, LIB)
    assert heading == "com.example : lib"
    assert "Newest release: " in markup
    assert snippets(markup)["Leiningen"] == '[com.example/lib "1.10"]'
    links = Page(markup).links
    assert urljoin(LIB, links["1.10"]) == f"{LIB}1.10/"
    assert maven.client.get(urljoin(LIB, links["maven-metadata.xml"])).status == 200


def test_an_artifact_without_a_release_shows_its_newest_snapshot(maven: Maven) -> None:
    maven.release("1.0-SNAPSHOT")
    maven.release("1.1-SNAPSHOT")
    _, markup = shown(maven, LIB)
    assert "Newest snapshot: " in markup
    assert snippets(markup)["Gradle"] == 'implementation("com.example:lib:1.1-SNAPSHOT")'


def test_a_plugin_is_shown_as_one_in_both_folders(maven: Maven) -> None:
    folder = "com/example/greet-maven-plugin/"
    base = f"{folder}1.0/greet-maven-plugin-1.0"
    assert maven.put(f"{base}.jar", plugin_jar()).status == 201
    assert maven.put(f"{base}.pom", pom(artifact="greet-maven-plugin")).status == 201
    for at in (f"{AT}{folder}", f"{AT}{folder}1.0/", f"{AT}{folder}1.0/?limit=1"):
        found = snippets(shown(maven, at)[1])
        assert list(found) == ["Maven"]
        assert found["Maven"].startswith("<plugin>\n  <groupId>com.example</groupId>")


def test_a_folder_that_the_layout_says_nothing_of_is_as_any_other(maven: Maven) -> None:
    maven.release("1.0")
    maven.stand.repository("files")
    maven.client.put("/repositories/files/com/example/lib/1.0/lib-1.0.jar", b"x")
    for at, name in (
        (AT, "maven"),
        (f"{AT}com/", "com"),
        (f"{AT}com/example/", "example"),
        ("/repositories/files/com/example/lib/1.0/", "1.0"),
        ("/repositories/files/com/example/lib/", "lib"),
    ):
        assert shown(maven, at) == (name, "\n\n"), at


def test_a_page_makes_one_query_more_at_most(maven: Maven) -> None:
    maven.release("1.0")
    maven.release("1.1")
    assert queries(maven, AT) == 1
    assert queries(maven, f"{LIB}1.0/") == 1, "what is on the page tells all"
    assert queries(maven, f"{LIB}1.0/?limit=1") == 2
    assert queries(maven, LIB) == 2
    assert queries(maven, f"{LIB}?limit=1") == 2
    assert queries(maven, f"{AT}com/example/") == 2, "it could be an artifact's"
    maven.stand.engine.made.clear()
    assert maven.client.get(LIB).json["entries"]
    assert maven.stand.engine.made.count("query") == 1, "JSON tells nothing of it"


def test_a_part_of_the_versions_does_not_say_which_is_the_newest(maven: Maven) -> None:
    for version in ("1.0", "1.1"):
        maven.release(version)
    first = f"{LIB}?limit=1"
    following = urljoin(LIB, Page(maven.client.get(first, headers=HTML).text).links["Next page"])
    for at in (first, following):
        heading, markup = shown(maven, at)
        assert heading == "com.example : lib"
        assert snippets(markup) == {}
        assert "maven-metadata.xml" in Page(markup).links


def test_groups_beneath_an_artifact_are_not_taken_for_its_versions(maven: Maven) -> None:
    maven.release("1.0-SNAPSHOT")
    inner = "com/example/lib/zeta/1.0/zeta-1.0"
    assert maven.put(f"{inner}.pom", pom("com.example.lib", "zeta")).status == 201
    assert 'com.example:lib:1.0-SNAPSHOT"' in snippets(shown(maven, LIB)[1])["Gradle"]
    heading, markup = shown(maven, f"{LIB}zeta/1.0/")
    assert heading == "com.example.lib : zeta : 1.0"
    assert "<type>pom</type>" in snippets(markup)["Maven"]


def test_a_version_that_was_deleted_is_not_the_newest(maven: Maven) -> None:
    for version in ("1.0", "1.1"):
        maven.release(version)
    assert maven.client.delete(f"{LIB}1.1/?recursive=true").status == 200
    maven.stand.process.work()
    assert 'com.example:lib:1.0"' in snippets(shown(maven, LIB)[1])["Gradle"]


def test_no_coordinates_become_markup(maven: Maven) -> None:
    """A version takes nearly every character; no angle bracket, quotation mark or colon."""
    version = "1&lt;script&gt;'%2F\u202e$table"
    shown_version = version.replace("\u202e", "[U+202E]")
    assert maven.put(quote(f"com/example/lib/{version}/lib-{version}.jar")).status == 201
    links = Page(maven.client.get(LIB, headers=HTML).text).links
    for at in (LIB, urljoin(LIB, links[f"{shown_version}/"])):
        page = maven.client.get(at, headers=HTML).text
        assert Page(page).links[shown_version] is not None
        assert snippets(page)["Leiningen"] == f'[com.example/lib "{shown_version}"]'
        assert "script" not in Page(page).tags
        assert "\u202e" not in page
        assert page.count("<table>") == 1


def test_a_public_repository_shows_the_same_to_everyone(maven: Maven) -> None:
    maven.stand.repository("open", Format.MAVEN, public=True)
    for ending, data in ((".jar", b"x"), (".pom", pom())):
        path = f"/repositories/open/com/example/lib/1.0/lib-1.0{ending}"
        assert maven.client.put(path, data).status == 201
    answer = maven.stand.client.get("/public/repositories/open/com/example/lib/", headers=HTML)
    assert "implementation(&quot;com.example:lib:1.0&quot;)" in answer.text
    assert not re.search(r"<script|<link|<img|<form|\son\w+=|\sstyle=|url\(", answer.text)
