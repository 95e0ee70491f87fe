"""Why something was not published or deleted; nothing of it was stored."""

from app.work.kind import Later


class PublishingError(Exception):
    """The root of this package's errors."""


class DigestMismatch(PublishingError):
    """The bytes are not those that the client announced; both digests in hexadecimal."""

    def __init__(self, algorithm: str, expected: str, computed: str) -> None:
        super().__init__(
            f"the {algorithm} of the received bytes is {computed}, not {expected} as announced"
        )
        self.algorithm, self.expected, self.computed = algorithm, expected, computed


class ArtifactExists(PublishingError):
    """There are other bytes under that path, and the repository forbids overwriting."""


class ArtifactMissing(PublishingError):
    """There is no artifact under that path."""


class NothingToRestore(PublishingError):
    """There is no such restorable version of the file, or none any more."""


class PathTaken(PublishingError):
    """A file that is to be restored finds another one at its path; the text names that."""


class PreconditionFailed(PublishingError):
    """`If-Match` or `If-None-Match` did not hold."""


class Contended(PublishingError, Later):
    """Others changed the same records again and again; try again in a second.

    It passes by itself: a job that meets it waits, as long as it takes.
    """


class TooLate(PublishingError):
    """The process stood still after it had received the bytes; the same can be sent again."""
