"""What a client does to whole folders of its own, and to what was deleted in them."""

import json
import random
import time

from tests.durability.caller import Caller
from tests.durability.diary import Deed, Kind
from tests.durability.own import NOTHING
from tests.durability.wire import Answer

#: How long the job of an answer is looked at. What takes longer has no end in the diary.
PATIENCE_SECONDS = 8.0

_CONTENT = {"Content-Type": "application/json"}


class Folders:
    """Deletes, restores and purges."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def act(self, chances: random.Random, path: str) -> None:
        """Do something to a file that may be gone, or to a folder."""
        folders = self._caller.own.folders()
        roll = chances.random()
        if roll < 0.45 or not folders:
            self.restore(path)
        elif roll < 0.7:
            self._clear(chances.choice(folders))
        elif roll < 0.95:
            self._of_folder(Kind.RECOVER, "restore", chances.choice(folders), {})
        else:
            self._of_folder(Kind.PURGE, "purge", chances.choice(folders), {"recursive": True})

    def restore(self, path: str) -> None:
        """Bring a file back, whether it is gone or not."""
        deed = self._caller.begin(Kind.RESTORE, path)
        answer = self._post(deed, "restore", {"path": path})
        there = self._caller.own.certain.get(path)
        wrong = ""
        if answer is not None and answer.status not in (200, 404, 409, 503):
            wrong = f"restore: {answer}"
        elif answer is not None and there == NOTHING and answer.status == 409:
            wrong = f"a restore met something where nothing is: {answer}"
        elif answer is not None and there not in (None, NOTHING) and answer.status == 200:
            wrong = f"a restore did not meet {there}: {answer}"
        self._caller.end(deed, None if answer is None else answer.status, wrong)

    def _clear(self, folder: str) -> None:
        deed = self._caller.begin(Kind.CLEAR, folder)
        url = f"{self._caller.plan.url(folder)}?recursive=true"
        self._await(deed, self._caller.ask(deed, "DELETE", url))

    def _of_folder(self, kind: Kind, action: str, folder: str, fields: dict[str, bool]) -> None:
        deed = self._caller.begin(kind, folder)
        self._await(deed, self._post(deed, action, {"path": folder, **fields}))

    def _post(self, deed: Deed, action: str, value: dict[str, object]) -> Answer | None:
        url = f"/api/repositories/{self._caller.plan.repository}/{action}"
        return self._caller.ask(deed, "POST", url, _CONTENT, json.dumps(value).encode())

    def _await(self, deed: Deed, answer: Answer | None) -> None:
        """Write down what became of the deed once its job has ended, if that is soon.

        What it left because it came later is no fault, but then nothing is settled either.
        """
        if answer is None or answer.status not in (200, 202):
            good = answer is None or answer.status in (404, 503)
            status = None if answer is None else answer.status
            self._caller.end(deed, status, "" if good else f"{deed.kind}: {answer}")
            return
        counts = json.loads(answer.body)
        if answer.status == 202:
            ended = self._watch(deed, answer.fields["location"])
            if ended is None:
                self._caller.end(deed, 202)
                return
            if ended["state"] != "done":
                self._caller.end(deed, 202, f"{deed.kind}: {ended}")
                return
            counts = ended["counts"]
        self._caller.end(deed, 202 if counts.get("left") else 200)

    def _watch(self, deed: Deed, location: str) -> dict[str, object] | None:
        """The job as it has ended, or None where that takes too long."""
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            answer = self._caller.ask(deed, "GET", location)
            if answer is not None and answer.status == 200:
                job: dict[str, object] = json.loads(answer.body)
                if job["state"] in ("done", "failed"):
                    return job
            time.sleep(0.5)
        return None
