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
from auth.records import ApiKey, Listing
from middleware.declarations import Access
from storage.metadata.recent import Recent

ALL = "all"  # `?user=all`: the keys of everyone, for administrators


class Keys:
    """`GET` and `POST /api/keys`."""

    access = Access.SIGNED_IN

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
        )
        resp.status = HTTP_201
        resp.set_header("Location", f"/api/keys/{made.key.id}")
        resp.media = key_json(made.key, scopes.names) | {"secret": made.secret.text}


class OneKey:
    """`GET` and `DELETE /api/keys/ID`."""

    access = Access.SIGNED_IN

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

    def on_delete(self, req: Request, resp: Response, key: str) -> None:
        """Revoke a key: at once in this process, within 10 s in every other."""
        principal, records = confirmed_with(
            req, self._recent, lambda at: self._api_keys.needs(at, key)
        )
        self._api_keys.delete(authority_of(req, principal), key, records)
        resp.status = HTTP_204
