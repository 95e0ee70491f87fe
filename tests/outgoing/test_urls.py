"""URLs: http and https alone, with credentials that are never seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.outgoing import InvalidUrl, Url


@pytest.mark.parametrize(
    "text, full",
    [
        ("https://Example.test", "https://example.test/"),
        ("HTTPS://example.test:443/a", "https://example.test/a"),
        ("http://example.test:80/", "http://example.test/"),
        ("http://example.test:8080/a/../b?x=1#part", "http://example.test:8080/a/../b?x=1"),
        ("https://[::1]:8443/simple/", "https://[::1]:8443/simple/"),
        ("https://bücher.test/é ü", "https://xn--bcher-kva.test/%C3%A9%20%C3%BC"),
        ("https://a.test/a%2Fb%20c?q=%41 b", "https://a.test/a%2Fb%20c?q=%41%20b"),
        ("https://under_score.test/", "https://under_score.test/"),
    ],
)
def test_a_url_is_what_is_sent(text: str, full: str) -> None:
    assert Url.parse(text).full == full


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "begin with https"),
        ("example.test/simple", "begin with https"),
        ("ftp://example.test/", "begin with https"),
        ("file:///etc/passwd", "begin with https"),
        ("https://", "has no host"),
        ("https:///simple", "has no host"),
        ("https://a b/", "no name"),
        ("https://a..b/", "no name"),
        ("https://-a/", "no name"),
        ("https://a%00b/", "no name"),
        ("https://ex\u2100mple.test/", "no URL"),
        ("https://[::1/", "no URL"),
        ("https://[v1.a]/", "brackets"),
        ("https://[::g]/", "brackets|no URL"),
        ("https://[::1]a.test/", "brackets"),
        ("https://a.test[::1]/", "brackets"),
        ("https://[fe80::1%25eth0]/", "zone"),
        ("https://a:0/", "port 0"),
        ("https://a:65536/", "port"),
        ("https://a:8x/", "port"),
        ("https://a/\r\nHost: b", "control"),
        ("https://a/\t", "control"),
        ("https://a/\ud800", "control"),
        ("https://a/" + "b" * 9000, "longer"),
        ("https://a%3Ab:c@host/", "colon"),
    ],
)
def test_what_is_none_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(InvalidUrl, match=why) as raised:
        Url.parse(text)
    assert len(str(raised.value)) < 250


def test_user_information_is_credentials() -> None:
    url = Url.parse("https://__token__:s%40c%3Aret@a.test/")
    assert url.credentials is not None
    assert (url.credentials.user, url.credentials.password) == ("__token__", "s@c:ret")
    assert url.credentials.header == "Basic X190b2tlbl9fOnNAYzpyZXQ="
    assert Url.parse("https://@a.test/").credentials is None


@pytest.mark.parametrize(
    "text",
    [
        "https://user:hunter2@a.test/simple/?token=hunter2",
        "https://hunter2@a.test/",
        "ftp://user:hunter2@a.test/",
        "https://user:hunter2/@a.test/",
        "https://user:hun/hunter2@a.test/",
        "https://user:hunter2@a b/",
        "https://u%3Aser:hunter2@a.test/",
        "https://a.test:x/?password=hunter2",
    ],
)
def test_secrets_are_in_no_text(text: str) -> None:
    try:
        url = Url.parse(text)
    except InvalidUrl as error:
        shown = str(error)
    else:
        shown = f"{url} {url!r} {url.credentials!r}"
    assert "hunter2" not in shown


def test_credentials_go_along_to_the_same_origin_alone() -> None:
    url = Url.parse("https://u:p@a.test/simple/x/")
    for reference in ("../y/", "/files/f", "//a.test/f", "https://a.test:443/f", "HTTPS://A.test/"):
        assert url.join(reference).credentials == url.credentials
    for reference in (
        "//b.test/f", "https://a.test:8443/f", "http://a.test/f", "https://q:r@b.test/f",
        "//a.test.b.test/",
    ):  # fmt: skip
        assert url.join(reference).credentials is None


def test_credentials_that_a_page_hands_out_are_dropped() -> None:
    url = Url.parse("https://a.test/simple/x/")
    assert url.join("https://q:r@a.test/f").credentials is None
    known = Url.parse("https://u:p@a.test/")
    assert known.join("https://q:r@a.test/f").credentials == known.credentials


@pytest.mark.parametrize(
    "reference", ["javascript:x", "file:///etc/passwd", "//[", "a\nb", "//a:x"]
)
def test_a_reference_that_leads_to_nothing_is_refused(reference: str) -> None:
    with pytest.raises(InvalidUrl):
        Url.parse("https://a.test/").join(reference)


def test_a_folder_ends_with_a_slash() -> None:
    for text in ("https://a.test/simple", "https://a.test/simple/", "https://a.test/simple?x#y"):
        assert Url.parse(text).as_folder().full == "https://a.test/simple/"
    assert Url.parse("https://a.test").as_folder().full == "https://a.test/"


@given(st.text())
def test_whatever_is_parsed_is_one_line_of_ascii(text: str) -> None:
    for reference in (text, f"https://{text}", f"https://a.test/{text}", f"https://a.test/?{text}"):
        try:
            url = Url.parse(reference)
        except InvalidUrl:
            continue
        sent = f"{url.authority} {url.target}"
        assert sent.isascii()
        assert sent.isprintable()
        assert sent.count(" ") == 1
        assert Url.parse(url.full).full == url.full
