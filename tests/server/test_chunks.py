"""The chunked coding, however it is cut into pieces and whatever is done to it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.server.chunks import LINE_BYTES, TRAILER_BYTES, BadChunk, Chunks


def decode(pieces: list[bytes]) -> tuple[bytes, bytes]:
    """The body and what comes behind it, fed piece by piece as a connection would."""
    chunks, buffer, body, start = Chunks(), bytearray(), bytearray(), 0
    for piece in pieces:
        buffer += piece
        while True:
            start = chunks.advance(buffer, start, len(buffer))
            if chunks.ended or start == len(buffer) or not chunks.left:
                break
            count = min(chunks.left, len(buffer) - start)
            body += buffer[start : start + count]
            start += count
            chunks.took(count)
    if not chunks.ended:
        raise EOFError
    return bytes(body), bytes(buffer[start:])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(data)) for place in places})
    return [data[a:b] for a, b in zip([0, *ends], [*ends, len(data)], strict=True)]


@st.composite
def coded(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A body, and one way to send it in chunks."""
    sent, body = bytearray(), bytearray()
    for chunk in draw(st.lists(st.binary(min_size=1, max_size=50), max_size=6)):
        size = draw(st.sampled_from([b"%x", b"%X", b"0%x", b"000%X"])) % len(chunk)
        extension = draw(st.sampled_from([b"", b";a", b" ;a=b", b'\t;a="q;q"']))
        sent += size + extension + b"\r\n" + chunk + b"\r\n"
        body += chunk
    trailers = draw(st.sampled_from([b"", b"X-A: b\r\n", b"Digest:\r\nB: \xff c\r\n"]))
    return bytes(body), bytes(sent) + b"0\r\n" + trailers + b"\r\n"


@given(coded(), st.binary(max_size=20), st.lists(st.integers(0, 400), max_size=30))
def test_any_cutting_of_any_chunking_gives_the_body(
    message: tuple[bytes, bytes], behind: bytes, places: list[int]
) -> None:
    """Where the pieces end does not matter, and what comes behind is left as it is."""
    body, sent = message
    assert decode(cut(sent + behind, places)) == (body, behind)


@given(coded(), st.data())
def test_a_part_of_a_message_never_ends(message: tuple[bytes, bytes], data: st.DataObject) -> None:
    """No proper beginning of a chunked body is a whole one."""
    _, sent = message
    length = data.draw(st.integers(0, len(sent) - 1))
    with pytest.raises(EOFError):
        decode([sent[:length]])


# What a strict reading of RFC 9112 section 7.1 takes, as one expression for short messages.
_CHUNK = re.compile(rb"(0*[0-9a-fA-F]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?\r\n", re.DOTALL)
_TRAILERS = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n")


def reference(data: bytes) -> tuple[bytes, bytes] | None:
    """Another decoder, of whole messages only: None for what is no message."""
    body, at = b"", 0
    while (found := _CHUNK.match(data, at)) is not None:
        if len(found[1]) > 15:
            return None
        size, at = int(found[1], 16), found.end()
        if size == 0:
            trailers = _TRAILERS.match(data, at)
            return trailers and (body, data[trailers.end() :])
        body, at = body + data[at : at + size], at + size
        if data[at : at + 2] != b"\r\n":
            return None
        at += 2
    return None


@given(coded(), st.data())
def test_mutations_are_read_as_another_decoder_reads_them(
    message: tuple[bytes, bytes], data: st.DataObject
) -> None:
    """Bytes put in, taken out or replaced anywhere: both decoders agree, or refuse."""
    _, sent = message
    changed = bytearray(sent)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(changed)))
        gone = data.draw(st.integers(0, 2))
        changed[place : place + gone] = data.draw(
            st.sampled_from([b"", b"\r", b"\n", b"\r\n", b"0", b";", b" ", b"+", b"x", b"_", b"\0"])
        )
    try:
        found = decode(cut(bytes(changed), data.draw(st.lists(st.integers(0, 400), max_size=5))))
    except (BadChunk, EOFError):
        found = None
    assert found == reference(bytes(changed))


@pytest.mark.parametrize(
    "sent",
    [
        b"5\nhello\r\n0\r\n\r\n",
        b"5\rhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhelloo\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"-1\r\nhello\r\n0\r\n\r\n",
        b"5_0\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"\r\n",
        b";a=b\r\n",
        b"\xd9\xa5\r\nhello\r\n0\r\n\r\n",  # an Arabic five
        b"5;a\rb\r\nhello\r\n0\r\n\r\n",
        b"5;a\x00\r\nhello\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\n",
        b"0\r\nno trailer\r\n\r\n",
        b"0\r\nX: a\rb\r\n\r\n",
        b"0\r\n X: folded\r\n\r\n",
        b"0\r\nX : a\r\n\r\n",
        b"0" * (LINE_BYTES + 2),
        b"1;" + b"a" * LINE_BYTES + b"\r\n",
        b"0\r\n" + b"X: a\r\n" * (TRAILER_BYTES // 6 + 1),
    ],
)
def test_what_proxies_may_read_differently_is_refused(sent: bytes) -> None:
    with pytest.raises(BadChunk):
        decode([sent])
    with pytest.raises(BadChunk):
        decode([sent[at : at + 1] for at in range(len(sent))])
