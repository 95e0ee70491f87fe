"""Sizes as people read and write them: `512 bytes`, `9.5 GiB`."""

import re

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_SIZE = re.compile(rf"(\d{{1,15}})\s*({'|'.join(_UNITS)})?", re.ASCII)


def in_words(size: int) -> str:
    """A size in bytes, rounded down to a tenth of its unit."""
    if size < 1024:
        return "1 byte" if size == 1 else f"{size} bytes"
    power = min((size.bit_length() - 1) // 10, len(_UNITS))
    tenths = size * 10 >> 10 * power
    return f"{tenths // 10}.{tenths % 10} {_UNITS[power - 1]}"


def parse_size(text: str, most: int) -> int:
    """The bytes of a whole number with or without its unit, `most` at the most.

    Raises ValueError.
    """
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"a size is a whole number of bytes, or one such as 10GiB, not {text!r}")
    unit = found[2]
    size = int(found[1]) << 10 * (0 if unit is None else _UNITS.index(unit) + 1)
    if size > most:
        raise ValueError(f"a size is at most {in_words(most)} here, not {text.strip()}")
    return size
