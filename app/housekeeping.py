"""Housekeeping of the embedded store: a thread in each serving process, one of them at work.

Who works is decided by a lease, a record that expires: a process that was killed in the
middle is followed by another one when its lease is over.
"""

import logging
import os
import random
import secrets
import socket
import threading
from datetime import UTC, datetime, timedelta

from app.collection import Collection
from app.installation import Installation
from storage import keys
from storage.blobs import BlobError
from storage.metadata import ConditionFailed, MetadataError, Put

EVERY = timedelta(minutes=10)
LEASE = timedelta(minutes=30)
_NAME = "housekeeping"

_log = logging.getLogger("app.housekeeping")


class Housekeeper:
    """Runs the collection every ten minutes, in whichever process gets the lease."""

    def __init__(self, installation: Installation, every: timedelta = EVERY) -> None:
        self._installation = installation
        self._every = every
        self._me = f"{socket.gethostname()}#{os.getpid()}#{secrets.token_hex(4)}"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; it is not waited for."""
        self._stopping.set()

    def run_once(self) -> bool:
        """Do the work if it is due and nobody else does it; whether it was done here."""
        if not self._take_lease():
            return False
        report = Collection(self._installation).run()
        _log.info(
            "housekeeping: %d unfinished uploads, %d unreferenced blobs, %d expired records",
            report.uploads,
            report.blobs,
            report.expired,
        )
        return True

    def _run(self) -> None:
        # Not all processes at once, and not while the first requests are waited for.
        while not self._stopping.wait(self._every.total_seconds() * random.uniform(0.5, 1.0)):
            try:
                self.run_once()
            except (MetadataError, BlobError):
                _log.exception("housekeeping failed; it is tried again in a while")

    def _take_lease(self) -> bool:
        """Take the lease unless it is held. It is kept until it expires: that is the pause."""
        metadata = self._installation.metadata
        key = keys.lease(_NAME)
        now = datetime.now(UTC)
        if metadata.get(key).get(key) is not None:
            return False
        try:
            metadata.commit(
                Put(key, {"holder": self._me}, absent=True, expires=now + max(self._every, LEASE))
            )
        except ConditionFailed:
            return False
        return True
