"""Who a request says it is: its `Authorization`, read once and then gone.

The header is taken out of the environment before anything else can see it, and read only
for routes that need it. What is wrong with it is said in words that do not repeat it. There
is one challenge: Basic and Bearer side by side break Maven.
"""

import base64
import math
import re
import secrets
from datetime import timedelta
from hashlib import blake2b
from typing import Any, Protocol

from falcon import Request, Response

from auth.claims import Claim, KeyClaim
from auth.credentials import ApiKeySecret, Credentials, EmailPassword
from auth.errors import Busy, Missing, NotAuthenticated, TooManyAttempts
from auth.sign_in import PasswordClaim
from auth.standing import Standing
from middleware.context import RequestContext, context_of
from middleware.declarations import Access
from middleware.problems import Problem

CHALLENGE = 'Basic realm="Strongroom", charset="UTF-8"'

#: Bytes of the header. Our longest password takes 1.4 KiB in it.
LONGEST = 8192

#: User names of Basic that say that the password is an API key; the second is what twine uses.
KEY_USERS = frozenset({"api-key", "__token__"})

#: Remembered claims, of about 1 KiB each.
_MOST_CLAIMS = 5_000

_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)  # RFC 9110, section 11.2
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HOW = "Sign in with Basic (e-mail and password, or the user name api-key and an API key)."
_SECRETS = ("HTTP_AUTHORIZATION", "HTTP_PROXY_AUTHORIZATION", "HTTP_COOKIE")


class MalformedCredentials(Exception):
    """Not credentials; the message says why and holds nothing of them."""


class Identifies(Protocol):
    """What is asked who somebody is: `auth.authenticator.Authenticator`."""

    def identify(self, standing: Standing, credentials: Credentials, address: str) -> Claim: ...


class Resolves(Protocol):
    """What finds organizations: `auth.organizations.Organizations`."""

    def resolve(self, name: str) -> Standing:
        """The organization with that name, which is served. Raises Missing, Suspended."""


class Authentication:
    """Identifies who calls a route that needs it; what they may do, the route decides.

    Refuses without a look-up what has no credentials. The claim that it leaves in the
    context is still to be confirmed, together with the first read of the route.
    """

    def __init__(self, authenticator: Identifies, organizations: Resolves) -> None:
        self._authenticator = authenticator
        self._organizations = organizations
        # The claims of API keys by a keyed hash of the header that made them. A claim grants
        # nothing by itself: whoever uses it confirms it by records read for that request.
        self._hash_key = secrets.token_bytes(32)
        self._claims: dict[bytes, KeyClaim] = {}

    def process_request(self, req: Request, _resp: Response) -> None:
        env = req.env
        context_of(req).authorization = env.pop("HTTP_AUTHORIZATION", None)
        for name in _SECRETS:
            env.pop(name, None)

    def process_resource(
        self, req: Request, _resp: Response, _resource: object, _params: dict[str, Any]
    ) -> None:
        context = context_of(req)
        header, context.authorization = context.authorization, None
        match context.access:
            case Access.SIGNED_IN:
                self._identify(context, header)
            case Access.PUBLIC:
                try:
                    self._resolve(context)
                except Missing as error:
                    detail = "There is nothing at this address."
                    raise Problem(404, "Not Found", detail) from error
            case Access.HEALTH:
                pass
            case None:
                raise RuntimeError("Declarations has to run before Authentication")

    def process_response(
        self, req: Request, _resp: Response, _resource: object, _succeeded: bool
    ) -> None:
        context_of(req).authorization = None

    def _identify(self, context: RequestContext, header: str | None) -> None:
        if header is None:
            raise unauthorized(_HOW)
        if len(header) > LONGEST:
            raise unauthorized(f"The Authorization header is too long. {_HOW}")
        made = self._hash(context, header)
        known = self._claims.get(made)
        if known is not None:
            context.organization = known.organization
            context.claim, context.holder = known, known.user.sort
            return
        try:
            credentials = parse_authorization(header)
        except MalformedCredentials as error:
            raise unauthorized(f"{error} {_HOW}") from error
        try:
            standing = self._resolve(context)
            claim = self._authenticator.identify(standing, credentials, context.network)
        except Missing as error:  # as if the credentials were wrong: names are not told
            raise not_authenticated() from error
        except NotAuthenticated as error:
            raise not_authenticated(str(error)) from error
        except TooManyAttempts as error:
            raise too_many_attempts(error.retry_after) from error
        except Busy as error:
            raise sign_in_busy(error.retry_after) from error
        context.claim = claim
        context.holder = _proven_user(claim)
        if isinstance(claim, KeyClaim):
            if len(self._claims) >= _MOST_CLAIMS:
                self._claims.clear()
            self._claims[made] = claim

    def _hash(self, context: RequestContext, header: str) -> bytes:
        name = context.place.organization if context.place is not None else ""
        data = f"{name}\0{header}".encode("utf-8", "surrogateescape")
        return blake2b(data, key=self._hash_key, digest_size=20).digest()

    def _resolve(self, context: RequestContext) -> Standing:
        if context.place is None:
            raise RuntimeError("a route that is exempt from the host's check declares HEALTH")
        standing = self._organizations.resolve(context.place.organization)
        context.organization = standing.organization
        return standing


def _proven_user(claim: Claim) -> str | None:
    """The id of the user whose credential was right a moment ago, or None.

    Whoever sends a wrong password in somebody's name must not use up that name's share.
    """
    match claim:
        case KeyClaim(user=user) | PasswordClaim(user=user, watch=None):
            return user.sort
        case _:
            return None


def parse_authorization(header: str) -> Credentials:
    """The credentials in the value of one `Authorization` header.

    Bytes of a name or password that are no UTF-8 are read as ISO 8859-1: Maven sends that,
    whatever the challenge says (RFC 7617, section 2.1), and a wrong guess only ever fails.

    Raises:
        MalformedCredentials: for every other form, among them two headers joined by a comma.
    """
    if len(header) > LONGEST:
        raise MalformedCredentials("The Authorization header is too long.")
    scheme, _, rest = header.partition(" ")
    token = rest.strip(" ")
    scheme = scheme.lower()
    if scheme not in ("basic", "bearer"):
        raise MalformedCredentials("The Authorization header is neither Basic nor Bearer.")
    if not _TOKEN68.fullmatch(token):
        raise MalformedCredentials("The Authorization header does not hold one token.")
    if scheme == "bearer":
        return ApiKeySecret(token)
    return _basic(token)


def _basic(token: str) -> Credentials:
    if len(token) % 4:  # b64decode lets some of these pass
        raise MalformedCredentials("What follows Basic is not Base64.")
    try:
        decoded = base64.b64decode(token, validate=True)
    except ValueError:  # without its cause, which may say what was sent
        raise MalformedCredentials("What follows Basic is not Base64.") from None
    try:
        text = decoded.decode()
    except UnicodeDecodeError:
        text = decoded.decode("latin-1")
    if _CONTROL.search(text):
        raise MalformedCredentials("The user name or password holds a control character.")
    user, colon, password = text.partition(":")
    if not colon or not user or not password:
        raise MalformedCredentials("Basic needs a user name, a colon and a password.")
    if user in KEY_USERS:
        return ApiKeySecret(password)
    return EmailPassword(user, password)


def unauthorized(detail: str) -> Problem:
    """401 with the challenge (RFC 9110, section 15.5.2)."""
    return Problem(401, "Unauthorized", detail, {"WWW-Authenticate": CHALLENGE})


def not_authenticated(reason: str = "The credentials are not valid.") -> Problem:
    """What credentials get that are not valid, or are no more."""
    return unauthorized(f"{reason} Check the user name, and the password or API key.")


def too_many_attempts(retry_after: timedelta) -> Problem:
    """What is answered past the rate of sign-ins."""
    return Problem(
        429,
        "Too Many Requests",
        "Too many sign-ins with a password failed. Wait, or use an API key, which is not limited.",
        {"Retry-After": _seconds(retry_after)},
    )


def sign_in_busy(retry_after: timedelta) -> Problem:
    """What is answered where no slow hash can be had in time."""
    return Problem(
        503,
        "Service Unavailable",
        "Too many people sign in with a password at once. Try again, or use an API key, which"
        " does not wait.",
        {"Retry-After": _seconds(retry_after)},
    )


def _seconds(time: timedelta) -> str:
    return str(max(1, math.ceil(time.total_seconds())))
