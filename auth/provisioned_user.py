"""A user as an identity provider sees him, and as it wants him to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from auth.emails import parse_email
from auth.external_ids import parse_external_id
from auth.fields import parse_name, parse_role
from auth.profiles import read_attributes
from auth.records import User, read_user
from auth.user_names import parse_user_name
from storage.metadata import Record


@dataclass(frozen=True, slots=True)
class ProvisionedUser:
    """A user with what a provider said of him. `attributes` is None where none ever did."""

    user: User
    user_name: str = field(repr=False)
    external_id: str | None = field(repr=False)
    attributes: Mapping[str, Any] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class WantedUser:
    """What a user is to be, all of it but what is None of these: `role` and `active` are left as
    they are, a new user is an active developer; `password` is left as it is. `email` None is no
    address, and `external_id` None is none."""

    user_name: str = field(repr=False)
    email: str | None = field(repr=False)
    name: str = field(repr=False)
    role: str | None
    active: bool | None
    password: str | None = field(repr=False)
    external_id: str | None = field(repr=False)
    attributes: Mapping[str, Any] = field(repr=False)


def provisioned(user: Record, profile: Record | None) -> ProvisionedUser:
    """The user that these records hold. Raises CorruptRecord."""
    return seen(read_user(user), read_attributes(profile))


def seen(user: User, attributes: Mapping[str, Any] | None) -> ProvisionedUser:
    """A user with his attributes, as a provider sees him."""
    return ProvisionedUser(user, user.user_name, user.external_id, attributes)


def given_by(wanted: WantedUser) -> dict[str, Any]:
    """The fields of a record that are wanted, parsed, without the password. Raises InvalidField."""
    name = parse_user_name(wanted.user_name)
    email = None if wanted.email is None else parse_email(wanted.email)
    given: dict[str, Any] = {
        "email": None if email is None else email.text,
        "user_name": None if email is not None and email.text == name.text else name.text,
        "name": parse_name(wanted.name),
        "external_id": None,
    }
    if wanted.external_id is not None:
        given["external_id"] = parse_external_id(wanted.external_id)
    if wanted.role is not None:
        given["role"] = parse_role(wanted.role).value
    if wanted.active is not None:
        given["active"] = wanted.active
    return given
