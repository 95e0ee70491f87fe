"""A person with marks in everything that could tell of him, and a search of all that is stored."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.privacy import Erasure, Request, Requests
from app.privacy.person import person_of
from auth.api_keys import ApiKeys
from auth.emails import email_key, parse_email
from auth.outbox import Asked, Letter, Outbox, read_mail
from auth.sealing import Sealer
from storage import keys
from storage.events import SYSTEM, Actor
from storage.metadata import Put
from tests.http.client import Client, bearer
from tests.http.stand import Stand

#: Each of them is to be nowhere once the person is erased.
EMAIL = "marked.person@erase.example"
NAME = "Marcia Markworth"
KEY_NAME = "marcias-laptop-key"
ADDRESS = "127.7.7.77"  # of the loopback: in clear no other may send credentials
AGENT = "marcias-agent/7.3"
MARKS = (EMAIL, "erase.example", NAME, KEY_NAME, ADDRESS, AGENT, "Markworth", "marcias")


@dataclass(frozen=True)
class Marked:
    """The person: his id, his key's id, and a client with the key."""

    id: str
    key_id: str
    client: Client


def marked_person(stand: Stand, email: str = EMAIL, role: str = "developer") -> Marked:
    """A user who published, overwrote and deleted, with records of every family."""
    at = stand.process.installation
    repository = stand.repository("marked", overwrite=True)
    person = (
        stand.users()
        .create(
            stand.operator,
            email=email,
            name=NAME,
            role=role,
            password="long words of her very own",
            permissions={repository.id: ["read", "write", "delete"]},
            repositories=[repository.id],
        )
        .id
    )
    key = ApiKeys(at.recent, at.journal).create(stand.operator, name=KEY_NAME, user_id=person)
    client = stand.client.as_(bearer(key.secret.text))
    for path, body in (("a/one.txt", b"1"), ("a/one.txt", b"2"), ("two.txt", b"3")):
        done = client.put(
            f"/repositories/marked/{path}", body, headers={"User-Agent": AGENT}, peer=ADDRESS
        )
        assert done.status in (200, 201, 204), done.text
    gone = client.delete(
        "/repositories/marked/two.txt", headers={"User-Agent": AGENT}, peer=ADDRESS
    )
    assert gone.status in (200, 204), gone.text
    _more_records(stand, person, key.key.id, email)
    return Marked(person, key.key.id, client)


def _more_records(stand: Stand, person: str, key_id: str, email: str) -> None:
    """Records of the families that no request here makes, in the shapes that are agreed on."""
    at, org = stand.process.installation, stand.organization
    now = datetime.now(UTC)
    later = now + timedelta(hours=1)
    session = {"id": "5e" * 16, "user": person, "hash": "h", "agent": AGENT, "epoch": 0}
    group = {"id": "group", "name": "developers", "permissions": {}}
    asked = Asked(person, Actor(None, "reset", "request", ADDRESS, AGENT))
    letter = Letter("reset", email, {"name": NAME, "path": "/auth/reset/T"}, asked)
    at.metadata.commit(
        Put(keys.portal_session(org, "5e" * 16), session, expires=later),
        Put(keys.portal_session_of(org, person, "5e" * 16), {"user": person}, expires=later),
        Put(keys.second_factor(org, person), {"secret": "sealed", "recovery": ["r"]}),
        Put(keys.profile(org, person), {"attributes": {"nickName": NAME}}),
        Put(keys.user_external_id(org, "e" * 40), {"user": person}),
        Put(keys.group(org, "group"), group),
        Put(keys.member(org, "group", person), {"user": person}),
        Put(keys.reset(org, "ab" * 32), {"user": person, "kind": "reset"}, expires=later),
        Put(keys.reset_of(org, person), {"hash": "ab" * 32}, expires=later),
        Put(keys.used_key(org, key_id), {"hour": keys.hour(now)}),
        Put(keys.seen(org, person, "f" * 32), {}, expires=later),
        *Outbox(Sealer(*at.secrets)).waiting(org, letter),
    )
    # Somebody who had not signed in asked for a mail about this person, from his address.
    nobody = Actor(None, None, "request", ADDRESS, AGENT)
    at.metadata.commit(
        witness=at.journal.event(org, nobody, "password.reset-requested", subject=person)
    )


def erase(stand: Stand, person: str, successor: str | None = None) -> Request:
    """Erase a person as the command does it."""
    at = stand.process.installation
    requests, erasure = Requests(at.metadata, at.journal), Erasure(at)
    noted = requests.of(stand.organization, person)
    found = [one for one in noted if one.report is None]
    if noted and not found and not person_of(at.metadata, stand.organization, person).is_there:
        return noted[-1]
    request = found[0] if found else requests.add(stand.organization, SYSTEM, person, "user")
    return erasure.finish(erasure.begin(request, SYSTEM, successor), SYSTEM)


def traces(stand: Stand, marks: tuple[str, ...] = MARKS) -> list[str]:
    """Where a mark is found: in any record, in clear or sealed, or in any blob."""
    at = stand.process.installation
    found = []
    address = email_key(stand.organization, parse_email(marks[0])).sort
    for record in stand.records():
        text = f"{record.key} {json.dumps(record.value, ensure_ascii=False)}".casefold()
        # History names the records that a commit wrote, of which one is that of the address's
        # hash; it can't be changed without showing.
        wanted = marks if "#events#" in record.key.partition else (*marks, address)
        if any(mark.casefold() in text for mark in wanted):
            found.append(f"{record.key.partition} / {record.key.sort}")
    outbox = Outbox(Sealer(*at.secrets))
    found += [
        f"mail {record.key.sort}"
        for record in at.metadata.query_all(keys.mails(stand.organization))
        if outbox.open(read_mail(stand.organization, record)).to == marks[0]
    ]
    for entry in at.blobs.list().entries:
        download = at.blobs.open(entry.key)
        data = b"".join(download).decode(errors="replace").casefold()
        download.close()
        found += [entry.key for mark in marks if mark.casefold() in data]
    return found
