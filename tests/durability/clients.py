"""A process of clients that write, overwrite, delete and read, and keep a diary of it.

Run as a module with a plan. It may be killed at any moment and run again with the same plan:
it then goes on from its diary. Each client has a folder of its own, in which it knows what
must be there, and shares another one with all clients.
"""

import http.client
import json
import math
import os
import random
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.durability.diary import KNOWN_SEEDS, Content, Deed, Diary, Kind, read_diaries
from tests.durability.wire import TIMEOUT, Address, Answer, basic, begin_put, send

#: How long a client looks for a machine that answers; a restart takes seconds.
PATIENCE_SECONDS = 60.0

KIB = 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """What a process of clients does.

    Attributes:
        process: its number; also which of the addresses its clients begin with.
        keys: an API key for each client.
        files: how many new files each client writes, over all lives of the process.
        large_bytes: the largest body, sent now and then.
        folder: where the diary lies.
        ends: monotonic seconds of the machine at which it is over in any case.
    """

    process: int
    addresses: list[Address]
    repository: str
    keys: list[str]
    files: int
    large_bytes: int
    folder: str
    ends: float = math.inf

    @property
    def diary(self) -> Path:
        return Path(self.folder) / f"diary-{self.process}"

    def url(self, path: str) -> str:
        return f"/repositories/{self.repository}/{path}"

    def command(self, life: int) -> tuple[list[str], dict[str, str]]:
        """The command and environment that run it, for the `life`th time."""
        root = Path(__file__).resolve().parents[2]
        plan = {"PYTHONPATH": str(root), "DURABILITY_PLAN": json.dumps(asdict(self))}
        command = [sys.executable, "-m", "tests.durability.clients", str(life)]
        return command, {**os.environ, **plan}


class OwnFolder:
    """What a client knows of the folder that nobody else writes to."""

    def __init__(self, client: str) -> None:
        self._prefix = f"own/{client}/"
        self.paths: list[str] = []  # in the order in which they were first written
        self._met: set[str] = set()
        #: What must be under a path, None for nothing. Once a change of it was not answered,
        #: it is not here any more: that one may still happen, behind later ones.
        self.certain: dict[str, Content | None] = {}

    def new_path(self, life: int) -> str:
        """A path that was never used, 40 of them in a folder."""
        number = len(self.paths)
        return f"{self._prefix}{number // 40:03d}/{number:05d}.{life}.bin"

    def learn(self, deed: Deed) -> None:
        """Know what a deed, of now or of an earlier life, did."""
        path = deed.path
        if not path.startswith(self._prefix) or deed.kind is Kind.READ:
            return
        if path not in self._met:
            self._met.add(path)
            self.paths.append(path)
            self.certain[path] = None
        if deed.kind is Kind.CUT or path not in self.certain:
            return
        if deed.status in (200, 201, 204, 404):
            self.certain[path] = deed.content
        else:
            del self.certain[path]


class Client:
    """One client: a key, a connection that is kept while it holds, and its folder."""

    def __init__(self, plan: Plan, number: int, life: int, diary: Diary) -> None:
        self.plan = plan
        self.name = f"p{plan.process}c{number}"
        self.own = OwnFolder(self.name)
        self._diary = diary
        self._life = life
        self._count = 0  # of requests in this life
        self._turn = plan.process  # which machine it talks to
        self._random = random.Random(f"{self.name} {life}")
        self._key = basic("api-key", plan.keys[number])
        self._connection: http.client.HTTPConnection | None = None

    def run(self) -> None:
        """Do the whole plan."""
        while len(self.own.paths) < self.plan.files and time.monotonic() < self.plan.ends:
            self._act()
        self._disconnect()

    def _act(self) -> None:
        roll = self._random.random()
        new = self.own.new_path(self._life)
        shared = f"shared/{self._random.randrange(3)}/{self._random.randrange(8)}.bin"
        own = self._random.choice(self.own.paths) if self.own.paths else new
        if roll < 0.60:
            self._put(new)
        elif roll < 0.74:
            self._put(own)
        elif roll < 0.84:
            self._delete(own)
        elif roll < 0.89:
            self._read(own)
        elif roll < 0.95:
            self._put(shared)
        elif roll < 0.97:
            self._delete(shared)
        else:
            self._vanish(self._random.choice((own, new, shared)))

    def _content(self) -> Content:
        """Mostly small, now and then large, sometimes empty, sometimes what others have too."""
        roll = self._random.random()
        if roll < 0.05:
            seed = self._random.choice(KNOWN_SEEDS)
            return Content(seed, 1000 * seed)
        size = self._random.randint(1, 12 * KIB)
        if roll < 0.07:
            size = 0
        elif roll > 0.99:
            size = self._random.randint(256 * KIB, self.plan.large_bytes)
        elif roll > 0.94:
            size = self._random.randint(12 * KIB, 256 * KIB)
        return Content(self._random.getrandbits(60) + len(KNOWN_SEEDS) + 1, size)

    def _put(self, path: str) -> None:
        content = self._content()
        data = content.bytes()
        announced = {"X-Checksum-Sha256": content.sha256} if self._random.random() < 0.2 else {}
        # A body that is no bytes has no length: it is sent in chunks.
        body = iter((data,)) if self._random.random() < 0.15 else data
        deed = self._begin(Kind.PUT, path, content)
        answer = self._ask(deed, "PUT", announced, body)
        wrong = ""
        if answer is not None and answer.status in (200, 201):
            told = json.loads(answer.body)
            if (told["size"], told["digests"]["sha256"]) != (content.size, content.sha256):
                wrong = f"PUT of {content}: {answer}"
        elif answer is not None and answer.status != 503:
            wrong = f"PUT: {answer}"
        self._end(deed, answer, wrong)

    def _delete(self, path: str) -> None:
        deed = self._begin(Kind.DELETE, path)
        answer = self._ask(deed, "DELETE")
        wrong = ""
        if answer is not None and answer.status not in (204, 404, 503):
            wrong = f"DELETE: {answer}"
        elif answer is not None and answer.status != 503 and path in self.own.certain:
            there = self.own.certain[path]
            if (there is None) != (answer.status == 404):
                wrong = f"DELETE of what is {there}: {answer}"
        self._end(deed, answer, wrong)

    def _read(self, path: str) -> None:
        deed = self._begin(Kind.READ, path)
        answer = self._ask(deed, "GET")
        wrong = ""
        if answer is not None and answer.status not in (200, 404, 503):
            wrong = f"GET: {answer}"
        elif answer is not None and answer.status != 503 and path in self.own.certain:
            there = self.own.certain[path]
            found = answer.body if answer.status == 200 else None
            if found != (None if there is None else there.bytes()):
                wrong = f"GET of what is {there}: {answer}"
        self._end(deed, answer, wrong)

    def _vanish(self, path: str) -> None:
        """Upload and be gone: in the middle of the body, or just before the answer to it."""
        content = self._content()
        data = content.bytes()
        whole = not data or self._random.random() < 0.3
        sent = data if whole else data[: self._random.randrange(len(data))]
        connection = self._connected()
        address = (connection.host, connection.port)
        deed = self._begin(Kind.PUT if whole else Kind.CUT, path, content)
        fields = {**self._key, "X-Request-Id": deed.id, "Content-Length": str(len(data))}
        try:
            with begin_put(address, self.plan.url(path), fields, sent):
                time.sleep(self._random.choice((0.0, self._random.uniform(0.0, 0.05))))
        except OSError:
            self._disconnect()  # the machine was killed first
        self._end(deed, None)

    def _begin(self, kind: Kind, path: str, content: Content | None = None) -> Deed:
        """Write down what is about to be done, once somebody listens."""
        self._connected()
        self._count += 1
        id_ = f"{self.name}-{self._life:02d}-{self._count:06d}"
        return self._diary.begin(id_, self.name, kind, path, content)

    def _end(self, deed: Deed, answer: Answer | None, wrong: str = "") -> None:
        """Write down what became of it."""
        self._diary.end(deed, None if answer is None else answer.status, wrong)
        self.own.learn(deed)

    def _ask(
        self,
        deed: Deed,
        method: str,
        fields: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
    ) -> Answer | None:
        """Send the request of a deed. None where the answer was lost."""
        named = {**self._key, **(fields or {}), "X-Request-Id": deed.id}
        try:
            answer = send(self._connected(), method, self.plan.url(deed.path), named, body)
        except (OSError, http.client.HTTPException):
            self._disconnect()
            return None
        if answer.fields.get("connection") == "close":
            self._disconnect()
        return answer

    def _connected(self) -> http.client.HTTPConnection:
        """A connection to a machine that listens: the last one, while there is nothing wrong."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._connection is None:
            addresses = self.plan.addresses
            connection = http.client.HTTPConnection(
                *addresses[self._turn % len(addresses)], timeout=TIMEOUT
            )
            try:
                connection.connect()
                self._connection = connection
            except OSError:
                self._turn += 1
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def main() -> int:
    plan = Plan(**json.loads(os.environ["DURABILITY_PLAN"]))
    life = int(sys.argv[1])
    before = read_diaries([plan.diary]) if plan.diary.exists() else []
    diary = Diary(plan.diary)
    clients = [Client(plan, number, life, diary) for number in range(len(plan.keys))]
    for client in clients:
        for deed in before:
            if deed.client == client.name:
                client.own.learn(deed)
    done: list[str] = []

    def run(client: Client) -> None:
        client.run()
        done.append(client.name)

    threads = [threading.Thread(target=run, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    diary.close()
    return 0 if len(done) == len(clients) else 1


if __name__ == "__main__":
    sys.exit(main())
