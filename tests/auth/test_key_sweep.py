"""What goes by itself of keys and tokens that ended, and when."""

from datetime import datetime, timedelta

from auth.key_records import KEYS_OF_USER_MOST
from auth.key_rotation import KeyRotation
from auth.key_sweep import KeySweep
from auth.records import key_count
from auth.scim_tokens import ScimTokens
from storage import keys
from storage.metadata import Put
from tests.auth.installation import Process

DAY = timedelta(days=1)


def sweep(process: Process, now: datetime | None = None) -> int:
    work = KeySweep(process.metadata, process.journal)
    return work.run(process.organization, now or process.clock(), lambda: None)


def listed(process: Process, user_id: str) -> set[str]:
    return {key.id for key in process.keys.list(process.operator, user_id).items}


def test_keys_go_a_month_after_they_ended(process: Process) -> None:
    user = process.user()
    ends = process.clock() + DAY
    ending = process.keys.create(process.operator, name="x", user_id=user.id, expires=ends)
    lasting = process.keys.create(process.operator, name="x", user_id=user.id)
    assert sweep(process, ends + timedelta(days=30, seconds=-1)) == 0
    assert listed(process, user.id) == {ending.key.id, lasting.key.id}
    assert sweep(process, ends + timedelta(days=30)) == 1
    assert sweep(process, ends + timedelta(days=30)) == 0
    assert listed(process, user.id) == {lasting.key.id}
    count = key_count(process.organization, user.id)
    assert process.recent.get(count)[count].value["keys"] == 1
    process.authenticate(lasting.secret)


def test_a_key_that_was_rotated_goes_a_day_after_its_end(process: Process) -> None:
    """So a machine that rotates its key each hour keeps within the forty of its user."""
    user = process.user()
    made = process.keys.create(process.operator, name="ci", user_id=user.id)
    rotation = KeyRotation(process.recent, process.journal, process.clock)
    for _ in range(2 * KEYS_OF_USER_MOST):
        by = process.authenticate(made.secret).acting("request")
        made = rotation.rotate(by, made.key.id, overlap=timedelta(hours=1))
        process.clock.pass_by(hours=1)
        sweep(process)
    assert len(listed(process, user.id)) < KEYS_OF_USER_MOST
    process.authenticate(made.secret)


def test_tokens_go_as_keys_do(process: Process) -> None:
    tokens = ScimTokens(process.recent, process.journal, process.clock)
    ends = process.clock() + DAY
    tokens.create(process.operator, name="ending", expires=ends)
    lasting = tokens.create(process.operator, name="lasting")
    assert sweep(process, ends + 29 * DAY) == 0
    assert sweep(process, ends + 30 * DAY) == 1
    assert tokens.list(process.operator) == (lasting.token,)
    count = keys.scim_token(process.organization, "count")
    assert process.recent.get(count)[count].value["tokens"] == 1


def test_that_a_key_was_used_is_forgotten_with_it(process: Process) -> None:
    user = process.user()
    made = [process.keys.create(process.operator, name="x", user_id=user.id) for _ in range(2)]
    for one in made:
        use = keys.used_key(process.organization, one.key.id)
        process.metadata.commit(Put(use, {"hour": "2026-11-23T12:00:00Z"}))
    process.keys.delete(process.operator, made[0].key.id)
    sweep(process)
    found = process.metadata.query_all(keys.used_keys(process.organization))
    assert [record.key.sort for record in found] == [made[1].key.id]
