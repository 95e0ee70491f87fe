"""`/api/keys`: everyone makes keys for himself, administrators for anyone.

The answer to `POST` carries the secret, and nothing else ever does.
"""

from falcon import HTTP_201, HTTP_204, Request, Response

from app.api.answers import Paging, key_json, scope_of
from app.api.grants import by_ids
from app.api.reading import read_fields
from app.repositories import Catalogue
from app.visitors import authority_of, confirmed
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
        """List one's own keys; `?user=ID` or `?user=all` for administrators."""
        principal = confirmed(req, self._recent)
        by = authority_of(req, principal)
        asked = req.get_param("user") or principal.user_id
        user = None if asked == ALL else asked
        names = self._catalogue.names(by.organization)

        def read(after: str, limit: int) -> Listing[ApiKey]:
            return self._api_keys.list(by, user, after, limit)

        resp.media = self._paging.answer(
            req, "keys", read, lambda key: key_json(key, names), scope_of(req, asked)
        )

    def on_post(self, req: Request, resp: Response) -> None:
        """Make a key, and show its secret this once."""
        by = authority_of(req, confirmed(req, self._recent))
        fields = read_fields(req)
        name = fields.required("name")
        user = fields.text("user")
        expires = fields.moment("expires")
        given = fields.actions("scopes")
        fields.finish()
        grants, ids = (
            (None, [])
            if given is None
            else by_ids(self._catalogue, by.organization, "scopes", given)
        )
        made = self._api_keys.create(
            by, name=name, user_id=user, scopes=grants, repositories=ids, expires=expires
        )
        resp.status = HTTP_201
        resp.set_header("Location", f"/api/keys/{made.key.id}")
        names = self._catalogue.names(by.organization)
        resp.media = key_json(made.key, names) | {"secret": made.secret.text}


class OneKey:
    """`GET` and `DELETE /api/keys/ID`."""

    access = Access.SIGNED_IN

    def __init__(self, recent: Recent, api_keys: ApiKeys, catalogue: Catalogue) -> None:
        self._recent = recent
        self._api_keys = api_keys
        self._catalogue = catalogue

    def on_get(self, req: Request, resp: Response, key: str) -> None:
        """Show a key: to administrators, and to its user."""
        by = authority_of(req, confirmed(req, self._recent))
        names = self._catalogue.names(by.organization)
        resp.media = key_json(self._api_keys.get(by, key), names)

    def on_delete(self, req: Request, resp: Response, key: str) -> None:
        """Revoke a key: at once in this process, within 10 s in every other."""
        self._api_keys.delete(authority_of(req, confirmed(req, self._recent)), key)
        resp.status = HTTP_204
