"""Read, decide, commit on the condition that what was read still holds; and anew if not.

Changes to users and keys are rare and small, so each of them is decided on fresh records,
from the start, until its conditions held or others won too often.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from auth.errors import ChangedMeanwhile
from storage.metadata import ConditionFailed

TRIES = 10
_PAUSE_SECONDS = 0.02

T = TypeVar("T")


def decided(attempt: Callable[[], T], sleep: Callable[[float], None] = time.sleep) -> T:
    """Call `attempt` until it does not raise ConditionFailed, up to 10 times.

    Raises:
        ChangedMeanwhile: it still does; nothing was changed.
    """
    for made in range(TRIES):
        try:
            return attempt()
        except ConditionFailed as error:
            if made + 1 == TRIES:
                raise ChangedMeanwhile from error
            sleep(_PAUSE_SECONDS * random.uniform(0, made + 1))
    raise AssertionError("unreachable")
