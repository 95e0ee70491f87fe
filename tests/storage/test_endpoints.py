"""An endpoint is a URL of a host, for either store; credentials are no part of it."""

import pytest

from storage.endpoints import is_endpoint


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:9000",
        "https://s3.test",
        "https://s3.test/",
        "http://[::1]:8000",
        "HTTPS://S3.test:65535",
    ],
)
def test_a_url_of_a_host_is_one(text: str) -> None:
    assert is_endpoint(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s3.test",
        "s3.test:9000",
        "//s3.test",
        "ftp://s3.test",
        "http://",
        "http://:9000",
        "http://s3.test:0",
        "http://s3.test:65536",
        "http://s3.test:port",
        "http://[::1",
        "http://user:hush@s3.test",
        "http://user@s3.test",
        "http://@s3.test",
    ],
)
def test_what_is_none_is_refused(text: str) -> None:
    assert not is_endpoint(text)
