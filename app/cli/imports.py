"""`strongroom import`: a folder of files comes into a repository, from the machine."""

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.cli.people import COMMAND_LINE, add_organization
from app.importing import Counts, Import, Importer, Outcome, Progress, Survey, Tally
from app.importing.report import Refusal
from app.installation import Installation, existing
from app.publishing import Digester, Publisher
from app.publishing.receiving import Receiver
from app.repositories import (
    Catalogue,
    Format,
    InvalidName,
    Repository,
    RepositoryMissing,
    RepositoryName,
)
from app.settings import read_settings
from app.usage.sizes import in_words
from auth.errors import Missing
from auth.organizations import Organizations

JOBS = 4
MOST_JOBS = 64
SHOWN = 20  # refused files, to people; the others are in --json and --report


class WrongUsage(Exception):
    """Arguments that name nothing that can be imported, or nowhere to import it to."""


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("import", help="publish the files of a folder")
    formats = parser.add_subparsers(title="what it holds", metavar="FORMAT", required=True)
    maven = formats.add_parser(
        "maven",
        help="a folder laid out as a Maven repository",
        description="Publish the files of a folder that is laid out as a Maven repository, with"
        " the checks that an upload meets. Files that are there already are compared; so an"
        " import that was stopped goes on when it is run again. Exits with 1 where a file was"
        " refused, and says which and why.",
    )
    maven.add_argument("repository", help="the hosted Maven repository that they come to")
    maven.add_argument("folder", help="such as ~/.m2/repository")
    maven.add_argument(
        "--jobs",
        type=_jobs,
        default=JOBS,
        metavar="N",
        help=f"so many files at once, from 1 to {MOST_JOBS} (default: {JOBS})",
    )
    maven.add_argument("--dry-run", action="store_true", help="check everything, and store nothing")
    maven.add_argument(
        "--report", metavar="FILE", help="write each refused file and the reason there, as JSON"
    )
    add_organization(maven)
    add_shared(maven)
    maven.set_defaults(run=run)


def run(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    """Import."""
    settings = read_settings(environment, {"data": options.data})
    try:
        root = _folder(options.folder)
        with existing(settings) as at, _refusals(options.report, output) as refusals:
            repository = _repository(at, options.org, options.repository)
            tally = Tally(refusals.take)
            done, told = _import(options, environment, at, repository, root, tally)
    except WrongUsage as error:
        text = json.dumps({"error": str(error)}) if output.as_json else f"strongroom: {error}"
        sys.stderr.write(f"{text}\n")
        return 2
    _tell(options, output, done, tally, refusals)
    if told is not None:
        return 128 + told  # as a shell has it
    return 1 if done.stopped is not None or tally.counts[Outcome.REFUSED].files else 0


def _import(
    options: argparse.Namespace,
    environment: Mapping[str, str],
    at: Installation,
    repository: Repository,
    root: Path,
    tally: Tally,
) -> tuple[Import, int | None]:
    """Import; the signal that ended it before it was through, where one did."""
    digester = Digester()
    publisher = Publisher(Receiver(at.blobs, at.metadata, digester), at.metadata, at.journal)
    importer = Importer(at.metadata, publisher, repository, COMMAND_LINE, dry=options.dry_run)
    run, survey = Import(importer, tally, jobs=options.jobs), Survey(root)
    survey.start()
    try:
        with (
            _told_by_signals(run.stop) as told,
            Progress(
                sys.stderr,
                environment,
                done=lambda: tally.done,
                total=lambda: survey.total,
                ending=lambda: run.ending,
            ),
        ):
            run.run(root)
    finally:
        digester.close()
    return run, told[0] if told else None


def _folder(text: str) -> Path:
    try:
        root = Path(text).resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise WrongUsage(f"there is no folder {text!r}") from error
    if not root.is_dir():
        raise WrongUsage(f"{text!r} is no folder")
    return root


def _repository(at: Installation, organization_name: str, name: str) -> Repository:
    try:
        organization = Organizations(at.recent).named(organization_name).id
    except Missing as error:
        raise CommandFailed(f"there is no organization {organization_name!r}") from error
    try:
        catalogue = Catalogue(at.recent, at.journal)
        found = catalogue.get(organization, RepositoryName.parse(name))
    except (InvalidName, RepositoryMissing) as error:
        raise WrongUsage(
            f"there is no repository {name!r} in the organization {organization_name!r}"
        ) from error
    if found.format is not Format.MAVEN or found.kind.value != "hosted":
        raise WrongUsage(
            f"{name!r} is no hosted Maven repository: it is {found.kind.value}, and its format"
            f" is {found.format.value}"
        )
    return found


@contextlib.contextmanager
def _told_by_signals(stop: Callable[[str], None]) -> Iterator[list[int]]:
    """Have SIGINT and SIGTERM end the import after the files under way, and a second one end
    the process: it may be killed anywhere. Gives the signal that came."""
    told: list[int] = []
    signals = (signal.SIGINT, signal.SIGTERM)

    def tell(number: int, _frame: FrameType | None) -> None:
        told.append(number)
        for one in signals:
            signal.signal(one, signal.SIG_DFL)
        stop(f"told to by {signal.Signals(number).name}")

    before = {one: signal.signal(one, tell) for one in signals}
    try:
        yield told
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@dataclass(slots=True)
class _Refusals:
    """Where refused files go: all into a file, where there is one, and so many into memory."""

    file: TextIO | None
    most: int | None
    kept: list[Refusal] = field(default_factory=list)

    def take(self, refusal: Refusal) -> None:
        if self.most is None or len(self.kept) < self.most:
            self.kept.append(refusal)
        if self.file is not None:
            self.file.write(json.dumps(_refusal_json(refusal), ensure_ascii=False) + "\n")


@contextlib.contextmanager
def _refusals(report: str | None, output: Output) -> Iterator[_Refusals]:
    most = None if output.as_json else SHOWN
    if report is None:
        yield _Refusals(None, most)
        return
    # By line: what is known is there, also of an import that is killed.
    with Path(report).open("w", encoding="utf-8", buffering=1) as file:
        yield _Refusals(file, most)


def _tell(
    options: argparse.Namespace, output: Output, done: Import, tally: Tally, refusals: _Refusals
) -> None:
    """The report."""
    counts = tally.counts
    value: dict[str, Any] = {
        "repository": options.repository,
        "folder": options.folder,
        "dry_run": options.dry_run,
        "stopped": done.stopped,
        **{outcome.value: _counts_json(counts[outcome]) for outcome in Outcome},
        "refusals": [_refusal_json(refusal) for refusal in refusals.kept],
    }
    output.result(value, *_lines(options, done, counts, refusals))


def _lines(
    options: argparse.Namespace,
    done: Import,
    counts: Mapping[Outcome, Counts],
    refusals: _Refusals,
) -> Iterator[str]:
    """The same for people."""
    words = {
        Outcome.IMPORTED: "would be imported" if options.dry_run else "imported",
        Outcome.THERE: "there already",
        Outcome.LEFT_OUT: "left out",
        Outcome.CHECKSUM: "checksum files, compared",
        Outcome.REFUSED: "refused",
    }
    width = max(map(len, words.values()))
    for outcome, word in words.items():
        one = counts[outcome]
        yield f"{word:<{width}}  {one.files:>9,} files  {in_words(one.bytes)}"
    for refusal in refusals.kept:
        yield f"{refusal.path}: {refusal.reason}"
    if more := counts[Outcome.REFUSED].files - len(refusals.kept):
        where = f"are in {options.report}" if options.report else "are named by --report FILE"
        yield f"{more:,} more were refused, which {where}"
    if done.stopped is not None:
        yield f"stopped: {done.stopped}; run it again to go on"


def _counts_json(counts: Counts) -> dict[str, int]:
    return {"files": counts.files, "bytes": counts.bytes}


def _refusal_json(refusal: Refusal) -> dict[str, str]:
    return {"path": refusal.path, "reason": refusal.reason}


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_JOBS:
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {MOST_JOBS}")
    return int(text)
