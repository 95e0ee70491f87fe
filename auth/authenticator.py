"""Finds out who makes a request, within the round trips that the request makes anyway.

An API key is proved by a fast hash of 256 random bits, so a failed one costs one read at
the most, and never a slow hash; passwords have a way of their own (`sign_in`).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from auth.claims import Claim, KeyClaim, prove_key
from auth.credentials import ApiKeySecret, Credentials, EmailPassword
from auth.errors import NotAuthenticated
from auth.passwords import STRONG, Parameters
from auth.rates import Rates
from auth.records import read_owner
from auth.secret_texts import fingerprint
from auth.sign_in import SignIn
from auth.slow_hashes import SlowHashes
from auth.standing import Standing
from auth.verified import VerifiedPasswords
from storage import keys
from storage.events import Journal
from storage.metadata.recent import Recent


class SignedIn(Protocol):
    """Who is told of sign-ins: `FirstSignIn.signed_in`."""

    def __call__(self, user_id: str, key_id: str | None = None, /) -> None: ...


class Authenticator:
    """Turns credentials into claims. Safe for many threads; one a process.

    Args:
        recent: the process's records with their memory.
        journal: for the event of a password that is hashed anew.
        slow_hashes: the machine's slots for slow hashes.
        rates: the counters of failures.
        verified: the memory of verified passwords.
        parameters: how costly a password's hash should be by now.
        clock: aware.
        signed_in: told the id of a user whose password was just verified by the slow hash,
            and those of user and key when a claim of a key is first found good.
    """

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        slow_hashes: SlowHashes,
        rates: Rates,
        verified: VerifiedPasswords | None = None,
        parameters: Parameters = STRONG,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        signed_in: SignedIn | None = None,
    ) -> None:
        self._recent = recent
        self._clock = clock
        self._signed_in = signed_in
        self._sign_in = SignIn(
            recent,
            journal,
            slow_hashes,
            rates,
            VerifiedPasswords() if verified is None else verified,
            parameters,
            clock,
            signed_in,
        )

    def identify(self, standing: Standing, credentials: Credentials, address: str) -> Claim:
        """The claim that credentials make, with at most one read, and none when warm.

        Args:
            standing: the organization that the request is for.
            credentials: as they came in.
            address: the client's network address.

        Raises:
            NotAuthenticated: without a read where they are malformed.
        """
        match credentials:
            case ApiKeySecret():
                return self._identify_key(standing, credentials)
            case EmailPassword():
                return self._sign_in.claim(standing, credentials, address)

    def _identify_key(self, standing: Standing, secret: ApiKeySecret) -> KeyClaim:
        proof = fingerprint(secret)
        key = keys.api_key(standing.organization, proof.key_id)
        record = self._recent.cached(key).get(key)
        if record is None:
            raise NotAuthenticated
        prove_key(record, proof)
        # The record may be seconds old, but the user of a key never changes.
        user = keys.user(standing.organization, read_owner(record))
        return KeyClaim(standing, proof, key, user, self._clock, self._signed_in)
