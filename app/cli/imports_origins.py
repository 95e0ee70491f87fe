"""Where `strongroom import` takes files from: a folder, or another index.

Credentials for an index come from a file or standard input: what stands on a command line is
seen by everybody on the machine, and stays in the shell's history.
"""

import argparse
import contextlib
import getpass
import ipaddress
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias

from app.cli.output import CommandFailed
from app.cli.people import COMMAND_LINE
from app.importing import FolderOrigin, IndexOrigin, MavenSorting, Origin, PythonSorting, Survey
from app.importing.index import SimpleIndex
from app.importing.sorting import Sorting
from app.importing.states import States
from app.installation import Installation
from app.outgoing import Client, Credentials, InvalidUrl, Network, Options, Url
from app.python.names import InvalidProject, parse_project
from app.repositories import Format, Repository

#: How many files and bytes there are, once that is known.
Total: TypeAlias = Callable[[], tuple[int, int] | None]

_CREDENTIALS_BYTES = 4096
_OPTIONS = Options(
    network="--allow-network",
    authorities="--cafile",
    credentials="those for the index, which are sent to its own origin alone, come from"
    " --credentials FILE",
)


class WrongUsage(Exception):
    """Arguments that name nothing that can be imported, or nowhere to import it to."""


class Chosen(Protocol):
    """What the arguments name, found to be there as far as that can be told at once."""

    @property
    def told(self) -> Mapping[str, str]:
        """How the report names it."""

    def opened(
        self, at: Installation, repository: Repository
    ) -> contextlib.AbstractContextManager[tuple[Origin, Total]]:
        """The files, for an import into a repository."""


def add_index(parser: argparse.ArgumentParser) -> None:
    """Give a command the flags that name another index."""
    parser.add_argument(
        "--from",
        dest="url",
        metavar="URL",
        help="instead of a folder: the simple index of another repository",
    )
    parser.add_argument(
        "--project",
        action="append",
        default=[],
        metavar="NAME",
        help="of an index, this project alone; may be given several times",
    )
    parser.add_argument(
        "--credentials",
        metavar="FILE",
        help="a file with USER:PASSWORD for the index (-: standard input)",
    )
    parser.add_argument(
        "--allow-network",
        action="append",
        default=[],
        type=_network,
        metavar="CIDR",
        help="go to the addresses of this network, too, which are not public",
    )
    parser.add_argument(
        "--cafile", metavar="FILE", help="trust the authorities in this file, in PEM, too"
    )


def chosen(options: argparse.Namespace) -> Chosen:
    """What the arguments name. Raises WrongUsage, and CommandFailed for a file that is no good."""
    if options.format is Format.MAVEN:
        return _Folder(options.folder, _folder(options.folder), MavenSorting())
    if (options.url is None) == (options.folder is None):
        raise WrongUsage("name one of the two: a folder, or an index with --from URL")
    if options.url is not None:
        return _index(options)
    for flag in ("project", "credentials", "allow_network", "cafile"):
        if getattr(options, flag):
            raise WrongUsage(f"--{flag.replace('_', '-')} is for --from URL alone")
    return _Folder(options.folder, _folder(options.folder), PythonSorting())


@dataclass(frozen=True, slots=True)
class _Folder:
    name: str
    root: Path
    sorting: Sorting

    @property
    def told(self) -> Mapping[str, str]:
        return {"folder": self.name}

    @contextlib.contextmanager
    def opened(self, at: Installation, repository: Repository) -> Iterator[tuple[Origin, Total]]:
        survey = Survey(self.root)
        survey.start()
        yield FolderOrigin(self.root, self.sorting), lambda: survey.total


@dataclass(frozen=True, slots=True)
class _Index:
    url: Url
    client: Client
    projects: tuple[str, ...]

    @property
    def told(self) -> Mapping[str, str]:
        return {"from": str(self.url)}

    @contextlib.contextmanager
    def opened(self, at: Installation, repository: Repository) -> Iterator[tuple[Origin, Total]]:
        states = States(at.metadata, at.journal, repository, COMMAND_LINE)
        with self.client:
            index = SimpleIndex(self.client, self.url)
            origin = IndexOrigin(self.client, index, states, self.projects)
            yield origin, lambda: origin.total


def _folder(text: str) -> Path:
    try:
        root = Path(text).resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise WrongUsage(f"there is no folder {text!r}") from error
    if not root.is_dir():
        raise WrongUsage(f"{text!r} is no folder")
    return root


def _index(options: argparse.Namespace) -> _Index:
    try:
        url = Url.parse(options.url)
        projects = tuple(dict.fromkeys(parse_project(name) for name in options.project))
    except (InvalidUrl, InvalidProject) as error:
        raise WrongUsage(str(error)) from error
    if url.credentials is not None:
        raise WrongUsage(
            "a password on the command line is seen by others on this machine: put USER:PASSWORD"
            " into a file and name it with --credentials FILE"
        )
    if options.credentials is not None:
        if url.scheme == "http" and not options.allow_network:
            raise WrongUsage(
                "credentials are sent over https:// alone, unless the index is in a network that"
                " --allow-network names"
            )
        url = replace(url, credentials=_credentials(options.credentials))
    cafile = None if options.cafile is None else Path(options.cafile)
    try:
        client = Client(allowed=options.allow_network, cafile=cafile, options=_OPTIONS)
    except OSError as error:  # the error of what is no certificate has no name of a file
        raise CommandFailed(
            f"--cafile: {options.cafile} can't be read as certificates in PEM: "
            f"{error.strerror or error}"
        ) from error
    return _Index(url, client, projects)


def _credentials(file: str) -> Credentials:
    """The credentials in a file, which no message shows."""
    if file == "-" and sys.stdin.isatty():
        text = getpass.getpass("USER:PASSWORD for the index: ")
    else:
        text = _line_in(file)
    user, colon, password = text.strip("\r\n").partition(":")
    if not colon or "\n" in password:
        raise CommandFailed(f"--credentials: {file} has to hold one line, USER:PASSWORD")
    return Credentials(user, password)


def _line_in(file: str) -> str:
    """What a file holds, in UTF-8 whatever the locale says; "" where that is too much."""
    if file == "-":
        data = sys.stdin.buffer.read(_CREDENTIALS_BYTES)
    else:
        with Path(file).open("rb") as opened:
            data = opened.read(_CREDENTIALS_BYTES)
    try:
        text = data.decode("utf-8-sig")  # some editors begin a file with a mark
    except UnicodeDecodeError:
        # Without its cause, which holds what was read.
        raise CommandFailed(f"--credentials: {file} is not in UTF-8") from None
    return text if len(data) < _CREDENTIALS_BYTES else ""


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        try:
            meant = f": did you mean {ipaddress.ip_network(text, strict=False)}?"
        except ValueError:
            meant = ", such as 10.1.0.0/16 or 192.0.2.7"
        raise argparse.ArgumentTypeError(f"{text!r} is no network{meant}") from error
