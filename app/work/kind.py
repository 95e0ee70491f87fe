"""What a kind of job has to be: work cut into steps, each of which may be done twice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.work.job import Job


class Later(Exception):
    """The step can't be done now, and nobody is to blame: it is tried again in a while."""


class Failed(Exception):
    """The job can't be done, now or later; the message is for who asked for it."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did.

    `position` is where the next one goes on (JSON). `counts` are added to the job's own.
    `items` is how much of the work it was: files looked at, as a rule. `result` is what the
    job leaves behind, where the step ends it.
    """

    position: Mapping[str, Any]
    counts: Mapping[str, int] = field(default_factory=dict)
    items: int = 0
    done: bool = False
    result: Mapping[str, Any] = field(default_factory=dict)


class Kind(Protocol):
    """A kind of job.

    A process may be killed between a step and its being recorded: then the step is done
    again from the same position, by another process, perhaps while the first still runs.
    """

    @property
    def name(self) -> str: ...

    def step(self, job: Job) -> Step:
        """Do the next piece, of some seconds at most.

        Raises Failed, Later. What the stores raise is tried again later.
        """
