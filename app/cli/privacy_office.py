"""What the verbs of `strongroom privacy` share: the stores, an organization, and finding people."""

import argparse
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from app.cli.output import CommandFailed
from app.cli.walked import Bar
from app.installation import Installation, existing
from app.privacy import (
    Erasure,
    Person,
    Request,
    Requests,
    Several,
    State,
    find_deleted,
    find_person,
)
from app.privacy.walk import Told, silent
from app.settings import read_settings
from auth.errors import Missing
from auth.organizations import Organizations


@dataclass(frozen=True, slots=True)
class PrivacyOffice:
    """What the verbs work with, in one organization."""

    installation: Installation
    organization: str
    name: str
    requests: Requests
    erasure: Erasure

    def person(self, named: str) -> Person:
        """Whom the command is about. Raises CommandFailed."""
        try:
            return find_person(self.installation.metadata, self.organization, named)
        except Missing as error:
            raise CommandFailed(
                f"there is no user or subscriber {named!r} in {self.name!r}; who is being erased,"
                " or was, is named by his id: see `strongroom privacy list`"
            ) from error
        except Several as error:
            raise CommandFailed(f"{error}; `strongroom user list` and others tell them") from error

    def known(self, named: str, told: Told = silent, *, deleted: bool | None = None) -> Person:
        """The same, where anything is held or noted about him, or history knows that he was
        deleted: it is looked through for him. With `deleted` the caller says so; None where a
        verb has no flag for that."""
        person = self.person(named)
        if person.is_there:
            return person
        noted = self.requests.of(self.organization, person.id)
        if noted:
            return replace(person, kind=noted[0].kind)
        if deleted:
            return person
        found = find_deleted(self.installation, self.organization, person.id, told)
        if found is None:
            flag = "" if deleted is None else "; where that is too long ago for it, say --deleted"
            raise CommandFailed(
                f"there is no user or subscriber {named!r} in {self.name!r}, and history tells of"
                f" none who was deleted{flag}"
            )
        return found


@contextlib.contextmanager
def opened(options: argparse.Namespace, environment: Mapping[str, str]) -> Iterator[PrivacyOffice]:
    """Open the installation at the organization of `--org`, for the time of a command."""
    with existing(read_settings(environment, {"data": options.data})) as at:
        try:
            organization = Organizations(at.recent).named(options.org)
        except Missing as error:
            raise CommandFailed(f"there is no organization {options.org!r}") from error
        requests = Requests(at.metadata, at.journal)
        yield PrivacyOffice(at, organization.id, organization.name, requests, Erasure(at))


@contextlib.contextmanager
def bar(environment: Mapping[str, str]) -> Iterator[Bar]:
    """A bar that shows how far a walk is, for the time of it."""
    drawn = Bar(environment)
    try:
        yield drawn
    finally:
        drawn.close()


def pending(at: PrivacyOffice, person: Person) -> Request | None:
    """The request of a person that is not done yet, the one that is due first."""
    found = at.requests.of(at.organization, person.id)
    return next((request for request in found if request.state is not State.DONE), None)
