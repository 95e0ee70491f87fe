"""What PyPI tells of a project as JSON, outside of any standard, for the tools that ask for it.

Every key of PyPI's is there. What is not known here, such as its pages and vulnerabilities, is
null or empty; what PyPI says always, such as -1 downloads, is said here too.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from packaging.version import Version

from app.python.documents import IndexFile, ProjectStatus, file_url, moment, releases
from app.python.filenames import Kind
from app.python.json_documents import json_bytes
from app.python.metadata import CoreMetadata


def current_version(files: Sequence[IndexFile]) -> Version | None:
    """The release that stands for a project; None, where there are no files.

    It is the newest that is final and not yanked, or else the newest that is not yanked, or else
    any: the newest final one first.
    """
    found = releases(files, ProjectStatus())
    return max(
        found,
        key=lambda version: (not _yanked(found[version]), not version.is_prerelease, version),
        default=None,
    )


def project_details(
    core: CoreMetadata,
    files: Sequence[IndexFile],
    status: ProjectStatus,
    files_at: str,
    serial: int,
) -> bytes:
    """`PROJECT/json`: all releases, and what the one says of itself that stands for them.

    Args:
        core: The metadata of that release.
        files: All files of the project.
        status: A project in quarantine is told of without its files.
        files_at: The URL of the folder that the files are in. On PyPI it is absolute.
        serial: A number that grows whenever anything of the project changes.
    """
    return _details(core, files, status, files_at, serial, every_release=True)


def release_details(
    core: CoreMetadata,
    files: Sequence[IndexFile],
    status: ProjectStatus,
    files_at: str,
    serial: int,
) -> bytes:
    """`PROJECT/VERSION/json`: one release alone. `files` may be the project's or only its own."""
    return _details(core, files, status, files_at, serial, every_release=False)


def _details(
    core: CoreMetadata,
    files: Sequence[IndexFile],
    status: ProjectStatus,
    files_at: str,
    serial: int,
    *,
    every_release: bool,
) -> bytes:
    found = releases(files, status)
    # As it is spelled among the releases, so that what is named here is found there.
    version = next((one for one in found if one == core.version), core.version)
    own = found.get(version, ())

    def told(release: Iterable[IndexFile]) -> list[dict[str, Any]]:
        return [_file(file, files_at) for file in release]

    document: dict[str, Any] = {"info": _info(core, version, own), "last_serial": serial}
    if every_release:
        document["releases"] = {str(one): told(release) for one, release in found.items()}
    return json_bytes(
        {
            **document,
            "urls": told(own),
            "vulnerabilities": [],
            "ownership": {"roles": [], "organization": None},
        }
    )


def _info(core: CoreMetadata, version: Version, own: Sequence[IndexFile]) -> dict[str, Any]:
    yanked = _yanked(own)
    return {
        "author": core.author or None,
        "author_email": core.author_email or None,
        "bugtrack_url": None,
        "classifiers": list(core.classifiers),
        "description": core.description or None,
        "description_content_type": core.description_content_type or None,
        "docs_url": None,
        "download_url": core.download_url or None,
        "downloads": {"last_day": -1, "last_month": -1, "last_week": -1},
        "dynamic": list(core.dynamic) or None,
        "home_page": core.home_page or None,
        "keywords": core.keywords or None,
        "license": core.license or None,
        "license_expression": core.license_expression or None,
        "license_files": list(core.license_files) or None,
        "maintainer": core.maintainer or None,
        "maintainer_email": core.maintainer_email or None,
        "name": core.name,
        "package_url": None,
        "platform": ", ".join(core.platforms) or None,
        "project_url": None,
        "project_urls": dict(core.project_urls) or None,
        "provides_extra": list(core.provides_extra) or None,
        "release_url": None,
        "requires_dist": list(core.requires_dist) or None,
        "requires_python": core.requires_python or None,
        "summary": core.summary or None,
        "version": str(version),
        "yanked": yanked,
        "yanked_reason": next((file.yanked for file in own if yanked and file.yanked), None),
    }


def _yanked(release: Sequence[IndexFile]) -> bool:
    """A release is yanked when all of its files are: PyPI yanks by release, PEP 592 by file."""
    return bool(release) and all(file.yanked is not None for file in release)


def _file(file: IndexFile, files_at: str) -> dict[str, Any]:
    wheel = file.filename.endswith(".whl")
    uploaded = moment(file.uploaded)
    return {
        "comment_text": "",
        "core-metadata": {"sha256": file.core_metadata} if file.core_metadata else False,
        "digests": {"sha256": file.sha256},
        "downloads": -1,
        "filename": file.filename,
        "has_sig": bool(file.signed),
        "md5_digest": None,
        "packagetype": Kind.WHEEL if wheel else Kind.SDIST,
        # Of a wheel's name the last three parts are its tags, that of Python first (PEP 425).
        "python_version": file.filename.rsplit("-", 3)[1] if wheel else "source",
        "requires_python": file.requires_python or None,
        "size": file.size,
        "upload_time": uploaded.partition(".")[0],
        "upload_time_iso_8601": uploaded,
        "url": file_url(file.filename, files_at),
        "yanked": file.yanked is not None,
        "yanked_reason": file.yanked or None,
    }
