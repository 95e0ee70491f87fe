"""`strongroom org`: the organizations of an installation, from the machine's command line."""

import argparse
import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.api.answers import time_text, usage_json
from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.cli.passwords import add_password, read_password
from app.cli.people import COMMAND_LINE
from app.installation import existing
from app.settings import Settings, read_settings
from app.usage import (
    MOST_QUOTA_BYTES,
    FoundingQuota,
    Ledger,
    OrganizationQuotas,
    Quota,
    Usage,
    balances_of,
)
from app.usage.sizes import in_words, parse_size
from auth.errors import AlreadyTaken
from auth.factor_rule import SecondFactorRule
from auth.first_administrator import Wanted
from auth.organizations import DEFAULT, Named, Organizations
from auth.principals import operating
from auth.registrar import Created, Registrar, SeveralDeleted
from auth.standing import OPTIONAL, REQUIRED
from storage.metadata import Metadata, OutcomeUnknown

_COLUMNS = ("name", "id", "suspended", "administrators", "used", "quota", "created")
_DELETED_COLUMNS = ("name", "id", "deleted", "until")
_UNREACHABLE = (
    "STRONGROOM_DOMAIN is not set, so only the organization 'default' can be reached: with"
    " STRONGROOM_DOMAIN=DOMAIN this one answers at {name}.DOMAIN."
)


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("org", help="make, list, suspend, delete, restore organizations")
    verbs = parser.add_subparsers(title="what to do", metavar="VERB", required=True)

    listing = verbs.add_parser("list", help="list all organizations")
    listing.add_argument(
        "--deleted", action="store_true", help="those that can be restored, and until when"
    )
    listing.set_defaults(run=_list)

    create = verbs.add_parser("create", help="make an organization")
    create.add_argument("name", help="1 to 63 of a-z, 0-9 and -: it answers at NAME.DOMAIN")
    create.add_argument("--admin", metavar="EMAIL", help="make its first administrator, too")
    add_password(create)
    _add_quota(create)
    create.set_defaults(run=_create)

    change = verbs.add_parser(
        "set", help="bound what an organization may hold, and say what it requires"
    )
    _add_quota(change)
    change.add_argument(
        "--second-factor",
        choices=[REQUIRED, OPTIONAL],
        help="whether everybody there has to set up a second factor",
    )
    change.set_defaults(run=_set)

    suspend = verbs.add_parser(
        "suspend", help="serve nothing of an organization for now; nothing of it is lost"
    )
    suspend.set_defaults(run=_suspend)

    resume = verbs.add_parser("resume", help="serve a suspended organization again")
    resume.set_defaults(run=_resume)

    delete = verbs.add_parser(
        "delete", help="delete an organization with all that it has; restorable for 30 days"
    )
    delete.add_argument("--yes", action="store_true", help="do not ask")
    delete.set_defaults(run=_delete)

    restore = verbs.add_parser("restore", help="restore a deleted organization")
    restore.add_argument("--id", help="which, where several of that name were deleted")
    restore.set_defaults(run=_restore)
    for verb in (change, suspend, resume, delete, restore):
        verb.add_argument("name")
    for verb in (listing, create, change, suspend, resume, delete, restore):
        add_shared(verb)


@dataclass(frozen=True, slots=True)
class _Registry:
    """What the verbs work with."""

    settings: Settings
    metadata: Metadata
    organizations: Organizations
    registrar: Registrar
    quotas: OrganizationQuotas
    rule: SecondFactorRule


@contextlib.contextmanager
def _registry(options: argparse.Namespace, environment: Mapping[str, str]) -> Iterator[_Registry]:
    settings = read_settings(environment, {"data": options.data})
    with existing(settings) as at:
        registrar = Registrar(at.recent, at.journal, COMMAND_LINE)
        quotas = OrganizationQuotas(at.recent, at.journal)
        rule = SecondFactorRule(at.recent, at.journal)
        yield _Registry(settings, at.metadata, Organizations(at.recent), registrar, quotas, rule)


def _list(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with _registry(options, environment) as at:
        if options.deleted:
            rows: list[dict[str, Any]] = [
                {
                    "name": deleted.name,
                    "id": deleted.id,
                    "deleted": time_text(deleted.deleted),
                    "until": time_text(deleted.until),
                }
                for deleted in at.organizations.deleted()
                if not deleted.erasing
            ]
            output.table("organizations", rows, _DELETED_COLUMNS)
        else:
            rows = [_described(at, named) for named in at.organizations.list()]
            output.table("organizations", rows if output.as_json else _in_words(rows), _COLUMNS)
    return 0


def _create(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    if options.password_stdin and options.admin is None:
        raise CommandFailed("--password-stdin is the password of --admin EMAIL: name one")
    wanted, password_made = None, False
    if options.admin is not None:
        password, password_made = read_password(options)
        wanted = Wanted(options.admin, password, api_key=False)
    quota = None if options.quota is None else options.quota.bytes
    bound = None if quota is None else FoundingQuota(quota)
    with _registry(options, environment) as at:
        try:
            created = at.registrar.create(options.name, wanted, bound)
        except OutcomeUnknown as error:
            raise CommandFailed(_perhaps_made(options.name, options.admin)) from error
        # The password may be known to nobody yet: no store is asked before it is printed.
        secret = wanted.password if wanted is not None and password_made else None
        _tell_created(at.settings, created, quota, secret, output)
    return 0


def _perhaps_made(name: str, admin: str | None) -> str:
    told = f"the store's answer was lost: `strongroom org list` tells whether {name!r} was made"
    if admin is None:
        return told
    return (
        f"{told}; where it was, `strongroom user password {admin} --org {name}` sets the"
        " password of its administrator"
    )


def _tell_created(
    settings: Settings, created: Created, quota: int | None, secret: str | None, output: Output
) -> None:
    """Print a new organization, from what is known without asking a store."""
    named, admin = created.organization, created.made
    value = _row(named, 0 if admin is None else 1, Usage(), quota, created.at)
    lines = [f"{named.name} ({named.id}): made"]
    if admin is None:
        lines.append(
            "It has no administrator yet:"
            f" strongroom user create EMAIL --role admin --org {named.name}"
        )
    else:
        value["administrator"] = {"id": admin.user_id, "email": admin.email}
        lines.append(f"administrator: {admin.email} ({admin.user_id})")
    if secret is not None:
        value["administrator"]["password"] = secret
        lines.append(f"password, shown this once: {secret}")
    value["address"] = _address(settings, named.name)
    if value["address"] is None:
        value["note"] = _UNREACHABLE.format(name=named.name)
        lines.append(value["note"])
    else:
        lines.append(f"It answers at {value['address']}")
    output.result(value, *lines)


def _set(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    if options.quota is None and options.second_factor is None:
        raise CommandFailed("nothing is to be set: say --quota or --second-factor")
    with _registry(options, environment) as at:
        named = at.organizations.named(options.name)
        if options.quota is not None:
            at.quotas.set(named.id, options.quota.bytes, COMMAND_LINE)
        if options.second_factor is not None:
            by, required = operating(named.id, COMMAND_LINE), options.second_factor == REQUIRED
            at.rule.set(by, named.name, required=required)
            named = replace(named, second_factor_required=required)
        value = _described(at, named)
        (row,) = _in_words([value])
        lines = [f"{named.name}: {row['used']} used, quota {row['quota'] or 'none'}"]
        if options.second_factor is not None:
            lines.append(f"second factor: {row['second_factor']}")
        output.result(value, *lines)
    return 0


def _suspend(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with _registry(options, environment) as at:
        named = at.registrar.suspend(options.name)
        output.result(
            _described(at, named),
            f"{named.name}: suspended; within 10 seconds it answers 403, and it keeps everything",
        )
    return 0


def _resume(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with _registry(options, environment) as at:
        named = at.registrar.resume(options.name)
        output.result(_described(at, named), f"{named.name}: served again within 10 seconds")
    return 0


def _delete(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    if not options.yes:
        _ask(options.name)
    with _registry(options, environment) as at:
        if options.name == at.settings.base_organization != DEFAULT:
            raise CommandFailed(
                f"STRONGROOM_BASE_URL ({at.settings.base_url}) is the address of {options.name!r},"
                " and without it no `serve` would start: set another one first"
            )
        deleted = at.registrar.delete(options.name)
        until = time_text(deleted.until)
        output.result(
            {"name": deleted.name, "id": deleted.id, "deleted": True, "until": until},
            f"{deleted.name} ({deleted.id}): deleted; until {until}"
            f" `strongroom org restore {deleted.name} --id {deleted.id}` brings it back",
        )
    return 0


def _restore(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with _registry(options, environment) as at:
        try:
            named = at.registrar.restore(options.name, options.id)
        except SeveralDeleted as error:
            raise CommandFailed(_which(error)) from error
        except AlreadyTaken as error:
            raise CommandFailed(
                f"there is an organization {options.name!r} by now: delete that one first, with"
                f" `strongroom org delete {options.name}`; then `--id` says which is restored, as"
                " `strongroom org list --deleted` tells it"
            ) from error
        state = "restored, and suspended as it was" if named.suspended else "restored"
        output.result(_described(at, named), f"{named.name} ({named.id}): {state}")
    return 0


def _which(several: SeveralDeleted) -> str:
    told = (f"{one.id} (deleted {time_text(one.deleted)})" for one in several.deleted)
    return f"several of that name were deleted: say which with --id ID, of {', '.join(told)}"


def _ask(name: str) -> None:
    """Have a person type the name of what is to be deleted. Raises CommandFailed."""
    if not sys.stdin.isatty():
        raise CommandFailed("nobody is asked where there is no terminal: say --yes")
    sys.stderr.write(f"This deletes {name!r} with all its users, keys and files. Type its name: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() != name:
        raise CommandFailed("that is not its name: nothing was deleted")


def _described(at: _Registry, named: Named) -> dict[str, Any]:
    found = at.organizations.get(named.id)
    (balance,) = balances_of(at.metadata, Ledger(named.id))
    administrators = len(found.administrators)
    return _row(named, administrators, balance.usage, found.quota_bytes, found.created)


def _row(
    named: Named, administrators: int, usage: Usage, quota_bytes: int | None, created: datetime
) -> dict[str, Any]:
    return {
        "name": named.name,
        "id": named.id,
        "suspended": named.suspended,
        "second_factor": REQUIRED if named.second_factor_required else OPTIONAL,
        "administrators": administrators,
        "usage": usage_json(usage),
        "quota_bytes": quota_bytes,
        "created": time_text(created),
    }


def _in_words(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Organizations with what they hold, and may hold, for people."""
    return [
        {
            **row,
            "used": in_words(Usage(**row["usage"]).held),
            "quota": None if row["quota_bytes"] is None else in_words(row["quota_bytes"]),
        }
        for row in rows
    ]


def _add_quota(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--quota",
        metavar="SIZE",
        type=_quota,
        help="what all its repositories may hold together, such as 500GiB, or none",
    )


def _quota(text: str) -> Quota:
    """A quota as it is typed. Raises ArgumentTypeError."""
    if text.strip().lower() == "none":
        return Quota(None)
    try:
        return Quota(parse_size(text, MOST_QUOTA_BYTES))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _address(settings: Settings, name: str) -> str | None:
    """Where an organization answers, or None where it can't be reached."""
    if settings.domain is not None:
        return f"https://{name}.{settings.domain}"
    if name == DEFAULT:
        return settings.base_url
    return None
