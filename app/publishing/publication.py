"""What is to be published, and what was."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.publishing.artifact import Artifact
from app.publishing.expectations import (
    NO_EXPECTATIONS,
    NO_PRECONDITION,
    Precondition,
    Said,
)
from app.publishing.place import Place
from storage.events import Actor
from storage.metadata import Operation


@dataclass(frozen=True, slots=True)
class Published:
    """The artifact as it is now, and whether there was none before."""

    artifact: Artifact
    created: bool


@dataclass(frozen=True, slots=True)
class Publication:
    """What a client wants to publish: where, what it said of the bytes, and on what terms.

    `besides` gives what else is to be written in the same commit, once it is known what will
    be published; where a condition of these operations does not hold, the caller gets the
    ConditionFailed. `marks` are what is said of the file from its first moment on.
    """

    place: Place
    actor: Actor
    expectations: Said = NO_EXPECTATIONS
    precondition: Precondition = NO_PRECONDITION
    besides: Callable[[Published], Sequence[Operation]] = lambda _: ()
    marks: Mapping[str, Any] = field(default_factory=dict)
