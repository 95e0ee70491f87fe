"""What can be changed about a user, and who may change what of it."""

from dataclasses import dataclass, field

from auth.errors import Forbidden, Missing
from auth.principals import Authority, Principal
from auth.records import is_id


@dataclass(frozen=True, slots=True)
class UserChanges:
    """What to change about a user; None leaves a thing as it is."""

    email: str | None = field(default=None, repr=False)
    name: str | None = field(default=None, repr=False)
    role: str | None = None
    active: bool | None = None
    password: str | None = field(default=None, repr=False)


def require_change(by: Authority, user_id: str, changes: UserChanges) -> None:
    """Return if this authority may change that about that user. Raises Missing, Forbidden."""
    if not is_id(user_id):
        raise Missing("user")
    if by.manages:
        return
    if not by.is_user(user_id) or not isinstance(by.holder, Principal):
        raise Missing("user")
    if by.holder.scopes is not None:
        raise Forbidden("A key with scopes manages nothing.")
    if any(value is not None for value in (changes.email, changes.role, changes.active)):
        raise Forbidden("Only an administrator may change an address, a role or a state.")
    # Who found a key must not be able to take over the account.
    if changes.password is not None and by.holder.method != "password":
        raise Forbidden("A password is changed with the old password, not with an API key.")
