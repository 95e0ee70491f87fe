"""One client's side of a conversation: a key, a connection that is kept while it holds, and a
diary of everything that is asked."""

import http.client
import random
import time
from collections.abc import Iterable, Mapping

from tests.durability.diary import Content, Deed, Diary, Kind
from tests.durability.own import OwnFolder
from tests.durability.plan import Plan
from tests.durability.wire import TIMEOUT, Answer, basic, send

#: How long a client looks for a machine that answers; a restart takes seconds.
PATIENCE_SECONDS = 60.0


class Caller:
    """Sends the requests of one client, each to whatever machine listens."""

    def __init__(self, plan: Plan, number: int, life: int, diary: Diary) -> None:
        self.plan = plan
        self.name = f"p{plan.process}c{number}"
        self.own = OwnFolder(self.name)
        self.random = random.Random(f"{self.name} {life}")
        self.key = basic("api-key", plan.keys[number])
        self.life = life
        self._diary = diary
        self._count = 0  # of requests in this life
        self._turn = plan.process  # which machine it talks to
        self._connection: http.client.HTTPConnection | None = None

    def begin(self, kind: Kind, path: str, content: Content | None = None) -> Deed:
        """Write down what is about to be done, once somebody listens."""
        self.connected()
        self._count += 1
        id_ = f"{self.name}-{self.life:02d}-{self._count:06d}"
        return self._diary.begin(id_, self.name, kind, path, content)

    def locate(self, deed: Deed, location: str) -> None:
        """Write down where the rest of it is to be asked for."""
        self._diary.locate(deed, location)

    def commence(self, deed: Deed) -> None:
        """Write down that it can take effect from now on."""
        self._diary.commence(deed)

    def end(self, deed: Deed, status: int | None, wrong: str = "") -> None:
        """Write down what became of it; None where nobody knows."""
        self._diary.end(deed, status, wrong)
        self.own.learn(deed)

    def ask(
        self,
        deed: Deed,
        method: str,
        url: str = "",
        fields: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = None,
    ) -> Answer | None:
        """Send a request of a deed, to its path or to a URL. None where the answer was lost."""
        named = {**self.key, **(fields or {}), "X-Request-Id": deed.id}
        target = url or self.plan.url(deed.path)
        try:
            answer = send(self.connected(), method, target, named, body)
        except (OSError, http.client.HTTPException):
            self.disconnect()
            return None
        if answer.fields.get("connection") == "close":
            self.disconnect()
        return answer

    def connected(self) -> http.client.HTTPConnection:
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

    def disconnect(self, *, elsewhere: bool = False) -> None:
        """Let go of the connection; `elsewhere` makes the next one with another machine."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._turn += elsewhere
