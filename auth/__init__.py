"""Identity: who a caller is, what he may do, and what is written about him.

It knows no HTTP. A request goes `Authenticator.identify`, then `Claim.confirm`, and then
holds a `Principal`; whoever changes users and keys does so with an `Authority`.
"""

from auth.api_keys import ApiKeys
from auth.authenticator import Authenticator
from auth.bootstrap import Bootstrapped, prepare
from auth.claims import Claim
from auth.credentials import ApiKeySecret, Credentials, EmailPassword
from auth.errors import (
    AlreadyTaken,
    AuthError,
    Busy,
    ChangedMeanwhile,
    CorruptRecord,
    Forbidden,
    InvalidField,
    LastAdministrator,
    LimitReached,
    LinkEnded,
    Missing,
    NewerFormat,
    NotAuthenticated,
    Suspended,
    TooManyAsked,
    TooManyAttempts,
    TryLater,
)
from auth.first_administrator import FirstSecrets, Wanted
from auth.first_sign_in import FirstSignIn
from auth.key_making import MadeKey
from auth.organizations import Organizations
from auth.principals import Action, Authority, Grants, Principal, Role, operating
from auth.rates import Rates
from auth.records import ApiKey, Listing, Organization, User
from auth.slow_hashes import SlowHashes
from auth.standing import Standing
from auth.user_changes import UserChanges
from auth.users import Users
from auth.verified import VerifiedPasswords

__all__ = [
    "Action",
    "AlreadyTaken",
    "ApiKey",
    "ApiKeySecret",
    "ApiKeys",
    "AuthError",
    "Authenticator",
    "Authority",
    "Bootstrapped",
    "Busy",
    "ChangedMeanwhile",
    "Claim",
    "CorruptRecord",
    "Credentials",
    "EmailPassword",
    "FirstSecrets",
    "FirstSignIn",
    "Forbidden",
    "Grants",
    "InvalidField",
    "LastAdministrator",
    "LimitReached",
    "LinkEnded",
    "Listing",
    "MadeKey",
    "Missing",
    "NewerFormat",
    "NotAuthenticated",
    "Organization",
    "Organizations",
    "Principal",
    "Rates",
    "Role",
    "SlowHashes",
    "Standing",
    "Suspended",
    "TooManyAsked",
    "TooManyAttempts",
    "TryLater",
    "User",
    "UserChanges",
    "Users",
    "VerifiedPasswords",
    "Wanted",
    "operating",
    "prepare",
]
