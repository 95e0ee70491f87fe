"""The bytes of a file that another index names, which go from there straight into the store.

A connection is kept for no longer than they come: what can be decided by what the index says is
decided before it is made.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from app.importing.candidate import Content, Moved, NotTaken, Told
from app.importing.index import IndexFile
from app.importing.signatures import parse_signature
from app.outgoing import Client, FileStream, OutgoingError
from app.publishing import Artifact, DigestMismatch
from app.publishing.expectations import Said
from app.publishing.receiving import Body
from app.python.form_fields import SIGNATURE_BYTES
from app.python.paths import SIGNATURE_SUFFIX
from app.repositories.layout import Reading

#: Of a file whose size the index does not tell. Who sends without end would fill the disk.
UNTOLD_BYTES = 4 * 1024**3


class Remote:
    """A file of an index. It may be opened again where its bytes did not come."""

    def __init__(
        self, client: Client, file: IndexFile, signature_refused: Callable[[str], None]
    ) -> None:
        """`signature_refused` is told why the signature that the index tells of is none; the file
        comes without it."""
        self.client = client
        self.file = file
        self._signature_refused = signature_refused
        self._signature: bytes | None = None
        self._asks = file.signed

    @contextmanager
    def open(self, moved: Moved) -> Iterator[Content]:
        """The file, of which nothing was asked yet."""
        yield _Remote(self, moved)

    def signature(self) -> bytes | None:
        """The signature, if there is one. Raises OutgoingError where it did not come."""
        if self._asks:
            try:
                self._signature = self._fetch_signature()
            except NotTaken as error:
                self._signature_refused(str(error))
            self._asks = False
        return self._signature

    def _fetch_signature(self) -> bytes:
        url = self.file.url
        try:
            beside = replace(url, path=f"{url.path}{SIGNATURE_SUFFIX}")
            answer = self.client.get(beside, limit=SIGNATURE_BYTES)
        except OutgoingError as error:
            if error.passes:
                raise
            raise NotTaken(str(error)) from error
        return parse_signature(answer.body)


class _Remote:
    """One try to have it."""

    def __init__(self, remote: Remote, moved: Moved) -> None:
        self._remote = remote
        self._file = remote.file
        self._moved = moved
        #: Filled before the file's bytes come.
        self._attached: dict[str, bytes] = {}
        self.said: Said = Told(tuple(self._file.hashes.items()), self._attached)
        self.length = self._file.size

    def is_as(self, known: Artifact) -> bool | None:
        """By the digests that both have. Without SHA-256 the others have to do: what is asked is
        whether the file was imported before, and nothing of it is trusted for it."""
        hashes = self._file.hashes
        common = [name for name in hashes if name in known.digests]
        if "sha256" in common:
            common = ["sha256"]
        if not common:
            return None
        return all(known.digests[name] == hashes[name] for name in common)

    @contextmanager
    def body(self) -> Iterator[Body]:
        signature = self._remote.signature()
        if signature is not None:
            self._attached[SIGNATURE_SUFFIX] = signature
        with self._remote.client.stream(self._file.url) as stream:
            yield Arriving(stream, self.length, self._moved)

    def rehearse(self, reading: Reading | None) -> str | None:
        """Nothing is fetched: another server is not asked for all its files for nothing."""
        return self._file.hashes.get("sha256")

    def differing(self, error: DigestMismatch) -> str:
        return (
            f"the {error.algorithm} in the index is {error.expected}, and its bytes have"
            f" {error.computed}: it was damaged or exchanged there, or on its way"
        )


class Arriving:
    """The bytes, which have to be as many as the index and the server say."""

    def __init__(self, stream: FileStream, told: int | None, moved: Moved) -> None:
        """Raises NotTaken where they say different numbers, or one too large."""
        self.length = stream.length if told is None else told
        if stream.length not in (None, self.length):
            raise _other_size(self.length, stream.length)
        self._most = UNTOLD_BYTES if told is None else told
        self._bound(self.length or 0)
        self._stream = stream
        self._moved = moved
        self._count = 0

    def readinto(self, view: memoryview) -> int:
        count = self._stream.readinto(view)
        self._count += count
        if self.length is not None:
            # Whoever knows the length asks for nothing behind it.
            if self._count == self.length and self._stream.readinto(memoryview(bytearray(1))):
                raise _other_size(self.length, None)
            if self._count > self.length or (count < len(view) and self._count < self.length):
                raise _other_size(self.length, self._count)
        self._bound(self._count)
        self._moved(self._count)
        return count

    def _bound(self, count: int) -> None:
        if count > self._most:
            raise NotTaken(
                f"the index does not say how large it is, and then {UNTOLD_BYTES:,} bytes are the"
                " most that is taken"
            )


def _other_size(told: int | None, came: int | None) -> NotTaken:
    come = "more" if came is None else f"{came:,}"
    return NotTaken(f"the index says that it has {told:,} bytes, and {come} come")
