"""The file with the first administrator's password and key, for when no terminal can show it.

It is written before the administrator is, under a name of its own, and takes its real name
once he is there: whenever the process is killed, the next start finds either no
administrator, or the file with his password. It goes away at the first sign-in with what
it shows.
"""

import os
import re
import secrets
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

_NAME = "first-sign-in.txt"
_PENDING = "first-sign-in.{}.pending"
_USER = re.compile(r"^user: ([a-z2-7]{16})$", re.MULTILINE)
_KEY = re.compile(r"^key: ([0-9a-f]{32})$", re.MULTILINE)


class FirstSignIn:
    """The file in a folder of data; every method may be called at any time, by any process."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self.path = data / _NAME

    def pend(self, user_id: str, key_id: str | None, lines: str) -> Path:
        """Write what is to be shown of a user who is about to be made, with his key if he
        gets one. Mode 0600, synced."""
        self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
        pending = self._data / _PENDING.format(secrets.token_hex(8))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        with os.fdopen(os.open(pending, flags, 0o600), "w", encoding="utf-8") as file:
            key = "" if key_id is None else f"key: {key_id}\n"
            file.write(f"user: {user_id}\n{key}{lines}")
            file.flush()
            os.fsync(file.fileno())
        self._sync_folder()
        return pending

    def publish(self, pending: Path) -> None:
        """Give the file its real name: its user is there."""
        with suppress(FileNotFoundError):  # another process settled it already
            pending.replace(self.path)
            self._sync_folder()

    def settle(self, administrators: Collection[str]) -> None:
        """Finish what a killed process began: keep the file of an administrator, drop those
        of who lost the race to be the first."""
        for pending in self._data.glob(_PENDING.format("*")):
            user_id = _ids(pending)[0]
            if user_id is not None and user_id in administrators:
                self.publish(pending)
            else:
                pending.unlink(missing_ok=True)

    def signed_in(self, user_id: str, key_id: str | None = None) -> None:
        """Remove the file if it shows what was signed in with: that user's password, or that
        key of his. Whoever uses another key of his may not have seen the file."""
        user, key = _ids(self.path)
        if user == user_id and key_id in (None, key):
            self.remove()

    def remove(self) -> None:
        """Remove the file, if it is there."""
        self.path.unlink(missing_ok=True)
        self._sync_folder()

    def _sync_folder(self) -> None:
        descriptor = os.open(self._data, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _ids(path: Path) -> tuple[str | None, str | None]:
    """The ids of the user and of the key that a file shows."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None, None
    user, key = _USER.search(text), _KEY.search(text)
    return user and user[1], key and key[1]
