"""The verbs of `strongroom privacy` that erase, and that look whether it holds."""

import argparse
import contextlib
import sys
from collections.abc import Iterator, Mapping

from app.cli.output import CommandFailed, Output
from app.cli.people import COMMAND_LINE
from app.cli.privacy_office import PrivacyOffice, bar, opened, pending
from app.installation import existing
from app.privacy import Person, Reapplying, Request, State, others_with
from app.privacy.evidence import last_incident
from app.privacy.proof import Proofs
from app.settings import read_settings
from auth.errors import LastAdministrator, Missing
from auth.records import is_id, time_text
from storage.metadata import ConditionFailed


def erase(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    """Erase a person, or go on with that."""
    with opened(options, environment) as at:
        with bar(environment) as drawn:
            person = at.known(options.person, drawn, deleted=options.deleted)
        successor = None if options.successor is None else at.person(options.successor).id
        request = pending(at, person)
        done = at.requests.of(at.organization, person.id)
        if request is None and done and not person.is_there:
            _print_proof(done[-1], output, "was erased before")
            return 0
        if request is None or request.state is State.OPEN:
            _require_no_incident(at, person, environment, despite=options.despite_incident)
            _show_others(at, person)
            if options.yes:
                output.note(f"this erases {_named(person)} for good")
            else:
                _ask(person)
        request = request or at.requests.add(at.organization, COMMAND_LINE, person.id, person.kind)
        with _explained(at, person, options.successor), bar(environment) as drawn:
            request = at.erasure.begin(request, COMMAND_LINE, successor)
            request = at.erasure.finish(request, COMMAND_LINE, drawn)
        _print_proof(request, output, "erased")
    return 0


@contextlib.contextmanager
def _explained(at: PrivacyOffice, person: Person, successor: str | None) -> Iterator[None]:
    """Within it what keeps an erasure from its end is told with what to do."""
    try:
        yield
    except LastAdministrator as error:
        raise CommandFailed(
            "this is the last active administrator: name another one first, with `strongroom"
            f" user update USER --role admin --org {at.name}`, or say who takes over with"
            " --successor USER"
        ) from error
    except Missing as error:
        raise CommandFailed(
            f"{successor!r} can't take over: it has to be another, active user"
        ) from error
    except ConditionFailed as error:
        raise CommandFailed(_at_once(person.id, at)) from error
    except KeyboardInterrupt:
        sys.stderr.write(f"\nstrongroom: {_broken_off(person.id, at)}\n")
        raise


def _require_no_incident(
    at: PrivacyOffice, person: Person, environment: Mapping[str, str], *, despite: bool
) -> None:
    """Return where no evidence is lost, or that is wanted. Raises CommandFailed."""
    with bar(environment) as drawn:
        looked_up = person.looked_up(at.installation.metadata, at.installation.sealer)
        reported = last_incident(at.installation, looked_up, drawn)
    if reported is None:
        return
    told = f"an incident that {person.id} is part of was reported at {time_text(reported)}"
    if not despite:
        raise CommandFailed(
            f"{told}: erasing takes the addresses and agents of all that was done, which are"
            " evidence. Keep a report of it (`strongroom incident`), then say --despite-incident"
        )
    sys.stderr.write(f"strongroom: {told}: its addresses and agents go\n")


def _show_others(at: PrivacyOffice, person: Person) -> None:
    """Say who else has the same address, before it happens."""
    others = others_with(at.installation.metadata, person)
    if others:
        sys.stderr.write(
            "strongroom: the same address is in the records of others, who stay as they are:"
            f" {', '.join(others)}\n"
        )


def _named(person: Person) -> str:
    return f"{person.email or 'somebody without a record'} ({person.kind}, {person.id})"


def verify(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    """Look whether anything is left."""
    if not is_id(options.person):
        raise CommandFailed("an erased person is named by the id, as the proof has it")
    with opened(options, environment) as at, bar(environment) as drawn:
        person = at.known(options.person, drawn)
        done = [
            request
            for request in at.requests.of(at.organization, person.id)
            if request.state is State.DONE
        ]
        proofs = Proofs(*at.installation.secrets)
        reports = [report for request in done for report in request.reports]
        genuine = bool(reports) and all(proofs.holds(report) for report in reports)
        since = min((one.since for one in done if one.since is not None), default=None)
        left = at.erasure.left(person, since or at.erasure.beginning(person), drawn)
        lines = [f"{count} records are there: {name}" for name, count in left.items()]
        lines += ["nothing is left"] if not left else []
        lines += [] if genuine else ["there is no proof of an erasure that this key has sealed"]
        output.result(
            {"person": person.id, "left": left, "erased": bool(done), "genuine": genuine},
            *lines,
            *(f"erased at {report['ended']}, seal {report['seal']}" for report in reports),
        )
    return 0 if genuine and not left else 1


def reapply(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    """Erase again who is back."""
    with existing(read_settings(environment, {"data": options.data})) as at:
        reapplying = Reapplying(at)
        with bar(environment) as drawn:
            done = reapplying.run(drawn, everyone=True)
            for request in reapplying.unfinished():
                reapplying.go_on(request, drawn)
        lines = [f"{person}: was back, erased again" for person in done.again]
        lines += [f"{person}: is back, and can't be erased: {why}" for person, why in done.failed]
        if done.foreign:
            lines.append(
                f"{len(done.foreign)} entries are not of this installation's secret key: nothing"
                " is done by them"
            )
        output.result(
            {
                "entries": done.entries,
                "again": list(done.again),
                "failed": [{"person": person, "reason": why} for person, why in done.failed],
                "foreign": list(done.foreign),
            },
            *lines,
            f"{done.entries} people in the ledger, {len(done.again)} erased again",
        )
    return 1 if done.failed or done.foreign else 0


def _print_proof(request: Request, output: Output, done: str) -> None:
    report = dict(request.report or {})
    erased: Mapping[str, int] = report.get("erased", {})
    output.result(
        report,
        f"{request.person}: {done}",
        *(f"  {count:>6} {name}" for name, count in erased.items()),
        f"from {report.get('began')} until {report.get('ended')}, due {report.get('due')}",
        f"seal {report.get('seal')}",
        f"`strongroom privacy verify {request.person}` looks whether anything is left",
    )


def _ask(person: Person) -> None:
    """Have the id typed, on a terminal. Raises CommandFailed."""
    if not sys.stdin.isatty():
        raise CommandFailed(
            f"this erases {_named(person)} for good, which can't be undone: say --yes where"
            " nobody can be asked"
        )
    sys.stderr.write(f"This erases {_named(person)} for good.\nType the id to go on: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != person.id:
        raise CommandFailed("that is not the id: nothing was erased")


def _broken_off(person: str, at: PrivacyOffice) -> str:
    return f"broken off; `strongroom privacy erase {person} --org {at.name}` goes on from there"


def _at_once(person: str, at: PrivacyOffice) -> str:
    return (
        f"another process is erasing {person}: when that has ended, `strongroom privacy erase"
        f" {person} --org {at.name}` shows the proof"
    )
