"""`strongroom key`: API keys, from the command line of the machine."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from app.api.answers import key_json, keys_json
from app.api.grants import by_ids
from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.cli.people import add_organization, office
from auth.credentials import ApiKeySecret
from auth.key_rotation import KeyRotation, parse_overlap

_COLUMNS = ("id", "user", "owner", "name", "expires", "last_used", "created")
_DAYS_MOST = 36_500


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("key", help="list, make, rotate and revoke API keys")
    verbs = parser.add_subparsers(title="what to do", metavar="VERB", required=True)

    listing = verbs.add_parser("list", help="list keys; never their secrets")
    listing.add_argument("--user", help="e-mail address or id; without it, everyone's")
    listing.set_defaults(run=_list)

    create = verbs.add_parser("create", help="make a key and show its secret, once")
    create.add_argument("user", help="whose key: e-mail address or id")
    create.add_argument("--name", required=True, help="what the key is for")
    create.add_argument(
        "--scope",
        action="append",
        default=[],
        metavar="REPOSITORY=ACTION[,ACTION]",
        help="only this, such as files=read,write; may be repeated",
    )
    create.add_argument("--days", type=int, metavar="N", help="expire after N days")
    create.add_argument(
        "--renewable",
        action="store_true",
        help="what it makes of itself by rotation may outlive it",
    )
    create.set_defaults(run=_create)

    update = verbs.add_parser("update", help="rename a key")
    update.add_argument("key", help="the id of the key")
    update.add_argument("--name", required=True)
    update.set_defaults(run=_update)

    rotate = verbs.add_parser("rotate", help="make a key's successor, and show its secret once")
    rotate.add_argument("key", help="the id of the key")
    add_rotation(rotate)
    rotate.set_defaults(run=_rotate)

    delete = verbs.add_parser("delete", help="revoke a key")
    delete.add_argument("key", help="the id of the key")
    delete.set_defaults(run=_delete)
    for verb in (listing, create, update, rotate, delete):
        add_organization(verb)
        add_shared(verb)


def _list(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        user = at.user(options.user).id if options.user else None
        rows, after = [], ""
        while True:
            page = at.api_keys.list(at.by, user, after, 1000)
            rows += keys_json(at.catalogue, at.by.organization, page.items)
            if page.next is None:
                break
            after = page.next
        output.table("keys", rows, _COLUMNS)
    return 0


def _create(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    scopes = dict(_scope(text) for text in options.scope)
    expires = ends_after(options.days)
    with office(options, environment) as at:
        given = by_ids(at.catalogue, at.by, "scope", scopes)
        owner = at.user(options.user)
        if not owner.active:
            raise CommandFailed(
                f"{options.user} is disabled, so no key of his would be good: enable him first"
                f" (strongroom user update {options.user} --enable)"
            )
        made = at.api_keys.create(
            at.by,
            name=options.name,
            user_id=owner.id,
            scopes=given.grants if scopes else None,
            repositories=given.names,
            expires=expires,
            renewable=options.renewable,
        )
        show_made(output, key_json(made.key, given.names), made.secret)
    return 0


def _update(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        changed = at.api_keys.change(at.by, options.key, name=options.name)
        (shown,) = keys_json(at.catalogue, at.by.organization, [changed])
        output.result(shown, f"{changed.id}: renamed")
    return 0


def _rotate(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    overlap, expires = parse_overlap(options.overlap_hours), ends_after(options.days)
    with office(options, environment) as at:
        rotation = KeyRotation(at.installation.recent, at.installation.journal)
        made = rotation.rotate(at.by, options.key, overlap=overlap, expires=expires)
        (shown,) = keys_json(at.catalogue, at.by.organization, [made.key])
        show_made(output, shown, made.secret)
    return 0


def _delete(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        at.api_keys.delete(at.by, options.key)
        output.result({"id": options.key, "deleted": True}, f"{options.key} revoked")
    return 0


def add_rotation(parser: argparse.ArgumentParser) -> None:
    """Give a command the flags of a rotation."""
    parser.add_argument(
        "--overlap-hours", type=int, metavar="N", help="how long the old secret stays good (24)"
    )
    parser.add_argument(
        "--days", type=int, metavar="N", help="expire after N days; else as the old one would"
    )


def ends_after(days: int | None) -> datetime | None:
    """When something ends that is made now, by `--days`. Raises CommandFailed."""
    if days is None:
        return None
    if not 1 <= days <= _DAYS_MOST:
        raise CommandFailed(f"--days is from 1 to {_DAYS_MOST}")
    return datetime.now(UTC) + timedelta(days=days)


def show_made(output: Output, shown: Mapping[str, Any], secret: ApiKeySecret) -> None:
    """Print what was made, with its secret."""
    output.result(
        {**shown, "secret": secret.text},
        f"{shown['id']}: made. The secret, shown this once:",
        secret.text,
    )


def _scope(text: str) -> tuple[str, list[str]]:
    name, _, actions = text.partition("=")
    if not name or not actions:
        raise CommandFailed(f"a scope is REPOSITORY=ACTION[,ACTION], not {text!r}")
    return name, actions.split(",")
