"""Which names are those of distributions, and which were meant to be."""

from app.python.filenames import Distribution, parse_distribution

#: Whatever ends so was made to be installed, or to hold sources: that it stays out is told.
_MEANT = (
    *(".whl", ".zip", ".egg", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".gz", ".bz2", ".xz"),
    *(".zst", ".z", ".7z", ".rar", ".exe", ".msi", ".rpm", ".deb", ".dmg", ".pkg"),
)


def distribution_of(name: str) -> Distribution | None:
    """The distribution that a file is by its name; None where it was never meant as one.

    Raises InvalidDistribution where it was, and is none that is taken.
    """
    return parse_distribution(name) if is_meant(name) else None


def is_meant(name: str) -> bool:
    """Whether a file is a distribution, or looks as if somebody took it for one."""
    return name.lower().endswith(_MEANT)
