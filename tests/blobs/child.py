"""Another process of the same store: `child PLACE ACTION [WORDS]`.

`hold SIZE` writes SIZE bytes of an upload, says its key, and waits; `write OWNER COUNT SEED`
stores COUNT small blobs and says each key once it is committed; `resume TOKEN SIZE` goes on
with an upload up to SIZE bytes, commits it, and says from which byte it went on.
"""

import json
import sys

from storage.blobs import Blobs
from tests.blobs.stores import Place, bytes_of, store, write


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _hold(blobs: Blobs, size: str) -> None:
    with blobs.create("acme") as writer:
        write(writer, bytes_of(int(size)))
        _say(writer.key)
        sys.stdin.read()


def _write(blobs: Blobs, owner: str, count: str, seed: str) -> None:
    for number in range(int(count)):
        _say(store(blobs, bytes_of(2000, int(seed) + number), owner))


def _resume(blobs: Blobs, token: str, size: str) -> None:
    with blobs.resume(token) as writer:
        begun = writer.offset
        write(writer, bytes_of(int(size))[begun:])
        writer.commit()
    _say(str(begun))


def main() -> None:
    place, action, *words = sys.argv[1:]
    blobs = Place(**json.loads(place)).open()
    {"hold": _hold, "write": _write, "resume": _resume}[action](blobs, *words)


if __name__ == "__main__":
    main()
