"""`strongroom gc`: removes unfinished uploads and unreferenced blobs, anywhere."""

import argparse
import sys
from collections.abc import Mapping
from datetime import timedelta

from app.cli.output import Commands, Output, add_shared
from app.collection import GRACE, Collection
from app.installation import existing
from app.settings import read_settings
from app.work.duty import Failures


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "gc",
        help="remove unfinished uploads and unreferenced blobs",
        description="Remove what nothing refers to: uploads that nobody finished and blobs whose"
        " commit never came, once they are older than the grace period. It may run while the"
        " service does, and may be stopped at any time. What can't be removed is named, keeps"
        " nothing else from it, and makes this exit with 1.",
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    parser.add_argument(
        "--grace-hours",
        type=_hours,
        default=GRACE,
        metavar="HOURS",
        help="how old leftovers must be, at least 1 (default: 24)",
    )
    add_shared(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    """Collect."""
    settings = read_settings(environment, {"data": options.data})

    def progress(looked: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{looked:,} blobs looked at")
            sys.stderr.flush()

    failures = Failures("gc")
    with existing(settings) as at:
        collection = Collection(at, options.grace_hours, failures=failures)
        report = collection.run(dry=options.dry_run, progress=progress)
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    warnings = []
    if report.foreign:
        warnings.append(
            f"{report.foreign} blobs belong to no organization of this installation and were left"
            " alone: is this the right metadata store?"
        )
    if failures.count:
        warnings.append(
            f"{failures.count} failures, which the log names: run it again when they are mended"
        )
    verb = "would be removed" if options.dry_run else "removed"
    output.result(
        {
            "dry_run": options.dry_run,
            "uploads": report.uploads,
            "blobs": report.blobs,
            "bytes": report.bytes,
            "expired_records": report.expired,
            "foreign": report.foreign,
            "failures": failures.count,
        },
        *warnings,
        f"{report.uploads} unfinished uploads and {report.blobs} unreferenced blobs"
        f" ({report.bytes:,} bytes) {verb}",
    )
    return 1 if failures.count else 0


def _hours(text: str) -> timedelta:
    # Below an hour a publisher that is about to commit could lose its bytes.
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100_000:
        raise argparse.ArgumentTypeError("a whole number of hours, at least 1")
    return timedelta(hours=int(text))
