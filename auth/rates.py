"""How often a password may be wrong: by account, by address, counted for all processes.

The counters are records that expire, under keyed hashes, so that the store holds neither
addresses nor a list of accounts that were attacked. Nothing here depends on whether the
account exists, except what only its own user can have made: an address that he signed in
from within 30 days. From there neither limit holds, but one for that account and address
together, so that nobody outside can lock a company out, and nobody inside can guess on.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from auth.emails import EmailAddress
from auth.errors import TooManyAttempts
from storage import keys
from storage.metadata import Add, Key, Operation, Put, Record

# A person mistypes a few times; at this rate a list of the million most common passwords
# takes ten weeks, and each wrong one is a trace.
FAILURES_BY_ACCOUNT = 10  # a minute
# An office behind one address, several people mistyping at once; guessing one password at
# many accounts stays under 2,000 an hour.
FAILURES_BY_ADDRESS = 30  # a minute
# As by account, so that whoever shares an address with a user learns nothing from it.
FAILURES_FROM_SEEN = 10  # a minute
SEEN_FOR = timedelta(days=30)

_MINUTE = timedelta(minutes=1)
# Clocks of processes may differ by a minute, so a counter outlives its minute by two.
_KEPT_FOR = 3 * _MINUTE
_PERSON = b"strongroom-rates"  # 16 bytes, the personalization of BLAKE2b
_HASH_BYTES = 20
_COUNTER = "failures"
# What an end user has is at least a /64 (RFC 6177), so one address of it tells nothing.
_IPV6_PREFIX = 64


class Rates:
    """Names the counters of a sign-in.

    Args:
        secret: a secret of the installation, the same in every process.
    """

    def __init__(self, secret: bytes) -> None:
        self._key = blake2b(secret, digest_size=32, person=_PERSON).digest()

    def watch(
        self, organization: str, email: EmailAddress, user_id: str, address: str, now: datetime
    ) -> "Watch":
        """The counters for one attempt at `now` (aware) from an address."""
        network = network_of(address)
        account_hash = self._hash("account", organization, email.compared)
        address_hash = self._hash("address", organization, network)
        pair_hash = self._hash("pair", organization, email.compared, network)
        return Watch(
            by_account=keys.attempts(organization, now, account_hash),
            by_address=keys.attempts(organization, now, address_hash),
            from_seen=keys.attempts(organization, now, pair_hash),
            seen=keys.seen(organization, user_id, address_hash),
            now=now,
        )

    def _hash(self, *parts: str) -> str:
        data = b"".join(b"%d:%b" % (len(part), part) for part in map(_bytes, parts))
        return blake2b(data, key=self._key, digest_size=_HASH_BYTES).hexdigest()


@dataclass(frozen=True, slots=True)
class Watch:
    """The records that one attempt is judged by; a pure value."""

    by_account: Key
    by_address: Key
    from_seen: Key
    seen: Key
    now: datetime

    def needs(self) -> tuple[Key, ...]:
        return (self.by_account, self.by_address, self.from_seen, self.seen)

    def judge(self, records: Mapping[Key, Record]) -> None:
        """Return if a password may be tried. Raises TooManyAttempts."""
        if self.seen in records:
            limits = {self.from_seen: FAILURES_FROM_SEEN}
        else:
            limits = {
                self.by_account: FAILURES_BY_ACCOUNT,
                self.by_address: FAILURES_BY_ADDRESS,
            }
        if any(_count(records, key) >= most for key, most in limits.items()):
            raise TooManyAttempts(self._rest_of_minute())

    def failed(self, records: Mapping[Key, Record]) -> tuple[Operation, ...]:
        """What to write for a wrong password."""
        counted = (self.from_seen,) if self.seen in records else (self.by_account, self.by_address)
        expires = self.now + _KEPT_FOR
        return tuple(Add(key, {_COUNTER: 1}, create=True, expires=expires) for key in counted)

    def succeeded(self, records: Mapping[Key, Record]) -> tuple[Operation, ...]:
        """What to write for a right password: that its user was seen here, if that is new
        or half over."""
        record = records.get(self.seen)
        if record is not None and (
            record.expires is None or record.expires > self.now + SEEN_FOR / 2
        ):
            return ()
        return (Put(self.seen, {}, expires=self.now + SEEN_FOR),)

    def _rest_of_minute(self) -> timedelta:
        return _MINUTE - timedelta(seconds=self.now.astimezone(UTC).second)


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
