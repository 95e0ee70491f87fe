"""Who downloaded what suspects had written, where that is recorded."""

from collections import Counter

from app.incidents.findings import Report
from storage.events import Event


class Downloads:
    """Downloads by others of files that a suspect had written until then."""

    def __init__(self) -> None:
        self._count: Counter[tuple[str, str, str, str | None]] = Counter()

    def take(self, report: Report, event: Event) -> None:
        """Count a download, of whatever bytes."""
        repository, path = read_of(event)
        if (repository, path) in report.served:
            digest = event.details.get("sha256")
            told = digest if isinstance(digest, str) else None
            self._count[repository, path, event.actor.user or "", told] += 1

    def affected(self, report: Report) -> Counter[tuple[str, str, str]]:
        """Those of what they wrote: other bytes, as of before, affect nobody."""
        found: Counter[tuple[str, str, str]] = Counter()
        for (repository, path, user, told), count in self._count.items():
            written = {content.sha256 for content in report.served[repository, path]}
            if told is None or None in written or told in written:
                found[repository, path, user] += count
        return found


def read_of(event: Event) -> tuple[str, str]:
    """The repository and path that a download is of."""
    return str(event.details.get("repository")), str(event.details.get("path"))
