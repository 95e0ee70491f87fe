"""What is to be published, and what was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.publishing.artifact import Artifact
from app.publishing.expectations import (
    NO_EXPECTATIONS,
    NO_PRECONDITION,
    Expectations,
    Precondition,
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
    ConditionFailed.
    """

    place: Place
    actor: Actor
    expectations: Expectations = NO_EXPECTATIONS
    precondition: Precondition = NO_PRECONDITION
    besides: Callable[[Published], Sequence[Operation]] = lambda _: ()
