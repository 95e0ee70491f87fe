"""`strongroom privacy`: what is held about a person, and how it goes for good."""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.cli import privacy_erasing
from app.cli.moments import moment
from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.cli.people import COMMAND_LINE, add_organization
from app.cli.privacy_office import PrivacyOffice, bar, opened, pending
from app.privacy import Export, Request
from auth.records import time_text

_COLUMNS = ("id", "person", "received", "due", "state", "overdue", "note")
_NOTE_BYTES = 200
_WHO = "id or e-mail address, of a user or a subscriber"


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("privacy", help="export or erase what is held about a person")
    verbs = parser.add_subparsers(title="what to do", metavar="VERB", required=True)

    export = verbs.add_parser("export", help="write everything that is held about a person")
    export.add_argument("person", help=_WHO)
    export.add_argument("--output", metavar="FILE", help="a new file (mode 0600), not the screen")
    export.set_defaults(run=_export)

    request = verbs.add_parser(
        "request", help="note that a person asked to be erased: due within 30 days"
    )
    request.add_argument("person", help=_WHO)
    request.add_argument(
        "--received", type=moment, metavar="DATE", help="when it came, such as 2026-01-31 (now)"
    )
    request.add_argument(
        "--note-id", metavar="TEXT", help="where it is filed; no name and no address"
    )
    request.set_defaults(run=_request)

    listing = verbs.add_parser("list", help="list requests, those that are due first")
    listing.add_argument(
        "--overdue-fails", action="store_true", help="exit with 1 where one is overdue: for cron"
    )
    listing.set_defaults(run=_list)

    erase = verbs.add_parser(
        "erase",
        help="erase a person for good, and print the proof",
        description="Erase a person for good: the user or subscriber, with all credentials,"
        " memberships and mails, and the addresses and agents of all that the person did. History"
        " and files keep the id alone. It may be stopped at any time; run again, it goes on.",
    )
    erase.add_argument("person", help=_WHO)
    erase.add_argument("--yes", action="store_true", help="do not ask")
    erase.add_argument(
        "--successor",
        metavar="USER",
        help="who takes over the keys, and administers where nobody else does",
    )
    erase.add_argument(
        "--despite-incident",
        action="store_true",
        help="although an incident of the last 30 days is about the person: evidence goes",
    )
    erase.set_defaults(run=privacy_erasing.erase)
    for verb in (request, erase):
        verb.add_argument(
            "--deleted",
            action="store_true",
            help="the id is of somebody who was deleted, though history does not tell of it",
        )

    verify = verbs.add_parser("verify", help="look whether anything is left of an erased person")
    verify.add_argument("person", help="the id, as the proof has it")
    verify.set_defaults(run=privacy_erasing.verify)

    reapply = verbs.add_parser(
        "reapply", help="erase again who was erased and is back, as after a restore"
    )
    reapply.set_defaults(run=privacy_erasing.reapply)
    for verb in (export, request, listing, erase, verify):
        add_organization(verb)
    for verb in (export, request, listing, erase, verify, reapply):
        add_shared(verb)


def _export(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with opened(options, environment) as at, bar(environment) as drawn:
        person = at.known(options.person, drawn)
        exporting = Export(at.installation)
        document = exporting.of(person, at.erasure.beginning(person), drawn)
        text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        if options.output is not None:
            _write(Path(options.output), text)
        exporting.note(person, COMMAND_LINE)
        if options.output is None:
            output.text(text)
        else:
            records = sum(len(found) for found in document["held"].values())
            output.result(
                {"person": person.id, "output": options.output, "records": records},
                f"{options.output}: all that is held about {person.id}; it is private",
            )
    return 0


def _request(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    note = options.note_id
    if note is not None and (len(note.encode()) > _NOTE_BYTES or "@" in note):
        raise CommandFailed("--note-id is a short reference, such as a ticket; it names nobody")
    with opened(options, environment) as at, bar(environment) as drawn:
        person = at.known(options.person, drawn, deleted=options.deleted)
        request = pending(at, person)
        done = "was noted before"
        if request is None:
            done = "noted"
            request = at.requests.add(
                at.organization, COMMAND_LINE, person.id, person.kind, options.received, note
            )
        output.result(
            _row(request, at) | {"new": done == "noted"},
            f"{request.id}: {done}; {person.id} is to be erased by {time_text(request.due)}:",
            f"strongroom privacy erase {person.id} --org {at.name}",
        )
    return 0


def _list(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with opened(options, environment) as at:
        rows = [_row(request, at) for request in at.requests.all(at.organization)]
        output.table("requests", rows, _COLUMNS)
    overdue = any(row["overdue"] for row in rows)
    return 1 if overdue and options.overdue_fails else 0


def _row(request: Request, at: PrivacyOffice) -> dict[str, Any]:
    return {
        "id": request.id,
        "person": request.person,
        "kind": request.kind,
        "received": time_text(request.received),
        "due": time_text(request.due),
        "state": request.state.value,
        "overdue": request.is_overdue(at.installation.metadata.now()),
        "note": request.note,
    }


def _write(path: Path, text: str) -> None:
    """Write a new file that its owner alone can read. Raises CommandFailed, OSError."""
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise CommandFailed(f"{path} is there already: name a new file") from error
    with os.fdopen(file, "w", encoding="utf-8") as written:
        written.write(text)
