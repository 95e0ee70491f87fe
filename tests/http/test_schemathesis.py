"""schemathesis asks a started server all that its description allows, and much that it does not.

Twice. By the description as it is true of the installation there: all that it allows has to be
accepted, all else refused (`tests/http/narrowed.py`). And by the description as it is served,
with any text: whatever is sent, the answer is as described, and never a fault of the service.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from app.api.description import METHODS, describe
from tests.cli.command import serving
from tests.http.client import bearer
from tests.http.furnished import Installation, accepted, furnish
from tests.http.narrowed import forms, narrowed
from tests.http.narrowed_scim import provisioning_described

COMMAND = str(Path(sys.executable).with_name("schemathesis"))
#: Each in a run of its own, so that they share the cores with all other tests.
PARTS = [
    *("^/api/repositories/", "^/api/(?!repositories/)", "^/repositories/"),
    "^/(?!api/|rep|scim/)",
]
SCIM = "^/scim/"
LINE = 1_000  # characters of a line of the report, which may show a request of many thousand

#: What leads to a 412 or 416 is no matter of form, and the schemas cannot say it; nor do they
#: say how long an address may be as a whole (414).
CONFIGURATION = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "412", "414", "416"]

[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "409", "412", "414", "415", "422"]
"""
#: Of the answers alone, whatever was sent.
OF_ANSWERS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance,ignored_auth"
)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """Made anew for each test: all that can be deleted is."""
    with serving(tmp_path / "data", "--workers", "1", "--threads", "8") as server:
        yield furnish(server)
        assert "Traceback" not in server.err
        assert server.process.poll() is None


def run(
    at: Installation,
    description: Mapping[str, Any],
    folder: Path,
    *arguments: str,
    part: str = "",
    without: Sequence[str] = (),
    key: str | None = None,
) -> None:
    """Have schemathesis ask all operations whose path has a `part` (a pattern) `without` those of
    these ids, the same each time, with the administrator's key or another one. Fails where it
    found one failure, or left one operation out."""
    excluded = [word for one in without for word in ("--exclude-operation-id", one)]
    # Any name with a password may be somebody's: a tool's made-up ones are counted, and soon 429.
    asked = {**description, "security": [{"bearer": []}]}
    (folder / "openapi.json").write_text(json.dumps(asked))
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    done = subprocess.run(
        [
            COMMAND, "--config-file", "schemathesis.toml",
            "run", "openapi.json", "--url", at.url,
            "--header", f"Authorization: {bearer(key or at.key)}",
            "--generation-deterministic", "--continue-on-failure", "--no-color",
            "--request-timeout", "30", "--suppress-health-check", "all",
            "--include-path-regex", part or ".", *excluded, *arguments,
        ],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    told = "\n".join(line[:LINE] for line in (done.stdout + done.stderr).splitlines())
    assert done.returncode == 0, told
    assert f"Tested: {len(operations(description, part, without))}\n" in done.stdout, told


def operations(
    description: Mapping[str, Any], part: str, without: Sequence[str] = ()
) -> set[tuple[str, str]]:
    """The operations whose path has a part, without those of these ids: method and path."""
    return {
        (method, path)
        for path, item in description["paths"].items()
        for method in METHODS
        if re.search(part, path) and method in item
        if item[method].get("operationId") not in without
    }


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", PARTS)
def test_what_is_described_is_accepted_and_what_is_not_is_refused(
    installation: Installation, tmp_path: Path, part: str
) -> None:
    """And of each operation some request was: what is always refused says nothing of it."""
    description = narrowed(installation)
    limits = ("--phases", "examples,coverage,fuzzing", "--max-examples", "3")
    run(
        installation, description, tmp_path,
        "--checks", "all", "--generation-codec", "ascii", *limits,
        part=part, without=forms(description),
    )  # fmt: skip
    asked = operations(description, part, forms(description))
    assert asked - accepted(installation.server) == set()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", PARTS)
def test_whatever_is_sent_is_answered_as_described(
    installation: Installation, tmp_path: Path, part: str
) -> None:
    limits = ("--phases", "fuzzing", "--max-examples", "5")
    run(installation, describe(), tmp_path, "--checks", OF_ANSWERS, *limits, part=part)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("told", [False, True], ids=["as served", "as providers know it"])
def test_whatever_a_provider_sends_is_answered_as_described(
    installation: Installation, tmp_path: Path, told: bool
) -> None:
    """With all of SCIM's messages, too, and with ids that there are: then of each operation some
    request is accepted, but for `/Me`, which is for people."""
    description = provisioning_described(installation) if told else describe()
    limits = ("--phases", "examples,fuzzing", "--max-examples", "8" if told else "3")
    run(
        installation, description, tmp_path,
        "--checks", OF_ANSWERS, *limits,
        part=SCIM, key=installation.token,
    )  # fmt: skip
    if told:
        asked = operations(description, SCIM)
        assert asked - accepted(installation.server) == {("get", "/scim/v2/Me")}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_much_more_is_answered_as_described(installation: Installation, tmp_path: Path) -> None:
    """In sequences too: what one answer names is what the next request is about. There what
    is allowed may be refused, as the requests before delete what the installation had."""
    description = narrowed(installation)
    limits = ("--max-examples", "200")
    for more in (
        ("--phases", "examples,coverage,fuzzing"),
        ("--exclude-checks", "positive_data_acceptance"),
    ):
        run(
            installation, description, tmp_path,
            "--checks", "all", "--generation-codec", "ascii", *more, *limits,
            without=forms(description),
        )  # fmt: skip
    run(installation, describe(), tmp_path, "--checks", OF_ANSWERS, *limits)
    for each in (describe(), provisioning_described(installation)):
        run(
            installation, each, tmp_path,
            "--checks", OF_ANSWERS, *limits,
            part=SCIM, key=installation.token,
        )  # fmt: skip
