"""Redirects: each is a new decision about where to go, and whom to tell what."""

import pytest

from app.outgoing import AddressRefused, BadAnswer, Declined, Url
from tests.outgoing.servers import Names, Sent, Server, client, serving


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(server: Server, status: int) -> None:
    server.redirect("/a/b", "../c?d", status)
    server.answers["/c?d"] = Sent(b"hello")
    with client() as fetching:
        answer = fetching.get(Url.parse(server.url("/a/b")), limit=10)
    assert (answer.body, answer.url.full) == (b"hello", server.url("/c?d"))
    assert {asked.connection for asked in server.asked} == {1}


def test_files_are_redirected_too(server: Server) -> None:
    server.redirect("/a", server.url("/b", "b.test"))
    server.answers["/b"] = Sent(b"hello")
    with client() as fetching, fetching.stream(Url.parse(server.url("/a"))) as stream:
        assert stream.url.host == "b.test"
        assert stream.length == 5


def test_five_redirects_are_followed_and_no_more(server: Server) -> None:
    for number in range(6):
        server.redirect(f"/{number}", f"/{number + 1}")
    server.answers["/6"] = Sent(b"hello")
    with client() as fetching:
        assert fetching.get(Url.parse(server.url("/1")), limit=10).body == b"hello"
        with pytest.raises(BadAnswer, match="more than 5 redirects"):
            fetching.get(Url.parse(server.url("/0")), limit=10)


def test_a_redirect_inside_is_refused(server: Server) -> None:
    """By a name, by an address, and by forms of it."""
    names = Names(
        inside_test=[["10.0.0.1"]],
        **{"127.0.0.2": [["127.0.0.2"]], "::ffff:7f00:2": [["::ffff:127.0.0.2"]]},
    )
    with client(resolve=names) as fetching:
        for host in ("inside.test", "127.0.0.2", "[::ffff:127.0.0.2]"):
            server.redirect("/", f"http://{host}:{server.port}/secret")
            with pytest.raises(AddressRefused, match=r"10\.0\.0\.1|7f00:2|127\.0\.0\.2"):
                fetching.get(Url.parse(server.url()), limit=10)
    assert {asked.target for asked in server.asked} == {"/"}


@pytest.mark.parametrize(
    "to",
    ["file:///etc/passwd", "gopher://a.test/", "http://a.test:0/", "//a b/"],
)
def test_a_redirect_to_what_is_not_fetched_is_refused(server: Server, to: str) -> None:
    server.redirect("/", to)
    with client() as fetching, pytest.raises(BadAnswer, match="redirects to where nothing"):
        fetching.get(Url.parse(server.url()), limit=10)


def test_a_redirect_that_leads_nowhere_is_declined(server: Server) -> None:
    server.answers["/"] = Sent(b"", 302)
    with client() as fetching, pytest.raises(Declined):
        fetching.get(Url.parse(server.url()), limit=10)


def test_credentials_stay_at_their_origin(server: Server) -> None:
    """Neither another host nor another port is told, and coming back does not help."""
    with serving() as other, client() as fetching:
        server.redirect("/a", "/b")
        server.redirect("/b", server.url("/c", "b.test"))
        server.redirect("/c", server.url("/d"))
        server.redirect("/d", other.url("/e"))
        other.answers["/e"] = Sent(b"hello")
        fetching.get(Url.parse(server.url("/a", user="u:p@")), limit=10)
    told = [asked.headers.get("Authorization") for asked in (*server.asked, *other.asked)]
    assert told == ["Basic dTpw", "Basic dTpw", None, None, None]


def test_credentials_in_a_redirect_are_not_taken(server: Server) -> None:
    server.redirect("/a", server.url("/b", user="evil:evil@"))
    server.answers["/b"] = Sent(b"hello")
    with client() as fetching:
        fetching.get(Url.parse(server.url("/a")), limit=10)
    assert "Authorization" not in server.asked[-1].headers


def test_a_location_in_utf_8_is_encoded(server: Server) -> None:
    server.redirect("/", "/é b".encode().decode("latin-1"))
    server.answers["/%C3%A9%20b"] = Sent(b"hello")
    with client() as fetching:
        assert fetching.get(Url.parse(server.url()), limit=10).body == b"hello"
