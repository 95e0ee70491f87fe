"""The first start: what makes an empty installation one that somebody can use."""

import contextlib
from dataclasses import dataclass

from app.installation import Installation, opened
from app.repositories import Catalogue, RepositoryExists, RepositoryName
from app.settings import Settings, SettingsError
from auth import bootstrap
from auth.errors import Missing
from auth.first_administrator import FirstSecrets, Wanted
from auth.first_sign_in import FirstSignIn
from auth.organizations import DEFAULT, Organizations
from storage.events import SYSTEM

FIRST_REPOSITORY = "files"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a first start made that is to be shown once, if it did, and whether anybody can
    administer the installation now."""

    made: FirstSecrets | None
    administered: bool


def prepare(settings: Settings) -> Prepared:
    """Make what is missing; repeating it changes nothing.

    Tables and files, the format, the organization; an administrator where the settings name
    one or, on the embedded store, where there is none; before the first one a repository.
    The repository comes before the administrator, so that a start that was killed between
    the two is made good by the next.

    Raises:
        SettingsError: the base URL is an organization's that is not there. The first start
            has made what `strongroom org create` needs by then, and no secret yet.
        Whatever the stores and `auth.bootstrap.prepare` raise.
    """
    with opened(settings) as at:
        at.engine.prepare()
        file = FirstSignIn(settings.data)
        found = bootstrap.prepare(at.metadata, at.journal, None, file)
        _check_base_url(at)
        if settings.admin_email is not None:
            wanted = Wanted(settings.admin_email, settings.admin_password, api_key=False)
            if not found.administrators:
                _make_repository(at, found.organization)
            bootstrap.prepare(at.metadata, at.journal, wanted, file)
            return Prepared(None, administered=True)
        if not settings.embedded or found.administrators:
            return Prepared(None, administered=bool(found.administrators))
        _make_repository(at, found.organization)
        done = bootstrap.prepare(
            at.metadata,
            at.journal,
            Wanted(),
            file,
            lines=lambda made: sign_in_text(settings, made),
        )
        return Prepared(done.made, administered=True)


def _check_base_url(at: Installation) -> None:
    """Nobody could sign in where the base URL selects an organization that is not there, and
    whoever made one of that name later would take it over."""
    settings, name = at.settings, at.settings.base_organization
    try:
        Organizations(at.recent).named(name)
    except Missing as error:
        raise SettingsError(
            f"STRONGROOM_BASE_URL ({settings.base_url}) lies within STRONGROOM_DOMAIN"
            f" ({settings.domain}), so it is the address of an organization {name!r}, and there"
            f" is none: run `strongroom org create {name}` (where it was deleted, `strongroom org"
            f" restore {name}`), or set STRONGROOM_BASE_URL to"
            f" https://{DEFAULT}.{settings.domain} or to an address outside of the domain, or"
            " set another STRONGROOM_DOMAIN"
        ) from error


def _make_repository(at: Installation, organization: str) -> None:
    catalogue = Catalogue(at.recent, at.journal)
    with contextlib.suppress(RepositoryExists):  # where an earlier start was killed
        catalogue.create(organization, SYSTEM, RepositoryName.parse(FIRST_REPOSITORY))


def sign_in_text(settings: Settings, made: FirstSecrets) -> str:
    """How to sign in first, and three lines that upload, download and list a file."""
    url = f"{address(settings)}/repositories/{FIRST_REPOSITORY}/"
    key = made.api_key.text if made.api_key is not None else "KEY"
    return "\n".join(
        (
            "The first administrator, shown this once:",
            "",
            f"    e-mail    {made.email}",
            f"    password  {made.password or 'as it was set'}",
            f"    API key   {key}   (for build tools)",
            "",
            "Paste these to upload a file, download it, and list what is there:",
            "",
            f"    echo hello | curl --user api-key:{key} --upload-file - {url}hello.txt",
            f"    curl --user api-key:{key} {url}hello.txt",
            f"    curl --user api-key:{key} {url}",
            "",
        )
    )


def address(settings: Settings) -> str:
    """The URL under which `default`, the organization of the first start, is reached."""
    if settings.base_url is not None and settings.base_organization == DEFAULT:
        return settings.base_url
    if settings.domain is not None:
        return f"https://{DEFAULT}.{settings.domain}"
    return settings.listening
