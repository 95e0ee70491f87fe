"""Settings: what is taken, and that whatever else is refused by the name of its setting."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.destinations import Files
from app.settings import NAMES, PREFIX, Settings, SettingsError, read_settings
from middleware.hosts import Hosts

SECRET = "a secret of at least thirty-two characters"
REMOTE = {
    "METADATA": "dynamodb://table?region=eu-central-1",
    "SECRET_KEY": SECRET,
}
MIB = 1024 * 1024


def read(given: dict[str, str], **flags: Any) -> Settings:
    return read_settings({f"{PREFIX}{name}": value for name, value in given.items()}, flags)


def test_the_defaults_are_those_of_the_design() -> None:
    settings = read({})
    assert settings.bind == "127.0.0.1:8080"
    assert settings.data == Path("data")
    assert (settings.workers, settings.threads) == (2, 32)
    assert settings.blobs == "file:data/blobs"
    assert settings.metadata == "sqlite:data/strongroom.db"
    assert settings.http == "reject"
    assert settings.trusted_proxies == ()
    assert settings.mail == Files()
    assert settings.upload_memory_bytes == 1088 * MIB
    assert settings.loopback
    assert settings.embedded
    for name in ("base_url", "domain", "tls_cert", "tls_key", "status_bind", "admin_email"):
        assert getattr(settings, name) is None


@pytest.mark.parametrize(
    "given, name, value",
    [
        ({"BIND": "127.0.0.1:9000"}, "port", 9000),
        ({"BIND": "[::1]:8080"}, "host", "::1"),
        ({"BIND": "[::1]:8080"}, "loopback", True),
        ({"BIND": "localhost:80"}, "loopback", True),
        ({"BIND": "127.9.9.9:80"}, "loopback", True),
        ({"BIND": "0.0.0.0:80", "BASE_URL": "https://x.example"}, "loopback", False),
        ({"BIND": "[::]:80", "DOMAIN": "x.example"}, "loopback", False),
        ({"DATA": "/srv/strongroom"}, "blobs", "file:/srv/strongroom/blobs"),
        ({"DATA": "/srv/strongroom"}, "metadata", "sqlite:/srv/strongroom/strongroom.db"),
        ({"DATA": "with blank"}, "data", Path("with blank")),
        ({"WORKERS": "64"}, "workers", 64),
        ({"THREADS": " 8 "}, "threads", 8),
        ({"THREADS": ""}, "threads", 32),
        ({"BLOBS": "s3://bucket/prefix?region=x"}, "blobs", "s3://bucket/prefix?region=x"),
        (REMOTE, "embedded", False),
        ({"BASE_URL": "https://Artifacts.Example.com/"}, "base_url", "https://artifacts.example.com"),
        ({"BASE_URL": "https://x.example:8443"}, "base_url", "https://x.example:8443"),
        ({"BASE_URL": "https://[2001:db8::1]"}, "base_url", "https://[2001:db8::1]"),
        ({"DOMAIN": "Artifacts.Example.com."}, "domain", "artifacts.example.com"),
        ({"DOMAIN": "x.example:8443"}, "domain", "x.example:8443"),
        ({"HTTP": "redirect"}, "http", "redirect"),
        ({"UPLOAD_MEMORY": "16MiB"}, "upload_memory_bytes", 16 * MIB),
        ({"UPLOAD_MEMORY": "2 GiB"}, "upload_memory_bytes", 2048 * MIB),
        ({"UPLOAD_MEMORY": "33554432"}, "upload_memory_bytes", 32 * MIB),
        ({"SECRET_KEY": f"{SECRET}, {SECRET[::-1]}"}, "secret_keys",
         (SECRET.encode(), SECRET[::-1].encode())),
        ({"STATUS_BIND": "127.0.0.1:9090"}, "status_bind", "127.0.0.1:9090"),
    ],
)  # fmt: skip
def test_what_makes_sense_is_taken(given: dict[str, str], name: str, value: object) -> None:
    assert getattr(read(given), name) == value


def test_networks_of_proxies_are_read() -> None:
    settings = read({"TRUSTED_PROXIES": "10.0.0.0/8, 2001:db8::/32,192.0.2.1"})
    assert [str(network) for network in settings.trusted_proxies] == [
        "10.0.0.0/8",
        "2001:db8::/32",
        "192.0.2.1/32",
    ]


@pytest.mark.parametrize(
    "given, named",
    [
        ({"BIND": "8080"}, "BIND"),
        ({"BIND": ":8080"}, "BIND"),
        ({"BIND": "127.0.0.1"}, "BIND"),
        ({"BIND": "127.0.0.1:x"}, "BIND"),
        ({"BIND": "127.0.0.1:65536"}, "BIND"),
        ({"BIND": "127.0.0.1:" + "9" * 5000}, "BIND"),
        ({"BIND": "::1:8080"}, "BIND"),
        ({"BIND": "http://127.0.0.1:8080"}, "BIND"),
        ({"BIND": "127.0.0.1:\u0668\u0660"}, "BIND"),
        ({"BIND": "0.0.0.0:8080"}, "BASE_URL"),
        ({"BIND": "192.0.2.1:8080"}, "BASE_URL"),
        ({"WORKERS": "0"}, "WORKERS"),
        ({"WORKERS": "65"}, "WORKERS"),
        ({"WORKERS": "two"}, "WORKERS"),
        ({"WORKERS": "1" * 5000}, "WORKERS"),
        ({"WORKERS": "-1"}, "WORKERS"),
        ({"THREADS": "1001"}, "THREADS"),
        ({"THREADS": "1.5"}, "THREADS"),
        ({"THREADS": "\u0663"}, "THREADS"),
        ({"BLOBS": "memory:"}, "BLOBS"),
        ({"BLOBS": "/srv/blobs"}, "BLOBS"),
        ({"BLOBS": "S3://bucket"}, "BLOBS"),
        ({"METADATA": "postgres://x"}, "METADATA"),
        ({"METADATA": "dynamodb://table?region=x"}, "SECRET_KEY"),
        ({"BASE_URL": "artifacts.example.com"}, "BASE_URL"),
        ({"BASE_URL": "ftp://x.example"}, "BASE_URL"),
        ({"BASE_URL": "https://"}, "BASE_URL"),
        ({"BASE_URL": "https://x.example/path"}, "BASE_URL"),
        ({"BASE_URL": "https://x.example?x"}, "BASE_URL"),
        ({"BASE_URL": "https://user:secret@x.example"}, "BASE_URL"),
        ({"BASE_URL": "https://x.example:99999"}, "BASE_URL"),
        ({"BASE_URL": "https://x.example:port"}, "BASE_URL"),
        ({"BASE_URL": "https://x example"}, "BASE_URL"),
        ({"BASE_URL": "https://[::1"}, "BASE_URL"),
        ({"BASE_URL": "https://[nonsense]"}, "BASE_URL"),
        ({"BASE_URL": "https://a..b"}, "BASE_URL"),
        ({"BASE_URL": "https://b\u00fccher.example"}, "BASE_URL"),
        ({"DOMAIN": "https://x.example"}, "DOMAIN"),
        ({"DOMAIN": "x..example"}, "DOMAIN"),
        ({"DOMAIN": "."}, "DOMAIN"),
        ({"DOMAIN": "-x.example-"}, "DOMAIN"),
        ({"DOMAIN": "x.example:99999"}, "DOMAIN"),
        ({"DOMAIN": "*.x.example"}, "DOMAIN"),
        ({"HTTP": "yes"}, "HTTP"),
        ({"HTTP": "Reject"}, "HTTP"),
        ({"TLS_CERT": "cert.pem"}, "TLS_KEY"),
        ({"TLS_KEY": "key.pem"}, "TLS_CERT"),
        ({"TRUSTED_PROXIES": "10.0.0.1/8"}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "all"}, "TRUSTED_PROXIES"),
        ({"TRUSTED_PROXIES": "*"}, "TRUSTED_PROXIES"),
        ({"STATUS_BIND": "9090"}, "STATUS_BIND"),
        ({"ADMIN_EMAIL": "a@example.org"}, "ADMIN_PASSWORD"),
        ({"ADMIN_PASSWORD": "a long password"}, "ADMIN_EMAIL"),
        ({"MAIL": "postmark:", "MAIL_FROM": "a@example.org"}, "POSTMARK_TOKEN"),
        ({"MAIL": "postmark:", "POSTMARK_TOKEN": "token"}, "MAIL_FROM"),
        ({"MAIL": "smtp://mail.example.org"}, "MAIL_FROM"),
        ({"MAIL": "sendmail:"}, "MAIL"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"SECRET_KEY": f"{SECRET},short"}, "SECRET_KEY"),
        ({"UPLOAD_MEMORY": "15MiB"}, "UPLOAD_MEMORY"),
        ({"UPLOAD_MEMORY": "1TB"}, "UPLOAD_MEMORY"),
        ({"UPLOAD_MEMORY": "-1"}, "UPLOAD_MEMORY"),
        ({"UPLOAD_MEMORY": "lots"}, "UPLOAD_MEMORY"),
    ],
)
def test_what_makes_none_is_refused_by_name(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=f"{PREFIX}{named}"):
        read(given)


@pytest.mark.parametrize(
    "name, nearest",
    [
        ("STRONGROOM_TRUSTED_PROXY", "STRONGROOM_TRUSTED_PROXIES"),
        ("STRONGROOM_BASEURL", "STRONGROOM_BASE_URL"),
        ("STRONGROOM_TLS_CERTIFICATE", "STRONGROOM_TLS_CERT"),
        ("STRONGROOM_bind", "STRONGROOM_BIND"),
        ("STRONGROOM_", "STRONGROOM_"),
        ("STRONGROOM_X" + "x" * 1000, "STRONGROOM_"),
    ],
)
@pytest.mark.parametrize("value", ["x", ""])
def test_an_unknown_name_is_an_error_that_names_the_nearest(
    name: str, nearest: str, value: str
) -> None:
    """A misspelt security setting must never be silently without effect."""
    with pytest.raises(SettingsError, match=nearest):
        read_settings({name: value})


def test_the_names_of_the_tests_are_left_alone() -> None:
    assert read_settings({"STRONGROOM_REQUIRE": "all", "STRONGROOM_TEST_S3_URL": "x", "PATH": "/"})


def test_flags_win_over_the_environment() -> None:
    settings = read({"BIND": "127.0.0.1:1", "WORKERS": "1"}, bind="127.0.0.1:2", workers=None)
    assert (settings.bind, settings.workers) == ("127.0.0.1:2", 1)
    with pytest.raises(SettingsError, match="WORKERS"):
        read({}, workers=0)


def test_a_secret_never_shows() -> None:
    """Neither in the settings' text nor in what is said of a bad one."""
    secrets = {
        "ADMIN_EMAIL": "marked@example.org",
        "ADMIN_PASSWORD": "marked-password",
        "SECRET_KEY": "marked-secret-key-of-some-length-and-more",
        "MAIL": "smtp://user:marked-mail@example.org",
        "MAIL_FROM": "marked@example.org",
        "POSTMARK_TOKEN": "marked-token",
    }
    assert "marked" not in repr(read(secrets))
    assert "marked" not in repr(read({**secrets, "MAIL": "postmark:"}))
    for name, value in (
        ("SECRET_KEY", "marked"),
        ("BASE_URL", "https://u:marked@x.example"),
        ("MAIL", "smtp://u:marked@mail.example"),
        ("MAIL", "smtp://u:marked/marked@mail.example"),
        ("MAIL", "postmark:marked"),
    ):
        with pytest.raises(SettingsError) as caught:
            read({name: value})
        assert "marked" not in str(caught.value)


values = st.one_of(
    st.text(st.characters(exclude_characters="\0"), max_size=40),
    st.from_regex(r"(https?://|\[|sqlite:|s3:|file:)?[a-z0-9.:/@\[\]%-]{0,30}"),
    st.integers().map(str),
    st.sampled_from(["9" * 5000, "127.0.0.1:8080", "https://[", "x.example", "10.0.0.0/8"]),
)


@given(st.dictionaries(st.sampled_from(NAMES), values))
def test_whatever_is_set_is_read_or_refused(given_: dict[str, str]) -> None:
    """Nothing but SettingsError, and what was read the middleware takes."""
    try:
        settings = read(given_)
    except SettingsError:
        return
    Hosts(settings.base_url, settings.domain, settings.loopback, frozenset())
    assert 0 <= settings.port <= 65535
