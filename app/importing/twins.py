"""Files of one name in different folders: the first that can be taken counts.

Whether an earlier one was refused is not asked of the thread that takes it, which may not be
through: it is read again, and only where the bytes differ.
"""

from app.importing.candidate import NotTaken
from app.importing.folder import Found
from app.importing.local import opened
from app.importing.sorting import Wanted
from app.importing.source import Source, digests_of
from app.publishing import DigestMismatch
from app.publishing.place import Place
from app.repositories import Refused


def require_alike(wanted: Wanted, place: Place, source: Source) -> None:
    """Refuse a file that has other bytes than the first sound one that was met before it.

    Raises NotTaken; `source` is the file, open.
    """
    earlier = _earlier(wanted)
    for one in earlier:
        same = _has_bytes_of(one.found, source)
        if same and len(earlier) == 1:
            return
        if not _is_sound(one, place):
            continue
        if not same:
            raise NotTaken(f"it has other bytes than {one.found.path}, which has the same name")
        return


def _earlier(wanted: Wanted) -> list[Wanted]:
    """Those that were met before, the first of them first."""
    earlier: list[Wanted] = []
    while wanted.before is not None:
        wanted = wanted.before
        earlier.append(wanted)
    return earlier[::-1]


def _has_bytes_of(found: Found, source: Source) -> bool:
    try:
        with Source(found) as other:
            if other.length != source.length:
                return False
            return digests_of(other, ("sha256",)) == digests_of(source, ("sha256",))
    except NotTaken:
        return False


def _is_sound(wanted: Wanted, place: Place) -> bool:
    """Whether a file is what its checksum files and its name say."""
    try:
        with opened(wanted.found, lambda _: None, checksums=wanted.checksums) as content:
            content.rehearse(place.layout.reading(place.path))
    except (NotTaken, DigestMismatch, Refused):
        return False
    return True
