"""The stores of an installation, opened for one process.

Everything that keeps or reads truth is made here and handed on by constructors: the
application, the commands and the tests are built on the same value.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from app.cursors import Cursors
from app.secret_key import FILE, secret_keys
from app.settings import Settings, SettingsError
from auth.bootstrap import check_format
from auth.sealing import Sealer
from storage import keys
from storage.blobs import Blobs, open_blobs
from storage.blobs import Observed as ObservedBlobs
from storage.events import Journal
from storage.metadata import Metadata
from storage.metadata.engine import Engine
from storage.metadata.observed import Observed as ObservedEngine
from storage.metadata.opening import open_engine, sqlite_path
from storage.metadata.recent import Recent


class Observer(Protocol):
    """Who is told what the stores do: the metrics."""

    def storage_call(self, store: str, call: str, seconds: float, outcome: str) -> None: ...

    def conflicts(self, count: int) -> None: ...

    def cache(self, name: str, hit: bool) -> None: ...


class Unobserved:
    """An observer that does not look: for commands, which nobody scrapes."""

    def storage_call(self, store: str, call: str, seconds: float, outcome: str) -> None:
        """Nobody asks."""

    def conflicts(self, count: int) -> None:
        """Nobody asks."""

    def cache(self, name: str, hit: bool) -> None:
        """Nobody asks."""


#: What is put around the stores as they are opened: tests put faults there.
Around: TypeAlias = Callable[[Engine, Blobs], tuple[Engine, Blobs]]


def nothing_around(engine: Engine, blobs: Blobs) -> tuple[Engine, Blobs]:
    """The stores as they are."""
    return engine, blobs


@dataclass(frozen=True, slots=True)
class Installation:
    """The open stores, and what is sealed with the installation's secret key."""

    settings: Settings
    secrets: tuple[bytes, ...]
    engine: Engine
    metadata: Metadata
    recent: Recent
    blobs: Blobs
    journal: Journal
    cursors: Cursors
    sealer: Sealer

    def close(self) -> None:
        """Let go of connections and files."""
        self.engine.close()
        self.blobs.close()


def open_installation(
    settings: Settings, observer: Observer | None = None, around: Around = nothing_around
) -> Installation:
    """Open the stores that the settings name, making the data folder where it is needed.

    What is `around` them is observed as a part of them.

    Raises:
        SettingsError: a setting that can't be used: it is named.
        Whatever the stores raise that are away, or full.
    """
    watching = observer or Unobserved()
    make_data_folder(settings)
    secrets = secret_keys(settings)
    engine, blobs = around(
        open_engine(settings.metadata, settings.data, connections=settings.threads + 4),
        _open_blobs(settings),
    )
    engine, blobs = ObservedEngine(engine, watching), ObservedBlobs(blobs, watching)
    metadata = Metadata(engine, observer=watching)
    return Installation(
        settings=settings,
        secrets=secrets,
        engine=engine,
        metadata=metadata,
        recent=Recent(metadata, observer=watching),
        blobs=blobs,
        journal=Journal(*secrets, address_days=settings.address_days),
        cursors=Cursors(*secrets),
        sealer=Sealer(*secrets),
    )


def _open_blobs(settings: Settings) -> Blobs:
    try:
        return open_blobs(settings.blobs, settings.data, settings.upload_memory_bytes)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def make_data_folder(settings: Settings) -> None:
    """Make DATA, which is its owner's alone. Raises SettingsError where that can't be."""
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"STRONGROOM_DATA: {settings.data} can't be used as a folder: {error.strerror}"
        ) from error


@contextlib.contextmanager
def existing(settings: Settings) -> Iterator[Installation]:
    """The stores for the time of a command, which works on what a first start made.

    It makes neither files nor a table: in a wrong folder they would be litter, and among them
    a key that seals what nothing else opens.

    Raises:
        SettingsError: nothing is set up here.
        NewerFormat: a newer version has written here.
        Whatever `open_installation` raises.
    """
    if settings.embedded and not _is_started(settings):
        raise _not_set_up(str(settings.data))
    with opened(settings) as at:
        if settings.embedded:
            at.engine.prepare()  # the file is there: this makes sure that it is one of ours
        record = at.metadata.get(keys.FORMAT).get(keys.FORMAT)
        if record is None:
            raise _not_set_up(str(settings.data) if settings.embedded else "this table")
        check_format(record)
        yield at


def _is_started(settings: Settings) -> bool:
    keyed = bool(settings.secret_keys) or (settings.data / FILE).is_file()
    return keyed and sqlite_path(settings.metadata, settings.data).is_file()


def _not_set_up(where: str) -> SettingsError:
    return SettingsError(
        f"nothing is set up in {where}: run `strongroom serve` once, or name the data folder"
        " with --data or STRONGROOM_DATA"
    )


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Installation]:
    """The stores for a time, made where they are missing: for the first start."""
    installation = open_installation(settings)
    try:
        yield installation
    finally:
        installation.close()
