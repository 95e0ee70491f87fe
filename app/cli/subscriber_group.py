"""`strongroom subscriber-group`: which repositories subscribers read."""

import argparse
from collections.abc import Mapping
from typing import Any

from app.api.grants import ById
from app.api.subscriber_groups import reading, subscriber_groups_json
from app.cli.output import Commands, Output, add_shared
from app.cli.people import Office, add_organization, office
from auth.subscriber_groups import SubscriberGroups
from auth.subscriber_records import SubscriberGroup

_COLUMNS = ("id", "name", "repositories")
_READS = "a repository or pattern that its members read, such as team-*; may be repeated"


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("subscriber-group", help="list, make, change and delete them")
    verbs = parser.add_subparsers(title="what to do", metavar="VERB", required=True)

    listing = verbs.add_parser("list", help="list all subscriber groups")
    listing.set_defaults(run=_list)

    create = verbs.add_parser("create", help="make a subscriber group")
    create.add_argument("name")
    create.add_argument("--repository", action="append", default=[], metavar="NAME", help=_READS)
    create.set_defaults(run=_create)

    update = verbs.add_parser("update", help="change a subscriber group")
    update.add_argument("group", help="the id of the group")
    update.add_argument("--name")
    update.add_argument(
        "--repository", action="append", metavar="NAME", help=f"all of them: {_READS}"
    )
    update.set_defaults(run=_update)

    delete = verbs.add_parser("delete", help="delete a subscriber group; its members stay")
    delete.add_argument("group", help="the id of the group")
    delete.set_defaults(run=_delete)
    for verb in (listing, create, update, delete):
        add_organization(verb)
        add_shared(verb)


def _list(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        rows: list[dict[str, Any]] = []
        after: str | None = ""
        while after is not None:
            page = _groups(at).list(at.by, after, 1000)
            rows += subscriber_groups_json(at.catalogue, at.by.organization, page.items)
            after = page.next
        if not output.as_json:
            rows = [row | {"repositories": ",".join(row["repositories"])} for row in rows]
        output.table("groups", rows, _COLUMNS)
    return 0


def _create(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        given = reading(at.catalogue, at.by, options.repository)
        made = _groups(at).create(
            at.by, name=options.name, reads=given.grants, existing=given.names
        )
        _show(at, output, made, "made")
    return 0


def _update(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        given = ById({}, {})
        if options.repository is not None:
            given = reading(at.catalogue, at.by, options.repository)
        changed = _groups(at).update(
            at.by,
            options.group,
            name=options.name,
            reads=None if options.repository is None else given.grants,
            existing=given.names,
        )
        _show(at, output, changed, "changed")
    return 0


def _delete(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        _groups(at).delete(at.by, options.group)
        output.result({"id": options.group, "deleted": True}, f"{options.group} deleted")
    return 0


def _show(at: Office, output: Output, group: SubscriberGroup, done: str) -> None:
    (shown,) = subscriber_groups_json(at.catalogue, at.by.organization, [group])
    output.result(shown, f"{group.name} ({group.id}): {done}")


def _groups(at: Office) -> SubscriberGroups:
    return SubscriberGroups(at.installation.recent, at.installation.journal)
