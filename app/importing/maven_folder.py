"""Sorts a folder that is laid out as a Maven repository.

The files of a folder, which is a version, are taken in turn, the POM behind the others, so that
who finds the version by its POM finds it whole.
"""

from collections.abc import Iterable, Mapping, Sequence

from app.importing.copies import copies
from app.importing.folder import Found
from app.importing.names import checksum_of, is_left_out
from app.importing.report import Outcome
from app.importing.sorting import Sorted, Wanted
from app.maven.paths import ALGORITHMS


class MavenSorting:
    """The files that clients publish come over under their own paths."""

    def sort(self, files: Sequence[Found]) -> Sorted:
        """Sort the files of one folder."""
        own = copies(found.path for found in files)
        beside = {found.name: found for found in files if found.path not in own}
        result, version = Sorted(), []
        for found in files:
            of = checksum_of(found.name)
            if found.path in own or is_left_out(found.path):
                result.ended.append((found, Outcome.LEFT_OUT))
            elif of is not None:
                compared = of[0] in beside and checksum_of(of[0]) is None
                result.ended.append((found, Outcome.CHECKSUM if compared else Outcome.LEFT_OUT))
            else:
                version.append(Wanted(found, found.path, tuple(checksums(found, beside))))
        result.units.append(sorted(version, key=lambda one: one.found.name.endswith(".pom")))
        return result


def checksums(found: Found, beside: Mapping[str, Found]) -> Iterable[tuple[str, Found]]:
    """The checksum files that lie beside a file, with their algorithms."""
    for algorithm in ALGORITHMS:
        checksum = beside.get(f"{found.name}.{algorithm}")
        if checksum is not None:
            yield algorithm, checksum
