"""A clock that is off, as the fault runs set it."""

import subprocess
import sys

import pytest

from tests.parts import ROOT

_ASK = """
from tests.faults.clock import shift_clock
shift_clock({0})
import time
from datetime import UTC, datetime
real = time.clock_gettime(time.CLOCK_REALTIME)
told = datetime.now(UTC)
parsed = datetime.fromisoformat(told.isoformat())
assert isinstance(told, datetime) and parsed == told
print(round(told.timestamp() - real), round(time.time() - real))
print(type(told.replace(year=2030)) is type(told), round(datetime.now().timestamp() - real))
"""


@pytest.mark.parametrize("seconds", [29, -3600, 0])
def test_everything_in_the_process_is_told_the_shifted_time(seconds: int) -> None:
    """Whatever way a module asks that is imported later."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK.format(seconds)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == [str(seconds), str(seconds), "True", str(seconds)]
