"""The first start: one organization and one administrator, whoever starts, whatever dies."""

import os
import re
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from auth import (
    AlreadyTaken,
    Bootstrapped,
    EmailPassword,
    FirstSignIn,
    InvalidField,
    Missing,
    NewerFormat,
    UserChanges,
    Wanted,
    prepare,
)
from auth.organizations import Named
from auth.passwords import CHEAP
from auth.secret_texts import fingerprint
from storage import keys
from storage.events import Journal
from storage.metadata import Metadata, Put
from storage.metadata.sqlite import SqliteEngine
from tests.auth.installation import SECRET, Clock, Installation, Process


class Killed(BaseException):
    """Stands for SIGKILL at a chosen moment."""


class Store:
    """An empty store in a folder, and a start of the service on it."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.clock = Clock()
        self.file = FirstSignIn(data)
        engine = SqliteEngine(data / "strongroom.db", clock=self.clock)
        engine.prepare()
        self.metadata = Metadata(engine, clock=self.clock)

    def start(self, wanted: Wanted | None) -> Bootstrapped:
        return prepare(
            self.metadata, Journal(SECRET), wanted, self.file, "default", CHEAP, self.clock
        )

    def process(self, done: Bootstrapped) -> Process:
        return Process(self.data, self.clock, done.organization)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.data.glob("first-sign-in*"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path)
    yield store
    store.metadata.close()


@pytest.fixture
def processes() -> Iterator[list[Process]]:
    made: list[Process] = []
    yield made
    for process in made:
        process.close()


def test_the_first_start_makes_an_administrator_who_can_sign_in(
    store: Store, processes: list[Process]
) -> None:
    done = store.start(Wanted())
    made = done.made
    assert made is not None
    assert made.password is not None
    assert made.api_key is not None
    assert made.email == "admin@localhost"
    processes.append(store.process(done))
    signed_in = processes[0].authenticate(EmailPassword(made.email, made.password))
    assert signed_in.manages
    assert processes[0].authenticate(made.api_key).manages
    assert processes[0].organizations.named("default").id == done.organization
    assert re.fullmatch(r"[a-z2-7]{16}", done.organization)
    assert store.metadata.get(keys.FORMAT)[keys.FORMAT].value == {"format": 1}


def test_the_file_is_for_its_owner_and_goes_away_at_his_first_sign_in(
    store: Store, processes: list[Process]
) -> None:
    made = store.start(Wanted()).made
    assert made is not None
    assert made.api_key is not None
    status = store.file.path.stat()
    assert stat.S_IMODE(status.st_mode) == 0o600
    text = store.file.path.read_text()
    assert str(made.password) in text
    assert made.api_key.text in text
    key_id = fingerprint(made.api_key).key_id
    for others in (("a" * 16,), ("a" * 16, key_id), (made.user_id, "0" * 32)):
        store.file.signed_in(*others)
        assert store.file.path.exists()
    store.file.signed_in(made.user_id)
    assert store.left() == []
    store.file.signed_in(made.user_id)


def test_the_file_goes_away_at_the_first_use_of_the_key_that_it_shows(
    store: Store, processes: list[Process]
) -> None:
    """Not of another key of the same user, who may not have seen the file."""
    done = store.start(Wanted())
    assert done.made is not None
    assert done.made.api_key is not None
    process = store.process(done)
    processes.append(process)
    text = store.file.path.read_text()
    assert text.endswith("when this user first signs in with the password or the key.\n")
    another = process.keys.create(process.operator, name="x", user_id=done.made.user_id)
    for secret, left in ((another.secret, ["first-sign-in.txt"]), (done.made.api_key, [])):
        process.authenticate(secret)
        store.file.signed_in(*process.signed_in[-1])
        assert store.left() == left


def test_a_given_password_leaves_the_file_of_a_key_to_its_use(store: Store) -> None:
    made = store.start(Wanted("boss@example.org", "a given password")).made
    assert made is not None
    assert made.api_key is not None
    assert store.left() == ["first-sign-in.txt"]
    store.file.signed_in(made.user_id, fingerprint(made.api_key).key_id)
    assert store.left() == []


def test_a_mask_of_the_shell_does_not_open_the_file(store: Store) -> None:
    before = os.umask(0)
    try:
        store.start(Wanted())
    finally:
        os.umask(before)
    assert stat.S_IMODE(store.file.path.stat().st_mode) == 0o600


def test_a_second_start_changes_nothing(store: Store) -> None:
    first = store.start(Wanted())
    records = store.metadata.scan(0, 1).records
    for wanted in (Wanted(), Wanted("other@example.org", "another password"), None):
        again = store.start(wanted)
        assert (again.organization, again.made) == (first.organization, None)
    assert store.metadata.scan(0, 1).records == records


@pytest.mark.parametrize(
    "weak, said",
    [("Passw0rd!", "commonest"), ("boss-2026", "e-mail address"), ("12345678", "digits alone")],
)
def test_a_weak_password_makes_nobody(store: Store, weak: str, said: str) -> None:
    """Nor does it stop a later start with a better one."""
    with pytest.raises(InvalidField) as caught:
        store.start(Wanted("boss@example.org", weak))
    assert caught.value.field == "password"
    assert said in caught.value.reason
    assert store.start(Wanted("boss@example.org", "a given password")).made is not None


def test_a_given_password_is_not_kept_and_not_shown(store: Store, processes: list[Process]) -> None:
    wanted = Wanted("boss@example.org", "a given password", api_key=False)
    done = store.start(wanted)
    assert done.made is not None
    assert (done.made.password, done.made.api_key) == (None, None)
    assert store.left() == []
    processes.append(store.process(done))
    credentials = EmailPassword("boss@example.org", "a given password")
    assert processes[0].authenticate(credentials).manages


@pytest.mark.parametrize(
    "wanted, field",
    [
        (Wanted("boss@example.org", "short"), "password"),
        (Wanted("boss@example.org", ""), "password"),
        (Wanted("boss", "long enough"), "email"),
        (Wanted("", "long enough"), "email"),
    ],
)
def test_what_cannot_be_taken_makes_nothing(store: Store, wanted: Wanted, field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        store.start(wanted)
    assert caught.value.field == field
    assert store.metadata.scan(0, 1).records == ()
    assert store.left() == []


def test_an_administrator_can_come_later(store: Store, processes: list[Process]) -> None:
    """A remote store is prepared without one until the settings name him."""
    first = store.start(None)
    assert first.made is None
    assert store.start(None).organization == first.organization
    later = store.start(Wanted("boss@example.org", "a given password"))
    assert later.organization == first.organization
    assert later.made is not None
    processes.append(store.process(later))
    found = processes[0].organizations.get(first.organization)
    assert found.administrators == (later.made.user_id,)


def test_an_address_that_is_anothers_is_refused(store: Store, processes: list[Process]) -> None:
    processes.append(store.process(store.start(None)))
    processes[0].user("boss@example.org")
    with pytest.raises(AlreadyTaken):
        store.start(Wanted("boss@example.org", "a given password"))


@pytest.mark.parametrize("founded", [False, True])
def test_of_many_that_start_at_once_one_makes_the_administrator(
    tmp_path: Path, founded: bool
) -> None:
    """Also where the organization is there already, so that they meet at the address."""
    stores = [Store(tmp_path) for _ in range(6)]
    if founded:
        stores[0].start(None)
    start = threading.Barrier(len(stores))
    done: list[Bootstrapped] = []

    def run(store: Store) -> None:
        start.wait(30)
        done.append(store.start(Wanted()))

    threads = [threading.Thread(target=run, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    made = [one.made for one in done if one.made is not None]
    assert len(done) == len(stores)
    assert len(made) == 1
    assert len({one.organization for one in done}) == 1
    process = Process(tmp_path, stores[0].clock, done[0].organization)
    assert [user.id for user in process.users.list(process.operator).items] == [made[0].user_id]
    assert stores[0].left() == ["first-sign-in.txt"]
    assert str(made[0].password) in stores[0].file.path.read_text()
    for closing in (process, *(store.metadata for store in stores)):
        closing.close()


@pytest.mark.parametrize("moment", ["before the commit", "after the commit"])
def test_whenever_it_is_killed_the_password_is_known_or_there_is_no_administrator(
    store: Store, moment: str
) -> None:
    commit = store.metadata.commit

    def killed(*operations, witness=None):
        if moment == "after the commit":
            commit(*operations, witness=witness)
        raise Killed

    store.metadata.commit = killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        store.start(Wanted())
    store.metadata.commit = commit  # type: ignore[method-assign]
    assert len(store.left()) == 1
    again = store.start(Wanted())
    process = store.process(again)
    text = store.file.path.read_text()
    lines = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    process.authenticate(EmailPassword(lines["e-mail"], lines["password"]))
    assert (again.made is None) is (moment == "after the commit")
    store.start(Wanted())
    assert store.left() == ["first-sign-in.txt"]
    process.close()


def test_a_start_beside_another_one_leaves_its_password_alone(store: Store) -> None:
    """Its file is there before its administrator: until he is, nobody may call it a leftover."""
    store.start(None)
    commit = store.metadata.commit

    def overtaken(*operations, witness=None):
        store.metadata.commit = commit  # type: ignore[method-assign]
        other = Store(store.data)
        other.start(None)
        other.metadata.close()
        return commit(*operations, witness=witness)

    store.metadata.commit = overtaken  # type: ignore[method-assign]
    made = store.start(Wanted()).made
    assert made is not None
    assert store.left() == ["first-sign-in.txt"]
    assert str(made.password) in store.file.path.read_text()


def test_a_newer_format_is_not_touched(store: Store) -> None:
    store.metadata.commit(Put(keys.FORMAT, {"format": 2}))
    with pytest.raises(NewerFormat, match="format 2"):
        store.start(Wanted())
    assert store.left() == []


@pytest.mark.parametrize("name", ["", "Default", "a b", "-a", "a-", "a" * 64, "a.b", "ä", "a\n"])
def test_an_organization_is_named_as_a_host_can_be(
    installation: Installation, process: Process, name: str
) -> None:
    with pytest.raises(InvalidField):
        prepare(process.metadata, process.journal, None, None, name, CHEAP, installation.clock)
    with pytest.raises(Missing):
        process.organizations.resolve(name)


def test_organizations_are_found_by_name_without_a_read_when_warm(
    installation: Installation, process: Process
) -> None:
    other = prepare(
        process.metadata, process.journal, Wanted(), None, "other", CHEAP, installation.clock
    )
    assert process.organizations.resolve("other").organization == other.organization
    reads = process.engine.reads
    assert process.organizations.resolve("other").organization == other.organization
    assert process.engine.reads == reads
    assert process.organizations.list() == (
        Named("default", installation.organization, suspended=False),
        Named("other", other.organization, suspended=False),
    )
    with pytest.raises(Missing):
        process.organizations.resolve("none")
    with pytest.raises(Missing):
        process.organizations.get("none")


def test_the_first_administrator_is_a_user_like_any_other(
    installation: Installation, process: Process
) -> None:
    user_id = installation.made.user_id
    changed = process.users.update(
        process.operator, user_id, UserChanges(name="Somebody", email="new@example.org")
    )
    assert changed.name == "Somebody"
    assert len(process.keys.list(process.operator, user_id).items) == 1
