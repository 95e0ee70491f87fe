"""The index as HTML (PEP 503, with what 592, 629, 658, 714 and 792 added): for tools that read no
JSON, and for people.

There is one link for each file or project, and no other: whatever is a link, tools take for one
of them.
"""

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote

from app.python.documents import (
    API_VERSION,
    IndexFile,
    ProjectStatus,
    Status,
    file_url,
    releases,
)
from app.python.json_documents import as_bytes


def project_html(
    name: str, files: Sequence[IndexFile], status: ProjectStatus, files_at: str
) -> bytes:
    """A project's page, its files by version and then by name; the arguments are those of
    `project_json`."""
    meta = {"pypi:project-status": status.status, "pypi:project-status-reason": status.reason}
    found = releases(files, status)
    lines = [_file(file, files_at) for release in found.values() for file in release]
    if status.status is not Status.ACTIVE:
        lines.insert(0, f"<p>This project is {status.status}{_reason(status.reason)}</p>")
    return _page(f"Files of {name}", meta, lines)


def projects_html(names: Iterable[str], projects_at: str = "") -> bytes:
    """The list of projects, by name.

    The links lead to `NAME/` under `projects_at`, which ends with a slash or is the page's own
    folder.
    """
    links = (
        f'<a href="{escape(projects_at)}{quote(name, safe="")}/">{escape(name)}</a><br>'
        for name in sorted(names)
    )
    return _page("Projects", {}, links)


def _page(title: str, meta: dict[str, str | None], lines: Iterable[str]) -> bytes:
    """A page. It begins with the document type, which older versions of pip insist on."""
    named = {"pypi:repository-version": API_VERSION, **meta}
    return as_bytes(
        "\n".join(
            (
                "<!DOCTYPE html>",
                '<html lang="en">',
                "<head>",
                '<meta charset="utf-8">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                '<meta name="color-scheme" content="light dark">',
                *(
                    f'<meta name="{name}" content="{escape(content)}">'
                    for name, content in named.items()
                    if content
                ),
                f"<title>{escape(title)}</title>",
                "</head>",
                "<body>",
                f"<h1>{escape(title)}</h1>",
                *lines,
                "</body>",
                "</html>",
                "",
            )
        )
    )


def _file(file: IndexFile, files_at: str) -> str:
    attributes = f'href="{escape(file_url(file.filename, files_at))}#sha256={file.sha256}"'
    if file.requires_python:
        attributes += f' data-requires-python="{escape(file.requires_python)}"'
    if file.yanked is not None:
        # With a value, if an empty one: without any, pip takes the file for one that is not.
        attributes += f' data-yanked="{escape(file.yanked)}"'
    if file.core_metadata:
        value = f'"sha256={file.core_metadata}"'
        attributes += f" data-core-metadata={value} data-dist-info-metadata={value}"
    if file.signed is not None:
        attributes += f' data-gpg-sig="{"true" if file.signed else "false"}"'
    beside = "" if file.yanked is None else f" yanked{_reason(file.yanked)}"
    return f"<a {attributes}>{escape(file.filename)}</a>{beside}<br>"


def _reason(text: str | None) -> str:
    """Why, for a person. It turns nothing around that is beside it, whatever its direction."""
    return f": <bdi>{escape(text)}</bdi>" if text else ""
