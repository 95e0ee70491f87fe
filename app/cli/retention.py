"""`strongroom retention`: which files of a repository go by themselves, from the machine."""

import argparse
import contextlib
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.api.reading import Fields, parse_object
from app.api.retention import going_json, read_rules, rules_json
from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.cli.people import COMMAND_LINE, add_organization
from app.installation import existing
from app.publishing.bulk import Bulk
from app.repositories import Catalogue, Repository, RepositoryName
from app.retention import Retention, RuleSet, WouldEmpty
from app.retention.sweep import Position
from app.settings import read_settings
from auth.errors import Missing
from auth.organizations import Organizations
from auth.principals import Authority, operating

_EMPTY = "these rules would take every file of the repository; if that is meant, say --yes"
_COLUMNS = ("path", "size", "modified", "rule")


@dataclass(frozen=True, slots=True)
class _At:
    """The repository that a command is about, and what it is done with."""

    by: Authority
    catalogue: Catalogue
    retention: Retention
    name: RepositoryName

    def repository(self) -> Repository:
        return self.catalogue.get(self.by.organization, self.name)


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "retention", help="show, set, preview and run the rules by which files go"
    )
    verbs = parser.add_subparsers(title="what to do", metavar="VERB", required=True)
    show = verbs.add_parser("show", help="show the rules of a repository")
    show.set_defaults(run=_show)
    put = verbs.add_parser(
        "set",
        help="replace the rules of a repository",
        description="Replace the rules of a repository by those of a file, in the form that `show"
        ' --json` prints: {"rules": [{"match": "snapshots/**", "keep_newest": 5}]}.',
    )
    put.add_argument("repository")
    put.add_argument("file", help="JSON, or - for standard input")
    put.set_defaults(run=_set)
    preview = verbs.add_parser("preview", help="list what would go now; nothing does")
    preview.add_argument(
        "--rules", metavar="FILE", help="by these rules, before they are set; - for standard input"
    )
    preview.set_defaults(run=_preview)
    run = verbs.add_parser("run", help="delete what goes now, without waiting for the worker")
    run.set_defaults(run=_run)
    for verb in (put, run):
        verb.add_argument("--yes", action="store_true", help="even if that is every file")
    for verb in (show, preview, run):
        verb.add_argument("repository")
    for verb in (show, put, preview, run):
        add_organization(verb)
        add_shared(verb)


def _show(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with _opened(options, environment) as at:
        _print(output, at.retention.rules(at.repository()))
    return 0


def _set(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    rules = _read(options.file)
    with _opened(options, environment) as at:
        try:
            done = at.retention.set(at.by, at.name, rules, confirmed=options.yes)
        except WouldEmpty as error:
            raise CommandFailed(_EMPTY) from error
        _print(output, done)
    return 0


def _preview(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    wanted = None if options.rules is None else _read(options.rules)
    with _opened(options, environment) as at:
        repository = at.repository()
        if wanted is None:
            rules = at.retention.rules(repository)
        else:
            rules = at.retention.joined(repository, wanted)
        looks = at.retention.all(repository, rules)
        rows = [row for look in looks for row in going_json(look.going)]
        output.table("files", rows, _COLUMNS)
        size = sum(row["size"] for row in rows)
        output.note(f"{len(rows)} files ({size:,} bytes) would go")
    return 0


def _run(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with _opened(options, environment) as at:
        repository = at.repository()
        rules = at.retention.rules(repository)
        if not options.yes:
            try:
                at.retention.refuse_to_empty(repository, rules)
            except WouldEmpty as error:
                raise CommandFailed(_EMPTY) from error
        counts = Counter({"files": 0, "deleted": 0, "bytes": 0})
        position: Position | None = {} if rules.rules else None
        while position is not None:
            look, gone = at.retention.carry_out(repository, COMMAND_LINE, rules, position)
            size = sum(one.artifact.size for one in gone)
            counts.update(files=look.files, deleted=len(gone), bytes=size)
            position = look.position
        output.result(
            dict(counts),
            f"{counts['deleted']} of {counts['files']} files ({counts['bytes']:,} bytes) deleted;"
            f" they can be restored for {repository.restore_days} days",
        )
    return 0


@contextlib.contextmanager
def _opened(options: argparse.Namespace, environment: Mapping[str, str]) -> Iterator[_At]:
    with existing(read_settings(environment, {"data": options.data})) as at:
        try:
            organization = Organizations(at.recent).named(options.org).id
        except Missing as error:
            raise CommandFailed(f"there is no organization {options.org!r}") from error
        catalogue, bulk = Catalogue(at.recent, at.journal), Bulk(at.metadata, at.journal)
        yield _At(
            operating(organization, COMMAND_LINE),
            catalogue,
            Retention(at.recent, at.journal, catalogue, bulk),
            RepositoryName.parse(options.repository),
        )


def _read(file: str) -> RuleSet:
    try:
        data = sys.stdin.read().encode() if file == "-" else Path(file).read_bytes()
    except UnicodeError as error:
        raise CommandFailed("what is typed in is not UTF-8") from error
    fields = Fields(parse_object(data))
    rules = read_rules(fields)
    for shown in ("downloads_since", "confirmed"):
        fields.has(shown)  # `show` prints it; that rules are confirmed is said by --yes alone
    fields.finish()
    if rules is None:
        raise CommandFailed("the file has no 'rules'")
    return rules


def _print(output: Output, rules: RuleSet) -> None:
    shown = rules_json(rules)
    lines = [_line(number, rule) for number, rule in enumerate(shown["rules"], start=1)]
    if rules.confirmed:
        lines.append("they may take every file: that was confirmed")
    output.result(shown, *(lines or ["no rules: nothing goes by itself"]))


def _line(number: int, rule: Mapping[str, Any]) -> str:
    words = {
        "keep_newest": "all but the newest {} of a folder",
        "keep_snapshots": "all but the newest {} builds of a snapshot",
        "older_than_days": "older than {} days",
        "not_downloaded_days": "not downloaded for {} days",
    }
    conditions = [text.format(rule[name]) for name, text in words.items() if rule[name]]
    return f"{number}. {rule['match']}: {', '.join(conditions)}"
