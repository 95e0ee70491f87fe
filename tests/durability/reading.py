"""Reads back through the service: every path that was ever named, and every listing."""

import http.client
import json
import threading
from collections.abc import Iterable, Mapping
from queue import Empty, SimpleQueue
from urllib.parse import quote

from tests.durability.diary import Content
from tests.durability.installations import Installation
from tests.durability.wire import TIMEOUT, Address, exchange, send

#: What was read where it is nothing that a client sent.
FOREIGN_SEED = -1

_READERS = 6


def listed(
    installation: Installation, address: Address, begin: str = ""
) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 of every file that the listings show from a folder on, by path.

    A folder that was emptied is listed until a worker has read of it, and 404 until then.
    """
    files: dict[str, tuple[int, str]] = {}
    folders = [begin]
    while folders:
        folder = folders.pop()
        after: str | None = ""
        while after is not None:
            query = f"?limit=300&after={quote(after)}" if after else "?limit=300"
            fields = {**installation.key, "Accept": "application/json"}
            answer = exchange(address, "GET", installation.url(folder) + query, fields)
            if answer.status == 404 and folder != begin and not after:
                break
            assert answer.status == 200, (folder, answer)
            page = json.loads(answer.body)
            for entry in page["entries"]:
                path = f"{folder}{entry['name']}"
                if entry["type"] == "folder":
                    folders.append(path)
                else:
                    assert path not in files
                    files[path] = (entry["size"], entry["sha256"])
            after = page["next"]
    return files


def read_back(
    installation: Installation,
    address: Address,
    candidates: Mapping[str, Iterable[Content | None]],
) -> dict[str, Content | None]:
    """What is under each path: the candidate that is the same byte for byte, None for nothing,
    or something foreign."""
    queue: SimpleQueue[str] = SimpleQueue()
    for path in candidates:
        queue.put(path)
    found: dict[str, Content | None] = {}
    threads = [
        threading.Thread(target=_read, args=(installation, address, candidates, queue, found))
        for _ in range(_READERS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(candidates), "a reader failed"
    return found


def _read(
    installation: Installation,
    address: Address,
    candidates: Mapping[str, Iterable[Content | None]],
    queue: "SimpleQueue[str]",
    found: dict[str, Content | None],
) -> None:
    connection = http.client.HTTPConnection(*address, timeout=TIMEOUT)
    while True:
        try:
            path = queue.get_nowait()
        except Empty:
            break
        answer = send(connection, "GET", installation.url(path), installation.key)
        if answer.status == 404:
            found[path] = None
        elif answer.status == 200:
            found[path] = _same(answer.body, candidates[path])
        else:
            raise AssertionError(f"GET {path}: {answer}")
    connection.close()


def _same(body: bytes, candidates: Iterable[Content | None]) -> Content:
    for candidate in candidates:
        if candidate is not None and len(body) == candidate.size and candidate.bytes() == body:
            return candidate
    return Content(FOREIGN_SEED, len(body))
