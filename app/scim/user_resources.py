"""An account as a User of SCIM, and back: what of a resource the account's own record decides.

The record has the account's name, address, role and state, which people change elsewhere too; so
what is shown of these is always the record's, and of the rest what the provider gave last.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.api.answers import time_text
from app.scim.schemas import ENTERPRISE, USER
from app.scim.versions import version_tag
from auth.emails import parse_email
from auth.errors import InvalidField
from auth.fields import parse_name
from auth.principals import Role
from auth.provisioned_users import ProvisionedUser, WantedUser
from auth.records import Group, User

#: What lies in records of ours, or is said anew each time.
_OURS = frozenset({"schemas", "id", "externalId", "meta", "userName", "active", "groups"})
_SECRET = "password"  # noqa: S105 - the attribute's name
_ORDER = (Role.ADMIN, Role.DEVELOPER, Role.READER)
#: What a new account is, where its provider says nothing: groups grant him what he may.
ROLE = Role.DEVELOPER


def user_resource(found: ProvisionedUser, groups: Sequence[Group], base: str) -> dict[str, Any]:
    """A user as SCIM shows it.

    Args:
        found: the account.
        groups: those that he is in, as far as they are to be shown.
        base: of the addresses of resources, such as `https://repo.example.com/scim/v2`.
    """
    user = found.user
    attributes = _attributes(found)
    resource: dict[str, Any] = {
        "schemas": [USER.schema.id, *([ENTERPRISE.id] if ENTERPRISE.id in attributes else [])],
        "id": user.id,
        "userName": found.user_name,
        **attributes,
        "active": user.active,
    }
    if found.external_id is not None:
        resource["externalId"] = found.external_id
    if groups:
        resource["groups"] = [
            {
                "value": group.id,
                "$ref": f"{base}/Groups/{group.id}",
                "display": group.name,
                "type": "direct",
            }
            for group in groups
        ]
    resource["meta"] = {
        "resourceType": USER.name,
        "created": time_text(user.created),
        "lastModified": time_text(user.updated),
        "location": f"{base}/Users/{user.id}",
        "version": user_version(user),
    }
    return resource


def user_version(user: User) -> str:
    """The version of a user as SCIM shows it."""
    return version_tag(user.version)


def wanted_user(resource: Mapping[str, Any], before: ProvisionedUser | None = None) -> WantedUser:
    """What an account is to become by a resource that was read whole.

    Args:
        resource: in the schema's spelling.
        before: the account as it is, None for a new one.

    Raises InvalidField.
    """
    shown = {name: value for name, value in resource.items() if name not in _OURS}
    password = shown.pop(_SECRET, None)
    user_name = str(resource["userName"])
    wanted = WantedUser(
        user_name=user_name,
        email=_address_of(shown, user_name),
        name=_name_of(shown, user_name),
        role=_role_in(shown),
        active=resource.get("active"),
        password=password,
        external_id=resource.get("externalId"),
        attributes=shown,
    )
    return wanted if before is None else _changed(wanted, before)


def _changed(wanted: WantedUser, before: ProvisionedUser) -> WantedUser:
    """What is wanted of an account that is there: what its own record says of it stays, but where
    another thing is wanted than what was shown."""
    old, shown = _attributes(before), wanted.attributes
    role = wanted.role
    if shown.get("roles") == old.get("roles"):
        role = None
    elif role is None and _role_in(old) is not None:
        role = ROLE.value
    email, name = wanted.email, wanted.name
    if email == _address_of(old, before.user_name):
        email = before.user.email
    if name == _name_of(old, before.user_name):
        name = before.user.name
    # What only the account's record says is not written down here.
    attributes = before.attributes or {} if shown == old else shown
    return replace(wanted, email=email, name=name, role=role, attributes=attributes)


def keeping(resource: dict[str, Any], before: ProvisionedUser) -> dict[str, Any]:
    """What replaces a user (PUT), with what of the old one it does not speak of and is not taken
    to end: providers that map no roles must not take those away with each change."""
    old = _attributes(before)
    kept = {"active": before.user.active, **({"roles": old["roles"]} if "roles" in old else {})}
    return kept | resource


def _attributes(found: ProvisionedUser) -> dict[str, Any]:
    """What is shown of an account beside what only its record has."""
    user = found.user
    if found.attributes is None:  # nobody provisioned him
        attributes: dict[str, Any] = {"displayName": user.name}
        if user.email is not None:
            attributes["emails"] = [{"value": user.email, "type": "work", "primary": True}]
    else:
        attributes = dict(found.attributes)
        if user.name != _name_of(attributes, found.user_name):
            attributes["displayName"] = user.name
        if user.email != _address_of(attributes, found.user_name):
            attributes["emails"] = _with_address(attributes.get("emails", []), user.email)
            if not attributes["emails"]:
                del attributes["emails"]
    if (_role_in(attributes) or ROLE.value) != user.role:
        others = [one for one in attributes.get("roles", []) if _role(one) is None]
        attributes["roles"] = [{"value": user.role.value}, *others]
    return attributes


def _name_of(attributes: Mapping[str, Any], user_name: str) -> str:
    """The name of an account, by the first of what tells one. Raises InvalidField."""
    name = attributes.get("name", {})
    parts = (name.get("givenName"), name.get("familyName"))
    whole = " ".join(part for part in parts if part)
    for text in (attributes.get("displayName"), name.get("formatted"), whole):
        if text is not None and text.strip():
            return parse_name(text, "displayName")
    return parse_name(user_name[:200], "userName")


def _address_of(attributes: Mapping[str, Any], user_name: str) -> str | None:
    """The address of an account (`docs/scim.md`), None where it has none. Raises InvalidField."""
    chosen = _chosen(attributes.get("emails", []))
    if chosen is not None:
        return parse_email(str(chosen["value"]), "emails").text
    try:
        return parse_email(user_name).text
    except InvalidField:
        return None


def _chosen(emails: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The one of several addresses that an account has."""
    valued = [one for one in emails if one.get("value")]
    primary = [one for one in valued if one.get("primary") is True]
    work = [one for one in valued if str(one.get("type", "")).lower() == "work"]
    return next(iter((*primary, *work, *valued)), None)


def _with_address(
    emails: Sequence[Mapping[str, Any]], address: str | None
) -> list[Mapping[str, Any]]:
    """Addresses as they were given, with the account's own for the one that it had."""
    chosen = _chosen(emails)
    own = None if address is None else {**(chosen or {"type": "work", "primary": True})}
    if own is not None:
        own["value"] = address
    if chosen is None:
        return [*emails, *([] if own is None else [own])]
    return [one for each in emails if (one := own if each is chosen else each) is not None]


def _role_in(attributes: Mapping[str, Any]) -> str | None:
    """The highest of the roles that are known here, None where there is none."""
    given = {_role(one) for one in attributes.get("roles", [])}
    return next((role.value for role in _ORDER if role in given), None)


def _role(given: Mapping[str, Any]) -> Role | None:
    """The role that a value names: by itself, or within what a large provider has for one, which
    is an object written as a text."""
    text = str(given.get("value", "")).strip()
    if text.startswith("{"):
        try:
            text = str(json.loads(text).get("value", ""))
        except (ValueError, RecursionError):
            return None
    return next((role for role in _ORDER if role.value == text.lower()), None)
