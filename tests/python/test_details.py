"""PyPI's JSON of a project: its keys, its release, and null where nothing is known."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.python.details import current_version, project_details, release_details
from app.python.documents import IndexFile, ProjectStatus, Status
from app.python.metadata import CoreMetadata, read_metadata

NOON = datetime(2026, 11, 25, 12, 0, 0, 5, tzinfo=UTC)
ACTIVE = ProjectStatus()
AT = "../files/a/"


def file(version: str, ending: str = ".tar.gz", yanked: str | None = None) -> IndexFile:
    return IndexFile(f"a-{version}{ending}", version, "ab" * 32, 123, NOON, yanked=yanked)


def core(version: str, *more: str) -> CoreMetadata:
    lines = ("Metadata-Version: 2.4", "Name: A", f"Version: {version}", *more, "", "About A.")
    return read_metadata("\n".join(lines).encode(), "METADATA")


def project(version: str, *files: IndexFile, status: ProjectStatus = ACTIVE) -> dict[str, Any]:
    document = json.loads(project_details(core(version), files, status, AT, 7))
    assert isinstance(document, dict)
    return document


def release(version: str, *files: IndexFile) -> dict[str, Any]:
    document = json.loads(release_details(core(version), files, ACTIVE, AT, 7))
    assert isinstance(document, dict)
    return document


def test_a_wheel_is_told_of_as_pypi_does() -> None:
    wheel = IndexFile(
        "a-1.0+x-1-cp311.cp312-abi3-manylinux_2_17_x86_64.whl",
        "1.0+x",
        "ab" * 32,
        123,
        NOON,
        ">=3.11",
        "old",
        "cd" * 32,
        True,
    )
    assert project("1.0+x", wheel)["urls"] == [
        {
            "comment_text": "",
            "core-metadata": {"sha256": "cd" * 32},
            "digests": {"sha256": "ab" * 32},
            "downloads": -1,
            "filename": "a-1.0+x-1-cp311.cp312-abi3-manylinux_2_17_x86_64.whl",
            "has_sig": True,
            "md5_digest": None,
            "packagetype": "bdist_wheel",
            "python_version": "cp311.cp312",
            "requires_python": ">=3.11",
            "size": 123,
            "upload_time": "2026-11-25T12:00:00",
            "upload_time_iso_8601": "2026-11-25T12:00:00.000005Z",
            "url": "../files/a/a-1.0%2Bx-1-cp311.cp312-abi3-manylinux_2_17_x86_64.whl",
            "yanked": True,
            "yanked_reason": "old",
        }
    ]


def test_an_sdist_without_anything_more_has_null_and_false() -> None:
    told = project("1.0", file("1.0"))["urls"][0]
    assert (told["packagetype"], told["python_version"]) == ("sdist", "source")
    nothing = ("core-metadata", "has_sig", "md5_digest", "requires_python", "yanked_reason")
    assert [told[key] for key in nothing] == [False, False, None, None, None]
    assert told["yanked"] is False


def test_a_project_has_all_its_releases_and_a_release_its_own_files() -> None:
    files = [file("1.10"), file("1.9"), file("1.9", "-py3-none-any.whl")]
    document = project("1.9", *files)
    named = {text: [one["filename"] for one in told] for text, told in document["releases"].items()}
    own = ["a-1.9-py3-none-any.whl", "a-1.9.tar.gz"]
    assert list(named.items()) == [("1.9", own), ("1.10", ["a-1.10.tar.gz"])]
    assert [one["filename"] for one in document["urls"]] == own
    assert document["last_serial"] == 7
    assert document["vulnerabilities"] == []
    assert document["ownership"] == {"roles": [], "organization": None}
    alone = release("1.9", *files)
    assert alone == {key: value for key, value in document.items() if key != "releases"}


def test_the_version_of_the_info_is_a_key_of_the_releases() -> None:
    document = project("1.0.0", file("1.0"))
    assert document["info"]["version"] == "1.0"
    assert document["urls"] == document["releases"]["1.0"]


def test_a_release_without_files_is_told_of() -> None:
    document = release("2.0rc1", file("1.0"))
    assert (document["info"]["version"], document["urls"]) == ("2.0rc1", [])
    assert document["info"]["yanked"] is False


def test_the_info_is_what_the_distribution_says_of_itself() -> None:
    said = core(
        "1.0",
        "Summary: Sums",
        "Keywords: a,b",
        "Author-email: x@example.com",
        "License-Expression: MIT",
        "License-File: LICENSE",
        "Home-page: https://example.com/",
        "Project-URL: Source, https://example.com/source",
        "Classifier: Topic :: Utilities",
        "Platform: any",
        "Platform: linux",
        "Requires-Python: >=3.9",
        "Requires-Dist: b>1; extra == 'x'",
        "Provides-Extra: x",
        "Dynamic: Version",
        "Description-Content-Type: text/markdown",
    )
    info = json.loads(project_details(said, [file("1.0")], ACTIVE, AT, 7))["info"]
    known = {
        "author_email": "x@example.com",
        "classifiers": ["Topic :: Utilities"],
        "description": "About A.",
        "description_content_type": "text/markdown",
        "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
        "dynamic": ["Version"],
        "home_page": "https://example.com/",
        "keywords": "a,b",
        "license_expression": "MIT",
        "license_files": ["LICENSE"],
        "name": "A",
        "platform": "any, linux",
        "project_urls": {"Source": "https://example.com/source"},
        "provides_extra": ["x"],
        "requires_dist": ["b>1; extra == 'x'"],
        "requires_python": ">=3.9",
        "summary": "Sums",
        "version": "1.0",
        "yanked": False,
    }
    assert {key: value for key, value in info.items() if value is not None} == known
    assert sorted(set(info) - set(known)) == [
        *("author", "bugtrack_url", "docs_url", "download_url", "license", "maintainer"),
        *("maintainer_email", "package_url", "project_url", "release_url", "yanked_reason"),
    ]


@pytest.mark.parametrize(
    "reasons, yanked, reason",
    [
        ([None, None], False, None),
        (["broken", None], False, None),
        (["", "broken"], True, "broken"),
        (["", ""], True, None),
    ],
)
def test_a_release_is_yanked_when_all_its_files_are(
    reasons: list[str | None], yanked: bool, reason: str | None
) -> None:
    files = [file("1.0", f"-{at}-none-any.whl", why) for at, why in enumerate(reasons)]
    info = project("1.0", *files)["info"]
    assert (info["yanked"], info["yanked_reason"]) == (yanked, reason)


def test_a_project_in_quarantine_is_told_of_without_its_files() -> None:
    document = project("1.0", file("1.0"), status=ProjectStatus(Status.QUARANTINED))
    assert document["releases"] == {"1.0": []}
    assert document["urls"] == []
    assert document["info"]["yanked"] is False


@pytest.mark.parametrize(
    "files, version",
    [
        ([], None),
        ([file("1.9"), file("1.10"), file("1.2")], "1.10"),
        ([file("1.0"), file("2.0rc1"), file("2.0.dev1")], "1.0"),
        ([file("2.0rc1"), file("2.0.dev1")], "2.0rc1"),
        ([file("1.0"), file("2.0", yanked="")], "1.0"),
        ([file("1.0", yanked="broken"), file("2.0rc1")], "2.0rc1"),
        ([file("1.0", yanked=""), file("2.0rc1", yanked="")], "1.0"),
        ([file("1.0"), file("2.0", yanked=""), file("2.0", "-py3-none-any.whl")], "2.0"),
    ],
)
def test_the_newest_final_release_that_is_not_yanked_stands_for_a_project(
    files: list[IndexFile], version: str | None
) -> None:
    found = current_version(files)
    assert (found and str(found)) == version
