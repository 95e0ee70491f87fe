"""`/api/keys`: everyone makes keys for himself, administrators for anyone.

The answer to `POST` carries the secret, and nothing else ever does.
"""

from collections.abc import Sequence
from typing import Any

from falcon import HTTP_201, HTTP_204, Request, Response

from app.api.answers import Paging, key_json, keys_json, scope_of
from app.api.grants import ById, by_ids
from app.api.reading import read_fields
from app.repositories import Catalogue
from app.visitors import authority_of, confirmed, confirmed_with
from auth.api_keys import ApiKeys
from auth.key_making import MadeKey
from auth.key_rotation import KeyRotation, parse_overlap
from auth.records import ApiKey, Listing
from middleware.declarations import MEMBER, by_method
from storage.metadata.recent import Recent

ALL = "all"  # `?user=all`: the keys of everyone, for administrators


class Keys:
    """`GET` and `POST /api/keys`."""

    needs = by_method(GET=MEMBER, POST=MEMBER)

    def __init__(
        self, recent: Recent, api_keys: ApiKeys, catalogue: Catalogue, paging: Paging
    ) -> None:
        self._recent = recent
        self._api_keys = api_keys
        self._catalogue = catalogue
        self._paging = paging

    def on_get(self, req: Request, resp: Response) -> None:
        """List one's own keys; `?user=ID` or `?user=all` for administrators.

        A key with scopes sees itself alone.
        """
        principal = confirmed(req, self._recent)
        by = authority_of(req, principal)
        asked = req.get_param("user") or principal.user_id
        user = None if asked == ALL else asked

        def read(after: str, limit: int) -> Listing[ApiKey]:
            return self._api_keys.list(by, user, after, limit)

        def show(keys: Sequence[ApiKey]) -> list[dict[str, Any]]:
            return keys_json(self._catalogue, by.organization, keys)

        resp.media = self._paging.answer(req, "keys", read, show, scope_of(req, asked))

    def on_post(self, req: Request, resp: Response) -> None:
        """Make a key, and show its secret this once."""
        by = authority_of(req, confirmed(req, self._recent))
        fields = read_fields(req)
        name = fields.required("name")
        user = fields.text("user")
        expires = fields.moment("expires")
        renewable = fields.flag("renewable")
        given = fields.actions("scopes")
        fields.finish()
        scopes = ById({}, {}) if given is None else by_ids(self._catalogue, by, "scopes", given)
        made = self._api_keys.create(
            by,
            name=name,
            user_id=user,
            scopes=None if given is None else scopes.grants,
            repositories=scopes.names,
            expires=expires,
            renewable=renewable is True,
        )
        resp.status = HTTP_201
        resp.set_header("Location", f"/api/keys/{made.key.id}")
        resp.media = key_json(made.key, scopes.names) | {"secret": made.secret.text}


class OneKey:
    """`GET`, `PATCH` and `DELETE /api/keys/ID`."""

    needs = by_method(GET=MEMBER, PATCH=MEMBER, DELETE=MEMBER)

    def __init__(self, recent: Recent, api_keys: ApiKeys, catalogue: Catalogue) -> None:
        self._recent = recent
        self._api_keys = api_keys
        self._catalogue = catalogue

    def on_get(self, req: Request, resp: Response, key: str) -> None:
        """Show a key: to administrators, and to its user."""
        principal, records = confirmed_with(
            req, self._recent, lambda at: self._api_keys.needs(at, key)
        )
        by = authority_of(req, principal)
        found = self._api_keys.get(by, key, records)
        resp.media = keys_json(self._catalogue, by.organization, [found])[0]

    def on_patch(self, req: Request, resp: Response, key: str) -> None:
        """Rename a key, or say whether its successors may outlive it."""
        principal, records = confirmed_with(
            req, self._recent, lambda at: self._api_keys.needs(at, key)
        )
        by, fields = authority_of(req, principal), read_fields(req)
        name, renewable = fields.text("name"), fields.flag("renewable")
        fields.finish()
        changed = self._api_keys.change(by, key, name=name, renewable=renewable, records=records)
        resp.media = keys_json(self._catalogue, by.organization, [changed])[0]

    def on_delete(self, req: Request, resp: Response, key: str) -> None:
        """Revoke a key with what it made of itself: at once in this process, within 10 s in
        every other."""
        principal, records = confirmed_with(
            req, self._recent, lambda at: self._api_keys.needs(at, key)
        )
        self._api_keys.delete(authority_of(req, principal), key, records)
        resp.status = HTTP_204


class Rotation:
    """`POST /api/keys/ID/rotate`."""

    needs = by_method(POST=MEMBER)

    def __init__(
        self, recent: Recent, api_keys: ApiKeys, rotation: KeyRotation, catalogue: Catalogue
    ) -> None:
        self._recent = recent
        self._api_keys = api_keys
        self._rotation = rotation
        self._catalogue = catalogue

    def on_post(self, req: Request, resp: Response, key: str) -> None:
        """Make a key's successor, and show its secret this once; the key may do so itself."""
        principal, records = confirmed_with(
            req, self._recent, lambda at: self._api_keys.needs(at, key)
        )
        by, fields = authority_of(req, principal), read_fields(req, optional=True)
        overlap, expires = parse_overlap(fields.number("overlap_hours")), fields.moment("expires")
        fields.finish()
        made = self._rotation.rotate(by, key, overlap=overlap, expires=expires, records=records)
        show_made(resp, self._catalogue, by.organization, made)


def show_made(resp: Response, catalogue: Catalogue, organization: str, made: MadeKey) -> None:
    """Answer 201 with a new key and its secret, which nothing else ever tells."""
    resp.status = HTTP_201
    resp.set_header("Location", f"/api/keys/{made.key.id}")
    (shown,) = keys_json(catalogue, organization, [made.key])
    resp.media = {**shown, "secret": made.secret.text}
