"""Promise S3, this layer's part: no credential and no address in a `repr`, error or record."""

import traceback

import pytest

from auth import (
    ApiKeySecret,
    AuthError,
    EmailPassword,
    FirstSecrets,
    InvalidField,
    MadeKey,
    UserChanges,
    Wanted,
)
from auth.emails import parse_email
from auth.secret_texts import fingerprint, make_secret
from tests.auth.installation import ADDRESS, Installation, Process

EMAIL = "marked.person@example.org"
PASSWORD = "marked password text"
NAME = "Marked Person Name"


def test_no_value_shows_a_secret(installation: Installation, process: Process) -> None:
    by = process.operator
    user = process.users.create(by, email=EMAIL, name=NAME, role="admin", password=PASSWORD)
    made = process.keys.create(by, name=NAME, user_id=user.id)
    password, key = EmailPassword(EMAIL, PASSWORD), made.secret
    claims = [
        process.authenticator.identify(process.standing, credentials, ADDRESS)
        for credentials in (password, key)
    ]
    principals = [process.authenticate(password), process.authenticate(key)]
    warm = process.authenticator.identify(process.standing, password, ADDRESS)
    values = [
        password,
        key,
        made,
        MadeKey(made.key, made.secret),
        user,
        fingerprint(key),
        parse_email(EMAIL),
        *claims,
        warm,
        *principals,
        *(principal.acting("request", ADDRESS, "agent") for principal in principals),
        UserChanges(email=EMAIL, name=NAME, password=PASSWORD),
        Wanted(EMAIL, PASSWORD),
        FirstSecrets(user.id, EMAIL, PASSWORD, key),
        installation.made,
        process.authenticator,
        process.verified,
        process.users,
        process.keys,
        process.keys.list(by, user.id),
        process.users.list(by),
    ]
    marked = [EMAIL, PASSWORD, NAME, key.text, fingerprint(key).sha256, ADDRESS, "pbkdf2"]
    for value in values:
        for text in (repr(value), str(value), f"{value}"):
            for mark in marked:
                assert mark not in text, type(value)


@pytest.mark.parametrize(
    "credentials",
    [
        EmailPassword(EMAIL, PASSWORD),
        EmailPassword(EMAIL, "marked"),
        EmailPassword("marked person", PASSWORD),
        ApiKeySecret("srk_marked"),
        make_secret(),
    ],
)
def test_no_error_tells_what_was_sent(
    process: Process, credentials: EmailPassword | ApiKeySecret
) -> None:
    with pytest.raises(AuthError) as caught:
        process.authenticate(credentials)
    text = "".join(map(str, _chain(caught.value)))
    assert "marked" not in text
    assert "srk_" not in text


def test_no_error_of_a_field_holds_its_value(process: Process) -> None:
    for fields in (
        {"email": "marked", "name": NAME, "role": "reader"},
        {"email": EMAIL, "name": "marked\n" + NAME, "role": "reader"},
        {"email": EMAIL, "name": NAME, "role": "marked"},
        {"email": EMAIL, "name": NAME, "role": "reader", "password": "marked"},
        {"email": EMAIL, "name": NAME, "role": "reader", "password": "marked" * 100},
    ):
        with pytest.raises(InvalidField) as caught:
            process.users.create(process.operator, **fields)
        assert "marked" not in str(caught.value)
        assert "Marked" not in str(caught.value)


def _chain(error: BaseException) -> list[str]:
    """What a log would show of an error and its causes, without the lines of the code."""
    found: list[str] = []
    at: BaseException | None = error
    while at is not None:
        found += traceback.format_exception_only(at)
        at = at.__cause__ or at.__context__
    return found
