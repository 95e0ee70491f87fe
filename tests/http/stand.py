"""The whole application on stores that a test may choose, count, break and search.

It is composed of the same parts as a serving process; only its clock for what it remembers,
its pauses between retries and the cost of its passwords are a test's.
"""

import dataclasses
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.audit import Reads
from app.background import Background, background
from app.compose import metrics_folder, run_folder
from app.cursors import Cursors
from app.distribution import SubscriberDownloads
from app.health import Checks
from app.installation import Installation
from app.repositories import Catalogue, Format, Repository, RepositoryName, Rules
from app.retention import LastDownloads
from app.routes import Parts, build
from app.secret_key import secret_keys
from app.server.status import Readiness
from app.settings import Settings
from app.work.job import Job, State, new_id
from auth.api_keys import ApiKeys
from auth.authenticator import Authenticator
from auth.bootstrap import prepare
from auth.first_administrator import FirstSecrets, Wanted
from auth.first_sign_in import FirstSignIn
from auth.groups import Groups
from auth.key_uses import KeyUses
from auth.memberships import Memberships
from auth.outbox import Outbox
from auth.passwords import CHEAP
from auth.principals import Authority, Role, operating
from auth.rates import Rates
from auth.records import Group
from auth.registrar import Registrar
from auth.sealing import Sealer
from auth.secret_texts import fingerprint
from auth.slow_hashes import SlowHashes
from auth.users import Users
from auth.verified import VerifiedPasswords
from middleware.context import Entrance
from middleware.declarations import Routes
from middleware.metrics import Metrics
from storage.blobs import Blobs
from storage.events import SYSTEM, Actor, Journal
from storage.metadata import Metadata, Record
from storage.metadata.opening import open_engine
from storage.metadata.recent import Recent
from tests.faults.blobs import FaultyBlobs
from tests.faults.metadata import Faults
from tests.http.client import HOST, Client, basic

ADMIN_EMAIL = "admin@example.org"
DOMAIN = "rooms.example.org"
ADMIN_PASSWORD = "the password of the administrator"


class Seconds:
    """A monotonic clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Person:
    """A user with a password and an API key, as a test knows him."""

    id: str
    email: str
    password: str
    key_id: str
    key: str

    @property
    def by_key(self) -> str:
        return basic("api-key", self.key)

    @property
    def by_password(self) -> str:
        return basic(self.email, self.password)


@dataclass
class Process:
    """What one serving process holds over the stores, and a client that speaks to it."""

    installation: Installation
    engine: Faults
    blobs: FaultyBlobs
    clock: Seconds
    metrics: Metrics
    downloads: LastDownloads
    reads: Reads
    uses: KeyUses
    distributed: SubscriberDownloads
    routes: Routes
    client: Client
    background: Background

    def work(self) -> tuple[str, ...]:
        """Do the jobs that wait and the duties that are due, as a worker does."""
        ran = self.background.worker().run_due()
        return tuple(name for name, outcome in ran.duties.items() if outcome == "done")


@dataclass
class Stand:
    """An installation that was set up, the processes on it, and the people in it."""

    settings: Settings
    organization: str
    open_blobs: Callable[[], Blobs]
    admin: Person
    clock: Seconds
    processes: list[Process] = field(default_factory=list)
    host: str = HOST

    @property
    def process(self) -> Process:
        return self.processes[0]

    @property
    def client(self) -> Client:
        """Asks without credentials."""
        return self.process.client.at(self.host)

    @property
    def admins(self) -> Client:
        """Asks with an administrator's key."""
        return self.client.as_(self.admin.by_key)

    @property
    def engine(self) -> Faults:
        return self.process.engine

    @property
    def blobs(self) -> FaultyBlobs:
        return self.process.blobs

    def another_organization(self, name: str) -> "Stand":
        """One more organization of the same installation, at `NAME.DOMAIN`."""
        registrar = self.registrar()
        made = registrar.create(name, Wanted(ADMIN_EMAIL, f"{ADMIN_PASSWORD} of {name}"))
        assert made.made is not None
        admin = administrator(made.made, f"{ADMIN_PASSWORD} of {name}")
        return dataclasses.replace(
            self, organization=made.organization.id, admin=admin, host=f"{name}.{DOMAIN}"
        )

    def registrar(self) -> Registrar:
        """Who makes and suspends organizations, in the memory of this process."""
        at = self.process.installation
        return Registrar(at.recent, at.journal, SYSTEM, CHEAP)

    def another_process(self) -> Process:
        """One more process over the same stores, with memories of its own."""
        process = _process(self.settings, self.open_blobs(), self.clock)
        self.processes.append(process)
        return process

    def job(self, user_id: str) -> str:
        """The id of a job that a user asked for, and that has ended."""
        now = datetime.now(UTC)
        actor = Actor(user_id, "password", None)
        job = Job(self.organization, new_id(now), "test", actor, now, now, state=State.DONE)
        self.process.background.jobs.report(job)
        return job.id

    def session(self, person: Person) -> str:
        """The id of a session that a person opens."""
        opened = self.client.post(
            "/auth/session", {"email": person.email, "password": person.password}
        )
        assert opened.status == 201, opened.text
        return str(opened.json["id"])

    def repository(
        self, name: str = "files", kind: Format = Format.RAW, **rules: Any
    ) -> Repository:
        catalogue = Catalogue(self.process.installation.recent, self.process.installation.journal)
        return catalogue.create(
            self.organization, SYSTEM, RepositoryName.parse(name), Rules(**rules), kind
        )

    def person(
        self,
        role: str = "developer",
        grants: Mapping[str, Iterable[str]] | None = None,
        scopes: Mapping[str, Iterable[str]] | None = None,
        expires: datetime | None = None,
        active: bool = True,
    ) -> Person:
        """Make a user with grants (and a key with scopes) by the ids of repositories."""
        at = self.process.installation
        email, password = f"{secrets.token_hex(4)}@example.org", secrets.token_hex(8)
        by = self.operator
        user = self.users().create(
            by,
            email=email,
            name="Somebody",
            role=Role(role),
            password=password,
            active=active,
            permissions=grants or {},
            repositories=list(grants or {}),
        )
        made = ApiKeys(at.recent, at.journal).create(
            by,
            name="of a test",
            user_id=user.id,
            scopes=scopes,
            repositories=list(scopes or {}),
            expires=expires,
        )
        return Person(user.id, email, password, made.key.id, made.secret.text)

    def group(self, grants: Mapping[str, Iterable[str]], *people: Person) -> Group:
        """A group of these people, with grants by ids of repositories or by patterns."""
        at = self.process.installation
        group = Groups(at.recent, at.journal).create(
            self.operator,
            name=secrets.token_hex(4),
            permissions=grants,
            repositories=list(grants),
        )
        members = Memberships(at.recent, at.journal)
        members.change(self.operator, group.id, [person.id for person in people], [])
        return group

    @property
    def operator(self) -> Authority:
        return operating(self.organization, SYSTEM)

    def users(self) -> Users:
        """The users, with passwords that cost little."""
        at = self.process.installation
        hashes = SlowHashes(run_folder(self.settings))
        return Users(at.recent, at.journal, Outbox(at.sealer), hashes, CHEAP)

    def records(self) -> list[Record]:
        """Everything in the metadata store."""
        metadata = self.process.installation.metadata
        found: list[Record] = []
        after = ""
        while True:
            page = metadata.scan(0, 1, after, 1000)
            found += page.records
            if page.next is None:
                return found
            after = page.next

    def dump(self) -> "Dump":
        """Everything that is stored: records, blobs, unfinished uploads, and files' names."""
        records = {
            f"{record.key.partition} / {record.key.sort}": (
                record.version,
                json.dumps(record.value, sort_keys=True),
            )
            for record in self.records()
            # A commit's token is there for a day, and tells nothing.
            if not record.key.partition.startswith("_#tokens#")
        }
        blobs = self.process.installation.blobs
        return Dump(
            records,
            tuple(entry.key for entry in blobs.list().entries),
            tuple(upload.key for upload in blobs.uploads().uploads),
            tuple(sorted(self._files())),
        )

    def _files(self) -> Iterable[str]:
        for path in (self.settings.data / "blobs").rglob("*"):
            if path.is_file():
                yield path.name

    def close(self) -> None:
        for process in self.processes:
            process.installation.engine.close()
            process.installation.blobs.close()
            process.metrics.close()


@dataclass(frozen=True)
class Dump:
    """What is stored at a moment; two of them are equal where nothing was written between."""

    records: Mapping[str, tuple[int, str]]
    blobs: tuple[str, ...]
    uploads: tuple[str, ...]
    files: tuple[str, ...]


def stand(settings: Settings, open_blobs: Callable[[], Blobs]) -> Stand:
    """Set up an installation with an administrator, and one process on it."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    clock = Seconds()
    process = _process(settings, open_blobs(), clock)
    at = process.installation
    at.engine.prepare()
    done = prepare(
        at.metadata, at.journal, Wanted(ADMIN_EMAIL, ADMIN_PASSWORD), None, "default", CHEAP
    )
    assert done.made is not None
    admin = administrator(done.made, ADMIN_PASSWORD)
    return Stand(settings, done.organization, open_blobs, admin, clock, [process])


def administrator(made: FirstSecrets, password: str) -> Person:
    """The first administrator of an organization, as a test knows him."""
    assert made.api_key is not None
    key_id = fingerprint(made.api_key).key_id
    return Person(made.user_id, made.email, password, key_id, made.api_key.text)


def _process(settings: Settings, blobs: Blobs, clock: Seconds) -> Process:
    engine = Faults(open_engine(settings.metadata, settings.data))
    return composed(settings, engine, FaultyBlobs(blobs), clock)


def composed(settings: Settings, engine: Faults, blobs: FaultyBlobs, clock: Seconds) -> Process:
    """One process: the parts that `app.compose` makes, around these stores."""
    metrics = Metrics(metrics_folder(settings))
    secrets_ = secret_keys(settings)
    metadata = Metadata(engine, sleep=lambda _: None, observer=metrics)
    installation = Installation(
        settings=settings,
        secrets=secrets_,
        engine=engine,
        metadata=metadata,
        recent=Recent(metadata, clock=clock, observer=metrics),
        blobs=blobs,
        journal=Journal(*secrets_),
        cursors=Cursors(*secrets_),
        sealer=Sealer(*secrets_),
    )
    slow_hashes = SlowHashes(run_folder(settings), rest=lambda _: None)
    work = background(installation, metrics)
    downloads = LastDownloads(metadata)
    reads = Reads(metadata, installation.journal)
    uses, distributed = KeyUses(metadata), SubscriberDownloads(metadata)
    parts = Parts(
        installation=installation,
        background=work,
        downloads=downloads,
        reads=reads,
        distributed=distributed,
        authenticator=Authenticator(
            installation.recent,
            installation.journal,
            slow_hashes,
            Rates(secrets_[0]),
            VerifiedPasswords(clock=clock),
            CHEAP,
            signed_in=FirstSignIn(settings.data).signed_in,
            used=uses.note,
        ),
        slow_hashes=slow_hashes,
        readiness=Readiness(Checks(metadata, blobs), clock=clock),
        metrics=metrics,
    )
    application = build(parts)
    routes = application._router
    assert isinstance(routes, Routes)
    client = Client(Entrance(application))
    return Process(
        installation=installation,
        engine=engine,
        blobs=blobs,
        clock=clock,
        metrics=metrics,
        downloads=downloads,
        reads=reads,
        uses=uses,
        distributed=distributed,
        routes=routes,
        client=client,
        background=work,
    )


def settings_for(data: Path, **more: Any) -> Settings:
    """The settings of an embedded installation in a folder."""
    embedded = Settings(
        data=data, blobs=f"file:{data}/blobs", metadata=f"sqlite:{data}/strongroom.db"
    )
    return dataclasses.replace(embedded, **more)
