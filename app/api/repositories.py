"""`/api/repositories`: administrators make them, who administers one changes it, and
everyone sees what he may read."""

from enum import StrEnum
from itertools import islice
from typing import TypeVar

from falcon import HTTP_201, HTTP_204, Request, Response

from app.api.answers import Paging, repositories_json, repository_json, scope_of, usage_json
from app.api.reading import Fields, read_fields
from app.raw.terms import named
from app.repositories import (
    Catalogue,
    Door,
    Format,
    InvalidName,
    Kind,
    Opened,
    Policy,
    Repository,
    RepositoryName,
    Rules,
)
from app.usage import Ledger, Quota, balances_of
from app.visitors import actor_of, authority_of, confirmed, visitor_of
from auth.errors import Forbidden, InvalidField
from auth.principals import Action, Principal
from auth.records import Listing
from middleware.declarations import MANAGER, MEMBER, by_method, on
from storage.metadata.recent import Recent

#: Repositories that are looked at for a page, where grants name patterns.
_LOOKED_AT = 2_000

_Choice = TypeVar("_Choice", bound=StrEnum)
_Default = TypeVar("_Default", bound=StrEnum | None)


class Repositories:
    """`GET` and `POST /api/repositories`."""

    needs = by_method(GET=MEMBER, POST=MANAGER)

    def __init__(self, recent: Recent, catalogue: Catalogue, paging: Paging) -> None:
        self._recent = recent
        self._catalogue = catalogue
        self._paging = paging

    def on_get(self, req: Request, resp: Response) -> None:
        """List the repositories that the caller may read; a page may be short."""
        principal = confirmed(req, self._recent)

        def read(after: str, limit: int) -> Listing[Repository]:
            return readable(self._catalogue, principal, after, limit)

        resp.media = self._paging.answer(
            req, "repositories", read, repositories_json, scope_of(req)
        )

    def on_post(self, req: Request, resp: Response) -> None:
        """Make a repository."""
        principal = confirmed(req, self._recent)
        authority = authority_of(req, principal)
        fields = read_fields(req)
        name = _name(fields)
        repository_format = _choice(fields, "format", Format, Format.RAW)
        kind = _choice(fields, "kind", Kind, Kind.HOSTED)
        rules = _rules(fields)
        fields.finish()
        repository = self._catalogue.create(
            authority.organization, authority.actor, name, rules, repository_format, kind
        )
        resp.status = HTTP_201
        resp.set_header("Location", f"/api/repositories/{repository.name}")
        resp.media = repository_json(repository)


class OneRepository:
    """`GET`, `PATCH` and `DELETE /api/repositories/NAME`."""

    needs = by_method(
        GET=on(Action.READ),
        PATCH=on(Action.ADMIN),
        DELETE=on(Action.ADMIN),
    )

    def __init__(self, recent: Recent, door: Door, catalogue: Catalogue) -> None:
        self._recent = recent
        self._door = door
        self._catalogue = catalogue

    def on_get(self, req: Request, resp: Response, name: str) -> None:
        """Show a repository that the caller may read."""
        repository = self._open(req, name, Action.READ).repository
        ledger = Ledger(repository.organization, repository.id)
        (balance,) = balances_of(self._recent.metadata, ledger)
        resp.media = repository_json(repository) | {"usage": usage_json(balance.usage)}

    def on_patch(self, req: Request, resp: Response, name: str) -> None:
        """Change a repository's rules; those that are not named stay."""
        opened = self._open(req, name, Action.ADMIN)
        fields = read_fields(req)
        rules = _rules(fields)
        fields.finish()
        _require_own(opened, rules)
        old, actor = opened.repository, actor_of(req, named(opened))
        name_of_old = RepositoryName(old.name)
        repository = self._catalogue.update(
            old.organization, actor, name_of_old, rules, opened.records
        )
        resp.media = repository_json(repository)

    def on_delete(self, req: Request, resp: Response, name: str) -> None:
        """Delete a repository: it is gone for everyone at once."""
        opened = self._open(req, name, Action.ADMIN)
        old, actor = opened.repository, actor_of(req, named(opened))
        self._catalogue.delete(old.organization, actor, RepositoryName(old.name), opened.records)
        resp.status = HTTP_204

    def _open(self, req: Request, name: str, action: Action) -> Opened:
        visitor = visitor_of(req, key_required=False)
        return self._door.open(visitor, RepositoryName.parse(name), action)


def _require_own(opened: Opened, rules: Rules) -> None:
    """Return if these rules are for who asks to set. Raises Forbidden.

    Whatever they are now: others may change them until these are written.
    """
    principal = named(opened)
    if rules.public:
        principal.require(opened.repository, Action.READ)
        if principal.scopes is not None:
            raise Forbidden("A key with scopes makes nothing public.")
    if (rules.quota is not None or rules.audit_reads is False) and not principal.manages:
        raise Forbidden(
            "Only an administrator of the organization sets 'quota_bytes' and takes 'audit_reads'"
            " away, not with a key that has scopes."
        )


def readable(
    catalogue: Catalogue, principal: Principal, after: str, limit: int
) -> Listing[Repository]:
    """A page of the repositories that a caller may read: filtered before it is cut."""
    if principal.manages:
        found = list(islice(catalogue.every(principal.organization, after), limit + 1))
        return Listing(tuple(found[:limit]), found[limit - 1].name if len(found) > limit else None)
    return _granted(catalogue, principal, after, limit)


def _granted(
    catalogue: Catalogue, principal: Principal, after: str, limit: int
) -> Listing[Repository]:
    """By the grants themselves, not by asking of each repository whether it is granted: how
    long that takes would tell how many there are. A page is short where one went meanwhile."""
    if principal.granted.by_pattern:
        return _fitting(catalogue, principal, after, limit)
    ids = list(principal.granted.by_id)
    names = sorted(catalogue.names(principal.organization, ids).values())
    behind = [RepositoryName(name) for name in names if name > after]
    found = catalogue.named(principal.organization, behind[:limit])
    return Listing(
        # Another one may have the name by now.
        tuple(one for one in found.values() if principal.may(one, Action.READ)),
        behind[limit - 1].text if len(behind) > limit else None,
    )


def _fitting(
    catalogue: Catalogue, principal: Principal, after: str, limit: int
) -> Listing[Repository]:
    """Where grants name patterns: by looking at each, and at so many for a page."""
    found: list[Repository] = []
    for looked, one in enumerate(catalogue.every(principal.organization, after), start=1):
        if principal.may(one, Action.READ):
            if len(found) == limit:
                return Listing(tuple(found), found[-1].name)
            found.append(one)
        if looked == _LOOKED_AT:
            return Listing(tuple(found), one.name)
    return Listing(tuple(found), None)


def _name(fields: Fields) -> RepositoryName:
    try:
        return RepositoryName.parse(fields.required("name"))
    except InvalidName as error:
        raise InvalidField("name", f"is no name for a repository: {error}") from error


def _choice(
    fields: Fields, name: str, kind: type[_Choice], default: _Default
) -> _Choice | _Default:
    text = fields.text(name)
    if text is None:
        return default
    try:
        return kind(text)
    except ValueError as error:
        known = ", ".join(member.value for member in kind)
        raise InvalidField(name, f"must be one of: {known}") from error


def _rules(fields: Fields) -> Rules:
    return Rules(
        public=fields.flag("public"),
        overwrite=fields.flag("overwrite"),
        restore_days=fields.number("restore_days"),
        # Here null says something: that there is to be none.
        quota=Quota(fields.number("quota_bytes")) if fields.has("quota_bytes") else None,
        policy=_choice(fields, "policy", Policy, None),
        audit_reads=fields.flag("audit_reads"),
    )
