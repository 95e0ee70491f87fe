"""Second factors from the command line: required of an organization, reset for one of it."""

from pathlib import Path

from storage import keys
from storage.metadata import Metadata, Put
from storage.metadata.opening import open_engine
from tests.cli.here import Here

PERSON = "dev@example.org"


def test_an_organization_requires_one_and_keeps_to_it(strongroom: Here) -> None:
    """Nobody asks the operator whether he has one."""
    required = strongroom.json("org", "set", "default", "--second-factor", "required")
    assert required["second_factor"] == "required"
    strongroom("org", "suspend", "default")
    assert strongroom.json("org", "resume", "default")["second_factor"] == "required"
    (listed,) = strongroom.json("org", "list")["organizations"]
    assert listed["second_factor"] == "required"
    status, out, _ = strongroom("org", "set", "default", "--second-factor", "optional")
    assert (status, out.splitlines()[-1]) == (0, "second factor: optional")


def test_who_lost_his_device_is_let_in_without(strongroom: Here, data: Path) -> None:
    user = strongroom.json("user", "create", PERSON)
    metadata = Metadata(open_engine(f"sqlite:{data}/strongroom.db", data))
    organization = strongroom.json("org", "list")["organizations"][0]["id"]
    key, factor = keys.user(organization, user["id"]), keys.second_factor(organization, user["id"])
    record = metadata.get(key)[key]
    metadata.commit(
        Put(key, {**record.value, "second_factor": True, "epoch": 4}, at=record.version),
        Put(factor, {"secret": "sealed"}, absent=True),
    )
    status, out, _ = strongroom("user", "second-factor", "reset", PERSON)
    assert (status, "second factor taken away" in out) == (0, True)
    left, (mail,) = metadata.get(key, factor), metadata.query(keys.mails(organization)).records
    metadata.close()
    assert mail.value["kind"] == "no-second-factor", "and he is told of it"
    assert factor not in left
    assert (left[key].value["second_factor"], left[key].value["epoch"]) == (False, 5)
    assert strongroom("user", "second-factor", "reset", PERSON)[0] == 1
