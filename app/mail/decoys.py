"""Decoys: mails to nobody, dropped by the batch, so that no flood of them delays a real one.

They are told of as what was sent: neither a metric nor a line of the log says that somebody
asked for an account that is not there.
"""

import logging
from collections.abc import Callable, Sequence

from app.mail.observers import MailObserver
from auth.errors import AuthError
from auth.outbox import Outbox, read_mail
from storage import keys
from storage.metadata import ConditionFailed, Delete, Key, Metadata, Record

#: Mails of one commit: two records each, and its witness, are no more than a commit takes.
_BATCH = 49

_log = logging.getLogger("strongroom.worker")


class Decoys:
    """Drops the decoys of all organizations. Any number of workers may."""

    def __init__(
        self, metadata: Metadata, outbox: Outbox, observer: MailObserver | None = None
    ) -> None:
        self._metadata = metadata
        self._outbox = outbox
        self._observer = observer

    def drop(self, go_on: Callable[[], None] = lambda: None) -> None:
        """Drop those that are due; `go_on` is called between batches, and may raise."""
        now, after = keys.time(self._metadata.now()), ""
        while True:
            page = self._metadata.query(keys.MAIL, after=after, limit=_BATCH)
            due = [one for one in page.records if one.key.sort.partition("#")[0] <= now]
            self._drop_among(due)
            if page.next is None or len(due) < len(page.records):
                return
            after = page.next
            go_on()

    def _drop_among(self, places: Sequence[Record]) -> None:
        """Drop those of a batch in one commit, or leave them where another worker was quicker."""
        by_mail = {_mail_at(place): place for place in places}
        found = self._metadata.get(*by_mail)
        decoys = [record for record in found.values() if self._is_decoy(record)]
        if not decoys:
            return
        gone = [Delete(one.key, at=one.version) for one in decoys]
        taken = [by_mail[one.key] for one in decoys]
        try:
            self._metadata.commit(*gone, *(Delete(one.key, at=one.version) for one in taken))
        except ConditionFailed:
            return
        for one in decoys:
            _log.info("the mail %s of %s was sent", one.key.sort, _organization_of(one.key))
            if self._observer is not None:
                self._observer.mail("sent")

    def _is_decoy(self, record: Record) -> bool:
        try:
            mail = read_mail(_organization_of(record.key), record)
            return self._outbox.open(mail).to is None
        except AuthError:
            return False  # what can't be read is told of by who delivers


def _mail_at(place: Record) -> Key:
    organization = str(place.value.get("organization"))
    return keys.mail(organization, place.key.sort.partition("#")[2])


def _organization_of(mail: Key) -> str:
    return mail.partition.partition("#")[0]
