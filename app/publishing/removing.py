"""What deleting and overwriting have in common: the old artifact is kept, to be restored.

No bytes are dropped and no reference is given up: the restorable record holds it, and the
space counts against the quota, until its time is up or somebody purges it.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from app.publishing.artifact import Artifact
from app.publishing.place import Place
from storage import keys
from storage.events import Actor
from storage.metadata import Key, Operation, Put


def retired(
    place: Place, artifact: Artifact, actor: Actor, now: datetime
) -> tuple[list[Operation], Mapping[str, int]]:
    """The operations that keep an artifact restorable, and what they add to the counters."""
    until = now + timedelta(days=place.restore_days)
    suffix = f"{keys.time(now)}#{secrets.token_hex(8)}"
    restorable = Key(
        keys.deleted(place.organization, place.repository, place.path.folder.key),
        f"{place.path.name}/{suffix}",
    )
    due = Key(
        keys.due(place.organization, until, keys.stripe(str(place.path))),
        f"{keys.time(until)}#{suffix.partition('#')[2]}",
    )
    operations: list[Operation] = [
        Put(
            restorable,
            {
                "artifact": artifact.value(),
                "deleted": now.isoformat(),
                "until": until.isoformat(),
                "user": actor.user,
            },
            absent=True,
        ),
        Put(due, {"partition": restorable.partition, "sort": restorable.sort}, absent=True),
    ]
    change = {
        "files": -1,
        "bytes": -artifact.size,
        "restorable_files": 1,
        "restorable_bytes": artifact.size,
    }
    return operations, change
