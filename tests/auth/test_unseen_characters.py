"""Letters and marks that no screen shows: nobody gets a name with one, and who has one stays in."""

import unicodedata
from collections.abc import Callable

import pytest

from auth import EmailPassword, InvalidField, Role, UserChanges
from auth.emails import email_key, parse_email
from auth.first_administrator import Candidate, Wanted
from auth.passwords import STRONG
from auth.subscribers import Subscribers
from auth.user_names import parse_user_name, require_visible
from storage import keys
from storage.events import Actor
from storage.metadata import Delete, Put
from tests.auth.installation import ADMIN_EMAIL, PASSWORD, Process
from tests.auth.provisioning import same, service, wanted

OTHER = "another good password"
HIDDEN = f"{ADMIN_EMAIL}\u3164"
UNSEEN = [
    *"\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0",
    *map(chr, range(0x180B, 0x1810)),
    *map(chr, range(0xFE00, 0xFE10)),
    *map(chr, range(0xE0100, 0xE01F0)),
]
#: Formats, which do not print: soft hyphen, joiners, directions, tags.
FORMATS = "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u202e\u2060\u2066\ufeff\U000e0041"


def test_each_is_refused_where_a_name_comes_in() -> None:
    for character in UNSEEN:
        with pytest.raises(InvalidField) as caught:
            require_visible(f"a{character}b", "user_name")
        assert caught.value.field == "user_name"
        assert character not in str(caught.value)
    for character in FORMATS:
        with pytest.raises(InvalidField):
            parse_user_name(f"a{character}b")
        with pytest.raises(InvalidField):
            parse_email(f"a{character}b@example.org")


@pytest.mark.parametrize(
    "name",
    [
        "jo",
        "Bj\u00f6rn",
        "\u738b\u5c0f\u660e",
        "\uae40\ucca0\uc218",
        "\u0e01\u0e34",
        "\u1820\u1821",
        "\U0001f600",
    ],
)
def test_letters_marks_and_signs_that_are_seen_are_taken(name: str) -> None:
    require_visible(name, "name")
    require_visible(unicodedata.normalize("NFD", name), "name")


@pytest.mark.parametrize("character", ["\u3164", "\ufe0f", "\U000e0100", "\u115f"])
def test_nobody_gets_a_name_or_an_address_with_one(process: Process, character: str) -> None:
    by, user = service(process), process.user()
    address, name = f"{ADMIN_EMAIL}{character}", f"admin{character}"
    made = process.provisioned.create(by, wanted("jo"))
    before = {
        record.key: record
        for record in process.metadata.query_all(keys.users(process.organization))
    }
    calls: tuple[Callable[[], object], ...] = (
        lambda: process.users.create(process.operator, email=address, name="x", role="reader"),
        lambda: process.users.update(process.operator, user.id, UserChanges(email=address)),
        lambda: process.provisioned.create(by, wanted(name)),
        lambda: process.provisioned.create(by, wanted("kim", email=address)),
        lambda: process.provisioned.create(by, wanted(address, email=address)),
        lambda: process.provisioned.change(by, made.user.id, lambda it: same(it, user_name=name)),
        lambda: process.provisioned.change(by, made.user.id, lambda it: same(it, email=address)),
        lambda: Candidate.make(Wanted(email=address), STRONG, process.clock()),
        lambda: Subscribers(process.recent, process.journal).create(
            process.operator, name="x", contact=address
        ),
    )
    for call in calls:
        with pytest.raises(InvalidField) as caught:
            call()
        assert caught.value.field in {"email", "user_name", "contact"}
    after = {
        record.key: record
        for record in process.metadata.query_all(keys.users(process.organization))
    }
    assert after == before


def hidden(process: Process) -> str:
    """A user whose address holds one, as it was taken once; his id."""
    user = process.user(password=PASSWORD)
    key = keys.user(process.organization, user.id)
    stored = process.metadata.get(key)[key].value
    process.metadata.commit(
        Put(key, {**stored, "email": HIDDEN}),
        Delete(email_key(process.organization, parse_email(str(stored["email"])))),
        Put(email_key(process.organization, parse_email(HIDDEN)), {"user": user.id}, absent=True),
    )
    return user.id


def test_who_has_one_signs_in_is_found_and_is_changed(process: Process) -> None:
    by, id_ = service(process), hidden(process)
    assert process.authenticate(EmailPassword(HIDDEN, PASSWORD)).user_id == id_
    assert process.users.find(process.operator, HIDDEN).id == id_
    found = process.provisioned.find_by_name(by, HIDDEN)
    assert found is not None
    assert found.user.id == id_
    process.users.update(process.operator, id_, UserChanges(email=HIDDEN, name="New"))
    process.users.update(process.operator, id_, UserChanges(password=OTHER))
    process.provisioned.change(by, id_, lambda it: same(it, role=Role.READER, password=PASSWORD))
    off = process.provisioned.change(by, id_, lambda it: same(it, active=False))
    assert (off.user.active, off.user.email) == (False, HIDDEN)
    process.provisioned.change(by, id_, lambda it: same(it, active=True))
    process.resets.ask(process.standing, HIDDEN, Actor(None, "reset", "request", None))
    found = [(one.kind, one.to) for one in process.letters()]
    assert sorted(found) == [("password", HIDDEN), ("password", HIDDEN), ("reset", HIDDEN)]
    process.users.update(process.operator, id_, UserChanges(email="seen@example.org"))
    assert process.authenticate(EmailPassword("seen@example.org", PASSWORD)).user_id == id_
    process.users.delete(process.operator, id_)
