"""`strongroom group`: groups of users, from the command line of the machine."""

import argparse
from collections.abc import Mapping, Sequence

from app.api.groups import groups_json
from app.cli.granting import ACTIONS, PLACE, granted, parse_actions
from app.cli.output import CommandFailed, Commands, Output, add_shared
from app.cli.people import Office, add_organization, office
from auth.errors import Missing
from auth.groups import Groups
from auth.memberships import Memberships
from auth.records import Group

_WHICH = "name or id"
_COLUMNS = ("id", "name", "created")
_OF_MEMBERS = ("id", "email", "name")


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("group", help="list, make, change and delete groups of users")
    verbs = parser.add_subparsers(title="what to do", metavar="VERB", required=True)

    listing = verbs.add_parser("list", help="list all groups")
    listing.set_defaults(run=_list)

    create = verbs.add_parser("create", help="make a group")
    create.add_argument("name")
    create.set_defaults(run=_create)

    grant = verbs.add_parser("grant", help="set what members may do in a repository")
    grant.add_argument("group", help=_WHICH)
    grant.add_argument("repository", help=PLACE)
    grant.add_argument("actions", nargs="*", help=ACTIONS)
    grant.set_defaults(run=_grant)

    members = verbs.add_parser("members", help="list who is in a group")
    members.add_argument("group", help=_WHICH)
    members.set_defaults(run=_members)

    adding = verbs.add_parser("add", help="add users to a group")
    removing = verbs.add_parser("remove", help="take users out of a group")
    for verb, run in ((adding, _add), (removing, _remove)):
        verb.add_argument("group", help=_WHICH)
        verb.add_argument("users", nargs="+", metavar="user", help="e-mail addresses or ids")
        verb.set_defaults(run=run)

    delete = verbs.add_parser("delete", help="delete a group, with what it grants, at once")
    delete.add_argument("group", help=_WHICH)
    delete.set_defaults(run=_delete)
    for verb in (listing, create, grant, members, adding, removing, delete):
        add_organization(verb)
        add_shared(verb)


def _list(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        rows, after = [], ""
        while True:
            page = _groups(at).list(at.by, after, 1000)
            rows += groups_json(at.catalogue, at.by.organization, page.items)
            if page.next is None:
                break
            after = page.next
        output.table("groups", rows, _COLUMNS)
    return 0


def _create(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        _show(at, _groups(at).create(at.by, name=options.name), output, "made")
    return 0


def _grant(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    wanted = parse_actions(options.actions)
    with office(options, environment) as at:
        group = _found(at, options.group)
        given = granted(at, group.permissions, options.repository, wanted)
        changed = _groups(at).set_permissions(at.by, group.id, given.grants, given.names)
        _show(at, changed, output, "granted")
    return 0


def _members(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        group, rows, after = _found(at, options.group), [], ""
        while True:
            page = _memberships(at).list(at.by, group.id, after, 1000)
            rows += [{"id": one.id, "email": one.email, "name": one.name} for one in page.items]
            if page.next is None:
                break
            after = page.next
        output.table("members", rows, _OF_MEMBERS)
    return 0


def _add(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        return _change(at, options.group, options.users, (), output)


def _remove(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        return _change(at, options.group, (), options.users, output)


def _change(
    at: Office, named: str, add: Sequence[str], remove: Sequence[str], output: Output
) -> int:
    group = _found(at, named)
    coming, going = ([at.user(one).id for one in some] for some in (add, remove))
    changed = _memberships(at).change(at.by, group.id, coming, going)
    counts = {"added": len(changed.added), "removed": len(changed.removed)}
    told = f"{group.name} ({group.id}): {counts['added']} added, {counts['removed']} removed"
    output.result({"id": group.id, **counts}, told)
    return 0


def _delete(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        group = _found(at, options.group)
        _groups(at).delete(at.by, group.id)
        output.result({"id": group.id, "deleted": True}, f"{group.name} deleted")
    return 0


def _groups(at: Office) -> Groups:
    return Groups(at.installation.recent, at.installation.journal)


def _memberships(at: Office) -> Memberships:
    return Memberships(at.installation.recent, at.installation.journal)


def _found(at: Office, named: str) -> Group:
    """A group by id or name: a name that looks like an id is found as well. Raises
    CommandFailed."""
    for find in (_groups(at).get, _groups(at).find):
        try:
            return find(at.by, named)
        except Missing:
            continue
    raise CommandFailed(f"there is no group {named!r}")


def _show(at: Office, group: Group, output: Output, done: str) -> None:
    (shown,) = groups_json(at.catalogue, at.by.organization, [group])
    output.result(shown, f"{group.name} ({group.id}): {done}")
