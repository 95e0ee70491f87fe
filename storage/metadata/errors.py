"""What can go wrong with metadata, in the words of the design."""

from collections.abc import Mapping

from storage.metadata.records import Key, Record


class MetadataError(Exception):
    """The root of this layer's errors."""


class InvalidOperation(MetadataError):
    """A caller asked for what every backend refuses: a limit passed, a key named twice."""


class ConditionFailed(MetadataError):
    """A condition did not hold, and nothing of the commit was written.

    `found` holds, for each key whose condition failed, the record that stood in the way,
    or None where there was none. It is not retried: the caller may decide anew with it.
    """

    def __init__(self, found: Mapping[Key, Record | None]) -> None:
        super().__init__(f"a condition did not hold on {len(found)} record(s)")
        self.found = dict(found)


class Conflict(MetadataError):
    """Another transaction was on one of the records. Nothing was written; try again."""


class Unavailable(MetadataError):
    """The store is slow, throttled or away, after bounded retries. Nothing is known lost."""


class OutcomeUnknown(Unavailable):
    """A commit was sent and its answer lost. It is there whole, or not at all."""


class ClockSkewed(Unavailable):
    """This process's clock is over 60 s from the store's, so it must not write."""


class StoreFull(MetadataError):
    """There is no room left on the device that holds the store."""


class Corrupted(MetadataError):
    """What lies on the disk is not a sound store: restore it, writing to it makes it worse."""


class UnknownStore(MetadataError):
    """The setting that names the store is not understood, or names what is no store."""
