"""`strongroom audit`: what happened in an organization, and whether it is as it was sealed."""

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.api.audit import repository_id
from app.audit import (
    PROBLEMS,
    Anchor,
    AnchorPassed,
    Filter,
    Problem,
    Range,
    Report,
    Trail,
    Verification,
    described,
)
from app.audit import is_action as is_an_action
from app.cli.moments import any_moment, moment
from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.cli.people import add_organization
from app.installation import Installation, existing
from app.repositories import Catalogue, RepositoryMissing
from app.settings import read_settings
from auth.emails import email_key, parse_email
from auth.errors import InvalidField, Missing
from auth.organizations import Organizations
from auth.records import read_owner

_COLUMNS = ("time", "action", "user", "credential", "repository", "what", "address")
_PAGE = 200
_MOST_TOLD = 10_000  # problems in a JSON document


@dataclass(frozen=True, slots=True)
class _At:
    """The organization that a command is about, and where it lies."""

    installation: Installation
    organization: str

    @property
    def catalogue(self) -> Catalogue:
        return Catalogue(self.installation.recent, self.installation.journal)

    @property
    def trail(self) -> Trail:
        return Trail(self.installation.metadata, self.installation.journal, self.catalogue)


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("audit", help="show, export and verify what happened")
    verbs = parser.add_subparsers(title="what to do", metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="list events, the newest first")
    listing.add_argument(
        "--limit", type=_count, default=100, metavar="N", help="at most so many (100)"
    )
    listing.set_defaults(run=_list)
    export = verbs.add_parser("export", help="print events as lines of JSON, the oldest first")
    export.set_defaults(run=_export)
    for verb in (listing, export):
        _add_filters(verb)
    verify = verbs.add_parser(
        "verify",
        help="compare events with their seals, and the seals with their copies",
        description="Compare the events of an organization with their seals, and the seals with"
        " their copies in the store of blobs. Whatever was changed, removed or inserted is named,"
        " and makes this exit with 1. It may run while the service does.",
    )
    verify.add_argument(
        "--since", type=moment, metavar="TIME", help="only what was sealed since then"
    )
    verify.add_argument(
        "--expect",
        type=_anchor,
        metavar="NUMBER:HASH",
        help="the last seal of an earlier run, kept elsewhere: it must be in the chain",
    )
    verify.set_defaults(run=_verify)
    for verb in (listing, export, verify):
        add_organization(verb)
        add_shared(verb)


def _add_filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--since", type=moment, metavar="TIME", help="events of then and later")
    parser.add_argument("--until", type=any_moment, metavar="TIME", help="events before then")
    parser.add_argument("--action", type=_action, help="such as key.create, or key.* for several")
    parser.add_argument("--user", help="who did it: e-mail address or id")
    parser.add_argument("--credential", metavar="ID", help="the key or session it was done with")
    parser.add_argument("--request", metavar="ID", help="the request")
    parser.add_argument("--repository", metavar="NAME", help="by name, or by id where it is gone")
    parser.add_argument("--path", help="a file, or with a slash at its end a folder")
    parser.add_argument("--subject", help="whom or what it is about: id, or a user's address")


def _list(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with _opened(options, environment) as at:
        range_, shown = _range(at, options, newest_first=True), list[dict[str, Any]]()
        after: str | None = ""
        while after is not None and len(shown) < options.limit:
            wanted = min(_PAGE, options.limit - len(shown))
            page = at.trail.page(at.organization, range_, after, wanted)
            shown += at.trail.show(at.organization, page.items)
            after = page.next
    rows = shown if output.as_json else [_row(event) for event in shown]
    output.table("events", rows, _COLUMNS)
    return 0


def _export(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with _opened(options, environment) as at:
        range_ = _range(at, options, newest_first=False)
        for lines in at.trail.lines(at.organization, range_):
            output.lines(lines.decode())
    return 0


def _verify(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    told: list[Problem] = []

    def found(problem: Problem) -> None:
        if output.as_json:
            if len(told) < _MOST_TOLD:
                told.append(problem)
        else:
            _clear()
            output.note(_line(problem))

    def progress(report: Report) -> None:
        if sys.stderr.isatty():
            until = "" if report.sealed_until is None else f", {report.sealed_until:%Y-%m-%d %H:%M}"
            sys.stderr.write(f"\r{report.events:,} events{until}")
            sys.stderr.flush()

    with _opened(options, environment) as at:
        verification = Verification(
            at.installation, at.organization, found, progress, options.expect
        )
        try:
            report = verification.run(options.since)
        except AnchorPassed as error:
            raise CommandFailed(
                "the seal that is expected was made before --since: give an earlier time"
            ) from error
    _clear()
    sealed = report.sealed_until
    counts = {
        "events": report.events,
        "seals": report.seals,
        "copies": report.copies,
        "removed": report.removed,
        "unsealed": report.unsealed,
    }
    value = {
        "ok": not report.problems,
        **counts,
        "sealed_until": None if sealed is None else sealed.isoformat().replace("+00:00", "Z"),
        "last_seal": None if report.last is None else str(report.last),
        "counts": dict(sorted(report.problems.items())),
        "problems": [described(problem) for problem in told],
    }
    output.result(value, *_summary(report))
    return 1 if report.problems else 0


def _summary(report: Report) -> Iterator[str]:
    verdict = "OK" if not report.problems else f"{sum(report.problems.values())} problems"
    removed = f", and {report.removed} that the rule removed" if report.removed else ""
    yield (
        f"{verdict}: {report.events} events{removed}, {report.seals} seals,"
        f" {report.copies} copies of seals"
    )
    if report.sealed_until is None:
        yield "nothing is sealed yet"
    else:
        until = f"{report.sealed_until:%Y-%m-%dT%H:%MZ}"
        yield f"not sealed yet: {report.unsealed} events from {until} on"
    if report.last is not None:
        yield f"last seal: {report.last}"


def _line(problem: Problem) -> str:
    record = problem.record
    about = [
        f"seal {problem.seal}" if problem.seal is not None else None,
        f"minute {problem.minute}" if problem.minute is not None else None,
        f"blob {problem.blob}" if problem.blob is not None else None,
        f"{record.partition} / {record.sort}" if record is not None else None,
    ]
    named = ", ".join(part for part in about if part is not None)
    return f"{problem.kind}: {named}: {PROBLEMS[problem.kind]}"


def _clear() -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


@contextlib.contextmanager
def _opened(options: argparse.Namespace, environment: Mapping[str, str]) -> Iterator[_At]:
    with existing(read_settings(environment, {"data": options.data})) as at:
        try:
            yield _At(at, Organizations(at.recent).named(options.org).id)
        except Missing as error:
            raise CommandFailed(f"there is no organization {options.org!r}") from error
        except RepositoryMissing as error:
            raise CommandFailed(f"there is no repository {options.repository!r}") from error


def _range(at: _At, options: argparse.Namespace, *, newest_first: bool) -> Range:
    named = options.repository
    wanted = Filter(
        action=options.action,
        user=_person(at, options.user),
        credential=options.credential,
        request=options.request,
        repository=named and repository_id(at.catalogue, at.organization, named),
        path=options.path,
        subject=_person(at, options.subject),
    )
    return Range(options.since, options.until, wanted, newest_first)


def _person(at: _At, text: str | None) -> str | None:
    """The id that an address stands for; any other text is one. Raises CommandFailed."""
    if text is None or "@" not in text:
        return text
    try:
        key = email_key(at.organization, parse_email(text))
    except InvalidField as error:
        raise CommandFailed(f"{text!r} is no e-mail address: {error.reason}") from error
    record = at.installation.metadata.get(key).get(key)
    if record is None:
        raise CommandFailed(f"there is no user {text!r}: of one who is gone, give the id")
    return read_owner(record)


def _row(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event for people: what it did to a file, or what it is about."""
    changes, details = event["changes"], event["details"]
    what = changes[0]["path"] if changes else details.get("path") or details.get("subject")
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    forged = "" if event["genuine"] else " (forged)"
    return {
        **event,
        "time": event["time"][:19] + "Z",
        "action": f"{event['action']}{forged}",
        "what": what and f"{what}{more}",
    }


def _anchor(text: str) -> Anchor:
    try:
        return Anchor.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError("NUMBER:HASH, as an earlier run printed it") from error


def _action(text: str) -> str:
    if not is_an_action(text):
        raise argparse.ArgumentTypeError("an action such as key.create, or key.* for several")
    return text


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError("a number from 1 to 1000000")
    return int(text)
