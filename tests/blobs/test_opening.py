"""The setting `STRONGROOM_BLOBS`: what it may say, and what is said where it is wrong."""

import os
from pathlib import Path

import pytest

from storage.blobs import BlobsUnavailable, open_blobs
from storage.blobs.folder import FolderBlobs
from storage.blobs.memory import MemoryBlobs
from storage.blobs.opening import parse_s3_url
from storage.blobs.s3 import S3Blobs
from storage.blobs.s3_client import S3Address


def test_a_file_url_is_a_folder(tmp_path: Path) -> None:
    assert isinstance(open_blobs(f"file:{tmp_path}/a b", tmp_path, 1), FolderBlobs)
    assert (tmp_path / "a b" / ".uploads").is_dir()


def test_a_leading_data_stands_for_the_folder_of_the_installation(tmp_path: Path) -> None:
    open_blobs("file:DATA/blobs", tmp_path, 1)
    assert (tmp_path / "blobs" / ".uploads").is_dir()


def test_memory_is_memory(tmp_path: Path) -> None:
    assert isinstance(open_blobs("memory:", tmp_path, 1), MemoryBlobs)


def test_an_s3_url_opens_without_a_call(tmp_path: Path, credentials: None) -> None:
    blobs = open_blobs("s3://bucket/prefix?endpoint=http://127.0.0.1:1", tmp_path, 1)
    assert isinstance(blobs, S3Blobs)
    blobs.close()


@pytest.mark.parametrize(
    "url, address",
    [
        ("s3://b", S3Address("b")),
        ("s3://b/", S3Address("b")),
        ("s3://b/p/q/", S3Address("b", "p/q")),
        ("s3://b/p?region=eu-central-1", S3Address("b", "p", "eu-central-1")),
        (
            "s3://b?endpoint=https://s3.test:9000&sse=off&checksums=when_required",
            S3Address("b", "", None, "https://s3.test:9000", False, "when_required"),
        ),
    ],
)
def test_an_s3_url_says_where_and_how(url: str, address: S3Address) -> None:
    assert parse_s3_url(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:",
        "memory:x",
        "http://x",
        "s3:",
        "s3://",
        "s3:///prefix",
        "s3://key:hush@bucket/p",
        "s3://b#f",
        "s3://b?sse=on",
        "s3://b?sse=off&sse=off",
        "s3://b?checksums=never",
        "s3://b?endpoint=ftp://x",
        "s3://b?endpoint=",
        "s3://b?secret=hush",
        "s3://b?region",
        "s3://[b",
        "s3://no!bucket",
        "s3://b?endpoint=http://",
        "s3://b?endpoint=http://[::1",
        "s3://b?endpoint=http://127.0.0.1:99999",
        "s3://b?endpoint=http://user:hush@a%20b",
        "s3://b?endpoint=http://a%20b",
        "s3://b?region=no%20region",
    ],
)
def test_what_is_no_store_is_refused_without_showing_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValueError, match="STRONGROOM_BLOBS") as refused:
        open_blobs(url, tmp_path, 1)
    assert "hush" not in str(refused.value)


def test_missing_credentials_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the first call, because a machine's role may come and go."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    blobs = open_blobs("s3://bucket?endpoint=http://127.0.0.1:1", tmp_path, 1 << 30)
    for call in (blobs.check, blobs.list, lambda: blobs.open(f"acme/{'0' * 32}")):
        with pytest.raises(BlobsUnavailable, match=r"STRONGROOM_BLOBS.*AWS_ACCESS_KEY_ID"):
            call()
    blobs.close()
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ValueError, match=r"STRONGROOM_BLOBS.*nobody"):
        open_blobs("s3://bucket", tmp_path, 1)
