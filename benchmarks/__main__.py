"""`make bench`: measures everything, or what `--only` names, and writes the table.

Sections are independent: one that fails is told at the end, and the others still run. The
exit status is 1 where a section failed or something that it needs is missing, never because
of a figure.
"""

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.access import access
from benchmarks.conditional import conditional
from benchmarks.conflicts import conflicts
from benchmarks.downloads import large, small
from benchmarks.figures import Finding, table
from benchmarks.machine import describe
from benchmarks.many import idle, listing, sweep
from benchmarks.maven import deploys, resolution, versions
from benchmarks.memory import memory
from benchmarks.plan import QUICK, Plan
from benchmarks.processes import BenchmarkFailed
from benchmarks.python import index, wheels
from benchmarks.remote import remote
from benchmarks.scim import scim
from benchmarks.uploads import large_upload
from tests.parts import ROOT

SECTIONS: dict[str, Callable[[Plan, Path], Iterator[Finding]]] = {
    "large": large,
    "small": small,
    "upload": large_upload,
    "remote": remote,
    "conditional": conditional,
    "memory": memory,
    "conflicts": conflicts,
    "listing": listing,
    "idle": idle,
    "sweep": sweep,
    "versions": versions,
    "deploys": deploys,
    "resolution": resolution,
    "index": index,
    "wheels": wheels,
    "access": access,
    "scim": scim,
}
RESULTS = ROOT / "benchmarks" / "results.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- bench: begin -->\n", "<!-- bench: end -->"

_log = logging.getLogger("benchmarks")


def main() -> int:
    """Run the sections; see the module."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    plan = QUICK if options.quick else Plan()
    if options.rounds:
        plan = replace(plan, rounds=options.rounds)
    place = Path(options.folder)
    place.mkdir(parents=True, exist_ok=True)
    findings: list[Finding] = []
    failed = []
    for name in options.only or SECTIONS:
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix=f"{name}-", dir=place) as folder:
            try:
                findings += SECTIONS[name](plan, Path(folder))
            except (BenchmarkFailed, pytest.skip.Exception, pytest.fail.Exception) as error:
                failed.append(name)
                _log.error("%s failed: %s", name, error)
        _log.info("%s: %.0f s", name, time.monotonic() - start)
    text = f"{table(findings)}\n\n{describe()}; medians of {plan.rounds} rounds.\n"
    _log.info("\n%s", text)
    whole = not (options.only or options.quick or failed)
    if whole:
        _write(text)
    else:
        _log.info("Nothing was written: that is for a run of all sections without a failure.")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description="Measure beside the peers.")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="these sections alone")
    parser.add_argument("--rounds", type=int, help="how often each side is measured")
    parser.add_argument("--quick", action="store_true", help="see that all runs; measure nothing")
    parser.add_argument(
        "--folder", default=str(ROOT / ".cache" / "bench"), help="where files go (some 20 GiB)"
    )
    return parser.parse_args()


def _write(text: str) -> None:
    RESULTS.write_text(f"# Results of the last `make bench`\n\n{text}")
    readme = README.read_text()
    head, _, rest = readme.partition(BEGIN)
    README.write_text(f"{head}{BEGIN}{text}{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    sys.exit(main())
