"""`strongroom incident`: what a credential or a person did, who is affected, and what to do."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from app.cli.incident_next import next_steps
from app.cli.moments import FORMS, moment
from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.cli.people import COMMAND_LINE, add_organization
from app.cli.walked import Bar
from app.incidents import Incident, Report, Unknown, by_secret, find_target
from app.incidents.targets import SECRET
from app.incidents.touched import MARKED, PURGED
from app.incidents.versions import State
from app.installation import existing
from app.settings import read_settings
from auth.errors import Missing
from auth.organizations import Organizations
from auth.records import time_text

_UNKNOWN = "not known any more"


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "incident",
        help="what a leaked credential or a user did, whom it affects, who must be told",
        description="Tell what a credential or a user did since a moment: from where, to which"
        " files, with what it made or changed; whose downloads are affected, who must be told by"
        " when, and what to do next. Credentials that were made by a suspect one are suspects too.",
        epilog=f"Moments: {FORMS}. docs/incidents.md has the whole runbook.",
    )
    parser.add_argument(
        "subject",
        metavar="CREDENTIAL|USER",
        help="id of a key, session, token or user; an e-mail address; - reads the secret itself"
        " from standard input",
    )
    parser.add_argument("--since", type=moment, required=True, metavar="T", help="from when on")
    parser.add_argument("--until", type=moment, metavar="T", help="until when (now)")
    parser.add_argument(
        "--confirmed", type=moment, metavar="T", help="when the breach was confirmed (now)"
    )
    add_organization(parser)
    add_shared(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    """Report."""
    now = datetime.now(UTC)
    until, confirmed = options.until or now, options.confirmed or now
    if until <= options.since:
        raise CommandFailed("--until is before --since: nothing can have happened between them")
    with existing(read_settings(environment, {"data": options.data})) as at:
        try:
            organization = Organizations(at.recent).named(options.org)
        except Missing as error:
            raise CommandFailed(f"there is no organization {options.org!r}") from error
        try:
            target = find_target(at.metadata, organization.id, _named(options.subject))
        except Unknown as error:
            raise CommandFailed(str(error)) from error
        incident, bar = Incident(at, organization.id), Bar(environment)
        try:
            report = incident.report(target, options.since, until, confirmed, bar)
        finally:
            bar.close()
        if not target.is_there and not report.actions:
            raise CommandFailed(
                f"nothing is known of {target.id} in {organization.name!r} since"
                f" {time_text(options.since)}: is it of another organization (--org), or of"
                " another time (--since)?"
            )
        incident.note(report, COMMAND_LINE)
        value = _value(report, organization.name)
        output.result(value, *_lines(value))
    return 0


def _named(text: str) -> str:
    """What is named; a secret is read, and is never an argument. Raises Unknown, CommandFailed."""
    if text == "-":
        return by_secret(sys.stdin.readline())
    if SECRET.match(text):
        raise CommandFailed(
            "a secret is no argument: it is in the shell's history now, and was to be seen by"
            " everybody on this machine. Say - and give it on standard input, and revoke it"
        )
    return text


def _value(report: Report, organization: str) -> dict[str, Any]:
    names = report.repositories
    return {
        "organization": organization,
        "target": asdict(report.target),
        "since": time_text(report.since),
        "until": time_text(report.until),
        "confirmed": time_text(report.confirmed),
        "notify_by": time_text(report.notify_by),
        "overdue": report.notify_by < datetime.now(UTC),
        "suspects": [asdict(suspect) for suspect in report.suspects],
        "actions": dict(sorted(report.actions.items())),
        "places": [
            {
                "address": address,
                "agent": agent,
                "first": time_text(first),
                "last": time_text(last),
                "events": count,
            }
            for (address, agent), (first, last, count) in report.places.items()
        ],
        "files": [file.value(names) for file in report.files],
        "read": [
            {"repository": names.get(repository, repository), "path": path, "times": count}
            for (repository, path), count in sorted(report.read.items())
        ],
        "access": report.access,
        "opened": report.readable,
        "downloads": report.downloads,
        "downloads_not_recorded": report.unrecorded,
        "public": report.public,
        "tell": report.told,
        "next": list(next_steps(report, organization)),
        "not_genuine": report.forged,
        "left_out": report.left_out,
    }


def _lines(value: Mapping[str, Any]) -> Iterator[str]:
    """The report for people."""
    target = value["target"]
    yield f"{target['kind']} {target['id']} in {value['organization']}"
    yield f"from {value['since']} until {value['until']}"
    if value["not_genuine"]:
        yield (
            f"WARNING: {value['not_genuine']} events are not as this installation wrote them:"
            " whoever could write to the store may have changed history"
        )
    if value["left_out"]:
        yield f"WARNING: {value['left_out']} entries are left out of these lists: narrow the time"
    yield from _section("suspects", map(_suspect, value["suspects"]))
    yield from _section(
        "what was done", (f"{count:>6} {name}" for name, count in value["actions"].items())
    )
    yield from _section("from where", map(_place, value["places"]))
    yield from _section("files", map(_file, value["files"]))
    yield from _section(
        "files that were fetched, where that is recorded",
        (f"{row['repository']}/{row['path']}, {row['times']} times" for row in value["read"]),
    )
    yield from _section("access that was changed", map(_access, value["access"]))
    yield from _section(
        "repositories whose rules or grants were changed", map(_opened, value["opened"])
    )
    yield from _section("affected downloads", _downloads(value))
    yield from _section("who must be told", map(_told, value["tell"]))
    due = value["notify_by"]
    yield f"confirmed {value['confirmed']}: " + (
        f"the 72 hours are over since {due}: tell them now"
        if value["overdue"]
        else f"tell them until {due} (72 hours)"
    )
    yield from _section("what to do next", value["next"])


def _section(title: str, lines: Any) -> Iterator[str]:
    found = list(lines)
    yield f"{title}:"
    yield from (f"  {line}" for line in found or ["none"])


def _suspect(suspect: Mapping[str, Any]) -> str:
    kind = "person" if suspect["person"] else "credential"
    made = "" if suspect["by"] is None else f" by {suspect['by']} at {suspect['at']}"
    return f"{kind} {suspect['id']}: {suspect['why']}{made}"


def _place(place: Mapping[str, Any]) -> str:
    return (
        f"{place['address'] or 'no address'}, {place['agent'] or 'no agent'}: {place['events']}"
        f" events, {place['first']} to {place['last']}"
    )


def _file(file: Mapping[str, Any]) -> str:
    digests = ", ".join(
        f"{which} {file[f'sha256_{which}'] or _UNKNOWN}"
        for which, changes in (
            ("before", ("overwrote", "deleted", "purged")),
            ("after", ("wrote", "overwrote", "restored")),
        )
        if file["change"] in changes
    )
    told = f" ({digests})" if digests else ""
    return f"{file['at']} {file['change']} {file['repository']}/{file['path']}{told}{_now(file)}"


def _now(file: Mapping[str, Any]) -> str:
    """What there is nothing to do about any more, or not by a line of the report."""
    if file["change"] in (MARKED, PURGED) or file["now"] == State.THEIRS:
        return ""
    if file["now"] == State.OTHERS:
        return f"; {file['now']}, now {file['sha256_now']}: look at it"
    if file["now"] == State.GONE and file["way_back"]:
        return f"; done: it is gone; version {file['way_back']} brings back what was before"
    return f"; done: it is {file['now']}"


def _access(change: Mapping[str, Any]) -> str:
    about = change["subject"] or change["repository"] or "-"
    owner = f" of {change['owner']}" if change["owner"] else ""
    changed = f" ({', '.join(change['changed'])})" if change["changed"] else ""
    return f"{change['at']} {change['action']} {about}{owner}{changed}"


def _opened(row: Mapping[str, Any]) -> str:
    who = "everybody" if row["public"] else f"{len(row['readers'])}: {', '.join(row['readers'])}"
    return f"{row['repository']} ({', '.join(row['changed'])}): can be read by {who}"


def _downloads(value: Mapping[str, Any]) -> Iterator[str]:
    for row in value["downloads"]:
        who = row["user"] or "somebody without credentials"
        yield f"{row['repository']}/{row['path']}: {row['times']} times by {who}"
    for row in value["downloads_not_recorded"]:
        day = row["last_day"]
        known = f"last downloaded on {day}" if day else "nor is the day of the last one"
        yield f"{row['repository']}/{row['path']}: downloads are not recorded there; {known}"
    for name in value["public"]:
        yield f"{name} is public: who reads it without credentials is not known"


def _told(person: Mapping[str, Any]) -> str:
    return f"{person['address'] or 'no address'} ({person['id']}): {'; '.join(person['because'])}"
