"""The report of an incident, made of history alone: it tells the same whoever asks, and when.

History is walked through twice: once for what the credential made, which may have acted by
itself, and once for what all of these did, what became of it, and who read what they wrote.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from app.incidents.downloads import Downloads, read_of
from app.incidents.findings import Report
from app.incidents.opened import OpenedRepositories, opened
from app.incidents.suspects import Suspects, makes
from app.incidents.targets import Target
from app.incidents.told import Told
from app.incidents.touched import OVERWROTE, RESTORED, WROTE, Following
from app.installation import Installation
from app.privacy.walk import Told as Progress
from app.privacy.walk import history_of, silent, walk
from app.repositories import Catalogue, Repository, RepositoryMissing
from auth.records import time_text
from storage import keys
from storage.events import Actor, Event
from storage.metadata import Metadata, Record
from storage.metadata.operations import KEYS_PER_GET

_BATCH = 500  # events, whose side records are read together
_READ = "artifact.read"
_SERVED = frozenset({WROTE, OVERWROTE, RESTORED})
#: Events that change who may do what.
_ACCESS = (
    "user.", "group.", "key.", "invitation.", "password.", "second-factor.", "session.end",
    "scim-token.", "subscriber.", "subscriber-group.", "organization.", "repository.", "audit.",
)  # fmt: skip
#: Those of them whose subject is a person.
_PERSONAL = ("user.", "invitation.", "password.", "second-factor.", "subscriber.")


class Incident:
    """Makes the reports of one organization."""

    def __init__(self, at: Installation, organization: str) -> None:
        self._metadata: Metadata = at.metadata
        self._journal = at.journal
        self._organization = organization
        self._catalogue = Catalogue(at.recent, at.journal)
        self._at = at
        self._told = Told(at.metadata, organization)
        self._opened = OpenedRepositories(at.metadata, organization, self._catalogue)

    def report(
        self,
        target: Target,
        since: datetime,
        until: datetime,
        confirmed: datetime,
        progress: Progress = silent,
    ) -> Report:
        """What a target did from `since` until then, and whom it touched until now."""
        report = Report(target, since, until, confirmed)
        suspects = Suspects(target)
        downloads, following = Downloads(), Following()
        with history_of(self._at, self._organization) as history:
            suspects.follow(
                event
                for hour in walk(since, until, progress)
                for event in history.events(hour)
                if since <= event.at <= until and makes(event)
            )
            report.suspects = tuple(suspects.found.values())
            for hour in walk(since, max(until, self._metadata.now()), progress):
                events = (event for event in history.events(hour) if event.at >= since)
                while batch := list(islice(events, _BATCH)):
                    theirs = _theirs(batch, report, suspects)
                    sides = history.sides_of(list(theirs.values()))
                    for event in batch:
                        side = sides.get(event.id)
                        self._take(report, event, side, downloads, following, event.id in theirs)
        following.look(self._metadata)
        self._finish(report, downloads.affected(report))
        return report

    def note(self, report: Report, actor: Actor) -> None:
        """Record that a report was made."""
        event = self._journal.event(
            self._organization,
            actor,
            "incident.report",
            subject=report.target.id,
            owner=report.target.owner,
            since=time_text(report.since),
            until=time_text(report.until),
            confirmed=time_text(report.confirmed),
            files=len(report.files),
            suspects=len(report.suspects),
        )
        self._metadata.commit(witness=event)

    def _take(
        self,
        report: Report,
        event: Event,
        side: Record | None,
        downloads: Downloads,
        following: Following,
        theirs: bool,
    ) -> None:
        """Add one event, in order of time: what it did, or that it read what they had written."""
        report.forged += not event.genuine
        touched = following.take(event, theirs=theirs)
        if not theirs:
            if event.action == _READ:
                downloads.take(report, event)
            return
        report.actions[event.action] += 1
        if side is not None:
            place = (side.value.get("address"), side.value.get("agent"))
            seen = report.places.setdefault(place, [event.at, event.at, 0])
            seen[1], seen[2] = event.at, seen[2] + 1
        if event.action == _READ:
            read = read_of(event)
            report.read[read] = report.read.get(read, 0) + 1
        for file in touched:
            report.list(report.files, file)
            if file.new is not None and file.change in _SERVED:
                report.served.setdefault(file.place, set()).add(file.new)
        if event.action.startswith(_ACCESS):
            report.list(report.access, _changed(event))
        for repository, what in opened(event):
            report.opened.setdefault(repository, set()).add(what)

    def _finish(self, report: Report, readers: Counter[tuple[str, str, str]]) -> None:
        """Add what follows from all that was found."""
        affected = set(report.served)
        ids = {repository for repository, _ in [*report.read, *(f.place for f in report.files)]}
        report.repositories = self._catalogue.names(self._organization, sorted(ids))
        for (repository, path, user), count in sorted(readers.items()):
            row = {"repository": self._name(report, repository), "path": path}
            report.list(report.downloads, {**row, "user": user or None, "times": count})
        self._look_at_downloads(report, affected)
        report.readable = self._opened.rows(report.opened)
        report.credentials_left = list(self._left(report))
        reasons = self._reasons(report, readers, affected)
        report.told = self._told.people(reasons)

    def _look_at_downloads(self, report: Report, affected: set[tuple[str, str]]) -> None:
        """Say of whose downloads nothing is recorded, and on which day the last one was."""
        repositories: dict[str, Repository] = {}
        for repository in {one for one, _ in affected}:
            try:
                repositories[repository] = self._catalogue.by_id(self._organization, repository)
            except RepositoryMissing:
                continue
        report.public = sorted(one.name for one in repositories.values() if one.public)
        silent_ = [
            place
            for place in sorted(affected)
            if place[0] not in repositories or not repositories[place[0]].audit_reads
        ]
        wanted = {keys.downloaded(self._organization, *place): place for place in silent_}
        days: dict[tuple[str, str], str] = {}
        places = list(wanted)
        for start in range(0, len(places), KEYS_PER_GET):
            found = self._metadata.get(*places[start : start + KEYS_PER_GET])
            days |= {wanted[key]: str(record.value["day"]) for key, record in found.items()}
        for repository, path in silent_:
            row = {"repository": self._name(report, repository), "path": path}
            report.list(report.unrecorded, {**row, "last_day": days.get((repository, path))})

    def _left(self, report: Report) -> Iterator[dict[str, Any]]:
        """The suspects that still open something, with what kind they are."""
        kinds = {
            "user": keys.user,
            "subscriber": keys.subscriber,
            "key": keys.api_key,
            "session": keys.portal_session,
            "SCIM token": keys.scim_token,
        }
        for suspect in report.suspects:
            wanted = {key(self._organization, suspect.id): kind for kind, key in kinds.items()}
            for key, record in self._metadata.get(*wanted).items():
                if record.value.get("active", True) is True:
                    owner = record.value.get("user")
                    yield {"id": suspect.id, "kind": wanted[key], "user": owner}

    def _reasons(
        self,
        report: Report,
        readers: Counter[tuple[str, str, str]],
        affected: set[tuple[str, str]],
    ) -> dict[str, list[str]]:
        """Why who must be told, by ids."""
        reasons: dict[str, list[str]] = {}

        def tell(one: object, why: str) -> None:
            if isinstance(one, str):
                reasons.setdefault(one, []).append(why)

        for one in self._told.administrators():
            tell(one, "administrator")
        for suspect in report.suspects:
            tell(suspect.owner, "account or credential in other hands")
        for file in report.files:
            tell(file.publisher, "published what was overwritten or deleted")
        for change in report.access:
            if change["action"].startswith(_PERSONAL):
                tell(change["subject"], "access was changed")
            tell(change["owner"], "access was changed")
            for name in ("added", "removed"):
                for one in change["details"].get(name) or ():
                    tell(one, "access was changed")
        for _, _, user in readers:
            tell(user, "downloaded what was written")
        names = {one: self._name(report, one) for one, _ in affected}
        for one, read in self._told.subscribers(names).items():
            tell(one, f"may have downloaded from {', '.join(read)}")
        return reasons

    @staticmethod
    def _name(report: Report, repository: str) -> str:
        return report.repositories.get(repository, repository)


def _theirs(batch: Iterable[Event], report: Report, suspects: Suspects) -> dict[str, Event]:
    return {e.id: e for e in batch if e.at <= report.until and suspects.acts(e)}


def _changed(event: Event) -> dict[str, Any]:
    details = event.details
    return {
        "at": time_text(event.at),
        "action": event.action,
        "credential": event.actor.credential,
        "subject": details.get("subject"),
        "owner": details.get("owner"),
        "repository": details.get("repository"),
        "changed": details.get("changed"),
        "details": dict(details),
    }
