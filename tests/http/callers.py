"""Every kind of caller that there is: nobody, who is none, and who may this much and no more."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.repositories import Repository
from auth.api_keys import ApiKeys
from auth.secret_texts import make_secret
from auth.users import UserChanges
from tests.http.client import basic, bearer
from tests.http.stand import ADMIN_EMAIL, ADMIN_PASSWORD, Stand

#: What a caller may do in the repository `private`: columns of the table of routes.
UNKNOWN, HIDDEN, UPLOAD, REMOVE, READ, WRITE, ALL, ADMIN, PASSWORD = (
    "unknown",
    "hidden",
    "upload alone",
    "remove alone",
    "read",
    "read and write",
    "all",
    "admin",
    "an admin's password",
)
#: And what through `/api`.
PERSON, SCOPED, MANAGER = "person", "scoped", "manager"


@dataclass(frozen=True)
class Caller:
    """One kind of caller: its `Authorization`, and what it is for files and for the API."""

    authorization: str | None
    files: str
    api: str


def callers(stand: Stand, private: Repository, other: Repository) -> Mapping[str, Caller]:
    """All of them, by what they are; `private` is what they are measured by."""
    found = _strangers(stand)
    everything = ["read", "write", "delete"]
    people: dict[str, tuple[str, list[str] | None, str]] = {
        "reader without a grant": ("reader", None, HIDDEN),
        "reader": ("reader", ["read"], READ),
        "reader granted to write": ("reader", ["write", "delete"], HIDDEN),
        "reader granted all": ("reader", everything, READ),
        "developer without a grant": ("developer", None, HIDDEN),
        "developer who reads": ("developer", ["read"], READ),
        "developer who writes": ("developer", ["read", "write"], WRITE),
        "developer who only writes": ("developer", ["write"], UPLOAD),
        "developer who only deletes": ("developer", ["delete"], REMOVE),
        "developer": ("developer", everything, ALL),
    }
    for name, (role, actions, files) in people.items():
        # Whoever has no grant here has one elsewhere: that must not help.
        person = stand.person(role, {private.id: actions} if actions else {other.id: everything})
        found[name] = Caller(person.by_key, files, PERSON)
        found[f"{name}, by password"] = Caller(person.by_password, files, PERSON)
    narrow = stand.person(grants={private.id: everything}, scopes={private.id: ["read"]})
    found["key that reads, of a developer"] = Caller(narrow.by_key, READ, SCOPED)
    narrow = stand.person("admin", scopes={private.id: ["read", "write"]})
    found["key that writes, of an administrator"] = Caller(narrow.by_key, WRITE, SCOPED)
    found["administrator of that key, by password"] = Caller(narrow.by_password, PASSWORD, MANAGER)
    narrow = stand.person("admin", scopes={other.id: everything})
    found["key for elsewhere, of an administrator"] = Caller(narrow.by_key, HIDDEN, SCOPED)
    wide = stand.person("developer", {private.id: ["read"]}, {private.id: everything})
    found["key for more than its user may"] = Caller(wide.by_key, READ, SCOPED)
    found["administrator"] = Caller(stand.admin.by_key, ADMIN, MANAGER)
    found["administrator, by bearer"] = Caller(bearer(stand.admin.key), ADMIN, MANAGER)
    found["administrator, as twine"] = Caller(basic("__token__", stand.admin.key), ADMIN, MANAGER)
    found["administrator, by password"] = Caller(stand.admin.by_password, PASSWORD, MANAGER)
    return found


def _strangers(stand: Stand) -> dict[str, Caller]:
    at = stand.process.installation
    revoked, deleted, disabled = stand.person("admin"), stand.person("admin"), stand.person("admin")
    ApiKeys(at.recent, at.journal).delete(stand.operator, revoked.key_id)
    users = stand.users()
    users.delete(stand.operator, deleted.id)
    users.update(stand.operator, disabled.id, UserChanges(active=False))
    expired = _expired(stand)
    headers = {
        "nobody": None,
        "empty header": "",
        "nonsense": "nonsense",
        "Basic without a token": "Basic",
        "Basic of nonsense": "Basic !!!!",
        "Basic without a colon": "Basic YWRtaW4=",
        "Basic of blanks": "Basic Og==",
        "Bearer without a token": "Bearer ",
        "Digest": 'Digest username="admin"',
        "two headers": f"{stand.admin.by_key},{stand.admin.by_key}",
        "wrong password": basic(ADMIN_EMAIL, "not the password"),
        "a key as a password": basic(ADMIN_EMAIL, stand.admin.key),
        "a password as a key": basic("api-key", ADMIN_PASSWORD),
        "password by bearer": bearer(ADMIN_PASSWORD),
        "no such user": basic("nobody@example.org", "not the password"),
        "a key that never was": basic("api-key", make_secret().text),
        "a key cut short": basic("api-key", stand.admin.key[:-1]),
        "a key of another case": basic("api-key", stand.admin.key.upper()),
        "a key's id": basic("api-key", stand.admin.key_id),
        "revoked key": revoked.by_key,
        "key of a deleted user": deleted.by_key,
        "password of a deleted user": deleted.by_password,
        "key of a disabled user": disabled.by_key,
        "password of a disabled user": disabled.by_password,
        "expired key": expired,
    }
    return {name: Caller(header, UNKNOWN, UNKNOWN) for name, header in headers.items()}


def _expired(stand: Stand) -> str:
    """A key whose time is up: made with a clock that was behind."""
    at = stand.process.installation
    past = datetime.now(UTC) - timedelta(days=2)
    person = stand.person("admin")
    made = ApiKeys(at.recent, at.journal, clock=lambda: past).create(
        stand.operator,
        name="of the past",
        user_id=person.id,
        expires=past + timedelta(days=1),
    )
    return basic("api-key", made.secret.text)
