"""Takes away the second factor of a user who lost his device, for whoever may vouch for him."""

from collections.abc import Callable
from datetime import UTC, datetime

from auth.callers import epoch_of
from auth.decisions import decided
from auth.errors import Forbidden, Missing
from auth.factor_holders import require_factor
from auth.key_access import require_to_last
from auth.notices import notice
from auth.outbox import Outbox
from auth.principals import Authority
from auth.records import is_id, time_text
from storage import keys
from storage.events import Journal
from storage.metadata import Delete, Put
from storage.metadata.recent import Recent


class FactorResets:
    """Resets of whatever organization the authority is for. Safe for many threads."""

    def __init__(
        self,
        recent: Recent,
        journal: Journal,
        outbox: Outbox,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._recent = recent
        self._journal = journal
        self._outbox = outbox
        self._clock = clock

    def reset(self, by: Authority, user_id: str) -> None:
        """Have a user sign in with his password alone again; all of his sessions end, and
        a mail tells him.

        Where the organization requires a second factor, he then sets up another one.

        Raises:
            Forbidden: not an administrator, by a key that ends, or for oneself: that takes
                a code.
            Missing: no such user, or he has none.
        """
        by.require_admin()
        require_to_last(by)
        if by.is_user(user_id):
            raise Forbidden("One's own second factor is removed with a code, not reset.")
        if not is_id(user_id):
            raise Missing("user")
        decided(lambda: self._reset(by, user_id))

    def _reset(self, by: Authority, user_id: str) -> None:
        key = keys.user(by.organization, user_id)
        user = self._recent.get(key).get(key)
        if user is None:
            raise Missing("user")
        require_factor(user)
        value = {
            **user.value,
            "second_factor": False,
            "epoch": epoch_of(user) + 1,
            "updated": time_text(self._clock()),
        }
        event = self._journal.event(
            by.organization, by.actor, "second-factor.reset", subject=user_id
        )
        self._recent.commit(
            Put(key, value, at=user.version),
            Delete(keys.second_factor(by.organization, user_id)),
            *notice(self._outbox, by.organization, user, "no-second-factor"),
            witness=event,
        )
