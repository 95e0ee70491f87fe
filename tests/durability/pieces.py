"""Uploads in pieces, as a client goes on with them: across answers that were lost, machines
that were killed, and lives of its own."""

import json
import random

from tests.durability.caller import Caller
from tests.durability.diary import Deed, Kind
from tests.durability.wire import Answer, begin_put

MIB = 1024 * 1024

#: What a request may be answered when its store, or the piece before it, is in trouble.
_LATER = (409, 503)


class PiecesUpload:
    """One upload in pieces. Each step is one request, or one that is cut."""

    def __init__(self, caller: Caller, deed: Deed, piece_bytes: int | None = None) -> None:
        assert deed.content is not None
        self._caller = caller
        self.deed = deed
        self._data = deed.content.bytes()
        self._piece_bytes = piece_bytes
        self._offset: int | None = None if piece_bytes is None else 0
        self.ended = False

    @classmethod
    def begin(cls, caller: Caller, deed: Deed) -> "PiecesUpload | None":
        """Ask for one; None where that was refused, or nobody knows."""
        assert deed.content is not None
        fields = {"Upload-Length": str(deed.content.size)}
        answer = caller.ask(deed, "POST", f"{caller.plan.url(deed.path)}?uploads", fields)
        if answer is None or answer.status != 201:
            wrong = "" if answer is None or answer.status == 503 else f"POST: {answer}"
            caller.end(deed, None if answer is None else answer.status, wrong)
            return None
        caller.locate(deed, answer.fields["location"])
        return cls(caller, deed, json.loads(answer.body)["piece_bytes"])

    def step(self, chances: random.Random) -> None:
        """Go on by one request; now and then with another machine."""
        if chances.random() < 0.3:
            self._caller.disconnect(elsewhere=True)
        if self._offset is None or self._piece_bytes is None:
            self._look()
        elif self._offset < len(self._data):
            self._send(chances)
        else:
            self._complete()

    def _look(self) -> None:
        answer = self._ask("GET")
        if answer is None:
            return
        if answer.status != 200:
            self._judge(answer)
            return
        told = json.loads(answer.body)
        self._offset, self._piece_bytes = told["offset"], told["piece_bytes"]
        if told["complete"]:
            self._offset = len(self._data)

    def _send(self, chances: random.Random) -> None:
        first, size, least = self._offset or 0, len(self._data), self._piece_bytes or 1
        end = min(size, first + max(least, chances.randint(1, size)))
        if chances.random() < 0.25:
            self._cut(first, end, chances.randrange(end - first))
            return
        fields = {"Content-Range": f"bytes {first}-{end - 1}/{size}"}
        answer = self._ask("PATCH", fields, self._data[first:end])
        self._offset = None
        if answer is None:
            return
        if answer.status != 202:
            self._judge(answer)
            return
        durable = int(answer.fields["upload-offset"])
        if first <= durable <= end:
            self._offset = durable
        else:
            self._fail(f"PATCH of {first} to {end}: {answer}, {durable} are durable")

    def _cut(self, first: int, end: int, sent: int) -> None:
        """Send a part of a piece, and be gone."""
        connection = self._caller.connected()
        fields = {
            **self._caller.key,
            "X-Request-Id": self.deed.id,
            "Content-Length": str(end - first),
            "Content-Range": f"bytes {first}-{end - 1}/{len(self._data)}",
        }
        target, data = str(self.deed.location), self._data[first : first + sent]
        try:
            begin_put((connection.host, connection.port), target, fields, data, "PATCH").close()
        except OSError:
            self._caller.disconnect()
        self._offset = None

    def _complete(self) -> None:
        self._caller.commence(self.deed)
        content = self.deed.content
        assert content is not None
        answer = self._ask("PUT", {"X-Checksum-Sha256": content.sha256})
        if answer is None:
            return
        if answer.status not in (200, 201):
            self._offset = None
            self._judge(answer)
            return
        told = json.loads(answer.body)
        good = (told["size"], told["digests"]["sha256"]) == (content.size, content.sha256)
        self.ended = True
        self._caller.end(self.deed, answer.status, "" if good else f"PUT of {content}: {answer}")

    def _ask(
        self, method: str, fields: dict[str, str] | None = None, body: bytes | None = None
    ) -> Answer | None:
        return self._caller.ask(self.deed, method, str(self.deed.location), fields, body)

    def _judge(self, answer: Answer) -> None:
        """Whether it may go on later; where it is over although it was begun, that is wrong."""
        if answer.status not in _LATER:
            self._fail(f"{self.deed.location}: {answer}")

    def _fail(self, wrong: str) -> None:
        self.ended = True
        self._caller.end(self.deed, None, wrong)


def unfinished(caller: Caller, deed: Deed) -> PiecesUpload | None:
    """An upload of an earlier life that can be gone on with."""
    if deed.kind is not Kind.PIECES or deed.status is not None or deed.location is None:
        return None
    return None if deed.wrong else PiecesUpload(caller, deed)
