"""Walks a folder as it lies on a disk, and never leaves it.

A symbolic link is followed to a file in the same tree and nowhere else: a link to a folder could
lead round in circles, and one that leads out would publish what nobody meant to.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Found:
    """A file that was met.

    `path` is relative to the folder, with slashes; `at` is what to open, links resolved; `size`
    is in bytes. `problem` says why it can't be read (None where it can); then it may be a folder.
    """

    path: str
    at: Path
    size: int
    problem: str | None = None

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def walk(root: Path) -> Iterator[list[Found]]:
    """The files of each folder in turn, by name. What can't be read is told as a problem.

    `root` is resolved, and a folder. Raises OSError where that can't be read.
    """
    folders = [""]
    while folders:
        within = folders.pop()
        files, deeper = _list(root, within)
        if files:
            yield files
        folders += reversed(deeper)


def _list(root: Path, within: str) -> tuple[list[Found], list[str]]:
    """The files of a folder, and the folders in it."""
    here = root / within
    files, folders = [], []
    try:
        with os.scandir(here) as entries:
            names = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        if not within:
            raise
        return [Found(within, here, 0, f"the folder can't be read: {error.strerror}")], []
    for entry in names:
        path = f"{within}/{entry.name}" if within else entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            else:
                files.append(_found(root, path, entry))
        except OSError as error:
            files.append(Found(path, here / entry.name, 0, f"can't be read: {error.strerror}"))
    return files, folders


def _found(root: Path, path: str, entry: os.DirEntry[str]) -> Found:
    at = root / path
    if entry.is_symlink():
        try:
            at = at.resolve(strict=True)
        except (OSError, RuntimeError):  # a loop is a RuntimeError before Python 3.13
            return Found(path, at, 0, "a symbolic link that leads nowhere")
        if not at.is_relative_to(root):
            return Found(path, at, 0, "a symbolic link that leads out of the folder")
        if at.is_dir():
            return Found(path, at, 0, "a symbolic link to a folder: only files are followed")
    status = at.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        return Found(path, at, 0, "neither a file nor a folder, and not opened")
    return Found(path, at, status.st_size)
