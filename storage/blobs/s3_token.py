"""The text that stands for an unfinished upload on S3.

A token holds what S3 can't be asked for, and no more: the key, the size of parts, the length
if it is known, and S3's own id of the upload. Which parts are there, S3 is asked.
"""

import re
from dataclasses import dataclass
from typing import Self

from storage.blobs.interface import BlobMissing

_TOKEN = re.compile(
    r"([a-z0-9]{1,32}/[0-9a-f]{32}):([1-9][0-9]{0,15}):(0|[1-9][0-9]{0,15})?:([\x21-\x7e]{1,1024})"
)


@dataclass(frozen=True, slots=True)
class UploadToken:
    key: str
    part_bytes: int
    size: int | None
    upload_id: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises BlobMissing: text that no store made names no upload."""
        match = _TOKEN.fullmatch(text)
        if match is None:
            raise BlobMissing("that is not the token of an upload")
        key, part_bytes, size, upload_id = match.groups()
        return cls(key, int(part_bytes), None if size is None else int(size), upload_id)

    def __str__(self) -> str:
        size = "" if self.size is None else self.size
        return f"{self.key}:{self.part_bytes}:{size}:{self.upload_id}"
