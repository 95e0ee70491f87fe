"""Checksum files that clients send: compared with what they are of, and never stored.

A file's checksum may come before the file, and is held until it comes; what the checksum of a
document is of is the client's own copy of that document, which is remembered for an hour: the
document that is served is computed.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from app.maven.paths import quoted
from app.publishing import Contended
from app.publishing.announced import Announced
from app.publishing.place import Place
from app.repositories import Refused, Repository
from storage import keys
from storage.metadata import ConditionFailed, Key, Metadata, Put, Record

KEPT = timedelta(hours=1)
#: Of a client's documents, as many are looked at for one that a checksum is of.
MOST_SENT = 1_000
_SENT_PAGES = 10
_DECISIONS = 24
_DIGITS = {"md5": 32, "sha1": 40, "sha256": 64, "sha512": 128}


class ChecksumDiffers(Refused):
    """A checksum file that is not of what it is named after; the message has both."""


def parse_checksum(path: str, algorithm: str, data: bytes) -> str:
    """The digest in a checksum file of what lies at a path. A file's name may stand behind it,
    or before it with a colon or `=`, as tools write them. Raises ChecksumDiffers."""
    digits = _DIGITS[algorithm]
    text = data.decode("ascii", "replace").lower().replace("=", " ").replace(":", " ")
    for word in text.split():
        if len(word) == digits and set(word) <= set("0123456789abcdef"):
            return word
    raise ChecksumDiffers(
        f"{quoted(path)}: a checksum by {algorithm} is {digits} hexadecimal digits, and these are"
        " not there"
    )


class Checks:
    """Compares what clients send."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def of_file(
        self,
        place: Place,
        records: Mapping[Key, Record],
        sent: tuple[str, str],
        *,
        reads: bool,
    ) -> None:
        """Hold a checksum of a file, its algorithm and digest, against it, or keep it until the
        file comes.

        `records` are those of the file and of what was announced of it, as they were read. Who
        `reads` is told what the file has: its digest would tell others what is in it.

        Raises:
            ChecksumDiffers: there is a file, and it has another one.
            Contended: others change it again and again.
        """
        for _ in range(_DECISIONS):
            artifact = place.artifact_in(records)
            if artifact is not None:
                _compare(str(place), *sent, artifact.digests[sent[0]], reads=reads)
                return
            announced = Announced.at(place, records)
            try:
                self._metadata.commit(*announced.adding(place, *sent, self._metadata.now()))
            except ConditionFailed:
                records = self._metadata.get(place.key, *announced.keys)
            else:
                return
        raise Contended("the file is being changed by others")

    def remember(self, repository: Repository, path: str, digests: Mapping[str, str]) -> None:
        """Remember a document that a client sent, by its digests."""
        key = keys.sent_document(repository.organization, repository.id, path, digests["sha256"])
        expires = self._metadata.now() + KEPT
        self._metadata.commit(Put(key, {"digests": dict(digests)}, expires=expires))

    def of_document(
        self,
        repository: Repository,
        path: str,
        sent: tuple[str, str],
        served: Callable[[], str | None],
    ) -> None:
        """Hold a checksum of a document, its algorithm and digest, against those that clients
        sent, and else against what is `served`, if anything. One that nothing is known for is
        taken: its document may be yet to come, and changes nothing.

        Raises ChecksumDiffers.
        """
        algorithm, digest = sent
        if self._is_unknown(repository, path, algorithm, digest) and served() != digest:
            raise ChecksumDiffers(
                f"the {algorithm} that was sent of {quoted(path)} is {digest}, and that of no"
                " document that was sent there in the last hour: send the document again"
            )

    def _is_unknown(self, repository: Repository, path: str, algorithm: str, digest: str) -> bool:
        """Whether documents are remembered and a digest is of none of them. Of too many to look
        at it is not told."""
        partition = keys.sent_documents(repository.organization, repository.id)
        after: str | None = ""
        found = False
        for _ in range(_SENT_PAGES):  # an engine that deletes what has expired late has short ones
            page = self._metadata.query(partition, f"{path}/", after or "", MOST_SENT)
            for record in page.records:
                found = True
                if record.value["digests"][algorithm] == digest:
                    return False
            after = page.next
            if after is None:
                return found
        return False


def _compare(path: str, algorithm: str, sent: str, right: str, *, reads: bool) -> None:
    if sent != right:
        its = f"is {right}" if reads else "is another"
        raise ChecksumDiffers(
            f"the {algorithm} that was sent of {quoted(path)} is {sent}, and that of its bytes"
            f" {its}: send the file again, or the right checksum"
        )
