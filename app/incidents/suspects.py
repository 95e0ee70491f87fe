"""Who acts for an intruder: the credential or person that he has, and all that it made.

A key that was made by a stolen key is his as well, and so is what that one makes; so is a user
that he made, or whose account he took: by another password, address, second factor or link.
What a person had before it was taken is not held against it: such a suspect counts from then on.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from app.incidents.targets import Target
from auth.records import is_id, time_text
from storage.events import Event
from storage.events.feed import LAG

#: Events that make a credential, by the detail that names it.
_CREDENTIALS = {
    "key.create": "subject",
    "key.rotate": "successor",
    "scim-token.create": "subject",
    "scim-token.rotate": "successor",
}
#: Events that make somebody, or give an account into other hands.
_PEOPLE = frozenset(
    {
        "user.create",
        "subscriber.create",
        "invitation.create",
        "password.change",
        "second-factor.set",
        "second-factor.renew",
        "second-factor.reset",
        "second-factor.remove",
    }
)
_TAKING = frozenset({"password", "email"})
#: Events by which a person's keys leave him: from then on they act under another's id.
_LEAVING = frozenset({"user.hand-over", "user.delete", "subscriber.delete"})


@dataclass(frozen=True, slots=True)
class Suspect:
    """Something that acts for an intruder: a credential or a person, by what and when."""

    id: str
    person: bool
    why: str
    by: str | None = None
    at: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class _Making:
    """What an event made a suspect, where a suspect did it; or, where it is `of` a person, where
    that one is a suspect."""

    event: Event
    made: str
    person: bool
    of: str | None = None


class Suspects:
    """Those that are known so far."""

    def __init__(self, target: Target) -> None:
        first = Suspect(target.id, target.is_person, "it is what was named", owner=target.owner)
        self.found: dict[str, Suspect] = {target.id: first}
        for key in target.keys:
            self.found[key] = Suspect(key, False, "a key of who was named", owner=target.id)
        # From when on each is one (as events are stamped, with room for clocks); "": always.
        self._since = dict.fromkeys(self.found, "")

    def acts(self, event: Event) -> bool:
        """Whether one of them did this. Being somebody's credential makes no suspect of him."""
        user, credential = event.actor.user, event.actor.credential
        return self._is_one(credential, event, person=False) or self._is_one(
            user, event, person=True
        )

    def follow(self, makings: Iterable[Event]) -> None:
        """Take in all that these made, whoever of them made it, until nothing is left."""
        waiting = [making for event in makings for making in _makings(event)]
        while True:
            new = [making for making in waiting if self._holds(making)]
            waiting = [making for making in waiting if not self._holds(making)]
            for making in new:
                self._add(making)
            if not new:
                return

    def _holds(self, making: _Making) -> bool:
        if making.of is None:
            return self.acts(making.event)
        return making.of in self.found and self.found[making.of].person

    def _is_one(self, one: str | None, event: Event, *, person: bool) -> bool:
        suspect = None if one is None else self.found.get(one)
        if suspect is None or suspect.person is not person:
            return False
        return time_text(event.at) >= self._since[suspect.id]

    def _add(self, making: _Making) -> None:
        event = making.event
        by = event.actor.credential if event.actor.credential in self.found else event.actor.user
        owner = making.made if making.person else event.details.get("owner") or making.of
        suspect = Suspect(
            making.made,
            making.person,
            event.action,
            by,
            time_text(event.at),
            owner if isinstance(owner, str) else event.actor.user,
        )
        since = time_text(event.at - LAG) if making.of is None else self._since[making.of]
        self.found.setdefault(making.made, suspect)
        self._since[making.made] = min(since, self._since.get(making.made, since))


def makes(event: Event) -> bool:
    """Whether something that could act was made, or changed hands."""
    return any(True for _ in _makings(event))


def _makings(event: Event) -> Iterator[_Making]:
    details = event.details
    subject = details.get("subject")
    if event.action in _CREDENTIALS:
        yield from _credentials(event, [details.get(_CREDENTIALS[event.action])])
    elif event.action == "session.create" and subject != event.actor.credential:
        yield from _credentials(event, [subject], lambda _: True)
    elif event.action == "key.update" and "renewable" in details.get("changed", ()):
        yield from _credentials(event, [subject])
    elif event.action in _LEAVING and isinstance(subject, str):
        handed = details.get("keys") or ()
        yield from _credentials(event, handed, of=subject)
        if event.action == "user.hand-over":
            yield from _credentials(event, handed)
    # Who changes his own password with his own session is whoever has that session.
    elif isinstance(subject, str) and (event.action in _PEOPLE or _takes(event)):
        yield _Making(event, subject, person=True)


def _credentials(
    event: Event,
    made: Iterable[object],
    could: Callable[[str], bool] = is_id,
    of: str | None = None,
) -> Iterator[_Making]:
    return (
        _Making(event, one, person=False, of=of)
        for one in made
        if isinstance(one, str) and could(one)
    )


def _takes(event: Event) -> bool:
    """Whether a user was changed so that somebody else can be him, or can be him again."""
    changed = event.details.get("changed", ())
    if event.action != "user.update":
        return False
    enabled = "active" in changed and event.details.get("active") is not False
    return enabled or not _TAKING.isdisjoint(changed)
