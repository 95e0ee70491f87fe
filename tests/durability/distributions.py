"""Python distributions of any name, made of a seed, so that every process makes the same."""

import random

from app.python.filenames import Kind, parse_distribution
from tests.python.building import metadata, sdist, wheel, zip_sdist

KIB = 1024
#: What wheels and sdists of a release say of themselves: some have METADATA in common.
_SUMMARIES = 3


def distribution(filename: str, seed: int) -> bytes:
    """A whole distribution of that name."""
    name, version, kind = _said(filename)
    chances, more = random.Random(seed), _more(seed)
    filler = chances.randbytes(chances.randint(1, 12 * KIB))
    if kind is Kind.SDIST:
        if filename.endswith(".zip"):
            return zip_sdist(name, version, f"{more}Keywords: {seed}\n")
        return sdist(name, version, more, filler.hex().encode())
    tag = "-".join(filename.removesuffix(".whl").rsplit("-", 3)[1:])
    return wheel(name, version, more, tag=tag, files={f"{name}.bin": filler})


def core_metadata(filename: str, seed: int) -> bytes | None:
    """The METADATA in it, which is served beside a wheel; None for an sdist that has another."""
    name, version, kind = _said(filename)
    return metadata(name, version, _more(seed)) if kind is Kind.WHEEL else None


def _said(filename: str) -> tuple[str, str, Kind]:
    """The name and version as the file's name spells them, and the kind."""
    kind = parse_distribution(filename).kind
    if kind is Kind.WHEEL:
        name, version = filename.split("-")[:2]
    else:
        stem = filename.removesuffix(".zip").removesuffix(".tar.gz")
        name, _, version = stem.rpartition("-")
    return name, version, kind


def _more(seed: int) -> str:
    return f"Summary: {seed % _SUMMARIES}\nRequires-Python: >=3.{seed % _SUMMARIES}\n"
