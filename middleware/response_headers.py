"""Sets many headers of an answer at once, as prepared: names in lower case, values as sent.

Falcon takes them one by one, folding each name and looking at each value, which for the
fifteen of a download costs more than reading its record. The names and values here are ours,
made once; whatever a client had a say in goes through Falcon's own methods. This is the one
place that knows where Falcon keeps headers; a test holds that it still does.
"""

from collections.abc import Mapping

from falcon import Response


def put_headers(response: Response, prepared: Mapping[str, str]) -> None:
    """Set headers; those that are set already are replaced."""
    response._headers.update(prepared)


def add_missing(response: Response, prepared: Mapping[str, str]) -> None:
    """Set those of the headers that are not set."""
    response._headers = {**prepared, **response._headers}
