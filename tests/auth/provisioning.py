"""What tests of provisioned accounts share: what is wanted, and by whom."""

from typing import Any

from auth import Authority
from auth.provisioned_users import ProvisionedUser, WantedUser
from auth.scim_tokens import ScimTokens
from tests.auth.installation import Process


def wanted(user_name: str = "jo@example.org", **others: Any) -> WantedUser:
    """An account with an address that is its user name, or with what else is given."""
    fields: dict[str, Any] = {
        "user_name": user_name,
        "email": user_name if "@" in user_name else None,
        "name": "Jo",
        "role": None,
        "active": None,
        "password": None,
        "external_id": None,
        "attributes": {},
    }
    return WantedUser(**fields | others)


def same(found: ProvisionedUser, **others: Any) -> WantedUser:
    """What a user is already, but for what is given."""
    fields: dict[str, Any] = {
        "user_name": found.user_name,
        "email": found.user.email,
        "name": found.user.name,
        "role": None,
        "active": None,
        "password": None,
        "external_id": found.external_id,
        "attributes": found.attributes or {},
    }
    return WantedUser(**fields | others)


def service(process: Process, *, administrators: bool = False) -> Authority:
    """An identity provider, by a token of its own."""
    tokens = ScimTokens(process.recent, process.journal, process.clock)
    made = tokens.create(process.operator, name="idp", administrators=administrators)
    return process.authenticate(made.secret).acting("request")
