"""What can go wrong with identity, in words that the layers above turn into answers.

No message of these errors holds a credential, an e-mail address or any other value that a
caller sent: they may be logged and shown as they are.
"""

from datetime import timedelta


class AuthError(Exception):
    """The root of this layer's errors."""


class NotAuthenticated(AuthError):
    """The credentials prove nothing. The text is the same whatever was wrong with them,
    except to the holder of a whole API key."""

    def __init__(self, detail: str = "The credentials are not valid.") -> None:
        super().__init__(detail)


class TryLater(AuthError):
    """Refused for now; `retry_after` says for how long at least."""

    def __init__(self, detail: str, retry_after: timedelta) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class TooManyAttempts(TryLater):
    """Too many wrong passwords for an account, or from an address."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("Too many failed sign-ins; wait, or use an API key.", retry_after)


class Busy(TryLater):
    """The machine has no room for another slow hash in time."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("Too many sign-ins at once; try again.", retry_after)


class Forbidden(AuthError):
    """Whoever asks is known, and may not."""


class Suspended(AuthError):
    """The organization is suspended: nothing of it is lost, and nothing is served."""

    def __init__(self) -> None:
        super().__init__(
            "This organization is suspended. Nothing of it is lost: whoever runs the service can"
            " resume it."
        )


class Missing(AuthError):
    """There is no such thing, or whoever asks may not know of it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")
        self.what = what


class InvalidField(AuthError):
    """A value that cannot be taken: which one, and why, without the value itself."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class AlreadyTaken(InvalidField):
    """Another one has that value already."""

    def __init__(self, field: str) -> None:
        super().__init__(field, "is taken")


class LimitReached(AuthError):
    """There are as many of something as there may be."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"There may be at most {most} {what}; delete one first.")
        self.what = what
        self.most = most


class LastAdministrator(AuthError):
    """An organization keeps at least one active administrator."""

    def __init__(self) -> None:
        super().__init__("This is the last active administrator; name another one first.")


class ChangedMeanwhile(AuthError):
    """Others changed the same records again and again; nothing was done."""

    def __init__(self) -> None:
        super().__init__("Others are changing the same thing; look again, and try again.")


class CorruptRecord(AuthError):
    """A stored record that this version cannot read. Says which kind, never what it held."""


class NewerFormat(AuthError):
    """The store was written by a newer version of the software."""
