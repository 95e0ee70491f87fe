"""How often a password may be wrong, and other things that anybody may try: by account, by
address, counted for all processes.

The counters are records that expire, under keyed hashes, so that the store holds neither
addresses nor a list of accounts that were attacked. Nothing here depends on whether the
account exists, except what only its own user can have made: an address that he signed in
from within 30 days, by the password that he has now. There other limits hold, for that account
and address together and for all of that address, so that nobody outside can lock a company out,
and nobody inside can guess on, be it at one account or at all of them.
"""

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b

from auth.callers import epoch_of
from auth.emails import EmailAddress
from auth.errors import TooManyAsked, TooManyAttempts
from auth.waiting_room import STRANGERS
from storage import keys
from storage.metadata import Add, Key, Operation, Put, Record

# A person mistypes a few times; at this rate a list of the million most common passwords
# takes ten weeks, and each wrong one is a trace.
FAILURES_BY_ACCOUNT = 10  # a minute
# An office behind one address, several people mistyping at once; guessing one password at
# many accounts stays under 2,000 an hour.
FAILURES_BY_ADDRESS = 30  # a minute
# As by account, so that whoever shares an address with a user learns little from it.
FAILURES_FROM_SEEN = 10  # a minute
# Of all accounts together, judged for those that were seen there: a company behind one address
# goes on while strangers there are refused, and one password is not tried at all colleagues.
FAILURES_BY_SEEN_ADDRESS = 100  # a minute
SEEN_FOR = timedelta(days=30)

_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID_BYTES = 10  # of an id of a user (`auth.records.new_id`)
# Clocks of processes may differ by a minute, so a counter outlives its minute by two.
_KEPT_FOR = 3 * _MINUTE
_PERSON = b"strongroom-rates"  # 16 bytes, the personalization of BLAKE2b
_HASH_BYTES = 20
_COUNTER = "failures"
# What an end user has is at least a /64 (RFC 6177), so one address of it tells nothing.
_IPV6_PREFIX = 64
_NETWORKS = 1_000  # addresses that are remembered with the networks that they are of


class Rates:
    """Names the counters of a sign-in.

    Args:
        secret: a secret of the installation, the same in every process.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = blake2b(secret, digest_size=32, person=_PERSON).digest()

    def watch(self, organization: str, user_id: str, address: str, now: datetime) -> "Watch":
        """The counters for one attempt at `now` (aware) from an address. They are of a user,
        by whatever name he is tried; of a name that nobody has, `user_id` is made of that."""
        network = network_of(address)
        account_hash = self._hash("account", organization, user_id)
        address_hash = self._hash("address", organization, network)
        pair_hash = self._hash("pair", organization, user_id, network)
        return Watch(
            by_account=keys.attempts(organization, now, account_hash),
            by_address=keys.attempts(organization, now, address_hash),
            from_seen=keys.attempts(organization, now, pair_hash),
            seen=keys.seen(organization, user_id, address_hash),
            user=keys.user(organization, user_id),
            now=now,
        )

    def tally(self, organization: str, rate: "Rate", subject: str, now: datetime) -> "Tally":
        """The counter of something else than sign-ins, for one subject of it at `now` (aware):
        an address of the network, or an account by its e-mail address."""
        began = now - (now - _EPOCH) % rate.period
        subject_hash = self._hash(rate.what, organization, subject)
        key = keys.attempts(organization, began, subject_hash)
        return Tally(key, rate, began + rate.period, now)

    def share(self, organization: str, rate: "Rate", subject: str, now: datetime) -> "Tally":
        """The counter of what is bounded for a whole organization: one of 16, that of the subject,
        each with its share of the rate. No record is everybody's, and who fills some of them as
        one subject or two leaves the others to others."""
        share = replace(rate, most=rate.most // keys.STRIPES)
        return self.tally(organization, share, self._hash("share", organization, subject)[0], now)

    def stand_in(self, organization: str, email: EmailAddress, what: str) -> str:
        """An id that no user has, in the form of one and always the same for an address: what
        is written of an account that is not there is written under it."""
        parts = (b"stand-in", *map(_bytes, (what, organization, email.compared)))
        return base64.b32encode(self._digest(parts, _ID_BYTES)).decode().lower()

    def _hash(self, *parts: str) -> str:
        return self._digest(tuple(map(_bytes, parts)), _HASH_BYTES).hex()

    def _digest(self, parts: tuple[bytes, ...], size: int) -> bytes:
        data = b"".join(b"%d:%b" % (len(part), part) for part in parts)
        return blake2b(data, key=self._key, digest_size=size).digest()


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something may be done in each period (that divides a day) by one subject."""

    what: str
    most: int
    period: timedelta


@dataclass(frozen=True, slots=True)
class Tally:
    """The counter of one subject in the current period; a pure value."""

    key: Key
    rate: Rate
    until: datetime
    now: datetime

    def judge(self, records: Mapping[Key, Record]) -> None:
        """Return if once more is allowed. Raises TooManyAsked."""
        if _count(records, self.key) >= self.rate.most:
            raise self.refused()

    def refused(self) -> TooManyAsked:
        """The refusal, until the period is over."""
        return TooManyAsked(self.until - self.now)

    def counted(self) -> Add:
        """What to write for one more; the commit fails where others were quicker to the last."""
        # Clocks of processes may differ by a minute.
        expires = self.until + 2 * _MINUTE
        limits = {_COUNTER: self.rate.most}
        return Add(self.key, {_COUNTER: 1}, create=True, limits=limits, expires=expires)


@dataclass(frozen=True, slots=True)
class Watch:
    """The records that one attempt is judged by, beside that of its user; a pure value."""

    by_account: Key
    by_address: Key
    from_seen: Key
    seen: Key
    user: Key
    now: datetime

    def needs(self) -> tuple[Key, ...]:
        return (self.by_account, self.by_address, self.from_seen, self.seen)

    def judge(self, records: Mapping[Key, Record]) -> None:
        """Return if a password may be tried. Raises TooManyAttempts."""
        limits = self._limits(records)
        if any(_count(records, key) >= most for key, most in limits.items()):
            raise TooManyAttempts(self._rest_of_minute())

    def rank(self, records: Mapping[Key, Record], tried: int) -> int:
        """Who waits behind whom: first who signed in from that address within 30 days, then by
        how often there were failures from it, or it `tried` by other knowledge."""
        if self._is_seen(records):
            return 1
        return STRANGERS + max(tried, _count(records, self.by_address))

    def failed(self, records: Mapping[Key, Record]) -> tuple[Operation, ...]:
        """What to write for a wrong password."""
        counted, expires = self._limits(records), self.now + _KEPT_FOR
        return tuple(Add(key, {_COUNTER: 1}, create=True, expires=expires) for key in counted)

    def notable(self, records: Mapping[Key, Record]) -> int | None:
        """How many failures this minute has with this one, where history is to tell of it: the
        first of an account or from an address, and the one that fills a limit. None: it has
        told of this minute already, or will."""
        limits = self._limits(records)
        counts = {key: _count(records, key) + 1 for key in limits}
        if not any(count in (1, limits[key]) for key, count in counts.items()):
            return None
        return max(counts.values())

    def succeeded(self, records: Mapping[Key, Record]) -> tuple[Operation, ...]:
        """What to write for a right password: that its user was seen here, if that is new
        or half over."""
        expires = records[self.seen].expires if self._is_seen(records) else self.now
        if expires is None or expires > self.now + SEEN_FOR / 2:
            return ()
        value = {"epoch": self._epoch(records)}
        return (Put(self.seen, value, expires=self.now + SEEN_FOR),)

    def _is_seen(self, records: Mapping[Key, Record]) -> bool:
        """Whether he signed in there since he has this password: before, it may have been
        somebody else who had the last one."""
        record = records.get(self.seen)
        return record is not None and record.value.get("epoch", 0) == self._epoch(records)

    def _epoch(self, records: Mapping[Key, Record]) -> int | None:
        user = records.get(self.user)
        return None if user is None else epoch_of(user)

    def _limits(self, records: Mapping[Key, Record]) -> dict[Key, int]:
        if self._is_seen(records):
            return {
                self.from_seen: FAILURES_FROM_SEEN,
                self.by_address: FAILURES_BY_SEEN_ADDRESS,
            }
        return {self.by_account: FAILURES_BY_ACCOUNT, self.by_address: FAILURES_BY_ADDRESS}

    def _rest_of_minute(self) -> timedelta:
        return _MINUTE - timedelta(seconds=self.now.astimezone(UTC).second)


@lru_cache(_NETWORKS)
def network_of(address: str) -> str:
    """What counts as one address: an IPv4 address, however written, or an IPv6 /64."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address  # a socket's path, or nothing: one place of its own
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.IPv6Network((ip, _IPV6_PREFIX), strict=False))


def _count(records: Mapping[Key, Record], key: Key) -> int:
    record = records.get(key)
    return 0 if record is None else int(record.value.get(_COUNTER, 0))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
