"""Publishing: bytes first, truth last.

A body streams into a new blob while its digests are computed; then one commit makes it
visible, and with it everything that must be true at the same time.
"""

from app.publishing.artifact import Artifact
from app.publishing.digests import Digester, Digests
from app.publishing.errors import (
    ArtifactExists,
    ArtifactMissing,
    Contended,
    DigestMismatch,
    NothingToRestore,
    PathTaken,
    PreconditionFailed,
    TooLate,
)
from app.publishing.expectations import Expectations
from app.publishing.publication import Publication, Published
from app.publishing.publisher import Publisher
from app.publishing.remover import Remover

__all__ = [
    "Artifact",
    "ArtifactExists",
    "ArtifactMissing",
    "Contended",
    "DigestMismatch",
    "Digester",
    "Digests",
    "Expectations",
    "NothingToRestore",
    "PathTaken",
    "PreconditionFailed",
    "Publication",
    "Published",
    "Publisher",
    "Remover",
    "TooLate",
]
