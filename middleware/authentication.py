"""Who a request says it is: its `Authorization`, read once and then gone.

The header is taken out of the environment before anything else can see it, and read only
for routes that need it. What is wrong with it is said in words that do not repeat it. There
is one challenge: Basic and Bearer side by side break Maven.
"""

import base64
import math
import re
import secrets
from contextlib import suppress
from datetime import timedelta
from hashlib import blake2b
from typing import Any, Protocol

from falcon import Request, Response

from auth.claims import Claim, SecretClaim
from auth.credentials import ApiKeySecret, Credentials, EmailPassword
from auth.errors import Busy, Missing, NotAuthenticated, TooManyAttempts
from auth.secret_texts import KEY, SESSION
from auth.sign_in import PasswordClaim
from auth.standing import Standing
from middleware.context import RequestContext, context_of
from middleware.declarations import Need, Who
from middleware.problems import Problem

CHALLENGE = 'Basic realm="Strongroom", charset="UTF-8"'

#: Bytes of the header. Our longest password takes 1.4 KiB in it.
LONGEST = 8192

#: User names of Basic that say that the password is an API key; the second is what twine uses.
KEY_USERS = frozenset({"api-key", "__token__"})

#: Remembered claims, of about 1 KiB each; what their users are granted lies elsewhere, bounded.
_MOST_CLAIMS = 5_000

#: The cookie of a session: to this host alone, over TLS alone (RFC 6265bis, section 4.1.3.2).
COOKIE = "__Host-strongroom"

_TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*", re.ASCII)  # RFC 9110, section 11.2
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HOW = "Sign in with Basic (e-mail and password, or the user name api-key and an API key)."
_SECRETS = ("HTTP_AUTHORIZATION", "HTTP_PROXY_AUTHORIZATION", "HTTP_COOKIE")


class MalformedCredentials(Exception):
    """Not credentials; the message says why and holds nothing of them."""


class Identifies(Protocol):
    """What is asked who somebody is: `auth.authenticator.Authenticator`."""

    def identify(
        self,
        standing: Standing,
        credentials: Credentials,
        address: str,
        request: str | None,
        agent: str | None,
    ) -> Claim: ...


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
        # The claims of secrets by a keyed hash of the secret, however the header is written. A
        # claim grants nothing by itself: whoever uses it confirms it by records read for that
        # request.
        self._hash_key = secrets.token_bytes(32)
        self._claims: dict[bytes, SecretClaim] = {}

    def process_request(self, req: Request, _resp: Response) -> None:
        env, context = req.env, context_of(req)
        context.authorization = env.pop("HTTP_AUTHORIZATION", None)
        context.cookie = session_cookie(env.get("HTTP_COOKIE", ""))
        for name in _SECRETS:
            env.pop(name, None)

    def process_resource(
        self, req: Request, _resp: Response, _resource: object, _params: dict[str, Any]
    ) -> None:
        context = context_of(req)
        header, context.authorization = context.authorization, None
        cookie, context.cookie = context.cookie, None
        agent = req.user_agent
        match context.need:
            case None:
                raise RuntimeError("Declarations has to run before Authentication")
            case Need(who=Who.HEALTH):
                pass
            case Need(who=Who.ANYBODY | Who.GUEST as who):
                self._greet(context, cookie if who is Who.GUEST else None, agent)
            case _ if header is None and cookie is not None:
                self._identify(context, ApiKeySecret(cookie), agent)
            case _:
                self._identify(context, _read(header), agent)

    def process_response(
        self, req: Request, _resp: Response, _resource: object, _succeeded: bool
    ) -> None:
        context = context_of(req)
        context.authorization = context.cookie = None

    def _greet(self, context: RequestContext, cookie: str | None, agent: str | None) -> None:
        """Anybody: whose session is over is a stranger, not somebody to be refused."""
        try:
            self._resolve(context)
        except Missing as error:
            raise Problem(404, "Not Found", "There is nothing at this address.") from error
        if cookie is not None:
            with suppress(Problem):
                self._identify(context, ApiKeySecret(cookie), agent)

    def _identify(
        self, context: RequestContext, credentials: Credentials, agent: str | None
    ) -> None:
        if not isinstance(credentials, ApiKeySecret):
            self._claim(context, credentials, agent)
            return
        made = self._hash(context, credentials)
        known = self._claims.get(made)
        if known is not None:
            context.organization = known.organization
            context.claim, context.holder = known, known.holder
            return
        claim = self._claim(context, credentials, agent)
        if isinstance(claim, SecretClaim):
            if len(self._claims) >= _MOST_CLAIMS:
                self._claims.clear()
            self._claims[made] = claim

    def _claim(self, context: RequestContext, credentials: Credentials, agent: str | None) -> Claim:
        try:
            standing = self._resolve(context)
            claim = self._authenticator.identify(
                standing, credentials, context.address, context.id, agent
            )
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
        return claim

    def _hash(self, context: RequestContext, secret: ApiKeySecret) -> bytes:
        name = context.place.organization if context.place is not None else ""
        data = f"{name}\0{secret.text}".encode("utf-8", "surrogatepass")
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
        case SecretClaim():
            return claim.holder
        case PasswordClaim(user=user, watch=None):
            return user.sort
        case _:
            return None


def _read(header: str | None) -> Credentials:
    """The credentials of a request that needs some, by its header. Raises Problem."""
    if header is None:
        raise unauthorized(_HOW)
    try:
        return parse_authorization(header)
    except MalformedCredentials as error:
        raise unauthorized(f"{error} {_HOW}") from error


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
        # Sessions and tokens are no keys, and are sent by Bearer alone.
        if not password.startswith(KEY):
            raise MalformedCredentials("This user name goes with an API key as the password.")
        return ApiKeySecret(password)
    return EmailPassword(user, password)


def session_cookie(header: str) -> str | None:
    """The secret in a `Cookie` header (RFC 6265, section 4.2.1), None where there is none: that
    of a session, for no other is a browser given.

    Of two with our name, which no browser sends for this prefix, none counts.
    """
    if len(header) > LONGEST:
        return None
    found = [
        value.strip(" ")
        for name, equals, value in (part.partition("=") for part in header.split(";"))
        if equals and name.strip(" ") == COOKIE
    ]
    if len(found) != 1 or not found[0].startswith(SESSION) or not _TOKEN68.fullmatch(found[0]):
        return None
    return found[0]


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


def code_wanted(detail: str) -> Problem:
    """What a right password gets that needs a code with it, or another one."""
    headers = {"WWW-Authenticate": CHALLENGE}
    return Problem(401, "Unauthorized", detail, headers, second_factor=True)


def too_many_codes(retry_after: timedelta) -> Problem:
    """What is answered past the rate of codes."""
    return Problem(
        429,
        "Too Many Requests",
        "Too many codes were wrong. Wait, or use a recovery code, which is not limited so.",
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
