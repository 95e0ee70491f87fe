"""Every kind of caller that there is: nobody, who is none, and who may this much and no more."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.repositories import Repository
from auth.api_keys import ApiKeys
from auth.groups import Groups
from auth.memberships import Memberships
from auth.secret_texts import make_secret
from auth.users import UserChanges
from tests.http.client import basic, bearer
from tests.http.distributed import outsider, scim_token
from tests.http.stand import ADMIN_EMAIL, ADMIN_PASSWORD, Person, Stand

#: What a caller may do in the repository `private`: columns of the table of routes.
UNKNOWN, HIDDEN, UPLOAD, REMOVE, CLAIM, READ, WRITE, ALL = (
    "unknown",
    "hidden",
    "upload alone",
    "remove alone",
    "claim names alone",
    "read",
    "read and write",
    "all",
)
#: Who administers that repository: with all else that can be done there, with nothing else, and
#: by a key with scopes.
KEEPER, CARETAKER, KEY_KEEPER = "keeper", "caretaker", "keeper by a key with scopes"
#: Who administers the organization.
ADMIN, PASSWORD = "admin", "an admin's password"
#: And what through `/api`.
PERSON, SCOPED, MANAGER = "person", "scoped", "manager"
#: Who gets in for one thing, files or `/scim`, and is 403 wherever else somebody has to sign in.
OUTSIDE, PROVIDER = "outside", "provider"

#: Repositories that a route is asked to change or end are called so: what is granted in
#: `private` is granted in these.
MADE = "made-"
_MADE = f"{MADE}*"
_FILES = ["read", "write", "delete"]
_EVERYTHING = [*_FILES, "claim", "admin"]


@dataclass(frozen=True)
class Caller:
    """One kind of caller: its `Authorization`, and what it is for files and for the API."""

    authorization: str | None
    files: str
    api: str


def callers(stand: Stand, private: Repository, other: Repository) -> Mapping[str, Caller]:
    """All of them, by what they are; `private` is what they are measured by. To have another
    kind is to have a function here that makes it."""
    found: dict[str, Caller] = {}
    for kind in (_strangers, _people, _members, _keepers, _keys, _administrators, _outside):
        found |= kind(stand, private, other)
    return found


def _in(private: Repository, *actions: str) -> dict[str, list[str]]:
    """These actions, in the repository that they are measured by and in those that are made."""
    return {private.id: list(actions), _MADE: list(actions)}


def _people(stand: Stand, private: Repository, other: Repository) -> dict[str, Caller]:
    """By what they are granted themselves."""
    found: dict[str, Caller] = {}
    people: dict[str, tuple[str, list[str] | None, str]] = {
        "reader without a grant": ("reader", None, HIDDEN),
        "reader": ("reader", ["read"], READ),
        "reader granted to write": ("reader", ["write", "delete"], HIDDEN),
        "reader granted all": ("reader", _EVERYTHING, READ),
        "developer without a grant": ("developer", None, HIDDEN),
        "developer who reads": ("developer", ["read"], READ),
        "developer who writes": ("developer", ["read", "write"], WRITE),
        "developer who only writes": ("developer", ["write"], UPLOAD),
        "developer who only deletes": ("developer", ["delete"], REMOVE),
        "developer who only claims": ("developer", ["claim"], CLAIM),
        "developer": ("developer", _FILES, ALL),
    }
    for name, (role, actions, files) in people.items():
        # Whoever has no grant here has one elsewhere: that must not help.
        grants = _in(private, *actions) if actions else {other.id: _EVERYTHING}
        person = stand.person(role, grants)
        found[name] = Caller(person.by_key, files, PERSON)
        found[f"{name}, by password"] = Caller(person.by_password, files, PERSON)
    for name, pattern, files in (
        ("developer by a pattern", "pri*e", ALL),
        ("developer by a pattern that fits others", "private-*", HIDDEN),
    ):
        person = stand.person(grants={pattern: _FILES, _MADE: _FILES if files == ALL else []})
        found[name] = Caller(person.by_key, files, PERSON)
    return found


def _members(stand: Stand, private: Repository, other: Repository) -> dict[str, Caller]:
    """By what groups grant them that they are in, or were."""
    found: dict[str, Caller] = {}
    kinds: dict[str, tuple[str, dict[str, list[str]], str]] = {
        "member of a group without a grant": ("developer", {other.id: _EVERYTHING}, HIDDEN),
        "member of a group that reads": ("developer", _in(private, "read"), READ),
        "member of a group that writes": ("developer", _in(private, "read", "write"), WRITE),
        "member of a group that only writes": ("developer", _in(private, "write"), UPLOAD),
        "member of a group that only deletes": ("developer", _in(private, "delete"), REMOVE),
        "member of a group that only claims": ("developer", _in(private, "claim"), CLAIM),
        "member of a group": ("developer", _in(private, *_FILES), ALL),
        "member of a group by pattern": ("developer", {"*": ["read"]}, READ),
        "reader in a group": ("reader", _in(private, *_EVERYTHING), READ),
    }
    for name, (role, grants, files) in kinds.items():
        person = stand.person(role)
        stand.group(grants, person)
        found[name] = Caller(person.by_key, files, PERSON)
    both = stand.person(grants=_in(private, "read"))
    stand.group(_in(private, "write"), both)
    found["developer who writes by a group"] = Caller(both.by_password, WRITE, PERSON)
    at = stand.process.installation
    left, bereft = stand.person(), stand.person()
    ended = stand.group(_in(private, *_FILES), bereft)
    Groups(at.recent, at.journal).delete(stand.operator, ended.id)
    group = stand.group(_in(private, *_FILES), left)
    Memberships(at.recent, at.journal).remove(stand.operator, group.id, left.id)
    found["member of a group that was deleted"] = Caller(bereft.by_key, HIDDEN, PERSON)
    found["member who was removed"] = Caller(left.by_key, HIDDEN, PERSON)
    return found


def _keepers(stand: Stand, private: Repository, _: Repository) -> dict[str, Caller]:
    """Who administers the repository, and nothing else of the organization."""
    keeper = stand.person(grants=_in(private, *_EVERYTHING))
    member, caretaker = stand.person(), stand.person(grants=_in(private, "admin"))
    stand.group(_in(private, *_EVERYTHING), member)
    every = _in(private, *_EVERYTHING)
    scoped = stand.person(grants=every, scopes=every)
    return {
        "repository administrator": Caller(keeper.by_key, KEEPER, PERSON),
        "repository administrator, by password": Caller(keeper.by_password, KEEPER, PERSON),
        "repository administrator by a group": Caller(member.by_key, KEEPER, PERSON),
        "repository administrator who reads nothing": Caller(caretaker.by_key, CARETAKER, PERSON),
        "key that administers, of a developer": Caller(scoped.by_key, KEY_KEEPER, SCOPED),
    }


def _keys(stand: Stand, private: Repository, other: Repository) -> dict[str, Caller]:
    """Keys with scopes, which narrow what their users may."""
    every = _in(private, *_FILES)
    admin = stand.person("admin", scopes=_in(private, "read", "write"))
    kinds: dict[str, tuple[Person, str]] = {
        "key that reads, of a developer": (
            stand.person(grants=every, scopes=_in(private, "read")),
            READ,
        ),
        "key that writes, of an administrator": (admin, WRITE),
        "key for elsewhere, of an administrator": (
            stand.person("admin", scopes={other.id: _EVERYTHING}),
            HIDDEN,
        ),
        "key that administers, of an administrator": (
            stand.person("admin", scopes=_in(private, *_EVERYTHING)),
            KEY_KEEPER,
        ),
        "key for nothing, of an administrator": (stand.person("admin", scopes={}), HIDDEN),
        "key for more than its user may": (
            stand.person(grants=_in(private, "read"), scopes=_in(private, *_EVERYTHING)),
            READ,
        ),
        "key by a pattern": (stand.person(grants=every, scopes={"*": ["read"]}), READ),
        "key by a pattern that fits others": (
            stand.person(grants=every, scopes={"public*": _EVERYTHING}),
            HIDDEN,
        ),
    }
    found = {name: Caller(person.by_key, files, SCOPED) for name, (person, files) in kinds.items()}
    found["administrator of that key, by password"] = Caller(admin.by_password, PASSWORD, MANAGER)
    return found


def _administrators(stand: Stand, _: Repository, __: Repository) -> dict[str, Caller]:
    return {
        "administrator": Caller(stand.admin.by_key, ADMIN, MANAGER),
        "administrator, by bearer": Caller(bearer(stand.admin.key), ADMIN, MANAGER),
        "administrator, as twine": Caller(basic("__token__", stand.admin.key), ADMIN, MANAGER),
        "administrator, by password": Caller(stand.admin.by_password, PASSWORD, MANAGER),
    }


def _outside(stand: Stand, private: Repository, other: Repository) -> dict[str, Caller]:
    """Subscribers, and the services that provision users."""
    past = datetime.now(UTC) - timedelta(days=2)
    expired = outsider(stand, private.id, expires=past + timedelta(days=1), clock=lambda: past)
    token = scim_token(stand, "of a caller").secret.text
    return {
        "subscriber": Caller(outsider(stand, private.id).by_key, READ, OUTSIDE),
        "subscriber by pattern": Caller(outsider(stand, "priv*").by_key, READ, OUTSIDE),
        "subscriber of another group": Caller(outsider(stand, other.id).by_key, HIDDEN, OUTSIDE),
        "expired subscriber": Caller(expired.by_key, UNKNOWN, UNKNOWN),
        "SCIM token": Caller(bearer(token), HIDDEN, PROVIDER),
        "SCIM token, as a key": Caller(basic("api-key", token), UNKNOWN, UNKNOWN),
    }


def _strangers(stand: Stand, private: Repository, _: Repository) -> dict[str, Caller]:
    """Who is nobody here, or not any more."""
    at = stand.process.installation
    revoked, deleted, disabled = stand.person("admin"), stand.person("admin"), stand.person("admin")
    ApiKeys(at.recent, at.journal).delete(stand.operator, revoked.key_id)
    users = stand.users()
    users.delete(stand.operator, deleted.id)
    users.update(stand.operator, disabled.id, UserChanges(active=False))
    expired = _expired(stand)
    member = stand.person()
    stand.group(_in(private, *_EVERYTHING), member)
    users.update(stand.operator, member.id, UserChanges(active=False))
    elsewhere = stand.another_organization("elsewhere").admin
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
        "key of a disabled member of a group": member.by_key,
        "expired key": expired,
        "key of another organization's administrator": elsewhere.by_key,
        "password of another organization's administrator": elsewhere.by_password,
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
