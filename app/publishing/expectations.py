"""What a client said about the bytes that it is going to send."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.publishing.errors import PreconditionFailed

#: The algorithms that a client may announce, with the size of a digest in bytes.
ALGORITHMS = {"md5": 16, "sha1": 20, "sha256": 32, "sha512": 64}


class Said(Protocol):
    """What a client says about the bytes. Digests and what is to be attached to the file may be
    known behind its last byte alone; by which algorithms digests come, before its first."""

    @property
    def algorithms(self) -> tuple[str, ...]: ...

    @property
    def digests(self) -> tuple[tuple[str, str], ...]: ...

    @property
    def attached(self) -> Mapping[str, bytes]: ...


@dataclass(frozen=True, slots=True)
class Expectations:
    """Digests that must hold, in lower-case hexadecimal; an algorithm may occur twice."""

    digests: tuple[tuple[str, str], ...] = ()

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms to compute for them."""
        return tuple(dict.fromkeys(name for name, _ in self.digests))

    @property
    def attached(self) -> Mapping[str, bytes]:
        """Nothing: only a form has more than one file."""
        return {}


NO_EXPECTATIONS = Expectations()


class Tagged(Protocol):
    """What conditions are asked of: a file, or a document that is computed."""

    @property
    def etag(self) -> str: ...

    @property
    def modified(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Precondition:
    """What must be true of the artifact that is there before anything is changed.

    Entity tags are given as in the header, quotes included; `("*",)` stands for any. None
    means that the header was not sent (RFC 9110 section 13.1).
    """

    match: tuple[str, ...] | None = None
    none_match: tuple[str, ...] | None = None
    unmodified_since: datetime | None = None

    def check(self, artifact: Tagged | None) -> None:
        """Raise PreconditionFailed where it does not hold (RFC 9110 section 13.2.2)."""
        if self.match is not None:
            # Strong comparison: a weak tag never matches (section 13.1.1).
            if artifact is None or not (self.match == ("*",) or artifact.etag in self.match):
                raise PreconditionFailed("If-Match names none of what is there")
        elif self.unmodified_since is not None and (
            artifact is None or artifact.modified.replace(microsecond=0) > self.unmodified_since
        ):
            raise PreconditionFailed("the file was modified after If-Unmodified-Since")
        if self.none_match is not None and artifact is not None:
            tags = {tag.removeprefix("W/") for tag in self.none_match}
            if self.none_match == ("*",) or artifact.etag in tags:
                raise PreconditionFailed("If-None-Match names what is there already")


NO_PRECONDITION = Precondition()
