"""Mails as files, for who has no mail server: with `log:` that is how a first user resets.

A log goes to many places and stays there; a token in it would be there for all of them. So the
mail lies in a file that only the service's own user can read, and the log names the file.
"""

import logging
import os
from contextlib import suppress
from datetime import datetime
from email.policy import SMTPUTF8
from pathlib import Path

from app.mail.errors import Postponed
from app.mail.message import Mail, as_message
from auth.outbox import KEPT

_SUFFIX = ".eml"
#: Lines as they are: whoever opens the file copies the link out of it.
_POLICY = SMTPUTF8.clone(cte_type="8bit", max_line_length=None)

_log = logging.getLogger("strongroom.worker")


class MailFiles:
    """A folder of mails, each there for two hours."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def send(self, mail: Mail, now: datetime) -> None:
        """Write a mail into a file of its own. Raises Postponed."""
        path = self._folder / f"{mail.id}{_SUFFIX}"
        try:
            self._write(path, as_message(mail, None, now, _POLICY).as_bytes())
        except OSError as error:
            raise Postponed("disk", f"{self._folder} can't be written: {error.strerror}") from error
        _log.warning(
            "no mail server is set (STRONGROOM_MAIL), so a mail (%s) lies in %s for two hours",
            mail.kind,
            path,
        )

    def _write(self, path: Path, data: bytes) -> None:
        """Write a file that is there whole, or not at all."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}")
        temporary.unlink(missing_ok=True)  # of a try that was killed
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(data)
        temporary.replace(path)

    def sweep(self, now: datetime) -> None:
        """Remove the mails whose time is over."""
        if not self._folder.is_dir():
            return
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):  # another worker was quicker
                if now.timestamp() - path.stat().st_mtime > KEPT.total_seconds():
                    path.unlink()
