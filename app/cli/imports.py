"""`strongroom import`: files come into a repository, from the machine or from another index."""

import argparse
import contextlib
import json
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FrameType

from app.cli.imports_origins import Chosen, WrongUsage, add_index, chosen
from app.cli.imports_report import refusals_to, tell
from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.cli.people import COMMAND_LINE, add_organization
from app.importing import Import, Importer, Outcome, Progress, Tally
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
from auth.errors import Missing
from auth.organizations import Organizations

JOBS = 4
MOST_JOBS = 64
_NAMES = {Format.MAVEN: "Maven", Format.PYTHON: "Python"}
_AGAIN = (
    " Files that are there already are compared; so an import that was stopped goes on when it is"
    " run again. Exits with 1 where a file was refused, and says which and why."
)


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("import", help="publish the files of a folder or of an index")
    formats = parser.add_subparsers(
        title="what it holds", metavar="FORMAT", required=True, parser_class=_Parser
    )
    maven = formats.add_parser(
        "maven",
        help="a folder laid out as a Maven repository",
        description="Publish the files of a folder that is laid out as a Maven repository, with"
        " the checks that an upload meets." + _AGAIN,
    )
    maven.add_argument("repository", help="the hosted Maven repository that they come to")
    maven.add_argument("folder", help="such as ~/.m2/repository")
    _add_shared(maven, Format.MAVEN)
    python = formats.add_parser(
        "python",
        help="a folder of distributions, or another index",
        description="Publish the wheels and sdists of a folder, however it is laid out, or of"
        " another index, with the checks that an upload meets." + _AGAIN,
    )
    python.add_argument("repository", help="the hosted Python repository that they come to")
    python.add_argument("folder", nargs="?", help="such as dist/ or a wheelhouse")
    add_index(python)
    _add_shared(python, Format.PYTHON)


class _Parser(argparse.ArgumentParser):
    """Takes a folder that stands behind flags, too: before Python 3.13 a positional that may be
    missing is taken for missing where the one before it is followed by a flag."""

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        found, left = super().parse_known_args(args, namespace)
        if left and not left[0].startswith("-") and found.folder is None:
            found.folder = left.pop(0)
        return found, left


def _add_shared(parser: argparse.ArgumentParser, format_: Format) -> None:
    """The flags that all formats have."""
    parser.add_argument(
        "--jobs",
        type=_jobs,
        default=JOBS,
        metavar="N",
        help=f"so many files at once, from 1 to {MOST_JOBS} (default: {JOBS})",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="check everything, and store nothing"
    )
    parser.add_argument(
        "--report", metavar="FILE", help="write each refused file and the reason there, as JSON"
    )
    add_organization(parser)
    add_shared(parser)
    parser.set_defaults(run=run, format=format_)


def run(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    """Import."""
    settings = read_settings(environment, {"data": options.data})
    try:
        source = chosen(options)
        with existing(settings) as at:
            repository = _repository(at, options.org, options.repository, options.format)
            with refusals_to(options.report, output) as refusals:
                tally = Tally(refusals.take)
                done, told = _import(options, environment, at, repository, source, tally)
    except WrongUsage as error:
        text = json.dumps({"error": str(error)}) if output.as_json else f"strongroom: {error}"
        sys.stderr.write(f"{text}\n")
        return 2
    tell(options, source.told, output, done, tally, refusals)
    if told is not None:
        return 128 + told  # as a shell has it
    return 1 if done.stopped is not None or tally.counts[Outcome.REFUSED].files else 0


def _import(
    options: argparse.Namespace,
    environment: Mapping[str, str],
    at: Installation,
    repository: Repository,
    source: Chosen,
    tally: Tally,
) -> tuple[Import, int | None]:
    """Import; the signal that ended it before it was through, where one did."""
    digester = Digester()
    publisher = Publisher(Receiver(at.blobs, at.metadata, digester), at.metadata, at.journal)
    importer = Importer(at.metadata, publisher, repository, COMMAND_LINE, dry=options.dry_run)
    run = Import(importer, tally, jobs=options.jobs)
    try:
        with (
            source.opened(at, repository) as (origin, total),
            _told_by_signals(run.stop) as told,
            Progress(
                sys.stderr,
                environment,
                done=lambda: tally.done,
                total=total,
                ending=lambda: run.ending,
            ),
        ):
            run.run(origin)
    finally:
        digester.close()
    return run, told[0] if told else None


def _repository(at: Installation, organization_name: str, name: str, wanted: Format) -> Repository:
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
    if found.format is not wanted or found.kind.value != "hosted":
        raise WrongUsage(
            f"{name!r} is no hosted {_NAMES[wanted]} repository: it is {found.kind.value}, and its"
            f" format is {found.format.value}"
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


def _jobs(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_JOBS:
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {MOST_JOBS}")
    return int(text)
