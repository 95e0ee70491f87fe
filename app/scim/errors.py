"""What can be wrong with a SCIM request. `app/errors.py` says which status each one is, and
which `scimType` (RFC 7644, section 3.12, table 9). Messages are for the client, and never repeat
a value that was sent: it may be a password."""


class ScimError(Exception):
    """The root of these errors; the message begins in lower case, without a full stop."""

    def within(self, what: str) -> "ScimError":
        """The same error, which says what it is about."""
        return type(self)(f"{what}: {self}")


class _Placed(ScimError):
    def __init__(self, reason: str, place: int) -> None:
        """`place` is where it went wrong, counted in characters from 0."""
        super().__init__(f"{reason} (at character {place + 1})")
        self.reason = reason
        self.place = place

    def within(self, what: str) -> "ScimError":
        return type(self)(f"{what}: {self.reason}", self.place)


class InvalidFilter(_Placed):
    """A filter that is not of the grammar, that of a path included, or compares what can't be
    compared."""


class InvalidPath(_Placed):
    """A path of PATCH that is not of the grammar, or leads to no attribute."""


class InvalidSyntax(ScimError):
    """A body that is not JSON, or not the kind of message that it has to be."""


class InvalidValue(ScimError):
    """A value that is missing, or that its attribute can't have."""


class NotMutable(ScimError):
    """What was asked changes what can't be changed."""


class NoTarget(ScimError):
    """A path of PATCH with a filter that fits no value."""


class TooMany(ScimError):
    """The answer would hold, or take, more than this service gives at once."""


class Sensitive(ScimError):
    """A URL that holds what must not stand in one."""


class VersionDiffers(ScimError):
    """`If-Match` names a version that is not the present one."""


class OverLimit(ScimError):
    """A body or a bulk request that is larger than what is taken."""


class UnresolvedReference(ScimError):
    """An operation in bulk refers to what no other one makes, or has made."""

    def __init__(self) -> None:
        super().__init__("a bulkId leads to nothing: no operation makes that, or it failed")


class Contended(ScimError):
    """Others change the same again and again; nothing was done."""

    def __init__(self) -> None:
        super().__init__("others are changing the same: try again")
