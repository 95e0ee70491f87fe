"""`strongroom subscriber`: who reads from outside an organization what it distributes."""

import argparse
from collections.abc import Mapping
from typing import Any

from app.api.answers import keys_json
from app.api.subscribers import subscriber_json, subscribers_json
from app.cli.key import ends_after, show_made
from app.cli.output import Commands, Output, add_shared
from app.cli.people import Office, add_organization, office
from app.distribution import SubscriberUsage, parse_days
from auth.subscriber_records import Subscriber, SubscriberChanges
from auth.subscribers import Subscribers

_COLUMNS = ("id", "name", "contact", "active", "expires")
_USAGE = ("day", "repository", "downloads", "bytes")
_WHO = "the id of the subscriber"
_GROUPS = "the id of a subscriber group; may be repeated"


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("subscriber", help="list, make, change and delete subscribers")
    verbs = parser.add_subparsers(title="what to do", metavar="VERB", required=True)

    listing = verbs.add_parser("list", help="list all subscribers")
    listing.set_defaults(run=_list)

    create = verbs.add_parser("create", help="make a subscriber")
    create.add_argument("name")
    create.add_argument("--contact", metavar="EMAIL")
    create.add_argument("--group", action="append", default=[], metavar="GROUP", help=_GROUPS)
    create.add_argument("--days", type=int, metavar="N", help="end after N days")
    create.set_defaults(run=_create)

    update = verbs.add_parser("update", help="change a subscriber")
    update.add_argument("subscriber", help=_WHO)
    update.add_argument("--name")
    update.add_argument("--contact", metavar="EMAIL")
    update.add_argument("--group", action="append", metavar="GROUP", help=f"all of them: {_GROUPS}")
    update.add_argument("--days", type=int, metavar="N", help="end after N days from now")
    state = update.add_mutually_exclusive_group()
    state.add_argument("--enable", action="store_const", const=True, dest="active")
    state.add_argument("--disable", action="store_const", const=False, dest="active")
    update.set_defaults(run=_update)

    key = verbs.add_parser("key", help="make an access key and show its secret, once")
    key.add_argument("subscriber", help=_WHO)
    key.add_argument("--name", required=True, help="what the key is for")
    key.add_argument("--days", type=int, metavar="N", help="expire after N days")
    key.set_defaults(run=_key)

    usage = verbs.add_parser("usage", help="what a subscriber downloaded, by day and repository")
    usage.add_argument("subscriber", help=_WHO)
    usage.add_argument("--since", metavar="DAY", help="such as 2026-01-31; 29 days before the last")
    usage.add_argument("--until", metavar="DAY", help="the last day; today")
    usage.set_defaults(run=_usage)

    delete = verbs.add_parser("delete", help="delete a subscriber with all keys, at once")
    delete.add_argument("subscriber", help=_WHO)
    delete.set_defaults(run=_delete)
    for verb in (listing, create, update, key, usage, delete):
        add_organization(verb)
        add_shared(verb)


def _list(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        rows: list[dict[str, Any]] = []
        after: str | None = ""
        while after is not None:
            page = _subscribers(at).list(at.by, after, 1000)
            rows += subscribers_json(page.items)
            after = page.next
        output.table("subscribers", rows, _COLUMNS)
    return 0


def _create(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    expires = ends_after(options.days)
    with office(options, environment) as at:
        made = _subscribers(at).create(
            at.by,
            name=options.name,
            contact=options.contact,
            groups=options.group,
            expires=expires,
        )
        _show(output, made, "made")
    return 0


def _update(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    changes = SubscriberChanges(
        name=options.name,
        contact=options.contact,
        active=options.active,
        groups=options.group,
        expires=ends_after(options.days),
    )
    with office(options, environment) as at:
        _show(output, _subscribers(at).update(at.by, options.subscriber, changes), "changed")
    return 0


def _key(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    expires = ends_after(options.days)
    with office(options, environment) as at:
        made = at.api_keys.create(
            at.by,
            name=options.name,
            user_id=_subscribers(at).get(at.by, options.subscriber).id,
            expires=expires,
            owner="subscriber",
        )
        (shown,) = keys_json(at.catalogue, at.by.organization, [made.key])
        show_made(output, shown, made.secret)
    return 0


def _usage(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        usage, org = SubscriberUsage(at.installation.recent), at.by.organization
        days = parse_days(options.since, options.until, usage.today())
        one = _subscribers(at).get(at.by, options.subscriber)
        found = list(usage.all_of(org, one.id, days))
        names = at.catalogue.names(org, [each.repository for each in found])
        rows = [
            {
                "day": each.day.isoformat(),
                "repository": names.get(each.repository),
                "downloads": each.downloads,
                "bytes": each.bytes,
            }
            for each in found
        ]
        output.table("usage", rows, _USAGE)
    return 0


def _delete(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        _subscribers(at).delete(at.by, options.subscriber)
        output.result({"id": options.subscriber, "deleted": True}, f"{options.subscriber} deleted")
    return 0


def _show(output: Output, subscriber: Subscriber, done: str) -> None:
    output.result(subscriber_json(subscriber), f"{subscriber.name} ({subscriber.id}): {done}")


def _subscribers(at: Office) -> Subscribers:
    return Subscribers(at.installation.recent, at.installation.journal)
