"""What a provider says to a server, as a table of requests and what has to be answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.scim.served import PATCH, Provider

Statuses = int | tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """A request and its answer.

    `<name>` stands, in whatever is sent or expected, for the id that an earlier step `kept`
    under that name, or for a word that the table was given. `sent` of a PATCH is the list of its
    operations.
    """

    what: str
    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    sent: Any = None
    status: Statuses = 200
    shows: Any = None
    kept: str = ""


def converse(provider: Provider, steps: Sequence[Step], **words: str) -> dict[str, str]:
    """Take these steps, one after the other, and give all that was kept."""
    known = dict(words)
    for step in steps:
        sent = step.sent
        if step.method == "PATCH":
            sent = {"schemas": [PATCH], "Operations": sent}
        answer = provider.ask(
            step.method, _told(step.path, known), _told(sent, known), **_told(step.query, known)
        )
        statuses = step.status if isinstance(step.status, tuple) else (step.status,)
        assert answer.status in statuses, f"{step.what}: {answer}"
        if step.shows is not None and answer.json is not None:
            answer.shows(_told(step.shows, known))
        if step.kept:
            known[step.kept] = answer.json["id"]
    return known


def _told(value: Any, known: Mapping[str, str]) -> Any:
    """A value with the words in it."""
    if isinstance(value, str):
        for name, word in known.items():
            value = value.replace(f"<{name}>", word)
        return value
    if isinstance(value, Mapping):
        return {_told(name, known): _told(one, known) for name, one in value.items()}
    if isinstance(value, list):
        return [_told(one, known) for one in value]
    return value
