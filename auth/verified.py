"""Passwords that were verified in the last minutes, so that the slow hash is paid once.

What is kept is a keyed hash, with a key that lives in this process alone: memory that
leaks does not hold the password, nor something that a dictionary could be tried on without
the key. An entry names the version of the user's record: any change of the user voids it. And it
is about one network: what is remembered is let in before anything is counted, so whoever guesses
from elsewhere must not be told by it that he guessed right.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from auth.user_names import UserName

SECONDS = 600.0  # a build's downloads come within minutes
MOST = 10_000  # entries; about 3 MB


@dataclass(frozen=True, slots=True)
class Verified:
    """That the password was that of this user, at this version of his record."""

    user_id: str
    version: int
    until: float  # monotonic seconds


class VerifiedPasswords:
    """A bounded memory of verified passwords, safe for many threads."""

    def __init__(
        self,
        seconds: float = SECONDS,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._entries: dict[bytes, Verified] = {}
        self._lock = threading.Lock()

    def digest(self, organization: str, name: UserName, password: str, network: str) -> bytes:
        """The keyed hash of an attempt from a network; `password` is in its normal form."""
        texts = (organization, name.compared, password, network)
        parts = tuple(text.encode("utf-8", "surrogatepass") for text in texts)
        data = b"".join(b"%d:%b" % (len(part), part) for part in parts)
        return blake2b(data, key=self._key, digest_size=32).digest()

    def find(self, digest: bytes) -> Verified | None:
        entry = self._entries.get(digest)
        return entry if entry is not None and entry.until > self._clock() else None

    def remember(self, digest: bytes, user_id: str, version: int) -> None:
        entry = Verified(user_id, version, self._clock() + self._seconds)
        with self._lock:
            self._entries.pop(digest, None)  # put last: the oldest are dropped first
            self._entries[digest] = entry
            while len(self._entries) > self._most:
                self._entries.pop(next(iter(self._entries)))

    def forget(self, digest: bytes) -> None:
        with self._lock:
            self._entries.pop(digest, None)
