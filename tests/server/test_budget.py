"""The memory budget in `gunicorn.conf.py` adds up, and counts what the code counts."""

import ast
import re

from app.raw import downloads
from app.repositories import door
from app.server.limits import KIB, MIB, Limits
from app.settings import Settings
from auth import verified
from middleware import authentication
from storage.blobs import folder
from storage.metadata import recent
from tests.parts import ROOT

BUDGET = ast.get_docstring(ast.parse((ROOT / "gunicorn.conf.py").read_text())) or ""
TABLE = BUDGET[BUDGET.index("    What") : BUDGET.index("    Total")]
PLACES = [int(text.replace(",", "")) for text in re.findall(r" ([\d,]+) MiB$", TABLE, re.MULTILINE)]
LINE = re.compile(
    r"^    (?P<what>[^\n:]+): (?P<count>[\d,]+)\b[^\n]*?"
    r" {2,}(?P<each>[\d.]+) KiB +(?P<all>\d+) MiB$",
    re.MULTILINE,
)


def total() -> int:
    found = re.search(r"Total +([\d,]+) MiB", BUDGET)
    assert found is not None
    return int(found[1].replace(",", ""))


def test_the_lines_add_up_to_the_total() -> None:
    """With a tenth of all others for the allocator."""
    *others, room = PLACES
    assert room == round(sum(others) / 10)
    assert sum(PLACES) == total()


def test_each_line_is_its_count_times_its_size() -> None:
    lines = list(LINE.finditer(TABLE))
    assert len(lines) == 6
    for line in lines:
        size = int(line["count"].replace(",", "")) * float(line["each"]) * KIB / MIB
        assert abs(size - int(line["all"])) < 1, line["what"]


def test_the_counts_are_the_codes() -> None:
    """Whoever changes a bound changes the budget."""
    stated = {line["what"]: int(line["count"].replace(",", "")) for line in LINE.finditer(TABLE)}
    assert stated == {
        "Connections": Limits().connections,
        "Claims of API keys": authentication._MOST_CLAIMS,
        "Repositories as they were last seen": door._MOST_SEEN,
        "Verified passwords": verified.MOST,
        "Headers of downloads": downloads._headers.cache_info().maxsize,
        "Headers of types": downloads.type_headers.cache_info().maxsize,
    }
    records = f"Records remembered for {recent.SECONDS:.0f} s: {recent.MOST_RECORDS:,}"
    assert f"{records}, and {recent.MOST_BYTES // MIB} MiB" in BUDGET
    assert f"{Settings().upload_memory_bytes // MIB:,} MiB" in TABLE
    assert f"{folder._MOST_KNOWN_FOLDERS:,} folders" in BUDGET
    assert f"with {Settings().threads} threads" in BUDGET
