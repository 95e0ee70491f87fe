"""Refuses to start where another distribution owns one of our four top-level names.

`app`, `auth`, `middleware` and `storage` are short names that others take too. A package
that overwrote or shadows one of ours would be imported in our place, silently, with our
credentials in its hands. So the start asks twice: who claims the names in the records of
what is installed, and whether all four packages come from one place.
"""

import importlib.metadata
import re
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path

DISTRIBUTION = "strongroom"
PACKAGES = ("app", "auth", "middleware", "storage")


class NameTaken(Exception):
    """A top-level name of ours belongs to something else; the message says to what."""


def refuse_foreign_packages(
    distributions: Iterable[importlib.metadata.Distribution] | None = None,
    locations: Mapping[str, Path | None] | None = None,
) -> None:
    """Return if all four names are ours alone. It takes some 30 ms, at start alone.

    Args:
        distributions: what is installed; by default what the search path holds.
        locations: the folder that each name is imported from, or None where there is none.

    Raises:
        NameTaken: another distribution installs under one of the names, or one of the
            packages is imported from elsewhere than the others.
    """
    installed = importlib.metadata.distributions() if distributions is None else distributions
    for distribution in installed:
        _refuse_claims(distribution)
    _refuse_strays(package_locations() if locations is None else locations)


def package_locations() -> dict[str, Path | None]:
    """The folder that holds each of the four packages, as an import would find it."""
    return {name: _location(name) for name in PACKAGES}


def _refuse_claims(distribution: importlib.metadata.Distribution) -> None:
    name = distribution.metadata["Name"] or "a distribution without a name"
    if re.sub(r"[-_.]+", "-", name).lower() == DISTRIBUTION:
        return
    taken = sorted(_top_level(distribution) & set(PACKAGES))
    if taken:
        raise NameTaken(
            f"the distribution {name} {distribution.version} installs the top-level name"
            f" {', '.join(taken)}, which Strongroom uses: uninstall it, or install Strongroom"
            " into a virtual environment of its own"
        )


def _top_level(distribution: importlib.metadata.Distribution) -> set[str]:
    # Both are asked: top_level.txt is optional and can be wrong; RECORD misses an editable
    # installation's packages.
    listed = (distribution.read_text("top_level.txt") or "").split()
    files = distribution.files or ()
    return set(listed) | {
        file.parts[0].partition(".")[0]
        for file in files
        if len(file.parts) > 1 or file.suffix in (".py", ".so", ".pyd")
    }


def _refuse_strays(locations: Mapping[str, Path | None]) -> None:
    home = locations["app"]
    for name, location in locations.items():
        if location is None:
            raise NameTaken(
                f"the package {name} can't be found: Strongroom's installation is not complete"
            )
        if location != home:
            raise NameTaken(
                f"the package {name} would be imported from {location}, and app from {home}:"
                " something else owns one of the two names. Install Strongroom into a virtual"
                " environment of its own, and unset PYTHONPATH"
            )


def _location(name: str) -> Path | None:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).resolve().parent.parent
