"""What is SQLite's alone: durability, a full or damaged disk, waiting, sweeping, forks."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.metadata import (
    Add,
    Corrupted,
    Counted,
    Key,
    Metadata,
    Put,
    StoreFull,
    Unavailable,
    UnknownStore,
)
from storage.metadata.connections import Connections
from storage.metadata.sqlite import _COUNT, _COUNT_TO_END, SqliteEngine
from tests.metadata.backends import sqlite
from tests.metadata.writers import add_up_to, together
from tests.parts import ROOT, require

KEY = Key("p", "a")


@contextmanager
def taking_its_turn(engine: SqliteEngine) -> Iterator[None]:
    turns = engine._connections.writing
    assert turns.take(1.0)
    try:
        yield
    finally:
        turns.give_back()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new folder?#" / "store.db"


def test_a_commit_is_synced_before_it_is_acknowledged(path: Path) -> None:
    with sqlite(path):
        connections = Connections(path, 1.0)
        connection = connections.take()
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connections.drop(connection)


def test_the_file_and_its_folder_are_for_nobody_else(path: Path) -> None:
    with sqlite(path) as engine:
        Metadata(engine).commit(Put(KEY, {}))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        names = ("store.db", "store.db-wal", "store.db-shm", "store.db-writing", "store.db-waiting")
        assert modes == dict.fromkeys(names, 0o600)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_two_engines_on_one_file_see_each_other(path: Path) -> None:
    with sqlite(path) as one, sqlite(path) as other:
        Metadata(one).commit(Put(KEY, {"x": 1}))
        assert Metadata(other).get(KEY)[KEY].value == {"x": 1}


def test_many_may_prepare_at_once(path: Path) -> None:
    engines = [SqliteEngine(path) for _ in range(8)]
    together([engine.prepare for engine in engines])
    Metadata(engines[0]).commit(Put(KEY, {}))
    assert engines[7].get([KEY])
    for engine in engines:
        engine.close()


def test_a_store_that_was_not_prepared_is_unavailable_and_not_made(path: Path) -> None:
    engine = SqliteEngine(path)
    with pytest.raises(Unavailable):
        engine.get([KEY])
    assert not path.exists()


def test_a_commit_waits_for_another_within_bounds(path: Path) -> None:
    with sqlite(path):
        engine = SqliteEngine(path, busy_seconds=0.05)
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable):
            engine.transact([Put(KEY, {})], 1, "t")
        assert engine.get([KEY]) == {}  # a reader waits for nobody
        holder.execute("ROLLBACK")
        holder.close()
        engine.transact([Put(KEY, {})], 1, "t")
        assert engine.get([KEY])
        engine.close()


def test_threads_of_a_process_wait_in_line_within_bounds(path: Path) -> None:
    with sqlite(path):
        engine = SqliteEngine(path, busy_seconds=0.05)
        with taking_its_turn(engine), pytest.raises(Unavailable):
            engine.transact([Put(KEY, {})], 1, "t")
        engine.close()


@pytest.mark.parametrize(
    "content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 5000]
)
def test_a_file_that_is_damaged_is_said_to_be(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(Corrupted, match=r"store\.db"):
        SqliteEngine(path).prepare()
    assert path.read_bytes() == content


def test_damage_found_later_is_said_to_be_damage(path: Path) -> None:
    with sqlite(path) as engine:
        store = Metadata(engine)
        for number in range(50):
            store.commit(Put(Key("p", f"{number}"), {"t": "x" * 2000}))
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))
    engine = SqliteEngine(path)
    with pytest.raises(Corrupted):
        engine.query("p", "", "", 1000)
    engine.close()


@pytest.mark.parametrize(
    "statement", ["CREATE TABLE t (x)", "PRAGMA application_id=1; CREATE TABLE t (x)"]
)
def test_a_file_of_another_program_is_left_alone(path: Path, statement: str) -> None:
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.executescript(statement)
    other.close()
    with pytest.raises(UnknownStore):
        SqliteEngine(path).prepare()


def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    with sqlite(path):
        pass
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version=2")
    newer.close()
    with pytest.raises(UnknownStore, match="layout 2"):
        SqliteEngine(path).prepare()


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable):
        SqliteEngine(tmp_path / "file" / "store.db").prepare()


FILL = """
import sys
from pathlib import Path
from storage.metadata import Key, Metadata, Put, StoreFull
from storage.metadata.sqlite import SqliteEngine
engine = SqliteEngine(Path(sys.argv[1]))
engine.prepare()
store = Metadata(engine)
there = []
try:
    for number in range(200):
        key = Key("p", str(number))
        store.commit(Put(key, {"t": "x" * 100_000}))
        there.append(key)
except StoreFull:
    pass
else:
    sys.exit("it was never full")
again = SqliteEngine(Path(sys.argv[1]))
read = [record.key for record in Metadata(again).query_all("p")]
assert sorted(read) == sorted(there), (len(read), len(there))
print("full after", len(there))
"""


def test_a_full_disk_is_said_to_be_full_and_loses_nothing(tmp_path: Path) -> None:
    """On a disk of 4 MB, in a mount namespace of the test's own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=4m none {disk}"
    if subprocess.run([*mounted, mount], capture_output=True, check=False).returncode:
        require("namespaces", "unshare --user --mount can't mount a tmpfs")
    script = tmp_path / "fill.py"
    script.write_text(FILL)
    run = f"{mount} && exec {sys.executable} {script} {disk}/store.db"
    done = subprocess.run(
        [*mounted, run],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("full after")


WRITE = """
import sys
from pathlib import Path
from storage.metadata import Key, Metadata, Put
from storage.metadata.sqlite import SqliteEngine
store = Metadata(SqliteEngine(Path(sys.argv[1])))
for number in range(1_000_000):
    one, two = (Key("p", f"{number:07}-{half}") for half in "ab")
    store.commit(Put(one, {"n": number}), Put(two, {"n": number}))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def test_a_killed_writer_loses_nothing_acknowledged_and_leaves_nothing_half(path: Path) -> None:
    with sqlite(path) as engine:
        store = Metadata(engine)
        process = subprocess.Popen(
            [sys.executable, "-c", WRITE, path],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(40)]
        process.kill()
        acknowledged += [int(line) for line in process.stdout.read().split("\n")[:-1]]
        process.stdout.close()
        process.wait()
        read = [record.key.sort for record in store.query_all("p")]
        assert {f"{number:07}-{half}" for number in acknowledged for half in "ab"} <= set(read)
        assert len(read) % 2 == 0
        store.commit(Put(KEY, {}))


class TestSweep:
    def test_the_sweep_deletes_what_has_expired_and_nothing_else(self, path: Path) -> None:
        now = datetime(2030, 1, 1, tzinfo=UTC)
        engine = SqliteEngine(path, clock=lambda: now)
        engine.prepare()
        store = Metadata(engine, clock=lambda: now)
        soon = [Key("p", f"soon{number}") for number in range(5)]
        later, never = Key("p", "later"), Key("p", "never")
        store.commit(
            *(Put(key, {}, expires=now + timedelta(minutes=1)) for key in soon),
            Put(later, {}, expires=now + timedelta(days=3)),
            Put(never, {}),
        )
        assert store.sweep(3) == 0
        now += timedelta(days=2)  # the commit's own token has expired, too
        assert [store.sweep(4), store.sweep(4), store.sweep(4)] == [4, 2, 0]
        assert {record.key for record in store.query_all("p")} == {later, never}
        engine.close()
        raw = sqlite3.connect(path)
        assert raw.execute("SELECT count(*) FROM records").fetchone() == (2,)
        raw.close()

    def test_a_record_expires_at_its_very_microsecond(self, path: Path) -> None:
        now = datetime(2030, 1, 1, tzinfo=UTC)
        engine = SqliteEngine(path, clock=lambda: now)
        engine.prepare()
        store = Metadata(engine, clock=lambda: now)
        expires = now + timedelta(seconds=1)
        store.commit(Put(KEY, {}, expires=expires))
        now = expires - timedelta(microseconds=1)
        assert store.get(KEY)
        now = expires
        assert not store.get(KEY)
        engine.close()


@pytest.mark.parametrize("statement", [_COUNT, _COUNT_TO_END])
def test_a_count_walks_along_the_key(path: Path, statement: str) -> None:
    """It neither sorts, nor looks anything up anew for each record."""
    with sqlite(path), closing(sqlite3.connect(path)) as connection:
        values = ["x"] * statement.count("?")
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
    told = [row[3] for row in plan]
    assert any("SEARCH records USING PRIMARY KEY (partition=? AND sort>" in step for step in told)
    assert not any("TEMP B-TREE" in step or "records_by_expiry" in step for step in told)


def test_what_is_counted_is_not_decoded(path: Path) -> None:
    with sqlite(path) as engine, closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO records VALUES ('p', 'a', 'no JSON', 1, NULL)")
        connection.commit()
        assert engine.count("p", "", "", 5) == Counted(1, None)


def test_a_fork_amid_reads_and_writes_harms_neither_side(path: Path) -> None:
    """Connections under way are waited for: the child has threads of none of them."""
    with sqlite(path) as engine:
        store = Metadata(engine)
        store.commit(Put(KEY, {"x": 0}))
        stop = threading.Event()
        counted = [0, 0, 0]

        def write(number: int) -> None:
            while not stop.is_set():
                store.commit(Add(KEY, {"x": 1}))
                store.get(KEY, Key("p", "b"))
                counted[number] += 1

        threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        children = []
        for _ in range(4):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    status = 0 if add_up_to(store, KEY, 10**6, 5) == 5 else 2
                finally:
                    os._exit(status)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        stop.set()
        for thread in threads:
            thread.join()
        assert codes == [0] * 4
        assert store.get(KEY)[KEY].value == {"x": sum(counted) + 20}


def test_a_connection_is_not_lent_to_two(path: Path) -> None:
    with sqlite(path):
        connections = Connections(path, 1.0)
        one, other = connections.take(), connections.take()
        assert one is not other
        connections.give_back(one)
        assert connections.take() is one
        connections.drop(one)
        connections.give_back(other)
        connections.close()


def test_full_is_no_lasting_state(path: Path) -> None:
    with sqlite(path) as engine:
        connection = engine._connections.take()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages + 2}")
        engine._connections.give_back(connection)
        store = Metadata(engine)
        with pytest.raises(StoreFull):
            store.commit(Put(KEY, {"t": "x" * 100_000}))
        connection.execute("PRAGMA max_page_count=1000000")
        store.commit(Put(KEY, {"t": "x" * 100_000}))
        assert store.get(KEY)


_TRY_TO_WRITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
except sqlite3.OperationalError:
    sys.exit(3)
"""


def test_preparing_again_lets_go_of_no_lock_of_this_process(path: Path) -> None:
    """POSIX drops a process's locks on a file with the first descriptor that it closes."""
    with sqlite(path):
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN IMMEDIATE")
        again = SqliteEngine(path, busy_seconds=0.05)
        with pytest.raises(Unavailable):
            again.prepare()
        tried = subprocess.run([sys.executable, "-c", _TRY_TO_WRITE, str(path)], check=False)
        writer.execute("ROLLBACK")
        writer.close()
    assert tried.returncode == 3


def test_writers_of_two_processes_take_turns(path: Path) -> None:
    """So that no checkpoint of one meets a commit of the other."""
    with sqlite(path) as engine:
        assert isinstance(engine, SqliteEngine)
        with taking_its_turn(engine):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    other = SqliteEngine(path, busy_seconds=0.2)
                    other.transact([Put(KEY, {})], 1 << 40, "token")
                except Unavailable:
                    status = 3
                finally:
                    os._exit(status)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
        engine.transact([Put(KEY, {})], 1 << 40, "token")
