"""The proof that a person was erased: what went, when, and a seal of the installation.

It names him by his id, which leads to nobody any more. Who has the report can have it checked
by the installation that gave it, years later: the seal is keyed.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from app.privacy.families import HOLDING_IDS
from app.privacy.requests import Request
from auth.records import time_text

_PERSON = b"strongroom-proof"  # 16 bytes, the personalization of BLAKE2b
FORMAT = 1


class Proofs:
    """Makes reports and checks them."""

    def __init__(self, *secrets: bytes) -> None:
        """`secrets` are the installation's: the first seals, all of them check."""
        self._keys = tuple(
            hashlib.blake2b(secret, digest_size=32, person=_PERSON).digest() for secret in secrets
        )

    def of(self, request: Request) -> dict[str, Any]:
        """The report of a request that is done, sealed."""
        report = {
            "format": FORMAT,
            "organization": request.organization,
            "request": request.id,
            "person": request.person,
            "kind": request.kind,
            "received": time_text(request.received),
            "due": time_text(request.due),
            "began": None if request.began is None else time_text(request.began),
            "ended": None if request.ended is None else time_text(request.ended),
            "in_time": request.ended is not None and request.ended <= request.due,
            "erased": dict(sorted(request.found.items())),
            "history_since": None if request.since is None else time_text(request.since),
            "ledger": request.ledger,
            "kept": sorted(HOLDING_IDS.values()),
        }
        return {**report, "seal": self._seal(self._keys[0], report)}

    def holds(self, report: Mapping[str, Any]) -> bool:
        """Whether a report is as this installation sealed it."""
        rest = dict(report)
        seal = rest.pop("seal", "")
        return isinstance(seal, str) and any(
            hmac.compare_digest(seal.encode(), self._seal(secret, rest).encode())
            for secret in self._keys
        )

    @staticmethod
    def _seal(secret: bytes, report: Mapping[str, Any]) -> str:
        text = json.dumps(report, sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode(), key=secret, digest_size=32).hexdigest()
