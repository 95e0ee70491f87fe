"""The digests that a client announces for what it sends: headers in, expectations out.

`Content-MD5` (RFC 1864), `Content-Digest` and `Repr-Digest` (RFC 9530), and the
`X-Checksum-*` headers that repository clients send.
"""

import base64
import binascii
import re

from app.publishing.expectations import ALGORITHMS, Expectations

#: RFC 9530 names to ours; the others that it registers are not computed here.
_FIELD_ALGORITHMS = {"md5": "md5", "sha": "sha1", "sha-256": "sha256", "sha-512": "sha512"}
_MEMBER = re.compile(r"\s*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):\s*", re.ASCII)


class InvalidAnnouncement(Exception):
    """A digest header that can't be read: it is never ignored."""


def parse_announcements(headers: dict[str, str]) -> Expectations:
    """Read the digests from headers whose names are given in upper case.

    Raises:
        InvalidAnnouncement: not in the form of its header, or of another length.
    """
    found: list[tuple[str, str]] = []
    if (text := headers.get("CONTENT-MD5")) is not None:
        found.append(("md5", _base64("Content-MD5", "md5", text.strip())))
    for name in ("CONTENT-DIGEST", "REPR-DIGEST"):
        if (text := headers.get(name)) is not None:
            found += _dictionary(name.title(), text)
    for algorithm, size in ALGORITHMS.items():
        name = f"X-CHECKSUM-{algorithm.upper()}"
        if (text := headers.get(name)) is not None:
            digest = text.strip().lower()
            if not re.fullmatch(rf"[0-9a-f]{{{size * 2}}}", digest, re.ASCII):
                raise InvalidAnnouncement(f"{name.title()} is {size * 2} hexadecimal digits")
            found.append((algorithm, digest))
    return Expectations(tuple(found))


def _dictionary(name: str, text: str) -> list[tuple[str, str]]:
    """The members of a structured dictionary that we know; unknown ones are left alone."""
    found = []
    known = False
    for part in text.split(","):
        member = _MEMBER.fullmatch(part)
        if member is None:
            raise InvalidAnnouncement(f"{name} is a dictionary such as sha-256=:BASE64:")
        algorithm = _FIELD_ALGORITHMS.get(member[1])
        if algorithm is not None:
            known = True
            found.append((algorithm, _base64(name, algorithm, member[2])))
    if not known:
        names = ", ".join(_FIELD_ALGORITHMS)
        raise InvalidAnnouncement(f"{name} names no algorithm that is computed here: {names}")
    return found


def _base64(name: str, algorithm: str, text: str) -> str:
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidAnnouncement(f"{name} is not base64") from error
    if len(digest) != ALGORITHMS[algorithm]:
        raise InvalidAnnouncement(f"{name} is not the length of {algorithm}")
    return digest.hex()
