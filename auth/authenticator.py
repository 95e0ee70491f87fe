"""Finds out who makes a request, within the round trips that the request makes anyway.

An API key is proved by a fast hash of 256 random bits, so a failed one costs one read at
the most, and never a slow hash; passwords have a way of their own (`sign_in`).
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from auth.callers import owner_key
from auth.claims import Claim, SecretClaim, prove_secret
from auth.credentials import ApiKeySecret, Credentials, EmailPassword
from auth.errors import NotAuthenticated
from auth.known_callers import KnownCallers
from auth.passwords import STRONG, Parameters
from auth.rates import Rates
from auth.secret_texts import KEY, SCIM_TOKEN, Fingerprint, fingerprint
from auth.sign_in import PasswordClaim, SignIn
from auth.slow_hashes import SlowHashes
from auth.standing import Standing
from auth.verified import VerifiedPasswords
from storage import keys
from storage.events import Actor, Journal
from storage.metadata import Key
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
        used: told the ids of organization and key whenever a claim of a key is found good.
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
        used: Callable[[str, str], None] | None = None,
    ) -> None:
        self._recent = recent
        self._clock = clock
        self._signed_in = signed_in
        self._used = used
        self._callers = KnownCallers()
        self._sign_in = SignIn(
            recent,
            journal,
            slow_hashes,
            rates,
            VerifiedPasswords() if verified is None else verified,
            parameters,
            clock,
            signed_in,
            self._callers,
        )

    def identify(
        self,
        standing: Standing,
        credentials: Credentials,
        address: str,
        request: str | None = None,
        agent: str | None = None,
    ) -> Claim:
        """The claim that credentials make, with at most one read, and none when warm.

        Args:
            standing: the organization that the request is for.
            credentials: as they came in.
            address: the client's network address.
            request: the id of the request, for history.
            agent: what the client calls itself, for history.

        Raises:
            NotAuthenticated: without a read where they are malformed.
        """
        match credentials:
            case ApiKeySecret():
                return self._identify_secret(standing, credentials)
            case EmailPassword():
                actor = Actor(None, "password", request, address or None, agent)
                return self._sign_in.claim(standing, credentials, actor)

    def opening(
        self,
        standing: Standing,
        credentials: EmailPassword,
        address: str,
        request: str | None = None,
        agent: str | None = None,
    ) -> PasswordClaim:
        """The claim of a password for opening a session: it is confirmed also where a second
        factor is needed, which is then for whoever opens the session to ask for.

        Arguments and errors are those of `identify`.
        """
        actor = Actor(None, "password", request, address or None, agent)
        return self._sign_in.claim(standing, credentials, actor, opening=True)

    def _identify_secret(self, standing: Standing, secret: ApiKeySecret) -> SecretClaim:
        proof = fingerprint(secret)
        key = _place(standing.organization, proof)
        record = self._recent.cached(key).get(key)
        if record is None:
            raise NotAuthenticated
        prove_secret(record, proof)
        # The record may be seconds old: a key that was handed over since is found to be so when
        # the claim is confirmed.
        owner = None
        if proof.prefix != SCIM_TOKEN:
            owner = owner_key(standing.organization, record)
        is_key = proof.prefix == KEY
        return SecretClaim(
            standing,
            proof,
            key,
            owner,
            self._clock,
            self._recent.remembering,
            self._signed_in if is_key else None,
            self._used if is_key else None,
            self._callers,
        )


def _place(organization: str, proof: Fingerprint) -> Key:
    """Where the record of a secret lies."""
    if proof.prefix == KEY:
        return keys.api_key(organization, proof.key_id)
    if proof.prefix == SCIM_TOKEN:
        return keys.scim_token(organization, proof.key_id)
    return keys.portal_session(organization, proof.key_id)
