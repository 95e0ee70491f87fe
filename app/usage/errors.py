"""Why something does not fit, in words that say how to make it fit."""

from app.usage.ledger import Balance, Usage
from app.usage.sizes import in_words


class QuotaExceeded(Exception):
    """It would pass a quota; nothing is stored.

    Attributes:
        of: "repository" or "organization".
        quota: in bytes.
        usage: what is held.
    """

    def __init__(self, balance: Balance) -> None:
        self.of = balance.ledger.name
        self.quota = balance.quota or 0
        self.usage: Usage = balance.usage
        kept = self.usage.restorable_bytes
        super().__init__(
            f"this does not fit into the {self.of}'s quota of {in_words(self.quota)}:"
            f" {in_words(self.usage.held)} are used, {in_words(kept)} of them by deleted and"
            " overwritten files that can still be restored; delete files and purge what was"
            " deleted, or have the quota raised"
        )
