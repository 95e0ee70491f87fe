"""The users of an organization: made, shown, changed and deleted, each with its event.

One e-mail address is one user: the address has a record of its own, in the same commit. A
user's keys are good only while his record is there, so deleting it ends them at once; they
are still deleted in that commit, so that nothing is left over.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from auth.decisions import decided
from auth.emails import parse_email
from auth.errors import Forbidden, InvalidField, Missing
from auth.fields import GivenGrants, parse_grants, parse_name, parse_role
from auth.invitations import inviting
from auth.key_access import require_to_last
from auth.outbox import Outbox
from auth.own_password import OwnPassword
from auth.password_rules import require_strong
from auth.passwords import STRONG, Parameters, hash_password
from auth.principals import Authority, Role
from auth.rates import Rates
from auth.records import (
    Listing,
    User,
    grants_value,
    is_id,
    new_id,
    read_owner,
    read_user,
    time_text,
)
from auth.slow_hashes import SlowHashes
from auth.user_attempts import UserAttempts, found_user
from auth.user_changes import UserChanges, given_fields, needs_proof, require_change
from auth.user_names import UserName, parse_user_name, user_name_key
from storage import keys
from storage.events import Journal
from storage.metadata import Key, Operation, Record
from storage.metadata.recent import Recent

PAGE_MOST = 1000


class Users:
    """The users of whatever organization the authority is for.

    Without `rates` nobody changes his own password.
    """

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        outbox: Outbox,
        slow_hashes: SlowHashes,
        parameters: Parameters = STRONG,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        rates: Rates | None = None,
    ) -> None:
        self._recent = recent
        self._attempts = UserAttempts(recent, journal, clock, outbox)
        self._slow_hashes = slow_hashes
        self._parameters = parameters
        self._clock = clock
        self._own = (
            None if rates is None else OwnPassword(recent, journal, slow_hashes, rates, clock)
        )
        self._outbox = outbox

    def create(
        self,
        by: Authority,
        *,
        email: str,
        name: str,
        role: str,
        password: str | None = None,
        active: bool = True,
        permissions: GivenGrants | None = None,
        repositories: Collection[str] = (),
        invite: bool = False,
    ) -> User:
        """Make a user. `repositories` are ids that exist, those of `permissions` at least.

        With `invite` he gets a mail with a link by which he sets his password.

        Raises:
            Forbidden: not an administrator; or with a password, an invitation or the role of
                one, by a key that ends.
            InvalidField: naming the field; AlreadyTaken for the address of another user.
            LimitReached: there are 500 administrators.
        """
        by.require_admin()
        if password is not None or invite or role == Role.ADMIN:
            require_to_last(by)
        address = parse_email(email)
        grants = parse_grants(permissions or {}, repositories, "permissions")
        now = self._clock()
        value = {
            "id": new_id(),
            "email": address.text,
            "name": parse_name(name),
            "role": parse_role(role).value,
            "password": None if password is None else self._hash(password, address),
            "active": active,
            "permissions": grants_value(grants),
            "created": time_text(now),
            "updated": time_text(now),
        }
        invitation = self._invitation(by, value, now) if invite else ()
        return decided(lambda: self._attempts.create(by, value, invitation))

    def needs(self, organization: str, user_id: str) -> tuple[Key, ...]:
        """What `get` rests on, for who reads it with more besides."""
        return (keys.user(organization, user_id),) if is_id(user_id) else ()

    def get(self, by: Authority, user_id: str, records: Mapping[Key, Record] | None = None) -> User:
        """A user, for administrators and himself, but not by a key with scopes.

        Args:
            by: on whose authority.
            user_id: which user.
            records: what the caller has read afresh; without the user's, it is read here.

        Raises:
            Missing.
        """
        seen = by.manages or (by.is_user(user_id) and by.scoped_key is None)
        if not is_id(user_id) or not seen:
            raise Missing("user")
        key = keys.user(by.organization, user_id)
        record = None if records is None else records.get(key)
        return read_user(found_user(record or self._recent.get(key).get(key)))

    def find(self, by: Authority, name: str) -> User:
        """The user with that address or user name, for administrators. Raises Missing,
        Forbidden."""
        by.require_admin()
        try:
            key = user_name_key(by.organization, parse_user_name(name))
        except InvalidField as error:
            raise Missing("user") from error
        return self.get(by, read_owner(found_user(self._recent.get(key).get(key))))

    def list(self, by: Authority, after: str = "", limit: int = 100) -> Listing[User]:
        """Users in the order of their ids, for administrators. Raises Forbidden."""
        by.require_admin()
        if not 1 <= limit <= PAGE_MOST:
            raise InvalidField("limit", f"lies between 1 and {PAGE_MOST}")
        page = self._recent.query(keys.users(by.organization), "", after, limit)
        return Listing(tuple(read_user(record) for record in page.records), page.next)

    def update(self, by: Authority, user_id: str, changes: UserChanges) -> User:
        """Change a user; an administrator anyone, a user his own name and password.

        A new password or address ends the user's sign-ins, but for the session that he changed
        it by himself; the address that he had is told of either.

        Raises:
            Missing, Forbidden: as the authority allows; a key that ends opens no way in that
                would outlast it: no password, address, role of an administrator, enabling.
            InvalidField: naming the field; AlreadyTaken for the address of another user.
            LastAdministrator: he would no longer be an active one.
            WrongCurrentPassword, TooManyAttempts, TooManyAsked, Busy: for a password or address
                of one's own.
        """
        require_change(by, user_id, changes)
        given = given_fields(changes)
        if changes.password is None:
            proven = self._prove(by, user_id, changes)
        else:
            name = parse_user_name(given.get("email") or self.get(by, user_id).called)
            # Before the old one is proved: who has it could have it hashed for nothing.
            require_strong(changes.password, name)
            proven = self._prove(by, user_id, changes)
            given["password"] = self._hash(changes.password, name)
        action = "password.change" if given.keys() == {"password"} else "user.update"
        return decided(lambda: self._attempts.change(by, user_id, given, action, proven=proven))

    def set_permissions(
        self,
        by: Authority,
        user_id: str,
        permissions: GivenGrants,
        repositories: Collection[str],
    ) -> User:
        """Replace what a user is granted, all of it. `repositories` are ids that exist.

        Raises:
            Missing, Forbidden, InvalidField.
        """
        by.require_admin()
        _require_id(user_id)
        value = grants_value(parse_grants(permissions, repositories, "permissions"))
        return decided(
            lambda: self._attempts.change(
                by, user_id, {"permissions": value}, "user.permissions", value
            )
        )

    def delete(self, by: Authority, user_id: str) -> None:
        """Delete a user with his keys.

        Raises:
            Missing, Forbidden.
            LastAdministrator: nobody would be left.
        """
        by.require_admin()
        _require_id(user_id)
        decided(lambda: self._attempts.delete(by, user_id))

    def _invitation(
        self, by: Authority, value: dict[str, Any], now: datetime
    ) -> tuple[Operation, ...]:
        if value["password"] is not None or value["active"] is not True:
            raise InvalidField("invite", "is for an active user, without a password")
        return inviting(self._outbox, by.organization, value, now)

    def _prove(self, by: Authority, user_id: str, changes: UserChanges) -> str | None:
        """The stored form of the caller's old password, where he changes that or his address."""
        if not needs_proof(by, user_id, changes):
            return None
        if self._own is None:
            raise Forbidden("A password is not changed here.")
        return self._own.prove(by, changes.current_password)

    def _hash(self, password: str, name: UserName) -> str:
        require_strong(password, name)  # what is refused is refused before it waits for a slot
        with self._slow_hashes.slot():
            return hash_password(password, self._parameters)


def _require_id(user_id: str) -> None:
    if not is_id(user_id):
        raise Missing("user")
