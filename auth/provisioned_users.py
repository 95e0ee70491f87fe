"""Accounts that an identity provider provisions: found by what it calls them, made, changed, ended.

They are users like all others, and administrators see and change them as they do those; what is
added is the provider's own name and id of each, and a profile of what else it says of him. A user
who was never provisioned is found here as well, so that a provider can take him over.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias

from auth.decisions import decided
from auth.errors import AlreadyTaken, InvalidField, Missing
from auth.outbox import Outbox
from auth.password_rules import require_strong
from auth.passwords import STRONG, Parameters, hash_password
from auth.principals import Authority, Role
from auth.profiles import parse_attributes, read_attributes, writing_profile
from auth.provisioned_reading import PAGE_MOST, ProvisionedReading
from auth.provisioned_user import ProvisionedUser, WantedUser, given_by, provisioned, seen
from auth.provisioning_rules import (
    disables_alone,
    require_change,
    require_creation,
    require_deletion,
)
from auth.records import is_id, new_id, time_text
from auth.slow_hashes import SlowHashes
from auth.user_attempts import Held, UserAttempts, Written
from auth.user_changes import LACKED, changed_value
from auth.user_names import parse_user_name
from storage.events import Journal
from storage.metadata import Operation
from storage.metadata.recent import Recent

__all__ = ["PAGE_MOST", "ProvisionedUser", "ProvisionedUsers", "WantedUser"]

#: Hashes the password of who has these names, once, however often it is asked to.
_Hashing: TypeAlias = Callable[[str, Mapping[str, Any]], str]


class ProvisionedUsers(ProvisionedReading):
    """The users of whatever organization the authority is for, which has to provision them."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        slow_hashes: SlowHashes,
        parameters: Parameters = STRONG,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        outbox: Outbox,
    ) -> None:
        super().__init__(recent)
        self._attempts = UserAttempts(recent, journal, clock, outbox)
        self._slow_hashes = slow_hashes
        self._parameters = parameters
        self._clock = clock

    def create(
        self, by: Authority, wanted: WantedUser, user_id: str | None = None
    ) -> ProvisionedUser:
        """Make a user, who is granted nothing by himself.

        Args:
            by: on whose authority.
            wanted: what he is to be.
            user_id: his id, where the caller has made one (`auth.records.new_id`).

        Raises:
            Forbidden: also where an administrator is wanted, and this authority makes none.
            InvalidField: naming the field; AlreadyTaken for what is another's.
            LimitReached: there are 500 administrators. Busy: no slow hash could be had in time.
        """
        by.require_provisioning()
        given = {"role": Role.DEVELOPER.value, "active": True, **given_by(wanted)}
        require_creation(by, given["role"], has_password=wanted.password is not None)
        attributes = parse_attributes(wanted.attributes)
        user_id = new_id() if user_id is None else user_id
        if not is_id(user_id):
            raise InvalidField("id", "must be an id of a user")
        now = time_text(self._clock())
        password = wanted.password
        value = {
            "id": user_id,
            **{name: one for name, one in given.items() if one is not None or name not in LACKED},
            "password": None if password is None else self._hashing()(password, given),
            "permissions": {},
            "created": now,
            "updated": now,
        }
        profile = writing_profile(by.organization, user_id, None, attributes)
        with _naming_user_name(given):
            made = decided(lambda: self._attempts.create(by, value, (profile,), provisioned=True))
        return seen(made, attributes)

    def change(
        self, by: Authority, user_id: str, decide: Callable[[ProvisionedUser], WantedUser]
    ) -> ProvisionedUser:
        """Have a user be what `decide` wants of what he is; where nothing differs, nothing is
        written. A password is always another one.

        A new password or address and disabling end his sign-ins; a mail tells him of either, at
        the address that he had.

        Args:
            by: on whose authority.
            user_id: which user.
            decide: called again where others changed him meanwhile. What it raises is raised.

        Raises:
            Missing, Forbidden: as the authority and the rules of administrators allow.
            InvalidField: naming the field; AlreadyTaken for what is another's.
            LastAdministrator, LimitReached, ChangedMeanwhile.
            Busy: no slow hash could be had in time.
        """
        by.require_provisioning()
        _require_id(user_id)
        hashing = self._hashing()

        def attempt() -> ProvisionedUser:
            held = self._attempts.read(by, user_id)
            return self._change(by, held, decide(provisioned(held.user, held.profile)), hashing)

        return decided(attempt)

    def delete(
        self,
        by: Authority,
        user_id: str,
        decide: Callable[[ProvisionedUser], None],
        also: Callable[[str, str], Sequence[Operation]] = lambda _organization, _user_id: (),
    ) -> None:
        """Delete a user with what he has.

        Args:
            by: on whose authority.
            user_id: which user.
            decide: called with what he is; what it raises keeps him from being deleted.
            also: given the ids of organization and user, what is written in the same commit.

        Raises:
            Missing, Forbidden, LastAdministrator, ChangedMeanwhile.
        """
        by.require_provisioning()
        _require_id(user_id)

        def allowed(held: Held) -> None:
            decide(provisioned(held.user, held.profile))
            require_deletion(by, held)

        decided(lambda: self._attempts.delete(by, user_id, allowed, also, provisioned=True))

    def _change(
        self, by: Authority, held: Held, wanted: WantedUser, hashing: _Hashing
    ) -> ProvisionedUser:
        present = read_attributes(held.profile)
        given: dict[str, Any]
        if disables_alone(by, held, wanted.active):
            given, attributes, password = {"active": False}, present or {}, None
        else:
            given, password = given_by(wanted), wanted.password
            attributes = parse_attributes(wanted.attributes)
        _, differing = changed_value(held.user, given, self._clock())
        changed = set(differing)
        if attributes != (present or {}):
            changed.add("attributes")
        if password is not None:
            changed.add("password")
        if not changed:
            return provisioned(held.user, held.profile)
        # Before the password is hashed: who may not set it could have it hashed for nothing.
        require_change(by, held, given, changed)
        if password is not None:
            given["password"] = hashing(password, given)
        value, _ = changed_value(held.user, given, self._clock())
        others: tuple[Operation, ...] = ()
        if "attributes" in changed:
            present, org = attributes, by.organization
            others = (writing_profile(org, held.user.key.sort, held.profile, attributes),)
        told = {"provisioned": True}
        with _naming_user_name(given):
            written = Written(value, sorted(changed), "user.update", others, told)
            return seen(self._attempts.write(by, held, written), present)

    def _hashing(self) -> _Hashing:
        hashes: dict[str, str] = {}

        def hashed(password: str, given: Mapping[str, Any]) -> str:
            for name in (given["email"], given["user_name"]):
                if name is not None:
                    require_strong(password, parse_user_name(name))
            if password not in hashes:
                with self._slow_hashes.slot():
                    hashes[password] = hash_password(password, self._parameters)
            return hashes[password]

        return hashed


@contextmanager
def _naming_user_name(given: Mapping[str, Any]) -> Iterator[None]:
    """Within it a name that is taken is called the user name, where the address is that too."""
    try:
        yield
    except AlreadyTaken as error:
        if error.field == "email" and given.get("user_name") is None:
            raise AlreadyTaken("user_name") from error
        raise


def _require_id(user_id: str) -> None:
    if not is_id(user_id):
        raise Missing("user")
