"""From the setting that names the metadata store to its engine."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

from storage.endpoints import is_endpoint
from storage.metadata.engine import Engine
from storage.metadata.errors import UnknownStore
from storage.metadata.sqlite import SqliteEngine

CONNECTIONS = 64

_FORMS = "sqlite:PATH or dynamodb://TABLE?region=…&endpoint=…"
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")  # what DynamoDB allows


def _machine_time() -> datetime:
    return datetime.now(UTC)


def open_engine(
    url: str,
    data: Path,
    *,
    connections: int = CONNECTIONS,
    clock: Callable[[], datetime] = _machine_time,
) -> Engine:
    """Open the engine that a setting names; nothing is read or made before `prepare`.

    Args:
        url: `sqlite:PATH` or `dynamodb://TABLE?region=…&endpoint=…`.
        data: the folder that a leading `DATA/` of a path stands for.
        connections: as many as the process has threads; for DynamoDB.
        clock: the machine's time; for SQLite, which has no other.

    Raises:
        UnknownStore: the setting is neither, or has an option that it does not know. The
            message never shows it whole: somebody may have put a secret there.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UnknownStore(f"STRONGROOM_METADATA is no URL: {_FORMS}") from error
    match parts.scheme:
        case "sqlite":
            return SqliteEngine(sqlite_path(url, data), clock=clock)
        case "dynamodb":
            return _dynamodb(parts, connections)
    raise UnknownStore(f"STRONGROOM_METADATA is none of these: {_FORMS}")


def sqlite_path(url: str, data: Path) -> Path:
    """The file that `sqlite:PATH` names. Raises UnknownStore."""
    path = url.removeprefix("sqlite:")  # as it is: a path may hold ? and #
    if not path:
        raise UnknownStore("STRONGROOM_METADATA: sqlite: needs a path behind it")
    if path.startswith("DATA/"):
        return data / path.removeprefix("DATA/")
    return Path(path)


def _dynamodb(parts: SplitResult, connections: int) -> Engine:
    try:
        pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise UnknownStore(f"STRONGROOM_METADATA: options are NAME=VALUE, in {_FORMS}") from error
    options = dict(pairs)
    unknown = options.keys() - {"region", "endpoint"}
    if unknown or len(options) != len(pairs):
        raise UnknownStore("STRONGROOM_METADATA: the options are region and endpoint, each once")
    # Not `hostname`: the case of a table's name counts.
    if not _TABLE.fullmatch(parts.netloc) or parts.path not in ("", "/") or parts.fragment:
        raise UnknownStore(f"STRONGROOM_METADATA: a table's name and options alone, as {_FORMS}")
    endpoint = options.get("endpoint") or None
    if endpoint is not None and not is_endpoint(endpoint):
        raise UnknownStore("STRONGROOM_METADATA: endpoint is a URL, http:// or https://")
    # Its library takes a third of a second to load: only who uses it waits for that.
    from storage.metadata.dynamodb import DynamoDBEngine

    return DynamoDBEngine(
        parts.netloc,
        region=options.get("region") or None,
        endpoint=endpoint,
        connections=connections,
    )
