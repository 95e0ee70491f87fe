"""`/api/scim-tokens`: what provisioning services sign in with, managed by administrators.

The answers to `POST` carry the secret, and nothing else ever does.
"""

from typing import Any

from falcon import HTTP_201, HTTP_204, Request, Response

from app.api.answers import Paging, scope_of, time_text
from app.api.reading import read_fields
from app.visitors import authority_of, confirmed
from auth.key_rotation import parse_overlap
from auth.principals import Authority
from auth.records import Listing
from auth.scim_tokens import MadeToken, ScimToken, ScimTokens
from middleware.declarations import MANAGER, by_method
from storage.metadata.recent import Recent


class _OfTokens:
    """What the routes of tokens share."""

    def __init__(self, recent: Recent, tokens: ScimTokens) -> None:
        self._recent = recent
        self._tokens = tokens

    def _authority(self, req: Request) -> Authority:
        return authority_of(req, confirmed(req, self._recent))


class TokenPages(_OfTokens):
    """`GET` and `POST /api/scim-tokens`."""

    needs = by_method(GET=MANAGER, POST=MANAGER)

    def __init__(self, recent: Recent, tokens: ScimTokens, paging: Paging) -> None:
        super().__init__(recent, tokens)
        self._paging = paging

    def on_get(self, req: Request, resp: Response) -> None:
        """List tokens, never their secrets."""
        by = self._authority(req)

        def read(after: str, limit: int) -> Listing[ScimToken]:
            found = [one for one in self._tokens.list(by) if one.id > after]
            following = found[limit - 1].id if len(found) > limit else None
            return Listing(tuple(found[:limit]), following)

        resp.media = self._paging.answer(
            req, "tokens", read, lambda tokens: list(map(token_json, tokens)), scope_of(req)
        )

    def on_post(self, req: Request, resp: Response) -> None:
        """Make a token, and show its secret this once."""
        by, fields = self._authority(req), read_fields(req)
        name, expires = fields.required("name"), fields.moment("expires")
        administrators = fields.flag("administrators") is True
        fields.finish()
        made = self._tokens.create(by, name=name, expires=expires, administrators=administrators)
        _show_made(resp, made)


class OneToken(_OfTokens):
    """`DELETE /api/scim-tokens/ID`."""

    needs = by_method(DELETE=MANAGER)

    def on_delete(self, req: Request, resp: Response, token: str) -> None:
        """Revoke a token: at once in this process, within 10 s in every other."""
        self._tokens.delete(self._authority(req), token)
        resp.status = HTTP_204


class TokenRotation(_OfTokens):
    """`POST /api/scim-tokens/ID/rotate`."""

    needs = by_method(POST=MANAGER)

    def on_post(self, req: Request, resp: Response, token: str) -> None:
        """Make a token's successor, and show its secret this once."""
        by, fields = self._authority(req), read_fields(req, optional=True)
        overlap, expires = parse_overlap(fields.number("overlap_hours")), fields.moment("expires")
        fields.finish()
        made = self._tokens.rotate(by, token, overlap=overlap, expires=expires)
        _show_made(resp, made)


def token_json(token: ScimToken) -> dict[str, Any]:
    """A SCIM token as the API shows it, without its secret."""
    return {
        "id": token.id,
        "name": token.name,
        "administrators": token.administrators,
        "expires": time_text(token.expires),
        "successor": token.successor,
        "created": time_text(token.created),
    }


def _show_made(resp: Response, made: MadeToken) -> None:
    resp.status = HTTP_201
    resp.media = token_json(made.token) | {"secret": made.secret.text}
