"""Signing in with a password: the slow way in, made to cost the same for every account.

A cold attempt, whether or not there is such an account, is one read of the address, one of
the records that decide (the caller's), one within the slot, one hash, and one commit: it counts
the failure, with an event where that is the first of a minute, or it is the event of a sign-in.
A warm one is the caller's read alone.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import blake2b

from auth import passwords
from auth.callers import group_keys, groups_among, principal_by_password
from auth.claims import require_served
from auth.credentials import EmailPassword
from auth.errors import InvalidField, NotAuthenticated, SecondFactorNeeded
from auth.known_callers import Known, KnownCallers
from auth.principals import Principal
from auth.rates import Rates, Watch, network_of
from auth.records import read_names, read_owner, read_password, time_text
from auth.refused_passwords import refused_password
from auth.slow_hashes import SlowHashes
from auth.standing import Standing, requires_second_factor
from auth.tries import Tries
from auth.user_names import UserName, parse_user_name, user_name_key
from auth.verified import VerifiedPasswords
from auth.waiting_room import Place
from storage import keys
from storage.events import SYSTEM, Actor, Journal
from storage.metadata import ConditionFailed, Key, Put, Record
from storage.metadata.recent import Recent

_DECOY_ID_BYTES = 10


class SignIn:
    """Makes and decides claims of passwords. Safe for many threads; one a process."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        slow_hashes: SlowHashes,
        rates: Rates,
        verified: VerifiedPasswords,
        parameters: passwords.Parameters,
        clock: Callable[[], datetime],
        signed_in: Callable[[str], None] | None,
        callers: KnownCallers,
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._slow_hashes = slow_hashes
        self._rates = rates
        self._verified = verified
        self._parameters = parameters
        self._decoy = passwords.decoy(parameters)
        self._clock = clock
        self._signed_in = signed_in
        self._callers = callers
        self._tries = Tries()

    def claim(
        self,
        standing: Standing,
        credentials: EmailPassword,
        actor: Actor,
        *,
        opening: bool = False,
    ) -> "PasswordClaim":
        """The claim of a password: one read where it was not verified lately from the address of
        whoever tries it, else none.

        With `opening` it is good also where a second factor is still to be asked for.

        Raises:
            NotAuthenticated: without a read where no account could have such credentials.
        """
        try:
            name = parse_user_name(credentials.email)
            password = passwords.normalize(credentials.password)
        except InvalidField as error:
            raise NotAuthenticated from error
        network = network_of(actor.address or "")
        digest = self._verified.digest(standing.organization, name, password, network)
        verified = self._verified.find(digest)
        if verified is None:
            return self._cold(standing, name, password, digest, actor, opening=opening)
        user = keys.user(standing.organization, verified.user_id)
        return PasswordClaim(standing, self, name, password, actor, digest, user, None, opening)

    def groups_of(self, user: Key) -> tuple[Key, ...]:
        """The groups that a user was in when he was last seen; none costs anything but a read."""
        known = self._callers.find(user)
        return () if known is None else known.groups

    def _cold(
        self,
        standing: Standing,
        name: UserName,
        password: str,
        digest: bytes,
        actor: Actor,
        *,
        opening: bool,
    ) -> "PasswordClaim":
        organization = standing.organization
        key = user_name_key(organization, name)
        # Read afresh even if it is remembered: else the time would tell of an account.
        record = self._recent.get(key).get(key)
        if record is None:  # an id that no user has, so that what follows is the same
            user_id = blake2b(key.sort.encode(), digest_size=_DECOY_ID_BYTES).hexdigest()
        else:
            user_id = read_owner(record)
        user = keys.user(organization, user_id)
        address, now = actor.address or "", self._clock()
        watch = self._rates.watch(organization, user_id, address, now)
        return PasswordClaim(standing, self, name, password, actor, digest, user, watch, opening)

    def confirm(self, claim: "PasswordClaim", records: Mapping[Key, Record]) -> Principal:
        """Decide on a claim (what `PasswordClaim.confirm` does)."""
        user = records.get(claim.user)
        if user is not None and self._is_verified(claim, user):
            return self._principal(claim, user, records)
        if claim.watch is None:
            # What was verified is about a user who is not the same any more: begin anew.
            self._verified.forget(claim.digest)
            claim = self._cold(
                claim.standing,
                claim.name,
                claim.password,
                claim.digest,
                claim.actor,
                opening=claim.opening,
            )
            return self._confirm_cold(claim, self._recent.get(*claim.needs()))
        return self._confirm_cold(claim, records)

    def _confirm_cold(self, claim: "PasswordClaim", records: Mapping[Key, Record]) -> Principal:
        watch = claim.watch
        if watch is None:
            raise RuntimeError("a cold claim has a watch")
        watch.judge(records)
        user = records.get(claim.user)
        with (
            self._tries.trying(network_of(claim.address)) as tried,
            # Of those with the same password one at a time, so that a build's first requests
            # pay for one hash.
            self._slow_hashes.enter(watch.rank(records, tried), claim.digest) as place,
        ):
            while True:
                has_turn = place.wait()
                # Whoever was first may have verified the same password.
                if user is not None and self._is_verified(claim, user):
                    return self._principal(claim, user, records)
                if has_turn:
                    return self._verify(claim, place)

    def _is_verified(self, claim: "PasswordClaim", user: Record) -> bool:
        verified = self._verified.find(claim.digest)
        found = None if verified is None else (verified.user_id, verified.version)
        return found == (user.key.sort, user.version)

    def _verify(self, claim: "PasswordClaim", place: Place) -> Principal:
        """Verify by the slow hash, and by records read within the slot: those that the
        caller read may be seconds old, and others may have failed since."""
        with self._slow_hashes.slot(place):
            now = self._clock()
            watch = self._rates.watch(claim.organization, claim.user.sort, claim.address, now)
            records = self._recent.fresh((claim.user,), *watch.needs())
            user = records.get(claim.user)
            if user is not None and self._is_verified(claim, user):
                return self._principal(claim, user, records)
            watch.judge(records)
            stored = _stored_password(claim, user)
            try:
                against = self._decoy if stored is None else stored
                self._slow_hashes.run(passwords.verify, against, claim.password)
                if user is None or stored is None:
                    raise NotAuthenticated
                principal = self._principal(claim, user, records)
            except (passwords.WrongPassword, NotAuthenticated) as error:
                # Counted before the answer is known to anyone, and before the slot is free.
                account = None if user is None else user.key.sort
                refused = refused_password(
                    self._journal, claim.organization, claim.actor, account, watch, records
                )
                self._recent.commit(*watch.failed(records), witness=refused)
                raise NotAuthenticated from error
            version = self._hashed_anew(claim, user, stored, now)
        told = self._journal.event(
            claim.organization,
            replace(claim.actor, user=user.key.sort),
            "sign-in",
            second_factor=principal.second_factor,
        )
        self._recent.commit(*watch.succeeded(records), witness=told)
        self._verified.remember(claim.digest, claim.user.sort, version)
        if self._signed_in is not None:
            self._signed_in(claim.user.sort)
        return principal

    def _hashed_anew(self, claim: "PasswordClaim", user: Record, stored: str, now: datetime) -> int:
        """Store a stronger hash if the parameters rose; return the user's version."""
        if not passwords.outdated(stored, self._parameters):
            return user.version
        password = passwords.hash_password(claim.password, self._parameters)
        value = {**user.value, "password": password, "updated": time_text(now)}
        event = self._journal.event(
            claim.organization, SYSTEM, "user.rehash", subject=claim.user.sort
        )
        try:
            put = Put(user.key, value, at=user.version)
            return self._recent.commit(put, witness=event).versions[user.key]
        except ConditionFailed:
            # Someone else changed the user: the next sign-in will see to the hash.
            return user.version

    def _principal(
        self, claim: "PasswordClaim", user: Record, records: Mapping[Key, Record]
    ) -> Principal:
        """Whoever has the right password is let in only while he is active."""
        if user.value.get("active") is not True:
            raise NotAuthenticated
        known, read = self._callers.find(user.key), self._recent.remembering
        gone = () if known is None else known.gone
        groups = groups_among(claim.organization, user, records, read, gone)
        versions = ((user.key, user.version), *((one.key, one.version) for one in groups))
        if known is not None and known.versions == versions:
            return known.principal
        principal = principal_by_password(claim.organization, user, groups)
        wanted = group_keys(claim.organization, user)
        self._callers.remember(user.key, Known.of(versions, principal, wanted, groups, known))
        return principal


@dataclass(frozen=True, slots=True)
class PasswordClaim:
    """The claim of an e-mail address or user name, and a password, by `actor`, who is nobody yet;
    `watch` None: verified lately."""

    standing: Standing
    sign_in: SignIn = field(repr=False)
    name: UserName = field(repr=False)
    password: str = field(repr=False)
    actor: Actor = field(repr=False)
    digest: bytes = field(repr=False)
    user: Key = field(repr=False)
    watch: Watch | None = field(repr=False)
    opening: bool = False

    @property
    def organization(self) -> str:
        return self.standing.organization

    @property
    def address(self) -> str:
        """The client's, "" where there is none."""
        return self.actor.address or ""

    def needs(self) -> tuple[Key, ...]:
        needed = (self.standing.key, self.user)
        if self.watch is None:
            return (*needed, *self.sign_in.groups_of(self.user))
        # Without the groups of a user who may be none: what is read must not tell.
        return (*needed, *self.watch.needs())

    def confirm(self, records: Mapping[Key, Record]) -> Principal:
        name = require_served(self.standing, records)
        principal = self.sign_in.confirm(self, records)
        if not self.opening and (principal.second_factor or requires_second_factor(name)):
            raise SecondFactorNeeded(enrolled=principal.second_factor)
        return principal


def _stored_password(claim: PasswordClaim, user: Record | None) -> str | None:
    """The hash to verify against, or None where no password can be right."""
    if user is None:
        return None
    names = {parse_user_name(one).compared for one in read_names(user)}
    # The name may belong to another user by now.
    return read_password(user) if claim.name.compared in names else None
