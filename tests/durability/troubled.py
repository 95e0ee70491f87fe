"""`strongroom serve` and `strongroom worker` on stores in trouble, with a clock that is off.

Run as a module with the command and its flags; what is wrong comes in the environment. The
first start, which makes the tables, is spared: tests of its own let it die.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.faults.clock import shift_clock

_ROOT = Path(__file__).resolve().parents[2]
_VARIABLE = "TROUBLED"  # not STRONGROOM_…: those are settings


@dataclass(frozen=True, slots=True)
class Ills:
    """What is wrong with one process.

    Attributes:
        seed: of its stores' troubles.
        log: where these are written down.
        clock_seconds: how far its clock is ahead.
        hurried: its requests leave every job to the workers.
    """

    seed: str
    log: str
    clock_seconds: float
    hurried: bool

    def variables(self) -> dict[str, str]:
        """What brings it into a process."""
        return {_VARIABLE: json.dumps(asdict(self)), "PYTHONPATH": str(_ROOT)}


#: What is run in place of the command `strongroom`.
COMMAND = (sys.executable, "-m", "tests.durability.troubled")


def main() -> int:
    ills = Ills(**json.loads(os.environ[_VARIABLE]))
    shift_clock(ills.clock_seconds)
    # Only now: what is imported holds on to the clock that it finds.
    from tests.durability import troubled_commands

    return troubled_commands.run(sys.argv[1:], ills)


if __name__ == "__main__":
    sys.exit(main())
