"""The duty that sends what waits: at once when something does, and never while nothing does."""

from datetime import timedelta

from app.mail.decoys import Decoys
from app.mail.delivery import Deliveries
from app.mail.errors import Postponed
from app.mail.files import MailFiles
from app.work import Shift
from storage.metadata import Key, Metadata

EVERY = timedelta(minutes=5)
#: Mails that go out before it is seen what came meanwhile, which may stand before those that wait.
_AT_ONCE = 20


class MailDuty:
    """Sends the mails of all organizations, and removes those that lie in files for too long."""

    name = "mail"
    every = EVERY

    def __init__(
        self, metadata: Metadata, decoys: Decoys, deliveries: Deliveries, files: MailFiles
    ) -> None:
        self._metadata = metadata
        self._decoys = decoys
        self._deliveries = deliveries
        self._files = files

    def waits(self) -> bool:
        """Whether a mail is due: one query for the first of the queue."""
        return bool(self._deliveries.due(most=1))

    def run(self, shift: Shift) -> None:
        self._files.sweep(self._metadata.now())
        with shift.part("decoys"):
            self._decoys.drop(shift.go_on)
        tried: set[Key] = set()  # each place once: what fails unforeseen stays where it is
        while True:
            due = [place for place in self._deliveries.due() if place.key not in tried]
            if not due:
                return
            for place in due[:_AT_ONCE]:
                shift.go_on()
                tried.add(place.key)
                with shift.part(place.key.sort):
                    try:
                        self._deliveries.deliver(place)
                    except Postponed:
                        return  # logged; the next run begins with those that are due still
