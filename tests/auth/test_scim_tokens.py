"""SCIM tokens: made by administrators, shown once, ended by time, rotation and deletion."""

import threading
from datetime import timedelta

import pytest

from auth import Forbidden, InvalidField, LimitReached, Missing, NotAuthenticated
from auth.credentials import ApiKeySecret
from auth.errors import AlreadyRotated
from auth.principals import Action, Site
from auth.scim_tokens import TOKENS_MOST, ScimTokens
from storage import keys
from storage.metadata import Put
from tests.auth.installation import Installation, Process
from tests.auth.test_users import events

DAY = timedelta(days=1)


def tokens(process: Process) -> ScimTokens:
    return ScimTokens(process.recent, process.journal, process.clock)


def test_a_token_says_what_it_is_and_may_nothing_in_repositories(process: Process) -> None:
    made = tokens(process).create(process.operator, name="idp")
    assert made.secret.text.startswith("srt_")
    principal = process.authenticate(made.secret)
    assert (principal.kind, principal.credential) == ("scim", made.token.id)
    assert not principal.manages
    assert not any(principal.may(Site("repo", "repo"), action) for action in Action)


def test_a_record_holds_the_hash_and_not_the_secret(process: Process) -> None:
    made = tokens(process).create(process.operator, name="idp")
    records = str(process.metadata.scan(0, 1).records)
    assert made.token.id in records
    assert made.secret.text[4:-6] not in records
    assert made.secret.text not in repr(made)
    assert tokens(process).list(process.operator) == (made.token,)


def test_a_token_of_another_kind_of_secret_is_none(process: Process) -> None:
    """The same digits under another prefix lead elsewhere, and prove nothing there."""
    user = process.user()
    token = tokens(process).create(process.operator, name="idp").secret.text
    key = process.keys.create(process.operator, name="ci", user_id=user.id).secret.text
    for text in (f"srk_{token[4:]}", f"srt_{key[4:]}"):
        with pytest.raises(NotAuthenticated):
            process.authenticate(ApiKeySecret(text))


def test_a_token_ends_by_the_clock(process: Process) -> None:
    made = tokens(process).create(process.operator, name="idp", expires=process.clock() + DAY)
    process.clock.pass_by(hours=23, minutes=59)
    process.authenticate(made.secret)
    process.clock.pass_by(minutes=1)
    with pytest.raises(NotAuthenticated) as caught:
        process.authenticate(made.secret)
    assert "token has expired" in str(caught.value)


def test_a_token_that_is_rotated_ends_after_the_overlap(process: Process) -> None:
    old = tokens(process).create(process.operator, name="idp", expires=process.clock() + 90 * DAY)
    process.clock.pass_by(days=80)
    new = tokens(process).rotate(process.operator, old.token.id, overlap=timedelta(hours=2))
    assert new.token.expires == process.clock() + 90 * DAY
    assert new.token.name == "idp"
    process.clock.pass_by(hours=1)
    process.authenticate(old.secret)
    process.clock.pass_by(hours=1)
    with pytest.raises(NotAuthenticated):
        process.authenticate(old.secret)
    process.authenticate(new.secret)
    with pytest.raises(AlreadyRotated):
        tokens(process).rotate(process.operator, old.token.id)


def test_a_deleted_token_opens_nothing(process: Process) -> None:
    made = tokens(process).create(process.operator, name="idp")
    process.authenticate(made.secret)
    tokens(process).delete(process.operator, made.token.id)
    with pytest.raises(NotAuthenticated):
        process.authenticate(made.secret)
    for missing in (made.token.id, "count", "nonsense"):
        with pytest.raises(Missing):
            tokens(process).delete(process.operator, missing)


def test_only_administrators_have_anything_to_do_with_tokens(process: Process) -> None:
    user = process.user()
    made = tokens(process).create(process.operator, name="idp")
    key = process.keys.create(process.operator, name="ci", user_id=user.id)
    for secret in (key.secret, made.secret):
        by = process.authenticate(secret).acting("request")
        for call in (
            lambda by=by: tokens(process).create(by, name="x"),
            lambda by=by: tokens(process).list(by),
            lambda by=by: tokens(process).delete(by, made.token.id),
            lambda by=by: tokens(process).rotate(by, made.token.id),
        ):
            with pytest.raises(Forbidden):
                call()


def test_there_are_ten_tokens_and_no_more(installation: Installation) -> None:
    """Also when two processes make them at once."""
    one, two = installation.process(), installation.process()
    refused: list[LimitReached] = []

    def make(process: Process) -> None:
        for _ in range(TOKENS_MOST // 2 + 2):
            try:
                tokens(process).create(process.operator, name="idp")
            except LimitReached as error:
                refused.append(error)

    threads = [threading.Thread(target=make, args=(process,)) for process in (one, two)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = tokens(one).list(one.operator)
    assert (len(found), len(refused)) == (TOKENS_MOST, 4)
    with pytest.raises(LimitReached):
        tokens(one).rotate(one.operator, found[0].id)
    tokens(one).delete(one.operator, found[0].id)
    tokens(one).create(one.operator, name="idp")


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\x00b"])
def test_a_name_is_shown_and_so_has_to_be_one(process: Process, name: str) -> None:
    with pytest.raises(InvalidField):
        tokens(process).create(process.operator, name=name)
    assert tokens(process).list(process.operator) == ()


def test_the_right_to_administrators_is_given_at_the_making_and_kept_by_rotation(
    process: Process,
) -> None:
    weak = tokens(process).create(process.operator, name="weak")
    strong = tokens(process).create(process.operator, name="strong", administrators=True)
    again = tokens(process).rotate(process.operator, strong.token.id)
    rotated = tokens(process).rotate(process.operator, weak.token.id)
    found = {one.id: one.administrators for one in tokens(process).list(process.operator)}
    assert found == {
        weak.token.id: False, rotated.token.id: False, strong.token.id: True, again.token.id: True,
    }  # fmt: skip
    for made, raises in ((weak, False), (rotated, False), (strong, True), (again, True)):
        assert process.authenticate(made.secret).raises is raises


def test_a_token_of_before_there_was_that_right_has_it_not(process: Process) -> None:
    made = tokens(process).create(process.operator, name="old", administrators=True)
    key = keys.scim_token(process.organization, made.token.id)
    value = dict(process.metadata.get(key)[key].value)
    for odd in ({}, {"administrators": "true"}, {"administrators": 1}):
        del value["administrators"]
        value |= odd
        process.recent.commit(Put(key, value))
        assert not process.authenticate(made.secret).raises
        value["administrators"] = True


def test_history_tells_of_the_right(process: Process) -> None:
    tokens(process).create(process.operator, name="strong", administrators=True)
    (event,) = [one for one in events(process) if one.action == "scim-token.create"]
    assert event.details["administrators"] is True
