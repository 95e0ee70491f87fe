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


class TooManyAsked(TryLater):
    """Too many requests of one kind for an account, or from an address."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("Too many of these requests were made lately; wait.", retry_after)


class Busy(TryLater):
    """The machine has no room for another slow hash in time."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("Too many sign-ins at once; try again.", retry_after)


class Forbidden(AuthError):
    """Whoever asks is known, and may not."""


class SecondFactorNeeded(Forbidden):
    """The password is right, and alone it opens nothing."""

    def __init__(self, *, enrolled: bool) -> None:
        """`enrolled` tells whether the user has a second factor already."""
        super().__init__(
            "A password alone is not taken from who has a second factor: use an API key, or"
            " sign in with a code (POST /auth/session)."
            if enrolled
            else "This organization requires a second factor: sign in and set one up"
            " (/auth/second-factor), or use an API key."
        )


class TooManyCodes(TryLater):
    """Too many wrong codes of a second factor, for an account or from an address."""

    def __init__(self, retry_after: timedelta) -> None:
        super().__init__("Too many wrong codes; wait, or use a recovery code.", retry_after)


class WrongCode(AuthError):
    """The code of a second factor is none that holds now; `reason` goes on after its name."""

    reason = "is wrong, or its time is over"

    def __init__(self) -> None:
        super().__init__(f"The code {self.reason}.")


class CodeUsed(WrongCode):
    """The code was right, and somebody used it before."""

    reason = "was used already: wait for the next one"


class CodeNeeded(AuthError):
    """The password is right, and a code is needed with it: told to nobody else."""

    def __init__(self) -> None:
        super().__init__("This account has a second factor: send its code, or a recovery code.")


class NothingToConfirm(AuthError):
    """No second factor waits to be confirmed."""

    def __init__(self) -> None:
        super().__init__("No second factor waits for its code, or its time is over: begin anew.")


class SecondFactorRequired(AuthError):
    """Without a second factor its user would be of no more use here."""

    def __init__(self) -> None:
        super().__init__(
            "This organization requires a second factor: set up another one in its place."
        )


class SecondFactorFirst(AuthError):
    """Who has no second factor may not require one of everybody."""

    def __init__(self) -> None:
        super().__init__("Set up a second factor of your own first (/auth/second-factor).")


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


class LinkEnded(InvalidField):
    """The token of a link is no good: used, over, replaced, or never one; it is not told which.

    `what` is what may be wrong, without what to do about it.
    """

    what = "is used, over, or replaced by a newer one"

    def __init__(self) -> None:
        super().__init__("token", f"{self.what}: ask for a new link")


class NothingToInviteTo(AuthError):
    """The user needs no invitation, or can use none."""

    def __init__(self) -> None:
        super().__init__(
            "Only an active user without a password is invited, to an address; who has a password"
            " asks for a reset."
        )


class LimitReached(AuthError):
    """There are as many of something as there may be."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"There may be at most {most} {what}; delete one first.")
        self.what = what
        self.most = most


class AlreadyRotated(AuthError):
    """A key or token has one successor, so that of two who use the same one is told."""

    def __init__(self) -> None:
        super().__init__(
            "This was rotated already: rotate what followed it. Whoever does not have that makes"
            " a new one, and revokes this one."
        )


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
