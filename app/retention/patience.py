"""How long a request may look at files: it is asked between them, wherever they are many."""

from collections.abc import Callable, Iterable, Iterator

from storage.metadata import Record

FILES = 100  # between two questions whether to go on


class TooLong(Exception):
    """A request has looked at files for as long as it may."""


class Patience:
    """That of one request. `seconds` is a clock that goes on by itself."""

    def __init__(self, seconds: Callable[[], float], most: float) -> None:
        self._seconds = seconds
        self._until = seconds() + most

    def over(self) -> bool:
        """Whether it has come to its end."""
        return self._seconds() > self._until

    def go_on(self) -> None:
        """Return where one may. Raises TooLong."""
        if self.over():
            raise TooLong("looking at the files of the repository takes too long for a request")


def asking(records: Iterable[Record], go_on: Callable[[], None]) -> Iterator[Record]:
    """The records, as long as one may go on; raises what `go_on` does."""
    for number, record in enumerate(records):
        if number % FILES == 0:
            go_on()
        yield record
