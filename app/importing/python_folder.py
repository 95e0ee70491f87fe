"""Sorts a folder of distributions, however it is laid out: by the names of its files alone.

Two files of one name in different folders are one distribution, if they have the same bytes.
"""

from collections.abc import Mapping, Sequence

from app.importing.candidate import NotTaken
from app.importing.distributions import distribution_of, is_meant
from app.importing.folder import Found
from app.importing.maven_folder import checksums
from app.importing.names import checksum_of
from app.importing.report import Outcome
from app.importing.signatures import read_signature
from app.importing.sorting import Sorted, Wanted
from app.python.filenames import InvalidDistribution
from app.python.paths import SIGNATURE_SUFFIX, at


class PythonSorting:
    """Distributions come over to where an upload would put them.

    Those of which only one may be there are taken in turn, by name; so that it is always the
    same that is refused.
    """

    def __init__(self) -> None:
        self._met: dict[str, Wanted] = {}

    def sort(self, files: Sequence[Found]) -> Sorted:
        """Sort the files of one folder."""
        beside = {found.name: found for found in files}
        result = Sorted()
        units: dict[str, list[Wanted]] = {}
        for found in files:
            if _is_hidden(found.path):
                result.ended.append((found, Outcome.LEFT_OUT))
            elif found.problem is not None and not found.name.endswith(SIGNATURE_SUFFIX):
                result.refused.append((found, found.problem))
            elif not is_meant(found.name):
                _sort_aside(found, beside, result)
            else:
                self._sort_meant(found, beside, result, units)
        result.units += units.values()
        return result

    def _sort_meant(
        self,
        found: Found,
        beside: Mapping[str, Found],
        result: Sorted,
        units: dict[str, list[Wanted]],
    ) -> None:
        try:
            distribution = distribution_of(found.name)
        except InvalidDistribution as error:
            result.refused.append((found, str(error)))
            return
        if distribution is None:
            raise LookupError(found.name)
        wanted = Wanted(
            found,
            str(at(distribution)),
            tuple(checksums(found, beside)),
            _signature(found, beside, result),
            self._met.get(found.name),
        )
        self._met[found.name] = wanted
        units.setdefault(distribution.identity, []).append(wanted)


def _sort_aside(found: Found, beside: Mapping[str, Found], result: Sorted) -> None:
    """What is no distribution: what lies beside one, and what else there is."""
    of = checksum_of(found.name)
    if of is not None and _is_taken(of[0], beside):
        result.ended.append((found, Outcome.CHECKSUM))
    elif not _is_taken(found.name.removesuffix(SIGNATURE_SUFFIX), beside):
        result.ended.append((found, Outcome.LEFT_OUT))
    # A signature of what is taken ends with that.


def _signature(
    found: Found, beside: Mapping[str, Found], result: Sorted
) -> tuple[Found, bytes] | None:
    """The signature beside a file, if there is one; what is none is refused by itself."""
    signature = beside.get(f"{found.name}{SIGNATURE_SUFFIX}")
    if signature is None:
        return None
    try:
        return signature, read_signature(signature)
    except NotTaken as error:
        result.refused.append((signature, str(error)))
        return None


def _is_taken(name: str, beside: Mapping[str, Found]) -> bool:
    """Whether a distribution of that name lies in the folder."""
    if name not in beside or beside[name].problem is not None:
        return False
    try:
        return distribution_of(name) is not None
    except InvalidDistribution:
        return False


def _is_hidden(path: str) -> bool:
    """Whether a file or one of its folders is hidden."""
    return any(segment.startswith(".") for segment in path.split("/"))
