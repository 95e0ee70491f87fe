"""The installation's secret key: given by the operator, or made once in the data folder."""

import os
import secrets
from pathlib import Path

from app.settings import Settings, SettingsError

FILE = "secret.key"
_BYTES = 32


def secret_keys(settings: Settings) -> tuple[bytes, ...]:
    """The secret keys: the first seals, all of them open.

    Without a setting, the key lies in `DATA/secret.key` (mode 0600), made by whoever comes
    first. Raises SettingsError where that file is not a key.
    """
    if settings.secret_keys:
        return settings.secret_keys
    path = settings.data / FILE
    if not path.exists():
        _make(path)
    secret = path.read_bytes().strip()
    if len(secret) < _BYTES:
        raise SettingsError(
            f"{path} holds no secret key: restore it from a backup, without it sealed secrets"
            " can't be opened"
        )
    return (secret,)


def _make(path: Path) -> None:
    """Write a new key, whole and durable, unless another process was first."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_urlsafe(_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return  # another process was first, and its key is the key
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        temporary.unlink()
