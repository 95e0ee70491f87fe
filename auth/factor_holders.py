"""Who changes a second factor of his own: a user in a session, as he is read for it afresh."""

from dataclasses import dataclass
from datetime import datetime

from auth.callers import epoch_of, is_over, session_and_user
from auth.errors import Forbidden, Missing, NotAuthenticated
from auth.factor_records import Factor, read_factor
from auth.principals import Authority, Principal
from auth.proven_passwords import Proven
from auth.records import time_text
from storage import keys
from storage.metadata import Operation, Put, Record
from storage.metadata.recent import Recent


@dataclass(frozen=True, slots=True)
class Held:
    """A user who asks by a session, with his second factor, as they were read."""

    user: Record
    session: Record
    factor: Factor

    def rewritten(self, now: datetime, *, second_factor: bool) -> tuple[Operation, ...]:
        """What writes whether he has one: it ends every other session of his."""
        epoch = epoch_of(self.user) + 1
        user = {
            **self.user.value,
            "second_factor": second_factor,
            "epoch": epoch,
            "updated": time_text(now),
        }
        session = {**self.session.value, "epoch": epoch, "second_factor": second_factor}
        at, expires = self.session.version, self.session.expires
        return (
            Put(self.user.key, user, at=self.user.version),
            Put(self.session.key, session, at=at, expires=expires),
        )


def by_session(by: Authority, proven: Proven | None = None) -> Principal:
    """Who asks: a person, who signed in for it. Raises Forbidden, NotAuthenticated."""
    holder = by.holder
    if not isinstance(holder, Principal) or holder.session_id is None:
        raise Forbidden("A second factor is managed in a session: sign in (POST /auth/session).")
    if proven is not None and proven.user.key != keys.user(by.organization, holder.user_id):
        raise NotAuthenticated  # somebody else's password
    return holder


def find_held(
    recent: Recent, organization: str, holder: Principal, epoch: int | None = None
) -> Held:
    """Who asks, read afresh.

    Args:
        recent: the records of the process.
        organization: its id.
        holder: who asks, by a session.
        epoch: that of his sessions when he proved something more.

    Raises NotAuthenticated: his sessions ended meanwhile.
    """
    user_key = keys.user(organization, holder.user_id)
    session_key = keys.portal_session(organization, holder.session_id or "-")
    factor_key = keys.second_factor(organization, holder.user_id)
    records = session_and_user(recent.get, session_key, user_key, factor_key)
    user, session = records.get(user_key), records.get(session_key)
    if user is None or session is None or user.value.get("active") is not True:
        raise NotAuthenticated
    if is_over(session, user) or epoch not in (None, epoch_of(user)):
        raise NotAuthenticated
    return Held(user, session, read_factor(organization, holder.user_id, records.get(factor_key)))


def require_factor(user: Record) -> None:
    """Return if he has one. Raises Missing."""
    if user.value.get("second_factor", False) is False:
        raise Missing("second factor")
