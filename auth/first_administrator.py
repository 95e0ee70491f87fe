"""The first administrator of an organization: who is wanted, and what is written for him."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from auth.credentials import ApiKeySecret
from auth.emails import EmailAddress, email_key, parse_email
from auth.key_records import key_operations
from auth.password_rules import require_strong
from auth.passwords import Parameters, hash_password
from auth.principals import Role
from auth.records import ApiKey, new_id, time_text
from auth.secret_texts import fingerprint, make_secret
from auth.user_names import require_visible
from storage import keys
from storage.metadata import Operation, Put

DEFAULT_EMAIL = "admin@localhost"
_PASSWORD_BYTES = 18  # 24 characters
_KEY_NAME = "build tools"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The first administrator as somebody asks for one.

    Args:
        email: his address; None: `admin@localhost`.
        password: his password; None: a random one.
        api_key: whether he gets a key for build tools as well.
    """

    email: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    api_key: bool = True


@dataclass(frozen=True, slots=True)
class FirstSecrets:
    """What is shown once. `password` is None where it was given."""

    user_id: str
    email: str = field(repr=False)
    password: str | None = field(repr=False)
    api_key: ApiKeySecret | None = field(repr=False)

    @property
    def generated(self) -> bool:
        """Whether there is anything that nobody has seen yet."""
        return self.password is not None or self.api_key is not None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An administrator who may become the first."""

    shown: FirstSecrets
    email: EmailAddress
    user: dict[str, object]
    made: datetime

    @classmethod
    def make(cls, wanted: Wanted, parameters: Parameters, now: datetime) -> "Candidate":
        """Make the secrets and the record of an administrator. Raises InvalidField."""
        email = parse_email(DEFAULT_EMAIL if wanted.email is None else wanted.email)
        require_visible(email.text, "email")
        generated = secrets.token_urlsafe(_PASSWORD_BYTES) if wanted.password is None else None
        if wanted.password is not None:
            require_strong(wanted.password, email)
        user_id, created = new_id(), time_text(now)
        user = {
            "id": user_id,
            "email": email.text,
            "name": "Administrator",
            "role": Role.ADMIN.value,
            "password": hash_password(generated or wanted.password or "", parameters),
            "active": True,
            "permissions": {},
            "created": created,
            "updated": created,
        }
        key = make_secret() if wanted.api_key else None
        return cls(FirstSecrets(user_id, email.text, generated, key), email, user, now)

    def operations(self, organization: str) -> list[Operation]:
        """What writes him, and his key."""
        user_id = self.shown.user_id
        operations: list[Operation] = [
            Put(keys.user(organization, user_id), self.user, absent=True),
            Put(email_key(organization, self.email), {"user": user_id}, absent=True),
        ]
        if self.shown.api_key is not None:
            secret = self.shown.api_key
            key_id = fingerprint(secret).key_id
            key = ApiKey(key_id, user_id, _KEY_NAME, None, None, self.made)
            operations += key_operations(organization, secret, key)
        return operations
