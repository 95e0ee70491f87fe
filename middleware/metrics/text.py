"""Prometheus's text format, version 0.0.4, from numbers. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from middleware.metrics.catalogue import FAMILIES, Family, Kind
from middleware.metrics.pages import Series


def exposition(numbers: Mapping[Series, Sequence[float]]) -> str:
    """All families that are in the catalogue, each with its help, sorted by its labels.

    Series of other families, or of another width, are another version's, and left out.
    """
    lines: list[str] = []
    for family in FAMILIES:
        lines.append(f"# HELP {family.name} {_escape_help(family.help)}")
        lines.append(f"# TYPE {family.name} {family.kind.value}")
        found = sorted(
            (series.labels, values)
            for series, values in numbers.items()
            if series.family == family.name and len(values) == family.width
        )
        for labels, values in found:
            lines.extend(_series(family, labels, values))
    return "\n".join(lines) + "\n"


def _series(family: Family, labels: tuple[str, ...], values: Sequence[float]) -> Iterator[str]:
    pairs = [
        f'{name}="{_escape(value)}"' for name, value in zip(family.labels, labels, strict=True)
    ]
    if family.kind is not Kind.HISTOGRAM:
        yield f"{family.name}{_braced(pairs)} {_number(values[0])}"
        return
    count = 0.0
    for bound, value in zip((*map(_number, family.bounds), "+Inf"), values, strict=False):
        count += value
        bucket = _braced([*pairs, f'le="{bound}"'])
        yield f"{family.name}_bucket{bucket} {_number(count)}"
    yield f"{family.name}_sum{_braced(pairs)} {_number(values[-1])}"
    yield f"{family.name}_count{_braced(pairs)} {_number(count)}"


def _braced(pairs: list[str]) -> str:
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _escape_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
