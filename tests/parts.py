"""What tests do where a part of the machine is missing: skip, or fail where it is required.

A part is a real server, client or tool that a test needs beside Python: DynamoDB Local, an
S3 server, curl, nginx. `STRONGROOM_REQUIRE` names the parts that must be there, with
commas, or is `all`; without it a missing part is a skip, so that `make test` runs on a
machine with Python and make alone, while CI can't lose a test silently.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent

#: Where the scripts in `.ci/parts` put what no package manager installs. Git ignores it.
PARTS = ROOT / ".cache" / "parts"


def required(part: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a missing `part` is a failure: `STRONGROOM_REQUIRE` is `all`, or names it."""
    names = {name.strip() for name in environ.get("STRONGROOM_REQUIRE", "").split(",")}
    return "all" in names or part in names


def require(part: str, reason: str) -> NoReturn:
    """Say that `part` is missing: the test (or module) is skipped, or fails if it is required.

    Works in a test, a fixture and at the top of a module. `reason` says what was looked for.
    """
    __tracebackhide__ = True
    if required(part):
        pytest.fail(f"{part} is required by STRONGROOM_REQUIRE: {reason}", pytrace=False)
    pytest.skip(f"{part} is missing: {reason}", allow_module_level=True)


def tool(name: str) -> Path:
    """The executable `name`, from `.cache/parts/bin` or the search path, else as `require`."""
    __tracebackhide__ = True
    # sbin: Debian keeps servers such as nginx there, off the path of who is not root.
    places = os.pathsep.join([str(PARTS / "bin"), os.environ.get("PATH", os.defpath), "/usr/sbin"])
    found = shutil.which(name, path=places)
    if found is None:
        require(name, f"no executable of that name in {PARTS.name}/bin or on the search path")
    return Path(found)


def part(name: str, *pieces: str) -> Path:
    """The file or folder `.cache/parts/NAME/PIECES`, else as `require`."""
    __tracebackhide__ = True
    path = PARTS.joinpath(name, *pieces)
    if not path.exists():
        require(name, f".ci/parts/{name} was not run: no {'/'.join((name, *pieces))} in it")
    return path
