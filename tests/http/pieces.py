"""An upload in pieces, as a client of the application in the process makes one."""

import hashlib
from collections.abc import Mapping
from typing import Any

from tests.http.client import Answer, Client

FILE = "/repositories/files/a/b.bin"
MIB = 1024 * 1024


def bytes_of(size: int, seed: int = 0) -> bytes:
    """Bytes without a pattern that swapped pieces could hide in."""
    return hashlib.shake_256(f"{size} {seed}".encode()).digest(size)


class Upload:
    """One upload of `data`, begun when it is made."""

    def __init__(
        self,
        client: Client,
        data: bytes,
        path: str = FILE,
        length: bool = True,
        headers: Mapping[str, str] = {},
    ) -> None:
        self.client, self.data = client, data
        told = {"Upload-Length": str(len(data))} if length else {}
        self.begun = client.ask("POST", f"{path}?uploads", headers={**told, **headers})
        self.location: str = self.begun.headers.get("location", "")

    @property
    def id(self) -> str:
        return self.location.rpartition("=")[2]

    def piece(
        self,
        first: int,
        end: int,
        *,
        total: int | None = -1,
        headers: Mapping[str, str] = {},
        **more: Any,
    ) -> Answer:
        """Send bytes `first` to `end`; `total` is what Content-Range says of the whole."""
        whole = len(self.data) if total == -1 else total
        told = f"bytes {first}-{end - 1}/{'*' if whole is None else whole}"
        more.setdefault("body", self.data[first:end])
        return self.client.ask(
            "PATCH", self.location, headers={"Content-Range": told, **headers}, **more
        )

    def rest(self, first: int = 0) -> Answer:
        return self.piece(first, len(self.data))

    def look(self) -> Answer:
        return self.client.head(self.location)

    @property
    def offset(self) -> int:
        return int(self.look().headers["upload-offset"])

    def put(self, headers: Mapping[str, str] = {}) -> Answer:
        return self.client.put(self.location, headers=headers)

    def drop(self) -> Answer:
        return self.client.delete(self.location)
