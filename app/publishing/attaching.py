"""Stores what comes and goes with a file: a few small blobs of their own."""

import hashlib
from collections.abc import Mapping

from app.publishing.artifact import Held
from storage.blobs import Blobs

#: Of one of them. They are in memory when they are stored.
MOST_BYTES = 1024 * 1024


def attach(blobs: Blobs, organization: str, attached: Mapping[str, bytes]) -> dict[str, Held]:
    """Store bytes, by what they are found by; none of them empty, and no two the same.

    Raises what the blob store raises; then none of them is stored.
    """
    stored: dict[str, Held] = {}
    try:
        for suffix, data in attached.items():
            stored[suffix] = _store(blobs, organization, data)
    except BaseException:
        if stored:
            blobs.delete([held.blob for held in stored.values()])
        raise
    return stored


def _store(blobs: Blobs, organization: str, data: bytes) -> Held:
    left = memoryview(data)
    with blobs.create(organization, len(data)) as writer:
        while left:
            window = writer.window()
            count = min(len(window), len(left))
            window[:count] = left[:count]
            writer.filled(count)
            left = left[count:]
        writer.commit()
    return Held(writer.key, len(data), hashlib.sha256(data).hexdigest())
