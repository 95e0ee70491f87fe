"""Which of the secret keys signs from when on.

Old keys stay in the settings so that what they signed is known. Whoever got hold of one must
not write history with it: from the first seal on that a newer key signed, an older one signs
nothing any more, but for the time in which the processes are restarted.
"""

from datetime import UTC, datetime, timedelta

RESTARTING = timedelta(hours=1)


class Signing:
    """What a walk through the seals, in their order, has shown of it. Keys are numbered as the
    settings have them, 0 the newest."""

    def __init__(self) -> None:
        self._newest: int | None = None
        self._changed = datetime.max.replace(tzinfo=UTC)

    def saw(self, key: int | None, end: datetime) -> None:
        """Take in that a seal of the chain, whose time ended then, was signed with a key."""
        if key is not None and (self._newest is None or key < self._newest):
            self._newest, self._changed = key, end

    def takes(self, key: int | None, at: datetime) -> bool:
        """Whether a key (None: none of ours) could sign at a moment."""
        if key is None:
            return False
        return self._newest is None or key <= self._newest or at - self._changed <= RESTARTING
