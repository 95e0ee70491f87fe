"""Who is told how mail goes."""

from typing import Protocol


class MailObserver(Protocol):
    """Who is told what became of a try to send: `sent`, `dropped` or `postponed`.

    A decoy counts as sent: a number of its own would tell how many asked for nobody.
    """

    def mail(self, outcome: str) -> None: ...
