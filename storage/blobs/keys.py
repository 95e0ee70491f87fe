"""The grammar of blob keys: `OWNER/RANDOM`, made here and parsed here, once.

Blobs of a reserved owner are no organization's, and no record leads to them: they are found
by listing, under names that whoever wrote them can tell again.

What does not parse is `BlobMissing`: no such blob can be there, and no path or object name
is ever formed from text that was not matched whole.
"""

import re
import secrets

from storage.blobs.interface import BlobMissing

#: 128 random bits: two uploads never meet, and a key can't be guessed.
_RANDOM_BYTES = 16

#: Owners that are no organizations, whose ids are longer. `erased` keeps who was erased, so that
#: an older copy of the records can't bring him back.
ERASED = "erased"
RESERVED = frozenset({ERASED})

#: Ends the owner of the copies of an organization's seals, which are found by listing as well,
#: under random names. No id of an organization has a 0.
SEALS = "0seals"

_NAME = re.compile(r"[0-9a-f]{32}")
_OWNER = re.compile(r"[a-z0-9]{1,32}")
_KEY = re.compile(r"([a-z0-9]{1,32})/([0-9a-f]{32})")
_UPLOAD = re.compile(rf"({_KEY.pattern})(?::(0|[1-9][0-9]{{0,15}}))?")


def new_key(owner: str, name: str | None = None) -> str:
    """Make a key that no blob has had; of a reserved owner, the one of that name.

    Raises ValueError where `owner` is not an owner, or `name` is none or out of place.
    """
    if _OWNER.fullmatch(owner) is None:
        raise ValueError("the owner of a blob is 1 to 32 of a-z and 0-9")
    if owner not in RESERVED and name is None:
        return f"{owner}/{secrets.token_hex(_RANDOM_BYTES)}"
    if owner not in RESERVED or name is None or _NAME.fullmatch(name) is None:
        raise ValueError("blobs of a reserved owner, and no others, have names of 32 hex digits")
    return f"{owner}/{name}"


def is_reserved(key: str) -> bool:
    """Whether a key is one of a reserved owner, or of seals, which no record leads to."""
    owner = key.partition("/")[0]
    return owner in RESERVED or owner.endswith(SEALS)


def is_key(text: str) -> bool:
    """Whether `text` is a key by its form; for listings, which pass over what is not."""
    return _KEY.fullmatch(text) is not None


def parse_key(text: str) -> tuple[str, str]:
    """Give the owner and the random part of a key. Raises BlobMissing."""
    match = _KEY.fullmatch(text)
    if match is None:
        raise BlobMissing("that is not the key of a blob")
    return match[1], match[2]


def upload_token(key: str, offset: int) -> str:
    """The token of an upload of which `offset` bytes are durable."""
    return f"{key}:{offset}"


def parse_upload(text: str) -> tuple[str, int | None]:
    """Give the key and offset of an upload's token; a key alone is one of a listing, which
    stands for whatever is there. Raises BlobMissing."""
    match = _UPLOAD.fullmatch(text)
    if match is None:
        raise BlobMissing("that is not the token of an upload")
    return match[1], None if match[4] is None else int(match[4])


def check_range(start: int, length: int | None) -> None:
    """Raise ValueError for a range that can lie within no blob at all."""
    if start < 0 or (length is not None and length < 1):
        raise ValueError("a range starts at 0 or later and is at least 1 byte long")
