"""The claim on a session: one writer at a time, in whatever process, and none too many.

A claim runs out by itself, so that a killed process holds nobody up for long. Who holds it
renews it, and writes the progress along with it; who could not renew it stops long before it
runs out, by a clock that nobody sets, because what it sent later could land in the place of
its successor's bytes. Who stood still for longer renews it first: that is written over what
this holder wrote last, so that where it succeeds there is no successor.
"""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from app.publishing.publication import Published
from app.publishing.session import CLAIM, Claim, Session, SessionConflict, SessionMissing, new_id
from storage.metadata import ConditionFailed, Metadata, MetadataError, Operation, Unavailable

RENEWED_SECONDS = 12.0
AGAIN_SECONDS = 5.0  # after a renewal that failed
#: Without a renewal for so long, nothing is written any more. What lies between this and the
#: claim's end is for what was sent last to arrive.
STOP_SECONDS = 40.0

_log = logging.getLogger(__name__)


class Hold:
    """A session that this writer holds. Leaving it gives the claim up, unless it has ended.

    `session` is what was recorded last, or what `progress` made of it.
    """

    def __init__(
        self,
        metadata: Metadata,
        session: Session,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._metadata = metadata
        self._clock = clock
        self._monotonic = monotonic
        self._holder = new_id()
        self._version = session.version
        self._before = _progress(session)
        self._over = False
        self._held = self._due = 0.0
        self.session = session

    def progress(self, session: Session) -> None:
        """Have what was achieved recorded with the next renewal, or when the claim is given up."""
        self.session = session

    def keep(self, progress: Callable[[], Session] | None = None) -> None:
        """Renew the claim where it is time; `progress` is asked then for what to record.

        Raises SessionConflict, SessionMissing: somebody else has taken over.
        """
        if self._monotonic() < self._due:
            return
        try:
            if progress is not None:
                self.session = progress()
            self.renew()
        except Unavailable as error:
            _log.warning("a claim on an upload could not be renewed yet: %s", error)
            self._due = self._monotonic() + AGAIN_SECONDS

    def require_safe(self) -> None:
        """Return where what is written now can't meet a successor. Raises SessionConflict."""
        if not self._is_safe():
            raise SessionConflict(
                self.session.offset,
                "the claim on this upload could not be renewed, so nothing more was written",
                CLAIM,
            )

    def ensure_safe(self) -> None:
        """Return where what is written now can't meet a successor, renewing the claim where too
        long has passed to know that. Raises what `renew` and `require_safe` raise."""
        if not self._is_safe():
            self.renew()
        self.require_safe()

    def _is_safe(self) -> bool:
        return self._monotonic() - self._held <= STOP_SECONDS

    def renew(self) -> None:
        """Hold it for another while. Raises what `keep` raises, and what commits raise."""
        began, until = self._monotonic(), self._clock() + CLAIM
        self._write(replace(self.session, claim=Claim(self._holder, until)))
        self._held, self._due = began, began + RENEWED_SECONDS

    def give_up(self, session: Session) -> Session:
        """Record what was achieved, and let others write. Raises what `renew` raises."""
        done = self._write(replace(session, claim=None))
        self._over = True
        return done

    def drop(self) -> None:
        """End the session: nothing of it is left but its bytes. Raises what `renew` raises."""
        self._commit(lambda: replace(self.session, version=self._version).deleting())
        self._over = True

    def ending(self, published: Published) -> list[Operation]:
        """The operations that record the result, for the commit that makes it visible."""
        return self._done(published).living(self._clock()).writing(at=self._version)

    def end(self, published: Published) -> None:
        """Record a result that needed no other commit. Raises what `renew` raises."""
        self._write(self._done(published))
        self._over = True

    def ended(self) -> None:
        """The commit with the operations of `ending` is made."""
        self._over = True

    def adopt(self, error: ConditionFailed) -> None:
        """Go on with the version that stood in the way where it is a write of this holder
        whose answer was lost.

        Raises:
            SessionConflict, SessionMissing: it is somebody else's.
            ConditionFailed: it was about another record.
        """
        if self.session.key not in error.found:
            raise error
        record = error.found[self.session.key]
        if record is None:
            raise SessionMissing from error
        found = Session.read(self.session.organization, record)
        if found.claim is None or found.claim.holder != self._holder:
            raise SessionConflict(
                found.offset, "another request has taken this upload over", timedelta(seconds=1)
            ) from error
        self._version = record.version

    def _done(self, published: Published) -> Session:
        return replace(self.session, claim=None, result=published)

    def _write(self, session: Session) -> Session:
        """Record a session: with another day where it came further since it is held. Else it
        ends when it would have, however often somebody tries, but not while he does."""
        now = self._clock()
        if session.result is not None or _progress(session) != self._before:
            session = session.living(now)
        if session.claim is not None:
            session = session.held(now)
        version = self._commit(lambda: session.writing(at=self._version))
        return replace(session, version=version)

    def _commit(self, operations: Callable[[], list[Operation]]) -> int:
        while True:
            try:
                done = self._metadata.commit(*operations())
            except ConditionFailed as error:
                self._refuse_same(error)
                self.adopt(error)
            else:
                self._version = done.versions.get(self.session.key, self._version)
                return self._version

    def _refuse_same(self, error: ConditionFailed) -> None:
        """Never try the same twice: what failed at this version was about something else."""
        record = error.found.get(self.session.key)
        if record is not None and record.version == self._version:
            raise error

    def __enter__(self) -> Self:
        """Claim it. Raises SessionConflict, SessionMissing, and what commits raise."""
        self.session.require_free(self._clock())
        self.renew()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._over:
            return
        try:
            self.give_up(self.session)
        except (SessionConflict, SessionMissing):
            _log.info("an upload was taken over by another request")
        except MetadataError as failure:
            # The caller leaves for a reason of its own, and the claim runs out.
            _log.warning("the claim on an upload was not given up: %s", failure)


def _progress(session: Session) -> tuple[object, ...]:
    """What is different where a session came further."""
    return session.offset, session.digests
