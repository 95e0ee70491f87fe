"""Which records tell of a person, on one page.

A record family that is not here is unknown to privacy: a test compares this page with the
tree in `storage/keys.py`, so whoever draws a new line there says here which of three it is.

`FAMILIES` hold data of a person, and go when he is erased. `HOLDING_IDS` stay: they hold an id
that leads to nobody once the records above are gone. `HOLDING_NONE` tell of nobody.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from app.privacy.person import SUBSCRIBER, USER, Person
from app.publishing.session import Session
from storage import keys
from storage.metadata import Delete, Key, Metadata, Operation, Put, Record
from storage.metadata.operations import KEYS_PER_GET

#: What a key is called that goes on under another user: its name may have told of the old one.
HANDED_OVER = "handed over"

#: Finds the records of a person in one family.
Find: TypeAlias = Callable[[Metadata, Person], Iterator[Record]]


@dataclass(frozen=True, slots=True)
class Family:
    """A family of records that tell of a person.

    `lines` are its lines in the tree. `hidden` are fields of which an export says only that
    they are there: secrets, or hashes of them; `secret_ids` says that its ids are such hashes.
    """

    name: str
    lines: tuple[str, ...]
    find: Find
    hidden: frozenset[str] = frozenset()
    secret_ids: bool = False
    kind: str | None = None
    deleting: Callable[[Person, Record], tuple[Operation, ...]] = lambda _, record: (
        Delete(record.key),
    )


def _records(metadata: Metadata, wanted: list[Key]) -> Iterator[Record]:
    for start in range(0, len(wanted), KEYS_PER_GET):
        yield from metadata.get(*wanted[start : start + KEYS_PER_GET]).values()


def _one(key: Callable[[str, str], Key]) -> Find:
    """The one record that lies under the person's id."""
    return lambda metadata, person: _records(metadata, [key(person.organization, person.id)])


def _own(partition: Callable[[str, str], str]) -> Find:
    """All records of a partition that is the person's own."""
    return lambda metadata, person: metadata.query_all(partition(person.organization, person.id))


def _naming(partition: Callable[[str], str]) -> Find:
    """The records of a partition that name the person as their user."""
    return lambda metadata, person: (
        record
        for record in metadata.query_all(partition(person.organization))
        if record.value.get("user") == person.id
    )


def _ids(key: Callable[[str, str], Key], of: Callable[[Person], tuple[str, ...]]) -> Find:
    """The records under ids that were noted of the person."""
    return lambda metadata, person: _records(
        metadata, [key(person.organization, one) for one in of(person)]
    )


def _in_groups(groups: Callable[[str], str], member: Callable[[str, str, str], Key]) -> Find:
    """What says that the person is in a group, for all groups that there are."""
    return lambda metadata, person: _records(
        metadata,
        [
            member(person.organization, group.key.sort, person.id)
            for group in metadata.query_all(groups(person.organization))
        ],
    )


def _open_uploads(metadata: Metadata, person: Person) -> Iterator[Record]:
    return metadata.query_all(keys.open_sessions(person.organization), f"{person.id}/")


def _open_jobs(metadata: Metadata, person: Person) -> Iterator[Record]:
    return metadata.query_all(keys.open_jobs(person.organization), f"{person.id}/")


def _handed_on(metadata: Metadata, person: Person) -> Iterator[Record]:
    return (
        record
        for record in metadata.query_all(keys.api_keys(person.organization))
        if person.id in record.value.get("handed_from", ())
    )


def _renaming(person: Person, record: Record) -> tuple[Operation, ...]:
    """Takes away what a key was called by who had it once; whoever has it now calls it anew."""
    if record.value.get("user") == person.id:
        return (Delete(record.key),)
    before = [one for one in record.value["handed_from"] if one != person.id]
    value = {**record.value, "name": HANDED_OVER, "handed_from": before}
    return (Put(record.key, value, at=record.version),)


def _ending_upload(person: Person, record: Record) -> tuple[Operation, ...]:
    """Ends an upload; collection takes its bytes, which no lease keeps any more."""
    return tuple(Session.read(person.organization, record).deleting())


def _dropping_mail(_: Person, record: Record) -> tuple[Operation, ...]:
    """Drops a mail with its place in the queue, which the worker would come to in vain."""
    due = record.value.get("due")
    if not isinstance(due, str):
        return (Delete(record.key),)
    place = keys.waiting_mail(datetime.fromisoformat(due), record.key.sort)
    return (Delete(record.key), Delete(place))


#: The person's own record first: without it no credential of his is good for anything.
FAMILIES: tuple[Family, ...] = (
    Family(
        "user", ("ORG#users / USER",), _one(keys.user), hidden=frozenset({"password"}), kind=USER
    ),
    Family("subscriber", ("ORG#subscribers / SUBSCRIBER",), _one(keys.subscriber), kind=SUBSCRIBER),
    Family("e-mail addresses", ("ORG#emails / EMAIL",), _naming(keys.emails)),
    Family("profile", ("ORG#profiles / USER",), _one(keys.profile)),
    Family("external ids", ("ORG#user-external-ids / HASH",), _naming(keys.user_external_ids)),
    Family("keys", ("ORG#keys / KEY",), _naming(keys.api_keys), hidden=frozenset({"hash"})),
    Family(
        "lists of keys",
        ("ORG#keys#USER / KEY", "ORG#keys#USER / count"),
        _own(keys.api_keys_of),
    ),
    Family(
        "names of keys that others have now",
        (),  # they are keys, and stay: what goes is what this person called them
        _handed_on,
        hidden=frozenset({"hash", "user", "scopes"}),
        deleting=_renaming,
    ),
    Family("last uses of keys", ("ORG#used-keys / KEY",), _ids(keys.used_key, lambda p: p.keys)),
    Family(
        "sessions",
        ("ORG#portal / SESSION",),
        _naming(keys.portal_sessions),
        hidden=frozenset({"hash", "address_hash"}),
    ),
    Family("lists of sessions", ("ORG#portal#USER / SESSION",), _own(keys.portal_sessions_of)),
    Family(
        "second factor",
        ("ORG#second-factors / USER",),
        _one(keys.second_factor),
        hidden=frozenset({"secret", "recovery", "last_step", "pending"}),
    ),
    Family(
        "resets and invitations",
        ("ORG#resets / HASH",),
        _naming(keys.resets),
        hidden=frozenset({"email_hash"}),
        secret_ids=True,
    ),
    Family(
        "latest reset", ("ORG#reset-of / USER",), _one(keys.reset_of), hidden=frozenset({"hash"})
    ),
    Family(
        "mails that wait",
        ("ORG#mail / MAIL", "_#mail / TIME#MAIL"),
        _ids(keys.mail, lambda p: p.mails),
        hidden=frozenset({"sealed"}),
        deleting=_dropping_mail,
    ),
    Family("addresses of sign-ins", ("ORG#seen#USER / ADDRESS",), _own(keys.seen_of)),
    Family("groups", ("ORG#members#GROUP / USER",), _in_groups(keys.groups, keys.member)),
    Family(
        "subscriber groups",
        ("ORG#subscribers#GROUP / SUBSCRIBER",),
        _in_groups(keys.subscriber_groups, keys.subscriber_of),
    ),
    Family(
        "downloads of a subscriber",
        ("ORG#subscriber-usage#SUBSCRIBER / DAY#REPO",),
        _own(keys.subscriber_usage),
    ),
    Family(
        "uploads",
        ("ORG#sessions / SESSION",),
        _naming(keys.sessions),
        hidden=frozenset({"token"}),
        deleting=_ending_upload,
    ),
    Family("open uploads", ("ORG#open-sessions / USER/SESSION",), _open_uploads),
)

#: Which only the walk through history finds, hour by hour.
SIDE_RECORDS = "addresses and agents of events"
SIDE_LINES = ("ORG#who#HOUR#STRIPE / TIME#ID",)

#: What stays, and why that tells of nobody.
HOLDING_IDS = {
    "ORG#events#HOUR#STRIPE / TIME#ID": "history names who did it by id alone",
    "ORG#folder#REPO#FOLDER / NAME": "a file names who published it by id alone",
    "ORG#deleted#REPO#FOLDER / NAME/TIME#ID": "a file that can be restored, the same",
    "ORG#deleted-repositories / NAME/TIME#ID": "it names who deleted it by id alone",
    "ORG#jobs / JOB": "a job names who asked for it by id alone, for 30 days",
    "ORG#open-jobs / USER/JOB": "it goes when that job ends",
    "ORG#privacy / REQUEST": "the proof that the person was erased",
    "ORG#organization / organization": "ids of administrators; his goes with his record",
}

HOLDING_NONE = frozenset(
    {
        "_#format / format",
        "_#organizations / NAME",
        "_#tokens#ID / token",
        "_#jobs / TIME#JOB",
        "_#duties / DUTY",
        "_#scan / position",
        "_#deleted-organizations / NAME/TIME#ID",
        "_#erased / NAME",
        "ORG#organization / back",
        "ORG#groups / GROUP",
        "ORG#group-names / HASH",
        "ORG#group-external-ids / HASH",
        "ORG#member-changes / GROUP",
        "ORG#scim-tokens / TOKEN",
        "ORG#scim-tokens / count",
        "ORG#seals / MINUTE",
        "ORG#sealed / head",
        "ORG#sealed / removed",
        "ORG#sealed / rule",
        "ORG#attempts / MINUTE#WHAT",  # under keyed hashes, which expire
        "ORG#subscriber-groups / GROUP",
        "ORG#repositories / NAME",
        "ORG#repository-names / ID",
        "ORG#retention / REPO",
        "ORG#downloaded#REPO / PATH",
        "ORG#readers / READER",
        "ORG#folder#REPO#FOLDER / NAME/",
        "ORG#usage#REPO#STRIPE / usage",
        "ORG#usage#STRIPE / usage",
        "ORG#quota-warned / REPO",
        "ORG#due#DAY#STRIPE / TIME#ID",
        "ORG#made / TIME#REPO#FOLDER",
        "ORG#emptied / REPO#FOLDER",
        "ORG#names#REPO / NAME/PATH",
        "ORG#digests#REPO / DIGEST/PATH",
        "ORG#ages#REPO / TIME/PATH",
        "ORG#sizes#REPO / SIZE/PATH",
        "ORG#coordinates#REPO / G:A:V:NAME",
        "ORG#artifacts#REPO / A:G:V:NAME",
        "ORG#plugins#REPO / G:A:V:NAME",
        "ORG#archetypes#REPO / G:A:V:NAME",
        "ORG#revisions#REPO / FOLDER:STRIPE",
        "ORG#distributions#REPO / PROJECT/NAME",
        "ORG#projects#REPO / PROJECT",
        "ORG#claims#REPO / IDENTITY",
        "ORG#expected#REPO / PATH",
        "ORG#sent#REPO / PATH/SHA256",
        "ORG#blob#SHA256 / blob",
        "ORG#bytes#BLOBKEY / bytes",
        "ORG#unreferenced / BLOBKEY",
        "ORG#uploads / BLOBKEY",
    }
)
