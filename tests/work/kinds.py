"""Kinds of jobs for tests: they count, and fail when they are told to."""

from collections.abc import Callable

from app.work import Failed, Job, Step


class Counting:
    """Counts to `parameters["to"]`, `stride` a step, and keeps what it was asked to do."""

    name = "count"

    def __init__(self, stride: int = 1) -> None:
        self._stride = stride
        self.seen: list[int] = []
        self.before: Callable[[int], None] = lambda _: None

    def step(self, job: Job) -> Step:
        at = int(job.position.get("at", 0))
        self.before(at)
        self.seen.append(at)
        more = min(self._stride, job.parameters["to"] - at)
        done = at + more == job.parameters["to"]
        return Step(
            {"at": at + more},
            {"counted": more},
            items=more,
            done=done,
            result={"to": at + more} if done else {},
        )


class Refusing:
    """Can't be done."""

    name = "refuse"

    def step(self, job: Job) -> Step:
        raise Failed(f"there is nothing to do about {job.parameters['what']}")
