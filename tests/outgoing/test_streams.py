"""Files, streamed: as they are stored, from where they are asked for, and whole."""

import gzip
from collections.abc import Iterator

import pytest

from app.outgoing import BadAnswer, Client, FileStream, Url
from tests.outgoing.servers import Sent, Server, client, serving


@pytest.fixture
def fetching() -> Iterator[Client]:
    with client() as made:
        yield made


def _all(stream: FileStream, piece: int = 1000) -> bytes:
    read, memory = bytearray(), memoryview(bytearray(piece))
    while count := stream.readinto(memory):
        read += memory[:count]
    return bytes(read)


def test_a_file_is_streamed_as_it_is_stored(fetching: Client, server: Server) -> None:
    """Whatever its Content-Encoding says: some servers name the file's own compression there."""
    data = gzip.compress(bytes(range(256)) * 500)
    server.answers["/f.tar.gz"] = Sent(data, headers={"Content-Encoding": "x-gzip"})
    with fetching.stream(Url.parse(server.url("/f.tar.gz"))) as stream:
        assert stream.length == len(data)
        assert _all(stream) == data
        assert stream.readinto(memoryview(bytearray(5))) == 0
    assert server.asked[0].headers["Accept-Encoding"] == "identity"


def test_a_file_goes_on_from_an_offset(fetching: Client, server: Server) -> None:
    ranged = {"Content-Range": "bytes 4-9/10"}
    server.answers["/f"] = Sent(b"456789", 206, ranged)
    with fetching.stream(Url.parse(server.url("/f")), 4) as stream:
        assert (stream.length, _all(stream)) == (6, b"456789")
    assert server.asked[0].headers["Range"] == "bytes=4-"


def test_a_server_without_ranges_is_read_from_the_start(fetching: Client, server: Server) -> None:
    server.answers["/f"] = Sent(b"0123456789")
    with fetching.stream(Url.parse(server.url("/f")), 4) as stream:
        assert (stream.length, _all(stream)) == (6, b"456789")


@pytest.mark.parametrize(
    "sent",
    [
        Sent(b"456789", 206, {"Content-Range": "bytes 3-9/10"}),
        Sent(b"456789", 206, {"Content-Range": "bytes */10"}),
        Sent(b"456789", 206),
        Sent(b"012"),
        Sent(b"", 416),
    ],
)
def test_another_range_than_asked_for_is_refused(
    fetching: Client, server: Server, sent: Sent
) -> None:
    server.answers["/f"] = sent
    with (
        pytest.raises(BadAnswer),
        fetching.stream(Url.parse(server.url("/f")), 4) as stream,
    ):
        _all(stream)


def test_a_file_that_could_end_anywhere_is_refused() -> None:
    with serving(protocol="HTTP/1.0") as server, client() as fetching:
        server.answers["/"] = Sent(b"hello", headers={"Content-Length": ""})
        with (
            pytest.raises(BadAnswer, match="how long"),
            fetching.stream(Url.parse(server.url())),
        ):
            pass
