"""Groups over whatever store: many users at once, a process that is killed, and all who read."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.left_members import LeftMembers
from auth import ApiKeys, Authenticator, Authority, Rates, SlowHashes, Standing, VerifiedPasswords
from auth.bootstrap import prepare
from auth.credentials import ApiKeySecret
from auth.first_administrator import Wanted
from auth.groups import Groups
from auth.left_memberships import LeftMemberships
from auth.membership_entries import entries_of, read_member
from auth.memberships import Memberships
from auth.passwords import CHEAP
from auth.principals import Action, Principal, Rights, Role, Site, operating
from auth.provisioned_groups import ProvisionedGroups
from auth.records import Group, new_id, read_user, time_text
from storage import keys
from storage.events import SYSTEM, Journal
from storage.metadata import Metadata, Operation, Put, Record
from storage.metadata.engine import Engine
from storage.metadata.recent import Recent
from tests.auth.installation import ADDRESS, ADMIN_EMAIL, ADMIN_PASSWORD, SECRET
from tests.faults.metadata import Fault, Faults, passes

REPO = Site("repo", "team-files")
#: After what time whatever was left behind may be ended by others.
LATER = timedelta(minutes=6)

#: A change of 120: of 60 who go and 60 who come. Three commits stage it, one decides, three settle.
HALF = 60
STAGED, COMMITS = 3, 7


class Killed(BaseException):
    """The process is no more: nothing that it still does reaches the store."""


class Office:
    """What one process holds over a store that others hold as well.

    `commits` counts what it has written. `between` is called before each commit, with the number
    of those before it.
    """

    def __init__(self, engine: Engine, data: Path, organization: str | None = None) -> None:
        self._raw, self._data = engine, data
        self.engine = Faults(engine, self._fate)
        self.metadata = Metadata(self.engine, clock=self.now)
        self.journal, self.recent = Journal(SECRET), Recent(self.metadata)
        self.between: Callable[[int], None] = lambda _: None
        self.commits = 0
        self._left: int | None = None
        self.naps: list[float] = []
        if organization is None:
            wanted = Wanted(ADMIN_EMAIL, ADMIN_PASSWORD)
            organization = prepare(
                self.metadata, self.journal, wanted, parameters=CHEAP, clock=self.now
            ).organization
        self.organization = organization
        self.by = operating(organization, SYSTEM)
        self.groups = Groups(self.recent, self.journal, self.now)
        # Pauses are noted alone, so that no test waits for what does not come.
        self.members = Memberships(self.recent, self.journal, self.now, self.naps.append)
        self.provisioned = ProvisionedGroups(self.recent, self.journal, self.now, self.naps.append)
        self.left = LeftMemberships(self.recent, self.journal, self.now)
        self._authenticator = Authenticator(
            self.recent,
            self.journal,
            SlowHashes(data / "run", slots=1),
            Rates(SECRET),
            VerifiedPasswords(),
            CHEAP,
            self.now,
        )

    def now(self) -> datetime:
        return datetime.now(UTC) + self.engine.skew

    def another(self, later: timedelta = timedelta()) -> "Office":
        """Another process on the same store, at the same time or later."""
        office = Office(self._raw, self._data, self.organization)
        office.engine.skew = self.engine.skew + later
        return office

    def token(self, organization: str | None = None) -> Authority:
        """The authority of a provisioning service."""
        org = organization or self.organization
        principal = Principal(org, "t" * 16, Role.READER, Rights(), "key", "t" * 16, kind="scim")
        return principal.acting("request", ADDRESS, "a service")

    def users(self, count: int) -> list[str]:
        """The ids of new users, in order."""
        ids = sorted(new_id() for _ in range(count))
        now = time_text(self.now())
        puts = [
            Put(
                keys.user(self.organization, one),
                {
                    "id": one,
                    "email": f"{one}@example.org",
                    "name": "Somebody",
                    "role": "developer",
                    "password": None,
                    "active": True,
                    "permissions": {},
                    "created": now,
                    "updated": now,
                },
            )
            for one in ids
        ]
        self._put(puts)
        return ids

    def group(self, members: Collection[str] = (), name: str = "Builders") -> Group:
        """A group that reads a repository."""
        made = self.groups.create(
            self.by, name=name, permissions={"repo": ["read"]}, repositories=["repo"]
        )
        if members:
            self.members.replace(self.by, made.id, members)
        return self.groups.get(self.by, made.id)

    def key_of(self, user_id: str) -> ApiKeySecret:
        made = ApiKeys(self.recent, self.journal, self.now)
        return made.create(self.by, name="key", user_id=user_id).secret

    def may_read(self, secret: ApiKeySecret) -> bool:
        """As a request with that key finds it: identify, one get, confirm."""
        standing = Standing(self.organization, keys.organization_by_name("default"))
        claim = self._authenticator.identify(standing, secret, ADDRESS)
        principal = claim.confirm(self.recent.remembering(*claim.needs()))
        return principal.may(REPO, Action.READ)

    def seen(self, group_id: str, users: Sequence[str]) -> set[str]:
        """Who is in a group, as everybody finds it who may ask."""
        listed = set(self.provisioned.members(self.by, group_id)[1])
        shown: set[str] = set()
        after: str | None = ""
        while after is not None:
            page = self.members.list(self.by, group_id, after, limit=70)
            shown.update(user.id for user in page.items)
            after = page.next
        own = self.of_users(users)
        assert shown == listed
        assert {one for one in users if group_id in own[one]} == listed & set(users)
        return listed

    def of_users(self, users: Sequence[str]) -> dict[str, set[str]]:
        """The ids of the groups that users are in, as their own pages have it."""
        found = [read_user(record) for record in self.records(users)]
        held = self.groups.of_users(self.organization, found)
        return {one: {group.id for group in groups} for one, groups in held.items()}

    def records(self, users: Sequence[str]) -> list[Record]:
        found: dict[Any, Record] = {}
        wanted = [keys.user(self.organization, one) for one in users]
        for start in range(0, len(wanted), 100):
            found |= self.recent.get(*wanted[start : start + 100])
        return list(found.values())

    def is_tidy(self, group_id: str, users: Sequence[str]) -> bool:
        """Whether no change is under way or has left anything, and both sides say the same."""
        beside = {
            record.key.sort: read_member(group_id, record)
            for record in self.recent.query_all(keys.members(self.organization, group_id))
        }
        own = {
            record.key.sort: entry
            for record in self.records(users)
            if (entry := entries_of(record).get(group_id)) is not None
        }
        change = keys.member_change(self.organization, group_id)
        plain = all(entry.change is None for entry in own.values())
        return beside == own and plain and change not in self.recent.get(change)

    def work(self) -> None:
        """What the worker does in each round of the feed."""
        LeftMembers(self.recent, self.journal).take(self.organization, ())

    def events(self, action: str) -> list[dict[str, Any]]:
        """The details of the events of an action."""
        found = []
        for hour in (self.now() - timedelta(hours=1), self.now()):
            for stripe in "0123456789abcdef":
                partition = keys.events(self.organization, hour, stripe)
                found += list(self.recent.query_all(partition))
        return [one.value["details"] for one in found if one.value["action"] == action]

    @contextmanager
    def killed_after(self, commits: int) -> Iterator[None]:
        """Within it so many commits go through, and then the process is killed."""
        self._left = commits
        with suppress(Killed):
            yield

    def _fate(self, name: str) -> Fault:
        return self._fatal if name == "transact" else passes

    def _fatal(self, call: Callable[[], Any]) -> Any:
        self.between(self.commits)
        if self._left is not None:
            if self._left == 0:
                raise Killed
            self._left -= 1
        self.commits += 1
        return call()

    def _put(self, puts: Sequence[Operation]) -> None:
        for start in range(0, len(puts), 90):
            self.recent.commit(*puts[start : start + 90])


def human(office: Office, role: Role) -> Authority:
    """The authority of somebody with a role, who signed in with a password."""
    return Principal(office.organization, "u" * 16, role, Rights(), "password").acting("request")


def half(office: Office) -> tuple[str, list[str], list[str]]:
    """A group, who is in it, and who is to be in it instead."""
    users = office.users(2 * HALF)
    before, after = users[::2], users[1::2]  # so that each commit is about both
    return office.group(before).id, before, after
