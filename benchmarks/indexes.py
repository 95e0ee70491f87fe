"""Python repositories under measure: the service and its peers, the same files in each.

Each is a value that says how it is started over the files that it has, so that starting it can be
measured too. Files that are uploaded come as twine sends them, and all are found by
the links of their pages, as pip finds them.
"""

import http.client
import os
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urljoin

from benchmarks.peers import devpi, pypi
from benchmarks.processes import BenchmarkFailed, Server
from benchmarks.service import started, strongroom
from tests.parts import part
from tests.python.building import FORM_TYPE, fields, form, wheel

REPOSITORY = "python"
HTML = {"Accept": "text/html"}
JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
PIP = {
    "Accept": (
        "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1,"
        " text/html; q=0.01"
    ),
    "Accept-Encoding": "gzip, deflate",
    "User-Agent": "pip/26.0",
}
_WHEEL_BYTES = 4096  # of what is in one, beside its metadata
_PYTHON = ">=3.8"


@dataclass(frozen=True, slots=True)
class Index:
    """A repository of Python packages, running or not.

    Attributes:
        name: how it is called in the table.
        serve: starts it, over what it has.
        pages: the path that those of projects begin with.
        uploads: the path that takes forms.
        reader: the headers of who reads.
        writer: the headers of who uploads.
        packages: the folder that it serves, where that is all that it has.
        has_json: whether it speaks JSON.
    """

    name: str
    serve: Callable[[], AbstractContextManager[Server]]
    pages: str
    uploads: str
    reader: Mapping[str, str]
    writer: Mapping[str, str]
    packages: Path | None = None
    has_json: bool = True

    def page(self, project: str) -> str:
        return f"{self.pages}{project}/"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A file of a project, and the form that uploads it."""

    project: str
    version: str
    name: str
    content: bytes
    form: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said."""

    status: int
    tag: str
    body: bytes


def ours(folder: Path, wheels: Sequence[Wheel] = ()) -> Index:
    """The service, with a key for reading and uploading, for nobody does without one."""
    with strongroom(folder) as service:
        service.call("POST", "/api/repositories", {"name": REPOSITORY, "format": "python"})
        at, key = f"/repositories/{REPOSITORY}/", service.key
        index = Index("Strongroom", lambda: started(folder), f"{at}simple/", at, key, key)
        upload(service.server, index, wheels, 4)
    return index


def pypiserver(folder: Path, wheels: Sequence[Wheel] = ()) -> Index:
    """The peer pypiserver as it comes: anybody may read, and uploads take a password."""
    packages = folder / "packages"
    packages.mkdir(parents=True)
    for each in wheels:
        (packages / each.name).write_bytes(each.content)
    python = str(part("python-peers", "pypiserver", "bin", "python"))
    return Index(
        "pypiserver",
        lambda: pypi.pypiserver(packages, folder / "own", python=python, authenticate="update"),
        "/simple/",
        "/",
        {},
        pypi.HEADERS,
        packages,
        has_json=False,
    )


def devpi_server(folder: Path, wheels: Sequence[Wheel] = ()) -> Index:
    """The peer devpi-server: anybody may read, as it comes, and here upload too."""
    files = ((each.project, each.version, each.name, each.content) for each in wheels)
    devpi.prepare(folder, files, _PYTHON)
    serve = partial(devpi.devpi, folder)
    return Index("devpi-server", serve, f"{devpi.AT}+simple/", devpi.AT, {}, {})


def wheels_of(releases: Iterable[tuple[str, str]]) -> list[Wheel]:
    """A small wheel of each project and version."""
    made = []
    for project, version in releases:
        module = project.replace("-", "_")
        files = {f"{module}.py": os.urandom(_WHEEL_BYTES)}
        content = wheel(project, version, f"Requires-Python: {_PYTHON}\n", files=files)
        name = f"{module}-{version}-py3-none-any.whl"
        said = fields(name, content, project, version) | {"requires_python": _PYTHON}
        made.append(Wheel(project, version, name, content, form(name, content, said)))
    return made


def empty(index: Index) -> None:
    """Take away the files of one that asks for all of them at each upload. To the others those
    of other projects make no difference."""
    if index.packages is not None:
        for path in index.packages.iterdir():
            path.unlink()


def upload(server: Server, index: Index, wheels: Sequence[Wheel], connections: int) -> float:
    """Send the forms of wheels over some connections at once; the seconds until all are answered.

    Raises:
        BenchmarkFailed: one was not taken.
    """
    headers = {"Content-Type": FORM_TYPE, **index.writer}

    def send(own: Sequence[Wheel]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
        try:
            for each in own:
                connection.request("POST", index.uploads, body=each.form, headers=headers)
                answer = connection.getresponse()
                said = answer.read()
                if answer.status != 200:
                    raise BenchmarkFailed(f"{index.name}: {answer.status} {said[:500]!r}")
        finally:
            connection.close()

    began = time.monotonic()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(send, (wheels[number::connections] for number in range(connections))))
    return time.monotonic() - began


def ask(
    server: Server,
    path: str,
    headers: Mapping[str, str],
    connection: http.client.HTTPConnection | None = None,
) -> Answer:
    """GET, over a connection that is kept if it is given."""
    own = connection or http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    try:
        own.request("GET", path, headers=dict(headers))
        answer = own.getresponse()
        return Answer(answer.status, answer.getheader("ETag") or "", answer.read())
    finally:
        if connection is None:
            own.close()


def find(server: Server, index: Index, file: Wheel) -> str:
    """Where a file is, by the link on its project's page.

    Raises:
        BenchmarkFailed: there is none, or it leads to something else.
    """
    page = index.page(file.project)
    answer = ask(server, page, {**HTML, **index.reader})
    for link in re.findall(rb'href="([^"#]+)', answer.body):
        path: str = urljoin(page, link.decode())
        if path.rpartition("/")[2] == file.name:
            if ask(server, path, index.reader).body != file.content:
                break
            return path
    raise BenchmarkFailed(f"{index.name}: {file.name} is not to be had by {page}")
