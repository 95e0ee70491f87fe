"""A process of clients that write, overwrite, delete, restore and read, and keep a diary of it.

Run as a module with a plan. It may be killed at any moment and run again with the same plan:
it then goes on from its diary. Each client has a folder of its own, in which it knows what
must be there, and shares another one with all clients.
"""

import json
import sys
import threading
import time

from tests.durability.caller import Caller
from tests.durability.diary import KNOWN_SEEDS, Content, Deed, Diary, Kind, read_diaries
from tests.durability.folders import Folders
from tests.durability.own import NOTHING, Possible
from tests.durability.pieces import PiecesUpload, unfinished
from tests.durability.plan import Plan
from tests.durability.wire import Answer, begin_put

KIB = 1024
_OPEN = 3  # uploads in pieces of a client, at the most


class Client(Caller):
    """One client, and what it does next."""

    def __init__(self, plan: Plan, number: int, life: int, diary: Diary) -> None:
        super().__init__(plan, number, life, diary)
        self._uploads: list[PiecesUpload] = []
        self._folders = Folders(self)

    def remember(self, deeds: list[Deed]) -> None:
        """Know what was done in earlier lives, and go on with what was not ended."""
        for deed in deeds:
            if deed.client == self.name:
                self.own.learn(deed)
                upload = unfinished(self, deed)
                if upload is not None:
                    self._uploads.append(upload)

    def run(self) -> None:
        """Do the whole plan."""
        while len(self.own.paths) < self.plan.files and not self.plan.over.exists():
            self._act()
        self.disconnect()

    def _act(self) -> None:
        roll = self.random.random()
        new = self.own.new_path(self.life)
        shared = f"shared/{self.random.randrange(3)}/{self.random.randrange(8)}.bin"
        own = self.random.choice(self.own.paths) if self.own.paths else new
        if roll < 0.48:
            self._put(new)
        elif roll < 0.58:
            self._put(own)
        elif roll < 0.66:
            self._delete(own)
        elif roll < 0.71:
            self._read(own)
        elif roll < 0.76:
            self._put(shared)
        elif roll < 0.78:
            self._delete(shared)
        elif roll < 0.80:
            self._vanish(self.random.choice((own, new, shared)))
        elif roll < 0.94:
            self._upload_in_pieces(self.random.choice((own, new, shared)))
        else:
            self._folders.act(self.random, own)

    def _content(self) -> Content:
        """Mostly small, now and then large, sometimes empty, sometimes what others have too."""
        roll = self.random.random()
        if roll < 0.05:
            seed = self.random.choice(KNOWN_SEEDS)
            return Content(seed, 1000 * seed)
        size = self.random.randint(1, 12 * KIB)
        if roll < 0.07:
            size = 0
        elif roll > 0.99:
            size = self.random.randint(256 * KIB, self.plan.large_bytes)
        elif roll > 0.94:
            size = self.random.randint(12 * KIB, 256 * KIB)
        return Content(self.random.getrandbits(60) + len(KNOWN_SEEDS) + 1, size)

    def _put(self, path: str) -> None:
        content = self._content()
        data = content.bytes()
        announced = {"X-Checksum-Sha256": content.sha256} if self.random.random() < 0.2 else {}
        # A body that is no bytes has no length: it is sent in chunks.
        body = iter((data,)) if self.random.random() < 0.15 else data
        deed = self.begin(Kind.PUT, path, content)
        answer = self.ask(deed, "PUT", "", announced, body)
        wrong = ""
        if answer is not None and answer.status in (200, 201):
            told = json.loads(answer.body)
            if (told["size"], told["digests"]["sha256"]) != (content.size, content.sha256):
                wrong = f"PUT of {content}: {answer}"
        elif answer is not None and answer.status != 503:
            wrong = f"PUT: {answer}"
        self.end(deed, None if answer is None else answer.status, wrong)

    def _delete(self, path: str) -> None:
        deed = self.begin(Kind.DELETE, path)
        answer = self.ask(deed, "DELETE")
        wrong = ""
        if answer is not None and answer.status not in (204, 404, 503):
            wrong = f"DELETE: {answer}"
        elif answer is not None and answer.status != 503:
            there = self.own.certain.get(path)
            # The one answer fits only where something is there, the other where nothing is.
            if (answer.status == 404 and there is not None and None not in there) or (
                answer.status == 204 and there == NOTHING
            ):
                wrong = f"DELETE of what is {there}: {answer}"
        self.end(deed, None if answer is None else answer.status, wrong)

    def _read(self, path: str) -> None:
        deed = self.begin(Kind.READ, path)
        answer = self.ask(deed, "GET")
        there = self.own.certain.get(path)
        wrong = ""
        if answer is not None and answer.status not in (200, 404, 503):
            wrong = f"GET: {answer}"
        elif answer is not None and answer.status != 503 and there is not None:
            wrong = "" if _is_one_of(there, answer) else f"GET of what is {there}: {answer}"
        self.end(deed, None if answer is None else answer.status, wrong)

    def _vanish(self, path: str) -> None:
        """Upload and be gone: in the middle of the body, or just before the answer to it."""
        content = self._content()
        data = content.bytes()
        whole = not data or self.random.random() < 0.3
        sent = data if whole else data[: self.random.randrange(len(data))]
        connection = self.connected()
        address = (connection.host, connection.port)
        deed = self.begin(Kind.PUT if whole else Kind.CUT, path, content)
        fields = {**self.key, "X-Request-Id": deed.id, "Content-Length": str(len(data))}
        try:
            with begin_put(address, self.plan.url(path), fields, sent):
                time.sleep(self.random.choice((0.0, self.random.uniform(0.0, 0.05))))
        except OSError:
            self.disconnect()  # the machine was killed first
        self.end(deed, None)

    def _upload_in_pieces(self, path: str) -> None:
        """Begin an upload, or go on with one."""
        if self._uploads and self.random.random() < len(self._uploads) / _OPEN:
            upload = self.random.choice(self._uploads)
            upload.step(self.random)
            if upload.ended:
                self._uploads.remove(upload)
            return
        begun = PiecesUpload.begin(self, self.begin(Kind.PIECES, path, self._content()))
        if begun is not None:
            self._uploads.append(begun)


def _is_one_of(there: Possible, answer: Answer) -> bool:
    if answer.status == 404:
        return None in there
    return any(content is not None and content.bytes() == answer.body for content in there)


def main(kind: type[Client] = Client) -> int:
    """Run the clients of a plan, of that kind."""
    plan, life = Plan.given(), int(sys.argv[1])
    before = read_diaries([plan.diary])
    diary = Diary(plan.diary)
    clients = [kind(plan, number, life, diary) for number in range(len(plan.keys))]
    for client in clients:
        client.remember(before)
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
