"""Counts a folder beside its import, so that it can be told how long that will take."""

import threading
from pathlib import Path

from app.importing.folder import walk


class Survey:
    """The files of a folder and their bytes, known once `total` is."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.total: tuple[int, int] | None = None

    def start(self) -> None:
        """Count on a thread of its own, which the process does not wait for."""
        threading.Thread(target=self.count, name="survey", daemon=True).start()

    def count(self) -> None:
        """Count. A folder that can't be read has no total; its import says why."""
        files = size = 0
        try:
            for found in walk(self._root):
                files += len(found)
                size += sum(file.size for file in found)
        except OSError:
            return
        self.total = (files, size)
