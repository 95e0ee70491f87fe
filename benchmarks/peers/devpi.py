"""devpi-server with an index of its own and no mirror: anybody may read it, and upload to it."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.processes import BenchmarkFailed, Server, free_port, serving
from tests.parts import part

AT = "/bench/files/"
_THEN = "Wed, 25 Nov 2026 00:00:00 GMT"


def prepare(folder: Path, files: Iterable[tuple[str, str, str, bytes]], python: str) -> None:
    """Make its data, with files: each a project, a version, a name and what is in it.

    They are imported as a dump of its own form: by uploads a project of thousands would take
    it minutes. `python` is what all of them require.
    """
    dump = folder / "dump"
    dump.mkdir(parents=True)
    projects: dict[str, dict[str, Any]] = {}
    listed = []
    for project, version, name, content in files:
        (dump / name).write_bytes(content)
        said = {"name": project, "version": version, "requires_python": python}
        projects.setdefault(project, {})[version] = said
        listed.append(
            {
                "type": "releasefile",
                "projectname": project,
                "version": version,
                "relpath": name,
                "entrymapping": {"last_modified": _THEN},
            }
        )
    rules = {"type": "stage", "bases": [], "volatile": False, "acl_upload": [":ANONYMOUS:"]}
    index = {"indexconfig": rules, "projects": projects, "files": listed}
    document = {"dumpversion": "2", "users": {"bench": {}}, "indexes": {AT.strip("/"): index}}
    (dump / "dataindex.json").write_text(json.dumps(document))
    command = [_program("devpi-import"), "--no-root-pypi", "--serverdir", str(folder / "data")]
    done = subprocess.run([*command, str(dump)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchmarkFailed(f"devpi-import: {done.stdout[-2000:]}{done.stderr[-2000:]}")


@contextmanager
def devpi(folder: Path) -> Iterator[Server]:
    """Serve what is in a folder that was prepared."""
    port = free_port()
    command = [_program("devpi-server"), "--serverdir", str(folder / "data")]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with serving(command, port, folder / "log") as server:
        yield server


def _program(name: str) -> str:
    return str(part("python-peers", "devpi", "bin", name))
