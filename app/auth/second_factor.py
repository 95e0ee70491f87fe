"""`/auth/second-factor`: set up, renewed, replaced and removed, as JSON or by pages.

The secret and the recovery codes are in the answer that makes them, and in no other.
"""

from typing import TypeAlias

from falcon import HTTP_204, HTTP_303, Request, Response

from app.api.answers import time_text
from app.auth import factor_pages
from app.auth.factor_pages import Part, Refused, Told
from app.auth.forms import is_form, read_sent
from app.auth.page import wants_page
from app.auth.sign_in import SECOND_FACTOR, standing_of
from app.visitors import authority_of, confirmed
from auth.errors import InvalidField, TryLater
from auth.factor_holders import by_session
from auth.factor_resets import FactorResets
from auth.organizations import Organizations
from auth.principals import Authority
from auth.proven_passwords import Proven, ProvenPasswords
from auth.records import read_user
from auth.second_factors import SecondFactors
from auth.standing import requires_second_factor
from middleware.context import context_of
from middleware.declarations import MANAGER, SELF, by_method
from storage import keys
from storage.metadata.recent import Recent

#: What a page shows beside its field; everything else leads elsewhere.
_Refusal: TypeAlias = InvalidField | TryLater


class _Factor:
    """What the routes of one's own second factor share."""

    def __init__(self, recent: Recent, factors: SecondFactors, passwords: ProvenPasswords) -> None:
        self._recent = recent
        self._factors = factors
        self._passwords = passwords
        self._organizations = Organizations(recent)

    def _authority(self, req: Request) -> Authority:
        by = authority_of(req, confirmed(req, self._recent))
        by_session(by)  # no other credential gets as far as to try passwords here
        return by

    def _proven(self, req: Request, by: Authority, password: str) -> Proven:
        """That who asks knows his password. Raises InvalidField."""
        standing, actor = standing_of(req, self._organizations), by.actor
        return self._passwords.prove_own(
            standing, actor.user or "", password, actor.address or "", actor.request, actor.agent
        )

    def _told(self, req: Request, by: Authority) -> Told:
        standing = standing_of(req, self._organizations)
        name = self._recent.cached(standing.key)[standing.key]
        key = keys.user(by.organization, by.actor.user or "-")
        called = read_user(self._recent.cached(key)[key]).called
        return Told(self._factors.state(by), requires_second_factor(name), called)

    def _refuse(
        self, req: Request, resp: Response, by: Authority, part: Part, error: _Refusal
    ) -> None:
        """Show the page again, with what is wrong; for a program the error is the answer."""
        if not is_form(req):
            raise error
        factor_pages.overview(resp, self._told(req, by), Refused.of(part, error))


class TheFactor(_Factor):
    """`GET` and `POST /auth/second-factor`."""

    needs = by_method(GET=SELF, POST=SELF)

    def on_get(self, req: Request, resp: Response) -> None:
        """Tell what there is; a person gets the page that everything begins on."""
        told = self._told(req, self._authority(req))
        resp.set_header("Vary", "Accept")
        if wants_page(req):
            factor_pages.overview(resp, told)
            return
        resp.media = {
            "second_factor": told.state.confirmed,
            "recovery_codes": told.state.recovery_codes,
            "required": told.required,
        }

    def on_post(self, req: Request, resp: Response) -> None:
        """Begin: make a secret that waits for its first code."""
        by, fields = self._authority(req), read_sent(req)
        password, code = fields.required("password"), fields.text("code") or None
        fields.finish()
        try:
            proven = self._proven(req, by, password)
            begun = self._factors.begin(by, proven, code, context_of(req).network)
        except (InvalidField, TryLater) as error:
            self._refuse(req, resp, by, Part.BEGIN, error)
            return
        if is_form(req):
            factor_pages.begun(resp, begun)
            return
        resp.media = {
            "secret": begun.secret,
            "uri": begun.uri,
            "until": time_text(begun.until),
        }


class Confirm(_Factor):
    """`POST /auth/second-factor/confirm`."""

    needs = by_method(POST=SELF)

    def on_post(self, req: Request, resp: Response) -> None:
        """Have the secret hold that waits, by its first code."""
        by, fields = self._authority(req), read_sent(req)
        code = fields.required("code")
        fields.finish()
        try:
            codes = self._factors.confirm(by, code, context_of(req).network)
        except (InvalidField, TryLater) as error:
            if not is_form(req):
                raise
            factor_pages.confirm_again(resp, Refused.of(Part.CONFIRM, error))
            return
        _give_codes(req, resp, codes)


class RecoveryCodes(_Factor):
    """`POST /auth/second-factor/recovery-codes`."""

    needs = by_method(POST=SELF)

    def on_post(self, req: Request, resp: Response) -> None:
        """Make new ones; the old ones hold no longer."""
        by, fields = self._authority(req), read_sent(req)
        code = fields.required("code")
        fields.finish()
        try:
            codes = self._factors.renew_codes(by, code, context_of(req).network)
        except (InvalidField, TryLater) as error:
            self._refuse(req, resp, by, Part.RENEW, error)
            return
        _give_codes(req, resp, codes)


class Removal(_Factor):
    """`POST /auth/second-factor/remove`: a body of DELETE gets lost on many ways."""

    needs = by_method(POST=SELF)

    def on_post(self, req: Request, resp: Response) -> None:
        """Remove it, by the password and a code."""
        by, fields = self._authority(req), read_sent(req)
        password, code = fields.required("password"), fields.required("code")
        fields.finish()
        try:
            proven = self._proven(req, by, password)
            self._factors.remove(by, proven, code, context_of(req).network)
        except (InvalidField, TryLater) as error:
            self._refuse(req, resp, by, Part.REMOVE, error)
            return
        if is_form(req):
            resp.status = HTTP_303
            resp.set_header("Location", SECOND_FACTOR)
        else:
            resp.status = HTTP_204


class UserFactor:
    """`DELETE /api/users/ID/second-factor`."""

    needs = by_method(DELETE=MANAGER)

    def __init__(self, recent: Recent, resets: FactorResets) -> None:
        self._recent = recent
        self._resets = resets

    def on_delete(self, req: Request, resp: Response, user: str) -> None:
        """Take away the second factor of a user who lost his device; his sessions end."""
        self._resets.reset(authority_of(req, confirmed(req, self._recent)), user)
        resp.status = HTTP_204


def _give_codes(req: Request, resp: Response, codes: tuple[str, ...]) -> None:
    if is_form(req):
        factor_pages.recovery_codes(resp, codes)
    else:
        resp.media = {"recovery_codes": list(codes)}
