"""Whom it is about: a user or a subscriber, and by what his records are found."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from auth.emails import email_key, parse_email
from auth.errors import InvalidField, Missing
from auth.outbox import Outbox, read_mail
from auth.records import is_id
from auth.sealing import NotSealedHere, Sealer
from auth.user_names import UserName, parse_user_name, user_name_key
from storage import keys
from storage.metadata import Metadata, Record

USER, SUBSCRIBER = "user", "subscriber"


class Several(Exception):
    """More than one has that address; the message names them by id."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(f"more than one has that address, name one by id: {', '.join(ids)}")


@dataclass(frozen=True, slots=True)
class Person:
    """A person, alive or erased.

    `kind` is `user` or `subscriber`. `since` is when his record was made, None where it is gone
    and nobody remembers. `keys` and `mails` are ids of what is found by nothing else once his
    record is gone.
    """

    organization: str
    id: str
    kind: str = USER
    email: str | None = field(default=None, repr=False)
    since: datetime | None = None
    keys: tuple[str, ...] = ()
    mails: tuple[str, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether his own record was found."""
        return self.since is not None

    def looked_up(self, metadata: Metadata, sealer: Sealer) -> "Person":
        """The same person, with the ids of his keys and of the mails that wait for him."""
        found = {
            record.key.sort
            for record in metadata.query_all(keys.api_keys(self.organization))
            if record.value.get("user") == self.id
        }
        mails = {*self.mails, *_mails_about(metadata, sealer, self)}
        return replace(self, keys=tuple(sorted(found | set(self.keys))), mails=tuple(sorted(mails)))


def find_person(metadata: Metadata, organization: str, named: str) -> Person:
    """The person with that id, e-mail address or user name, a subscriber by the contact's address;
    what looks like an id is one.

    Raises:
        Several: more than one has that address.
        Missing: nobody has that address or name. An id of which no record is there is a person
            all the same: who was erased is named by it.
    """
    if is_id(named):
        return person_of(metadata, organization, named)
    return _by_name(metadata, organization, named)


def person_of(metadata: Metadata, organization: str, person_id: str, kind: str = USER) -> Person:
    """The person with that id; of what kind his record says, or else `kind`."""
    user = keys.user(organization, person_id)
    subscriber = keys.subscriber(organization, person_id)
    found = metadata.get(user, subscriber)
    if user in found:
        return _read(organization, USER, found[user])
    if subscriber in found:
        return _read(organization, SUBSCRIBER, found[subscriber])
    return Person(organization, person_id, kind)


def _by_name(metadata: Metadata, organization: str, text: str) -> Person:
    try:
        name = parse_user_name(text)
    except InvalidField as error:
        raise Missing("user or subscriber") from error
    key = user_name_key(organization, name)
    record = metadata.get(key).get(key)
    found = [] if record is None else [str(record.value["user"])]
    found += _subscribers_with(metadata, organization, name, "contact")
    if len(found) > 1:
        raise Several(found)
    if not found:
        raise Missing("user or subscriber")
    return person_of(metadata, organization, found[0])


def others_with(metadata: Metadata, person: Person) -> list[str]:
    """The ids of others in whose records the address of a person is, as contact or in a name."""
    try:
        address = None if person.email is None else parse_email(person.email)
    except InvalidField:
        return []
    if address is None:
        return []
    key = email_key(person.organization, address)
    users = [str(record.value["user"]) for record in metadata.get(key).values()]
    texts = ("contact", "name")
    found = users + _subscribers_with(metadata, person.organization, address, *texts)
    return [one for one in found if one != person.id]


def _subscribers_with(
    metadata: Metadata, organization: str, address: UserName, *fields: str
) -> list[str]:
    return [
        record.key.sort
        for record in metadata.query_all(keys.subscribers(organization))
        if any(_is_address(record.value.get(name), address) for name in fields)
    ]


def _is_address(text: object, address: UserName) -> bool:
    try:
        return isinstance(text, str) and parse_email(text).compared == address.compared
    except InvalidField:
        return False


def _read(organization: str, kind: str, record: Record) -> Person:
    email = record.value.get("email" if kind == USER else "contact")
    created = datetime.fromisoformat(record.value["created"])
    return Person(organization, record.key.sort, kind, email if _is_any(email) else None, created)


def _is_any(text: object) -> bool:
    try:
        return isinstance(text, str) and parse_email(text) is not None
    except InvalidField:
        return False


def _mails_about(metadata: Metadata, sealer: Sealer, person: Person) -> set[str]:
    """The ids of the mails that wait for a person's address, or to whatever address are about
    him: both are sealed in them."""
    outbox, found = Outbox(sealer), set()
    address = None if person.email is None else parse_email(person.email)
    for record in metadata.query_all(keys.mails(person.organization)):
        try:
            letter = outbox.open(read_mail(person.organization, record))
        except NotSealedHere:
            continue  # it can be sent to nobody either, and goes by itself within 2 hours
        to = None if letter.to is None else parse_email(letter.to)
        if letter.subject == person.id or (to is not None and to == address):
            found.add(record.key.sort)
    return found
