"""The text that stands for an unfinished upload on S3.

A token holds what S3 can't be asked for, and no more: the key, the size of parts, the length
if it is known, and S3's own id of the upload. Which parts are there, S3 is asked; how many of
them count, and that they are still the same, is held against the seal.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Self

from storage.blobs.interface import BlobCorrupt, BlobMissing
from storage.blobs.s3_bucket import Part

_TOKEN = re.compile(
    r"([a-z0-9]{1,32}/[0-9a-f]{32}):([1-9][0-9]{0,15}):(0|[1-9][0-9]{0,15})?"
    r":((?:0|[1-9][0-9]{0,4})\.[0-9a-f]{32})?:([\x21-\x7e]{1,1024})"
)


@dataclass(frozen=True, slots=True)
class Seal:
    """The first `count` parts of an upload, and a digest of what S3 calls them.

    Anybody who still holds the upload can put another part in the place of one of them: a
    process that was thought dead. S3 takes it, so whoever goes on has to look.
    """

    count: int
    digest: str

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Self:
        digest = blake2b(digest_size=16)
        for part in parts:
            etag = part.etag.strip('"')  # quoted in one answer, and not in the other
            digest.update(f"{part.number} {part.size} {etag}\n".encode())
        return cls(len(parts), digest.hexdigest())

    @classmethod
    def parse(cls, text: str) -> Self:
        count, _, digest = text.partition(".")
        return cls(int(count), digest)

    def opened(self, parts: Sequence[Part]) -> list[Part]:
        """Those of the parts that are sealed. Raises BlobCorrupt where they are others."""
        sealed = list(parts[: self.count])
        if Seal.of(sealed) != self:
            raise BlobCorrupt("the parts of the upload are not those that were sent")
        return sealed

    def __str__(self) -> str:
        return f"{self.count}.{self.digest}"


@dataclass(frozen=True, slots=True)
class UploadToken:
    """`seal` is None in a token of a listing: it stands for whatever parts are there."""

    key: str
    part_bytes: int
    size: int | None
    seal: Seal | None
    upload_id: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises BlobMissing: text that no store made names no upload."""
        match = _TOKEN.fullmatch(text)
        if match is None:
            raise BlobMissing("that is not the token of an upload")
        key, part_bytes, size, seal, upload_id = match.groups()
        return cls(
            key,
            int(part_bytes),
            None if size is None else int(size),
            None if seal is None else Seal.parse(seal),
            upload_id,
        )

    def __str__(self) -> str:
        size = "" if self.size is None else self.size
        seal = "" if self.seal is None else self.seal
        return f"{self.key}:{self.part_bytes}:{size}:{seal}:{self.upload_id}"
