"""Why something does not fit, in words that say how to make it fit."""

from app.usage.standing import Standing, Usage

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


class QuotaExceeded(Exception):
    """It would pass a quota; nothing is stored.

    Attributes:
        of: "repository" or "organization".
        quota: in bytes.
        usage: what is held.
    """

    def __init__(self, standing: Standing) -> None:
        self.of = "organization" if standing.ledger.repository is None else "repository"
        self.quota = standing.quota or 0
        self.usage: Usage = standing.usage
        kept = self.usage.restorable_bytes
        super().__init__(
            f"this does not fit into the {self.of}'s quota of {in_words(self.quota)}:"
            f" {in_words(self.usage.held)} are used, {in_words(kept)} of them by deleted and"
            " overwritten files that can still be restored; delete files and purge what was"
            " deleted, or have the quota raised"
        )


def in_words(size: int) -> str:
    """A size for people: `512 bytes`, `9.5 GiB`; rounded down."""
    if size < 1024:
        return "1 byte" if size == 1 else f"{size} bytes"
    power = min((size.bit_length() - 1) // 10, len(_UNITS))
    tenths = size * 10 >> 10 * power
    return f"{tenths // 10}.{tenths % 10} {_UNITS[power - 1]}"
