"""What can keep a mail from going out.

No message holds an address, a name or a link, and nothing that a mail server said: servers
like to repeat whom a mail was for.
"""


class MailError(Exception):
    """A mail did not go out. `reason` is one of a few words, for events and metrics."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Refused(MailError):
    """It can't go out, now or later."""


class Postponed(MailError):
    """It may go out later. With `for_all`, no other mail would have gone out either."""

    def __init__(self, reason: str, message: str, *, for_all: bool = True) -> None:
        super().__init__(reason, message)
        self.for_all = for_all
