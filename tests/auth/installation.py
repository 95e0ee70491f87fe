"""An installation to test with: a store in a file, a clock, and processes that share them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from auth import (
    ApiKeys,
    Authenticator,
    Authority,
    Credentials,
    Organizations,
    Principal,
    Rates,
    Role,
    SlowHashes,
    Standing,
    User,
    Users,
    VerifiedPasswords,
    operating,
)
from auth.bootstrap import prepare
from auth.first_administrator import Wanted
from auth.invitations import Invitations
from auth.outbox import Letter, Outbox, read_mail
from auth.passwords import CHEAP, Parameters
from auth.provisioned_users import ProvisionedUsers
from auth.resets import Resets
from auth.sealing import Sealer
from storage import keys
from storage.events import SYSTEM, Journal
from storage.metadata import Add, Key, Metadata, Operation, Page, Put, Record, ScanPage, records
from storage.metadata.engine import Engine
from storage.metadata.recent import Recent
from storage.metadata.sqlite import SqliteEngine

SECRET = b"a secret of the installation"
ADDRESS = "192.0.2.1"
ELSEWHERE = "198.51.100.7"
ADMIN_EMAIL = "admin@example.org"
ADMIN_PASSWORD = "an administrator's password"
PASSWORD = "correct horse battery"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def pass_by(self, **duration: float) -> None:
        self.at += timedelta(**duration)


class Counted:
    """An engine that counts its calls, and notes what each is about: `shapes`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.reads = 0
        self.writes = 0
        self.shapes: list[tuple[str, ...]] = []

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Record]:
        self.reads += 1
        self.shapes.append(("get", *sorted(map(_family, keys))))
        return self._engine.get(keys)

    def query(self, partition: str, prefix: str, after: str, limit: int) -> Page:
        self.reads += 1
        return self._engine.query(partition, prefix, after, limit)

    def count(self, partition: str, prefix: str, after: str, limit: int) -> records.Counted:
        self.reads += 1
        return self._engine.count(partition, prefix, after, limit)

    def scan(self, segment: int, segments: int, after: str, limit: int) -> ScanPage:
        return self._engine.scan(segment, segments, after, limit)

    def transact(self, operations: Sequence[Operation], fresh: int, token: str) -> None:
        self.writes += 1
        self.shapes.append(("transact", *sorted(map(_shape, operations))))
        self._engine.transact(operations, fresh, token)

    def prepare(self) -> None:
        self._engine.prepare()

    def check(self) -> None:
        self._engine.check()

    def sweep(self, limit: int) -> int:
        return self._engine.sweep(limit)

    def now(self) -> datetime:
        return self._engine.now()

    def close(self) -> None:
        self._engine.close()


def _family(key: Key) -> str:
    """What a key is one of: its partition without ids."""
    return key.partition.split("#")[1]


def _shape(operation: Operation) -> str:
    """An operation without whose it is."""
    condition = ""
    if not isinstance(operation, Add):
        condition = " at" if operation.at is not None else ""
    if isinstance(operation, Put) and operation.absent:
        condition = " absent"
    return f"{type(operation).__name__} {_family(operation.key)}{condition}"


class CountedHashes(SlowHashes):
    """Slots that count how often one was taken: once for each slow hash."""

    taken = 0

    def slot(self, *place):
        self.taken += 1
        return super().slot(*place)


class Process:
    """What one process of the service holds: memories of its own over the shared store."""

    def __init__(
        self, data: Path, clock: Clock, organization: str, parameters: Parameters = CHEAP
    ) -> None:
        self.clock = clock
        self.organization = organization
        self.engine = Counted(SqliteEngine(data / "strongroom.db", clock=clock))
        self.metadata = Metadata(self.engine, clock=clock)
        self.journal = Journal(SECRET)
        self.recent = Recent(self.metadata, clock=clock.monotonic)
        # After a guess nobody rests: it would be many times as long as a cheap hash.
        self.hashes = CountedHashes(data / "run", slots=1, rest=lambda _: None)
        self.verified = VerifiedPasswords(clock=clock.monotonic)
        self.signed_in: list[tuple[str, ...]] = []
        rates = Rates(SECRET)
        self.outbox = Outbox(Sealer(SECRET), clock)
        self.users = Users(
            self.recent, self.journal, self.outbox, self.hashes, parameters, clock, rates
        )
        mailing = (self.recent, self.journal, self.outbox, rates, self.hashes, parameters, clock)
        self.resets = Resets(*mailing)
        self.invitations = Invitations(*mailing)
        self.provisioned = ProvisionedUsers(
            self.recent, self.journal, self.hashes, parameters, clock, outbox=self.outbox
        )
        self.keys = ApiKeys(self.recent, self.journal, clock)
        self.organizations = Organizations(self.recent)
        self.authenticator = Authenticator(
            self.recent,
            self.journal,
            self.hashes,
            rates,
            self.verified,
            parameters,
            clock,
            lambda *ids: self.signed_in.append(ids),
        )

    @property
    def operator(self) -> Authority:
        return operating(self.organization, SYSTEM)

    @property
    def standing(self) -> Standing:
        """The organization as a request finds it."""
        return Standing(self.organization, keys.organization_by_name("default"))

    def authenticate(
        self, credentials: Credentials, address: str = ADDRESS, *, fresh: bool = True
    ) -> Principal:
        """As a request does it: identify, one get, confirm."""
        claim = self.authenticator.identify(self.standing, credentials, address)
        get = self.recent.remembering if fresh else self.recent.cached
        return claim.confirm(get(*claim.needs()))

    def user(
        self, email: str = "dev@example.org", role: Role = Role.DEVELOPER, password: str = PASSWORD
    ) -> User:
        return self.users.create(
            self.operator, email=email, name="Somebody", role=role, password=password
        )

    def spent(self) -> tuple[int, int, int]:
        """Reads, writes and slow hashes so far."""
        return self.engine.reads, self.engine.writes, self.hashes.taken

    def letters(self) -> list[Letter]:
        """The mails that wait, the oldest first; decoys are among them."""
        found = []
        for place in self.metadata.query_all(keys.MAIL):
            mail_id = place.key.sort.partition("#")[2]
            key = keys.mail(self.organization, mail_id)
            record = self.metadata.get(key).get(key)
            if record is not None:
                found.append(self.outbox.open(read_mail(self.organization, record)))
        return found

    def close(self) -> None:
        self.metadata.close()


class Installation:
    """A prepared store, and the processes on it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.clock = Clock()
        engine = SqliteEngine(data / "strongroom.db", clock=self.clock)
        engine.prepare()
        metadata = Metadata(engine, clock=self.clock)
        wanted = Wanted(ADMIN_EMAIL, ADMIN_PASSWORD)
        done = prepare(metadata, Journal(SECRET), wanted, None, "default", CHEAP, self.clock)
        metadata.close()
        assert done.made is not None
        self.organization, self.made = done.organization, done.made
        self.processes: list[Process] = []

    def process(self, parameters: Parameters = CHEAP) -> Process:
        process = Process(self.data, self.clock, self.organization, parameters)
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            process.close()
