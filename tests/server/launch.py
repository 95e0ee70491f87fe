"""The other end of `running`: serve one WSGI application as `running` asks, in this process."""

import importlib
import ipaddress  # noqa: F401 - settings of tests may name it
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.server.limits import Limits
from app.server.run import serve


@dataclass(frozen=True)
class Stand:
    """What `serve` reads of the settings."""

    bind: str
    workers: int
    threads: int
    tls_cert: Path | None
    tls_key: Path | None
    status_bind: str | None


def _load(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def main() -> int:
    told = json.loads(os.environ["RUNNING"])
    certificate, key = told["tls"] or (None, None)
    stand = Stand(
        bind=told["bind"],
        workers=told["workers"],
        threads=told["threads"],
        tls_cert=certificate and Path(certificate),
        tls_key=key and Path(key),
        status_bind=told["status"],
    )
    return serve(stand, lambda: _load(told["target"]), Limits(**told["limits"]))  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
