"""What an identity provider may do to administrators.

Whoever found its token must not take an organization over. So only a token that was made with
that right makes, changes or deletes administrators; any may disable one, which is what an identity
provider is for; and none does anything to the first one, who made the organization or was made
with it, so that there is somebody who can put things right.
"""

from collections.abc import Collection, Mapping
from typing import Any

from auth import administrators
from auth.errors import Forbidden
from auth.key_access import require_to_last
from auth.principals import Authority, Principal, Role
from auth.user_attempts import Held

_RAISING = (
    "This SCIM token may not make, change or delete administrators, only disable them: use one"
    " that was made with the right to ('administrators'), or have an administrator do it."
)
_FIRST = (
    "No SCIM token changes or deletes the first administrator: have an administrator do it, under"
    " /api/users."
)
_OWN = "One's own password or address is changed with the old password: use PATCH /api/users/ID."
#: What gives an account into other hands, or opens one.
_TAKING = frozenset({"password", "email"})


def require_creation(by: Authority, role: str, *, has_password: bool) -> None:
    """Return if this authority may make such a user. Raises Forbidden."""
    if _is_service(by):
        if role == Role.ADMIN:
            _require_raising(by)
    elif role == Role.ADMIN or has_password:
        require_to_last(by)


def require_change(
    by: Authority, held: Held, given: Mapping[str, Any], changed: Collection[str]
) -> None:
    """Return if this authority may change that about a user.

    Args:
        by: on whose authority.
        held: the user as he was read.
        given: fields of his record as they are to be.
        changed: the names of all that differs, of his profile, too.

    Raises Forbidden.
    """
    if _is_service(by):
        _require_not_first(held)
        administers = Role.ADMIN in (_role(held), given.get("role"))
        if administers and not (set(changed) == {"active"} and given["active"] is False):
            _require_raising(by)
        return
    if _TAKING & set(changed) and by.is_user(held.user.key.sort):
        raise Forbidden(_OWN)
    enables = "active" in changed and given["active"] is True
    raises = "role" in changed and given["role"] == Role.ADMIN
    if _TAKING & set(changed) or enables or raises:
        require_to_last(by)


def disables_alone(by: Authority, held: Held, active: bool | None) -> bool:
    """Whether a change is one that disables an administrator, by a token that may do nothing else
    to him: then that is done, and nothing that stands beside it. Providers send all they know of
    somebody with it, and who leaves has to be out."""
    return (
        active is False
        and held.user.value["active"] is True
        and _role(held) == Role.ADMIN
        and isinstance(by.holder, Principal)
        and by.holder.kind == "scim"
        and not by.holder.raises
    )


def require_deletion(by: Authority, held: Held) -> None:
    """Return if this authority may delete a user. Raises Forbidden."""
    if _is_service(by):
        _require_not_first(held)
        if _role(held) == Role.ADMIN:
            _require_raising(by)


def _is_service(by: Authority) -> bool:
    return isinstance(by.holder, Principal) and by.holder.kind == "scim"


def _role(held: Held) -> str:
    return str(held.user.value["role"])


def _require_raising(by: Authority) -> None:
    if not isinstance(by.holder, Principal) or not by.holder.raises:
        raise Forbidden(_RAISING)


def _require_not_first(held: Held) -> None:
    if administrators.first_of(held.organization) == held.user.key.sort:
        raise Forbidden(_FIRST)
