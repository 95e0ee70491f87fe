"""What a publication is decided with behind its body: what was read before it, or is there now.

A body may take days. Meanwhile folders may have gone from the listings, which nobody remembers
for ever (`app/publishing/emptied.py`); rules may have changed; and the repository may have been
deleted, and even erased: then no walk would ever find the file.
"""

from collections.abc import Mapping
from datetime import timedelta

from app.publishing.place import Place
from app.repositories import Repository, RepositoryMissing
from app.repositories.repository import RULES_HOLD
from storage import keys
from storage.metadata import Key, Metadata, Record

#: For how long who has read the state of a project may go by it: as long as any right holds.
STATE_HOLDS = timedelta(seconds=10)


def afresh(
    metadata: Metadata, place: Place, records: Mapping[Key, Record], age: timedelta
) -> tuple[Place, Mapping[Key, Record]]:
    """A place, and what was read of its `keys()` so long ago, or what is there now.

    Raises RepositoryMissing.
    """
    if age < RULES_HOLD:
        if place.project is None or age < STATE_HOLDS:
            return place, records
        state = metadata.get(place.project)
        return place, {key: one for key, one in records.items() if key != place.project} | state
    named = keys.repository_name(place.organization, place.repository)
    name = metadata.get(named).get(named)
    if name is None:
        raise RepositoryMissing(place.repository)
    key = keys.repository(place.organization, name.value["name"])
    records = metadata.get(key, *place.keys())
    record = records.get(key)
    if record is None or record.value["id"] != place.repository:
        raise RepositoryMissing(place.repository)
    return Place.at(Repository.read(place.organization, record), place.path), records
