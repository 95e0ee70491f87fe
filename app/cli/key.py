"""`strongroom key`: API keys, from the command line of the machine."""

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from app.api.answers import key_json, keys_json
from app.api.grants import by_ids
from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.cli.people import add_organization, office

_COLUMNS = ("id", "user", "name", "expires", "created")


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("key", help="list, make and revoke API keys")
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
    create.set_defaults(run=_create)

    delete = verbs.add_parser("delete", help="revoke a key")
    delete.add_argument("key", help="the id of the key")
    delete.set_defaults(run=_delete)
    for verb in (listing, create, delete):
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
    expires = None
    if options.days is not None:
        if not 1 <= options.days <= 36_500:
            raise CommandFailed("--days is from 1 to 36500")
        expires = datetime.now(UTC) + timedelta(days=options.days)
    with office(options, environment) as at:
        given = by_ids(at.catalogue, at.by, "scope", scopes)
        made = at.api_keys.create(
            at.by,
            name=options.name,
            user_id=at.user(options.user).id,
            scopes=given.grants if scopes else None,
            repositories=given.names,
            expires=expires,
        )
        output.result(
            key_json(made.key, given.names) | {"secret": made.secret.text},
            f"{made.key.id}: made. The secret, shown this once:",
            made.secret.text,
        )
    return 0


def _delete(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        at.api_keys.delete(at.by, options.key)
        output.result({"id": options.key, "deleted": True}, f"{options.key} revoked")
    return 0


def _scope(text: str) -> tuple[str, list[str]]:
    name, _, actions = text.partition("=")
    if not name or not actions:
        raise CommandFailed(f"a scope is REPOSITORY=ACTION[,ACTION], not {text!r}")
    return name, actions.split(",")
