"""What the commands of people, keys and subscribers share: the stores, the authority, and
finding people."""

import argparse
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.cli.output import CommandFailed
from app.compose import run_folder
from app.installation import Installation, existing
from app.repositories import Catalogue
from app.settings import read_settings
from auth.api_keys import ApiKeys
from auth.errors import Missing
from auth.factor_resets import FactorResets
from auth.invitations import Invitations
from auth.organizations import DEFAULT, Organizations
from auth.outbox import Outbox
from auth.principals import Authority, operating
from auth.rates import Rates
from auth.records import User, is_id
from auth.slow_hashes import SlowHashes
from auth.users import Users
from storage.events import Actor

#: Who history says did what a command did.
COMMAND_LINE = Actor(None, "command line", None)


@dataclass(frozen=True, slots=True)
class Office:
    """The services that manage people, and the operator's authority over an organization."""

    by: Authority
    users: Users
    invitations: Invitations
    factor_resets: FactorResets
    api_keys: ApiKeys
    catalogue: Catalogue
    installation: Installation

    def user(self, named: str) -> User:
        """A user by e-mail address, user name or id; what looks like an id is one. Raises
        CommandFailed."""
        try:
            if is_id(named):
                return self.users.get(self.by, named)
            return self.users.find(self.by, named)
        except Missing as error:
            raise CommandFailed(f"there is no user {named!r}") from error


@contextlib.contextmanager
def office(options: argparse.Namespace, environment: Mapping[str, str]) -> Iterator[Office]:
    """Open the installation for the time of a command, at the organization of `--org`."""
    with existing(read_settings(environment, {"data": options.data})) as at:
        yield _office(at, options.org)


def add_organization(parser: argparse.ArgumentParser) -> None:
    """Give a command the flag that names the organization it works in."""
    parser.add_argument(
        "--org", default=DEFAULT, metavar="NAME", help=f"the organization ({DEFAULT})"
    )


def _office(at: Installation, name: str) -> Office:
    try:
        organization = Organizations(at.recent).named(name).id
    except Missing as error:
        raise CommandFailed(f"there is no organization {name!r}") from error
    rates, outbox = Rates(at.secrets[0]), Outbox(at.sealer)
    slow_hashes = SlowHashes(run_folder(at.settings))
    users = Users(at.recent, at.journal, outbox, slow_hashes)
    return Office(
        operating(organization, COMMAND_LINE),
        users,
        Invitations(at.recent, at.journal, outbox, rates, slow_hashes),
        FactorResets(at.recent, at.journal, outbox),
        ApiKeys(at.recent, at.journal),
        Catalogue(at.recent, at.journal),
        at,
    )
