"""`strongroom user`: people, from the command line of the machine."""

import argparse
from collections.abc import Mapping
from typing import Any

from app.api.answers import user_json, users_json
from app.api.grants import by_ids
from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.cli.passwords import add_password, read_password
from app.cli.people import Office, add_organization, office
from auth.principals import Action, Role
from auth.records import User
from auth.user_changes import UserChanges

_COLUMNS = ("id", "email", "name", "role", "active")
_WHO = "e-mail address or id"


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("user", help="list, make, change and delete users")
    verbs = parser.add_subparsers(title="what to do", metavar="VERB", required=True)

    listing = verbs.add_parser("list", help="list all users")
    listing.set_defaults(run=_list)

    create = verbs.add_parser("create", help="make a user")
    create.add_argument("email")
    create.add_argument(
        "--role",
        choices=[role.value for role in Role],
        default="developer",
        help="developer, if not given",
    )
    create.add_argument("--name", help="the part of the address before the @, if not given")
    add_password(create)
    create.set_defaults(run=_create)

    update = verbs.add_parser("update", help="change a user")
    update.add_argument("user", help=_WHO)
    update.add_argument("--email")
    update.add_argument("--name")
    update.add_argument("--role", choices=[role.value for role in Role])
    state = update.add_mutually_exclusive_group()
    state.add_argument("--enable", action="store_const", const=True, dest="active")
    state.add_argument("--disable", action="store_const", const=False, dest="active")
    update.set_defaults(run=_update)

    password = verbs.add_parser("password", help="set a user's password")
    password.add_argument("user", help=_WHO)
    add_password(password)
    password.set_defaults(run=_password)

    grant = verbs.add_parser(
        "grant",
        help="set what a user may do in a repository",
        description="Set what a user may do in one repository; what was granted there is replaced.",
    )
    grant.add_argument("user", help=_WHO)
    grant.add_argument("repository")
    grant.add_argument(
        "actions",
        nargs="*",
        help="read, write, delete, with spaces or commas; none takes the grant away",
    )
    grant.set_defaults(run=_grant)

    delete = verbs.add_parser("delete", help="delete a user with all keys, at once")
    delete.add_argument("user", help=_WHO)
    delete.set_defaults(run=_delete)
    for verb in (listing, create, update, password, grant, delete):
        add_organization(verb)
        add_shared(verb)


def _list(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        rows, after = [], ""
        while True:
            page = at.users.list(at.by, after, 1000)
            rows += users_json(at.catalogue, at.by.organization, page.items)
            if page.next is None:
                break
            after = page.next
        output.table("users", rows, _COLUMNS)
    return 0


def _create(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    password, made = read_password(options)
    with office(options, environment) as at:
        name = options.name or options.email.partition("@")[0]
        user = at.users.create(
            at.by, email=options.email, name=name, role=options.role, password=password
        )
        _show(at, user, output, "made", {"password": password} if made else {})
    return 0


def _update(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        changes = UserChanges(
            email=options.email, name=options.name, role=options.role, active=options.active
        )
        _show(at, at.users.update(at.by, at.user(options.user).id, changes), output, "changed", {})
    return 0


def _password(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    password, made = read_password(options)
    with office(options, environment) as at:
        user = at.users.update(at.by, at.user(options.user).id, UserChanges(password=password))
        _show(at, user, output, "password set", {"password": password} if made else {})
    return 0


def _grant(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    wanted = [action for text in options.actions for action in text.split(",")]
    for action in wanted:
        if action not in [known.value for known in Action]:
            raise CommandFailed(f"there is no action {action!r}: read, write or delete")
    with office(options, environment) as at:
        user = at.user(options.user)
        names = at.catalogue.names(at.by.organization, user.permissions)
        given = {
            names[repository]: [action.value for action in actions]
            for repository, actions in user.permissions.items()
            if repository in names
        }
        given[options.repository] = wanted
        found = by_ids(at.catalogue, at.by, "repository", given)  # that one has to be there
        grants = {repository: actions for repository, actions in found.grants.items() if actions}
        changed = at.users.set_permissions(at.by, user.id, grants, found.names)
        _show(at, changed, output, "granted", {})
    return 0


def _delete(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        user = at.user(options.user)
        at.users.delete(at.by, user.id)
        output.result({"id": user.id, "deleted": True}, f"{user.email} deleted")
    return 0


def _show(at: Office, user: User, output: Output, done: str, secret: Mapping[str, Any]) -> None:
    names = at.catalogue.names(at.by.organization, user.permissions)
    described = user_json(user, names) | dict(secret)
    lines = [f"{user.email} ({user.role.value}, {user.id}): {done}"]
    lines += [f"password, shown this once: {text}" for text in secret.values()]
    output.result(described, *lines)
