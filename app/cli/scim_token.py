"""`strongroom scim-token`: what provisioning services sign in with."""

import argparse
from collections.abc import Mapping

from app.api.scim_tokens import token_json
from app.cli.key import add_rotation, ends_after, show_made
from app.cli.output import Commands, Output, add_shared
from app.cli.people import Office, add_organization, office
from auth.key_rotation import parse_overlap
from auth.scim_tokens import ScimTokens

_COLUMNS = ("id", "name", "administrators", "expires", "created")


def add(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("scim-token", help="list, make, rotate and revoke SCIM tokens")
    verbs = parser.add_subparsers(title="what to do", metavar="VERB", required=True)

    listing = verbs.add_parser("list", help="list tokens; never their secrets")
    listing.set_defaults(run=_list)

    create = verbs.add_parser("create", help="make a token and show its secret, once")
    create.add_argument("--name", required=True, help="what the token is for")
    create.add_argument("--days", type=int, metavar="N", help="expire after N days")
    create.add_argument(
        "--administrators",
        action="store_true",
        help="let it make, change and delete administrators, too",
    )
    create.set_defaults(run=_create)

    rotate = verbs.add_parser("rotate", help="make a token's successor, and show its secret once")
    rotate.add_argument("token", help="the id of the token")
    add_rotation(rotate)
    rotate.set_defaults(run=_rotate)

    delete = verbs.add_parser("delete", help="revoke a token")
    delete.add_argument("token", help="the id of the token")
    delete.set_defaults(run=_delete)
    for verb in (listing, create, rotate, delete):
        add_organization(verb)
        add_shared(verb)


def _list(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        output.table("tokens", [token_json(one) for one in _tokens(at).list(at.by)], _COLUMNS)
    return 0


def _create(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    expires = ends_after(options.days)
    with office(options, environment) as at:
        made = _tokens(at).create(
            at.by, name=options.name, expires=expires, administrators=options.administrators
        )
        show_made(output, token_json(made.token), made.secret)
    return 0


def _rotate(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    overlap, expires = parse_overlap(options.overlap_hours), ends_after(options.days)
    with office(options, environment) as at:
        made = _tokens(at).rotate(at.by, options.token, overlap=overlap, expires=expires)
        show_made(output, token_json(made.token), made.secret)
    return 0


def _delete(options: argparse.Namespace, environment: Mapping[str, str], output: Output) -> int:
    with office(options, environment) as at:
        _tokens(at).delete(at.by, options.token)
        output.result({"id": options.token, "deleted": True}, f"{options.token} revoked")
    return 0


def _tokens(at: Office) -> ScimTokens:
    return ScimTokens(at.installation.recent, at.installation.journal)
