"""Whom an incident is about: a credential by its id or its secret, or a user."""

import re
from dataclasses import dataclass

from app.privacy.person import USER, Several, find_person
from auth.credentials import ApiKeySecret
from auth.errors import Missing, NotAuthenticated
from auth.records import is_id
from auth.secret_texts import fingerprint
from storage import keys
from storage.metadata import Metadata, Record

#: What looks like a secret, whole or in part: it is never to be an argument.
SECRET = re.compile(r"sr[kst]_", re.IGNORECASE)


class Unknown(Exception):
    """Nothing is known of what was named; the message says what to name."""


@dataclass(frozen=True, slots=True)
class Target:
    """A credential or a person.

    `kind` is `key`, `session`, `SCIM token`, `credential` (of which no record is left), `user`
    or `subscriber`. `owner` is whose it is, where that is known. `is_there` tells whether it
    still opens anything. `keys` are ids of a person's keys, and of those that he had once and
    others have now: what is done with these has another's id.
    """

    id: str
    kind: str
    owner: str | None
    is_there: bool
    keys: tuple[str, ...] = ()

    @property
    def is_person(self) -> bool:
        return self.kind in ("user", "subscriber")


def by_secret(text: str) -> str:
    """The id of the credential with that secret. Raises Unknown, without the secret."""
    try:
        return fingerprint(ApiKeySecret(text.strip())).key_id
    except NotAuthenticated as error:
        raise Unknown(
            "that is no whole secret of Strongroom's: it has 53 characters and begins with srk_,"
            " srs_ or srt_; an id of a key or session will do as well"
        ) from error


def find_target(metadata: Metadata, organization: str, named: str) -> Target:
    """What an id or address names. Raises Unknown where it is none.

    An id of which no record is left is a credential, or a user, that was deleted: history may
    know of it.
    """
    try:
        person = find_person(metadata, organization, named)
    except Missing as error:
        raise Unknown(
            "there is no such user; name a user by e-mail address or id, or a key or session by"
            " its id, or say - and give the secret on standard input"
        ) from error
    except Several as error:
        raise Unknown(str(error)) from error
    if person.is_there:
        held = _keys(metadata, organization, person.id)
        return Target(person.id, person.kind, person.id, is_there=True, keys=held)
    for kind, key in (
        ("key", keys.api_key(organization, named)),
        ("session", keys.portal_session(organization, named)),
        ("SCIM token", keys.scim_token(organization, named)),
    ):
        record = metadata.get(key).get(key)
        if record is not None:
            return Target(named, kind, _owner(record), is_there=True)
    if _is_credential(named):
        return Target(named, "credential", None, is_there=False)
    held = _keys(metadata, organization, named)
    return Target(named, USER, None, is_there=False, keys=held)


def _keys(metadata: Metadata, organization: str, person: str) -> tuple[str, ...]:
    return tuple(
        record.key.sort
        for record in metadata.query_all(keys.api_keys(organization))
        if record.value.get("user") == person or person in record.value.get("handed_from", ())
    )


def _owner(record: Record) -> str | None:
    owner = record.value.get("user")
    return owner if isinstance(owner, str) else None


def _is_credential(text: str) -> bool:
    return is_id(text) and len(text) > 16  # characters of a user's id: `auth.records.new_id`
