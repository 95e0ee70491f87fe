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
from datetime import timedelta

from app.collection import Collection
from app.installation import Installation
from app.leases import LeaseLost, take_lease

EVERY = timedelta(minutes=10)
LEASE = timedelta(minutes=5)  # renewed with every batch of blobs
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
        """Do the work if it is due and nobody else does it; whether it was done here.

        Raises LeaseLost where it took so long that somebody else has begun it anew.
        """
        metadata = self._installation.metadata
        lease = take_lease(metadata, _NAME, self._me, LEASE)
        if lease is None:
            return False
        report = Collection(self._installation).run(progress=lambda _: lease.renew())
        lease.renew(self._every)  # nobody does it again before it is due
        _log.info(
            "housekeeping: %d unfinished uploads, %d unreferenced blobs, %d expired records",
            report.uploads,
            report.blobs,
            report.expired,
        )
        if report.foreign:
            _log.warning(
                "housekeeping: %d blobs belong to no organization of this installation and were"
                " left alone: is this the right metadata store?",
                report.foreign,
            )
        return True

    def _run(self) -> None:
        # Not all processes at once, and not while the first requests are waited for.
        while not self._stopping.wait(self._every.total_seconds() * random.uniform(0.5, 1.0)):
            try:
                self.run_once()
            except LeaseLost:
                _log.warning("housekeeping took longer than its lease; another process goes on")
            except Exception:  # noqa: BLE001 - logged; the thread has to outlive whatever it meets
                _log.exception("housekeeping failed; it is tried again in a while")
