"""The bytes of a file in a folder."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from app.importing.candidate import Content, Moved, Told
from app.importing.folder import Found
from app.importing.source import Source, digests_of, read_checksum
from app.publishing import Artifact, DigestMismatch
from app.publishing.expectations import Said
from app.publishing.receiving import Body
from app.repositories.layout import Reading


@contextmanager
def opened(
    found: Found,
    moved: Moved,
    *,
    checksums: Sequence[tuple[str, Found]] = (),
    attached: Mapping[str, bytes] | None = None,
    alike: Callable[[Source], None] = lambda _: None,
) -> Iterator[Content]:
    """A file, open to be read by one thread.

    Args:
        found: the file.
        moved: told how far it is read.
        checksums: the checksum files beside it, with their algorithms.
        attached: what comes with it.
        alike: raises NotTaken where it is not to be taken beside others of its name.

    Raises:
        Unreadable: it, or a checksum file.
        NotTaken: what `alike` raises.
    """
    digests = tuple((name, read_checksum(checksum, name)) for name, checksum in checksums)
    with Source(found, moved) as source:
        alike(source)
        yield _Local(source, Told(digests, attached or {}))


class _Local:
    """An open file."""

    def __init__(self, source: Source, said: Told) -> None:
        self.said: Said = said
        self.length: int | None = source.length
        self._source = source
        self._sha256: str | None = None

    def is_as(self, known: Artifact) -> bool:
        if known.size != self._source.length:
            return False
        if self._sha256 is None:
            digests = digests_of(self._source, ("sha256", *self.said.algorithms))
            self._hold(digests)
            self._sha256 = digests["sha256"]
        return self._sha256 == known.sha256

    @contextmanager
    def body(self) -> Iterator[Body]:
        self._source.rewind()
        yield self._source

    def rehearse(self, reading: Reading | None) -> str:
        source = self._source
        digests = digests_of(
            source,
            ("sha256", *self.said.algorithms),
            (lambda _: None) if reading is None else reading.feed,
        )
        self._hold(digests)
        if reading is not None:
            reading.finish(source.length, source.read_at)
        return digests["sha256"]

    def differing(self, error: DigestMismatch) -> str:
        return (
            f"its .{error.algorithm} file says {error.expected}, and its bytes have"
            f" {error.computed}: one of the two is damaged"
        )

    def _hold(self, digests: Mapping[str, str]) -> None:
        for name, expected in self.said.digests:
            if digests[name] != expected:
                raise DigestMismatch(name, expected, digests[name])
