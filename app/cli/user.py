"""`strongroom user`: people, from the command line of the machine."""

import argparse
from collections.abc import Mapping
from typing import Any

from app.api.answers import user_json, users_json
from app.api.hand_over import handed_json, left_open
from app.cli.granting import ACTIONS, PLACE, granted, parse_actions
from app.cli.output import Commands, Output, add_shared
from app.cli.passwords import add_password, read_password
from app.cli.people import Office, add_organization, office
from auth.hand_over import HandOvers
from auth.principals import Role, names_of
from auth.records import User
from auth.user_changes import UserChanges

_COLUMNS = ("id", "email", "name", "role", "active")
_WHO = "e-mail address, user name or id"


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
    how = create.add_mutually_exclusive_group()
    add_password(how)
    how.add_argument(
        "--invite", action="store_true", help="mail the user a link to set a password by (7 days)"
    )
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

    invite = verbs.add_parser(
        "invite",
        help="mail a user without a password a link to set one by (7 days)",
        description="Mail a user who has no password a link to set one by. It is good for 7 days;"
        " one that was sent before is good no longer.",
    )
    invite.add_argument("user", help=_WHO)
    invite.set_defaults(run=_invite)

    factor = verbs.add_parser("second-factor", help="take away the second factor of a user")
    factor_verbs = factor.add_subparsers(title="what to do", metavar="VERB", required=True)
    reset = factor_verbs.add_parser(
        "reset",
        help="for a user who lost his device",
        description="Take away the second factor of a user who lost his device: his password opens"
        " by itself again, and his sessions end. Make sure that it is he who asks.",
    )
    reset.add_argument("user", help=_WHO)
    reset.set_defaults(run=_second_factor)

    grant = verbs.add_parser(
        "grant",
        help="set what a user may do in a repository",
        description="Set what a user may do in one repository; what was granted there is replaced.",
    )
    grant.add_argument("user", help=_WHO)
    grant.add_argument("repository", help=PLACE)
    grant.add_argument("actions", nargs="*", help=ACTIONS)
    grant.set_defaults(run=_grant)

    hand_over = verbs.add_parser("hand-over", help="give a user's keys to another")
    hand_over.add_argument("user", help=_WHO)
    hand_over.add_argument("to", help=f"whose they will be: {_WHO}")
    hand_over.set_defaults(run=_hand_over)

    delete = verbs.add_parser("delete", help="delete a user with all keys, at once")
    delete.add_argument("user", help=_WHO)
    delete.set_defaults(run=_delete)
    for verb in (listing, create, update, password, invite, reset, grant, hand_over, delete):
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
    password, made = (None, False) if options.invite else read_password(options)
    with office(options, environment) as at:
        user = at.users.create(
            at.by,
            email=options.email,
            name=options.name or options.email.partition("@")[0],
            role=options.role,
            password=password,
            invite=options.invite,
        )
        done = "made and invited" if options.invite else "made"
        _show(at, user, output, done, {"password": password} if made else {})
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


def _invite(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        user = at.invitations.invite(at.by, at.user(options.user).id)
        _show(at, user, output, "invited", {})
    return 0


def _second_factor(
    options: argparse.Namespace, environment: Mapping[str, str], output: Output
) -> int:
    with office(options, environment) as at:
        user = at.user(options.user)
        at.factor_resets.reset(at.by, user.id)
        _show(at, at.users.get(at.by, user.id), output, "second factor taken away", {})
    return 0


def _grant(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    wanted = parse_actions(options.actions)
    with office(options, environment) as at:
        user = at.user(options.user)
        given = granted(at, user.permissions, options.repository, wanted)
        changed = at.users.set_permissions(at.by, user.id, given.grants, given.names)
        _show(at, changed, output, "granted", {})
    return 0


def _hand_over(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        old, new = at.user(options.user), at.user(options.to)
        recent, org = at.installation.recent, at.by.organization
        handed = HandOvers(recent, at.installation.journal).hand_over(at.by, old.id, new.id)
        shown = {
            "keys": handed_json(at.catalogue, org, handed),
            **left_open(recent, at.catalogue, org, old.id),
        }
        lines = [f"{len(handed)} keys of {old.called} are {new.called}'s"]
        lines += [
            f"{one.key.id} ({one.key.name}): narrowed, it may do less than before"
            for one in handed
            if one.narrowed
        ]
        lines += [f"upload that is not complete: {path}" for path in map(_place, shown["uploads"])]
        lines += [f"job that has not ended: {job}" for job in shown["jobs"]]
        output.result(shown, *lines)
    return 0


def _place(upload: Mapping[str, str]) -> str:
    return f"{upload['repository']}/{upload['path']}"


def _delete(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        user = at.user(options.user)
        at.users.delete(at.by, user.id)
        output.result({"id": user.id, "deleted": True}, f"{user.called} deleted")
    return 0


def _show(at: Office, user: User, output: Output, done: str, secret: Mapping[str, Any]) -> None:
    names = at.catalogue.names(at.by.organization, names_of([user.permissions]))
    described = user_json(user, names) | dict(secret)
    lines = [f"{user.called} ({user.role.value}, {user.id}): {done}"]
    lines += [f"password, shown this once: {text}" for text in secret.values()]
    output.result(described, *lines)
