"""Of several who provision at once one gets what is one's alone, on each of the stores."""

import threading
import unicodedata
from collections.abc import Callable

import pytest

from app.installation import Installation
from auth import AlreadyTaken, Authority, ChangedMeanwhile, SlowHashes, Users, operating
from auth.bootstrap import prepare
from auth.outbox import Outbox
from auth.passwords import CHEAP
from auth.provisioned_users import ProvisionedUser, ProvisionedUsers, WantedUser
from storage import keys
from storage.events import SYSTEM
from tests.app.conftest import any_installation, dynamodb, installation, remote_installation
from tests.auth.provisioning import same, wanted

__all__ = ["any_installation", "dynamodb", "installation", "remote_installation"]

NAME = "J\u00fcrgen.\u0130@Example.org"


@pytest.fixture
def users(any_installation: Installation) -> ProvisionedUsers:
    at = any_installation
    hashes = SlowHashes(at.settings.data / "run")
    return ProvisionedUsers(at.recent, at.journal, hashes, CHEAP, outbox=Outbox(at.sealer))


@pytest.fixture
def by(any_installation: Installation) -> Authority:
    at = any_installation
    organization = prepare(at.metadata, at.journal, None, parameters=CHEAP).organization
    return operating(organization, SYSTEM)


def at_once(*calls: Callable[[], object]) -> list[object]:
    """What each of some calls returned or raised, made at the same time."""
    start, done = threading.Barrier(len(calls)), dict[int, object]()

    def run(number: int, call: Callable[[], object]) -> None:
        start.wait(30)
        try:
            done[number] = call()
        except (AlreadyTaken, ChangedMeanwhile) as error:
            done[number] = error

    threads = [threading.Thread(target=run, args=one) for one in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return [done[number] for number in range(len(calls))]


def test_one_gets_a_user_name_in_whatever_case_and_form(
    users: ProvisionedUsers, by: Authority
) -> None:
    spelt = [
        unicodedata.normalize(form, name)
        for form in ("NFC", "NFD")
        for name in (NAME, NAME.upper(), NAME.lower())
    ]
    found = at_once(
        *(lambda name=name: users.create(by, wanted(name, email=None)) for name in spelt)
    )
    made = [one for one in found if isinstance(one, ProvisionedUser)]
    refused = [one.field for one in found if isinstance(one, AlreadyTaken)]
    assert (len(made), refused) == (1, ["user_name"] * 5)
    assert list(users.all(by)) == made
    for name in spelt:
        assert users.find_by_name(by, name) == made[0]


def test_a_name_and_an_address_that_are_the_same_are_one_users(
    any_installation: Installation, users: ProvisionedUsers, by: Authority
) -> None:
    """By whatever way the two are made."""
    at = any_installation
    hashes = SlowHashes(at.settings.data / "run")
    others = Users(at.recent, at.journal, Outbox(at.sealer), hashes, CHEAP)
    found = at_once(
        lambda: users.create(by, wanted("jo@example.org", email=None)),
        lambda: users.create(by, wanted("kim", email="Jo@example.org")),
        lambda: others.create(by, email="jo@EXAMPLE.org", name="Jo", role="reader"),
    )
    assert sum(not isinstance(one, AlreadyTaken) for one in found) == 1
    assert len(list(users.all(by))) == 1
    partition = keys.emails(by.organization)
    left = {str(record.value["user"]) for record in at.metadata.query_all(partition)}
    assert left == {one.user.id for one in users.all(by)}


def test_one_gets_an_external_id_and_the_others_leave_nothing(
    any_installation: Installation, users: ProvisionedUsers, by: Authority
) -> None:
    found = at_once(
        *(
            lambda name=name: users.create(by, wanted(name, external_id="e"))
            for name in ("one", "two", "three", "four")
        )
    )
    made = [one for one in found if isinstance(one, ProvisionedUser)]
    refused = [one.field for one in found if isinstance(one, AlreadyTaken)]
    assert (len(made), refused) == (1, ["external_id"] * 3)
    assert users.find_by_external_id(by, "e") == made[0]
    for partition in (keys.emails, keys.profiles):
        records = any_installation.metadata.query_all(partition(by.organization))
        assert len(list(records)) == 1


def test_no_change_of_several_at_once_is_lost(users: ProvisionedUsers, by: Authority) -> None:
    made = users.create(by, wanted("jo", attributes={"n": 0}))

    def count(found: ProvisionedUser) -> WantedUser:
        return same(found, attributes={"n": (found.attributes or {})["n"] + 1})

    found = at_once(*(lambda: users.change(by, made.user.id, count) for _ in range(4)))
    counted = sum(isinstance(one, ProvisionedUser) for one in found)
    left = users.get(by, made.user.id)
    assert left.attributes == {"n": counted}
    assert counted >= 1


def test_two_take_each_others_name_only_one_after_the_other(
    users: ProvisionedUsers, by: Authority
) -> None:
    one, two = users.create(by, wanted("one")), users.create(by, wanted("two"))
    found = at_once(
        lambda: users.change(by, one.user.id, lambda it: same(it, user_name="TWO")),
        lambda: users.change(by, two.user.id, lambda it: same(it, user_name="ONE")),
    )
    assert all(isinstance(each, AlreadyTaken) for each in found)
    users.change(by, one.user.id, lambda it: same(it, user_name="free"))
    moved = users.change(by, two.user.id, lambda it: same(it, user_name="ONE"))
    assert users.find_by_name(by, "one") == moved


def test_profiles_larger_than_a_page_of_the_store_come_whole(
    users: ProvisionedUsers, by: Authority
) -> None:
    large = {"text": "x" * 60_000}
    made = [users.create(by, wanted(f"user{number}", attributes=large)) for number in range(40)]
    made += [users.create(by, wanted(f"small{number}")) for number in range(5)]
    assert list(users.page(by, "", 1000).items) == sorted(made, key=lambda one: one.user.id)
    assert list(users.all(by)) == list(users.page(by, "", 1000).items)
