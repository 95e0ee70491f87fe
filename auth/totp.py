"""One-time codes by the clock (RFC 6238) and the counter beneath (RFC 4226), and nothing else.

Pure: a secret, a code and a moment in, the step that the code is of out. That a step is used
once is for the caller to see to, who gets it for that reason.
"""

import base64
import hmac
import re
import secrets
from datetime import datetime, timedelta
from urllib.parse import quote

from auth.errors import WrongCode

DIGITS = 6  # what every authenticator takes
STEP = timedelta(seconds=30)  # RFC 6238, section 5.2: the recommended one
#: A clock that is off by up to half a minute, and the time that typing takes (section 5.2).
SKEW_STEPS = 1
SECRET_BYTES = 20  # 160 bits: what RFC 4226, section 4, R6 recommends

_CODE = re.compile(rf"[0-9]{{{DIGITS}}}", re.ASCII)
_GROUP = 4


def make_secret() -> bytes:
    """A new random secret."""
    return secrets.token_bytes(SECRET_BYTES)


def is_code(text: str) -> bool:
    """Whether a text has the form of a code."""
    return _CODE.fullmatch(text) is not None


def hotp(secret: bytes, counter: int) -> str:
    """The code of a counter (RFC 4226, section 5.3)."""
    digest = hmac.digest(secret, counter.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_at(moment: datetime) -> int:
    """The number of the step that an aware moment lies in (RFC 6238, section 4.2)."""
    return int(moment.timestamp() // STEP.total_seconds())


def matched_step(secret: bytes, code: str, moment: datetime) -> int:
    """The step that a code is of: that of the moment, or the one beside it.

    All of them are compared, each in constant time, so that the time tells nothing.

    Raises:
        WrongCode: it is of none of them, or no code at all.
    """
    now = step_at(moment)
    found: int | None = None
    for step in range(max(0, now - SKEW_STEPS), now + SKEW_STEPS + 1):
        if hmac.compare_digest(hotp(secret, step).encode(), code.encode(errors="replace")):
            found = step
    if found is None:
        raise WrongCode
    return found


def secret_text(secret: bytes) -> str:
    """A secret as an authenticator takes it: base32 without padding (RFC 4648, section 6)."""
    return base64.b32encode(secret).decode().rstrip("=")


def read_secret(text: str) -> bytes:
    """The secret that `secret_text` wrote. Raises ValueError."""
    return base64.b32decode(text + "=" * (-len(text) % 8))


def grouped(text: str) -> str:
    """A text in groups of four, for whoever types it off."""
    return " ".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def uri(secret: bytes, issuer: str, account: str) -> str:
    """The address that sets up an authenticator: `otpauth://totp/ISSUER:ACCOUNT?…`.

    The issuer stands in the label and in a parameter of its own; what the defaults are is
    said all the same. Blanks are `%20`: authenticators take a `+` for itself.
    """
    label = f"{quote(issuer, safe='')}:{quote(account, safe='')}"
    return (
        f"otpauth://totp/{label}?secret={secret_text(secret)}&issuer={quote(issuer, safe='')}"
        f"&algorithm=SHA1&digits={DIGITS}&period={STEP.seconds}"
    )
