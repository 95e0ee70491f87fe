"""The first start: what it refuses, what it has made by then, and which address it tells."""

from pathlib import Path

import pytest

from app.first_start import address, prepare
from app.installation import existing
from app.settings import Settings, SettingsError, read_settings
from auth.organizations import Organizations
from auth.registrar import Registrar
from storage.events import SYSTEM


def settings(data: Path, **given: str) -> Settings:
    named = {f"STRONGROOM_{name}": value for name, value in given.items()}
    return read_settings({"STRONGROOM_DATA": str(data), **named})


def register(at: Settings, verb: str, name: str) -> None:
    """What `strongroom org VERB NAME` does."""
    with existing(at) as installation:
        registrar = Registrar(installation.recent, installation.journal, SYSTEM)
        getattr(registrar, verb)(name)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"DOMAIN": "example.com"},
        {"BASE_URL": "https://artifacts.example.com"},
        {"BASE_URL": "https://default.example.com", "DOMAIN": "example.com"},
        {"BASE_URL": "http://Default.example.com:8080", "DOMAIN": "example.com"},
        {"BASE_URL": "https://artifacts.example.com", "DOMAIN": "artifacts.example.com"},
        {"BASE_URL": "https://artifacts.example.com", "DOMAIN": "example.org"},
        {"BASE_URL": "https://a.b.example.com", "DOMAIN": "example.com"},
        {"BASE_URL": "https://artifacts.example.com", "DOMAIN": "example.com:8443"},
    ],
)
def test_a_base_url_that_is_defaults_is_taken_by_the_very_first_start(
    tmp_path: Path, given: dict[str, str]
) -> None:
    assert prepare(settings(tmp_path / "data", **given)).made is not None


@pytest.mark.parametrize(
    "given",
    [
        {"BASE_URL": "https://artifacts.example.com", "DOMAIN": "example.com"},
        {"BASE_URL": "https://ARTIFACTS.example.com", "DOMAIN": "Example.COM."},
        {"BASE_URL": "http://artifacts.example.com:8080", "DOMAIN": "example.com"},
        {"BASE_URL": "https://artifacts.example.com:8443", "DOMAIN": "example.com:8443"},
    ],
)
def test_a_base_url_of_an_organization_that_is_not_there_is_refused_until_it_is(
    tmp_path: Path, given: dict[str, str]
) -> None:
    """The refused start has made what `org create` needs, and no secret that it does not show."""
    at = settings(tmp_path / "data", **given)
    with pytest.raises(SettingsError) as refused:
        prepare(at)
    for said in ("STRONGROOM_BASE_URL", "`strongroom org create artifacts`", "https://default."):
        assert said in str(refused.value)
    assert not (at.data / "first-sign-in.txt").exists()
    register(at, "create", "artifacts")
    assert prepare(at).made is not None, "the first administrator, now that he is told"
    with existing(at) as installation:
        names = [named.name for named in Organizations(installation.recent).list()]
    assert names == ["artifacts", "default"]


def test_no_start_lets_an_organization_take_the_base_url_over(tmp_path: Path) -> None:
    """Of a service that ran with one of both settings, the other comes only if they fit."""
    data = tmp_path / "data"
    prepare(settings(data, BASE_URL="https://artifacts.example.com"))
    both = settings(data, BASE_URL="https://artifacts.example.com", DOMAIN="example.com")
    with pytest.raises(SettingsError, match="'artifacts'"):
        prepare(both)


def test_a_suspended_organization_is_there_and_a_deleted_one_is_not(tmp_path: Path) -> None:
    at = settings(tmp_path / "data", BASE_URL="https://acme.example.com", DOMAIN="example.com")
    prepare(settings(at.data))
    register(at, "create", "acme")
    register(at, "suspend", "acme")
    assert prepare(at).administered
    register(at, "delete", "acme")
    with pytest.raises(SettingsError, match="'acme'"):
        prepare(at)


@pytest.mark.parametrize(
    "given, told",
    [
        ({}, "http://127.0.0.1:8080"),
        ({"BASE_URL": "https://a.example.com"}, "https://a.example.com"),
        ({"DOMAIN": "example.com"}, "https://default.example.com"),
        (
            {"BASE_URL": "https://acme.example.com", "DOMAIN": "example.com"},
            "https://default.example.com",
        ),
        ({"BASE_URL": "https://x.example", "DOMAIN": "example.com"}, "https://x.example"),
    ],
)
def test_the_address_that_is_told_is_where_the_first_administrator_signs_in(
    given: dict[str, str], told: str
) -> None:
    assert address(settings(Path("data"), **given)) == told
