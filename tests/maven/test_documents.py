"""XML as it streams: nothing is declared, expanded or fetched, and nothing much is held."""

import codecs
import contextlib
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.maven.documents import (
    NAMES,
    SINGLE_BYTE,
    TEXT_CHARACTERS,
    TOKEN_BYTES,
    Buffer,
    Document,
    DocumentReader,
    InvalidDocument,
    Wanted,
)

_ID = ("r", "id")
_ABOUT = ("r", "about")
_ENTRY = ("r", "list", "entry")
_WANTED = Wanted(
    root="r",
    namespace=re.compile("urn:right"),
    texts=frozenset({_ID}),
    excerpts=frozenset({_ABOUT}),
    lists=frozenset({_ENTRY}),
)


def _read(*pieces: Buffer, wanted: Wanted = _WANTED) -> Document:
    reader = DocumentReader(wanted)
    for piece in pieces:
        reader.feed(piece)
    return reader.finish()


@pytest.mark.parametrize(
    "text, found",
    [
        ("<r/>", None),
        ("<r><id/></r>", ""),
        ("<r><id>\n  x y \n</id></r>", "x y"),
        ("<r><id>a<!-- b -->c<?d e?><![CDATA[<f>&]]></id></r>", "ac<f>&"),
        ("<r><id>&lt;&#x41;&amp;</id></r>", "<A&"),
        ("<r><other><id>no</id></other></r>", None),
        ("<r xmlns='urn:right'><id>x</id></r>", "x"),
        ("<p:r xmlns:p='urn:right'><p:id>x</p:id></p:r>", "x"),
        # Maven reads prefixes that are declared nowhere.
        ("<r xsi:schemaLocation='a b'><id>x</id></r>", "x"),
        ("<?xml version='1.0' encoding='utf-8'?><r><id>ü</id></r>", "ü"),
        ("<r><id>" + "x" * TEXT_CHARACTERS + "</id></r>", "x" * TEXT_CHARACTERS),
        ("<r><id>" + " " * 2000 + "x</id></r>", "x"),
    ],
)
def test_the_text_that_is_wanted_is_found(text: str, found: str | None) -> None:
    assert _read(text.encode()).texts.get(_ID) == found


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "iso-8859-1", "us-ascii"])
def test_the_parsers_own_encodings_are_read(encoding: str) -> None:
    declared = encoding.removesuffix("-sig")
    text = f"<?xml version='1.0' encoding='{declared}'?><r><id>x</id></r>"
    assert _read(text.encode(encoding)).texts == {_ID: "x"}


def _declared(name: str, text: str, codec: str) -> bytes:
    return f"<?xml version='1.0' encoding='{name}'?><r><id>x{text}x</id></r>".encode(codec)


@pytest.mark.parametrize(
    "name, codec, text",
    [
        ("windows-1252", "cp1252", "café € ™"),
        ("Cp1252", "cp1252", "™"),
        ("ISO-8859-15", "iso8859_15", "€œ"),
        ("ISO8859_15", "iso8859_15", "Š"),
        ("iso-8859-2", "iso8859_2", "Łódź"),
        ("KOI8-R", "koi8_r", "мир"),
        ("windows-1251", "cp1251", "мир"),
        ("MacRoman", "mac_roman", "Äß"),
        ("IBM850", "cp850", "ü"),
        ("latin1", "latin_1", "ü"),
        ("ASCII", "ascii", ""),
    ],
)
def test_encodings_of_one_byte_are_read(name: str, codec: str, text: str) -> None:
    data = _declared(name, text, codec)
    for size in (1, 7, len(data)):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        assert _read(*pieces).texts == {_ID: f"x{text}x"}


@given(st.sampled_from(sorted(SINGLE_BYTE)), st.binary(max_size=50))
def test_each_encoding_of_one_byte_is_read_as_python_reads_it(codec: str, data: bytes) -> None:
    text = "".join(
        one for one in data.decode(codec, "ignore") if one.isprintable() and one not in "<>&"
    )
    assert _read(_declared(codec, text, codec)).texts == {_ID: f"x{text}x"}


@pytest.mark.parametrize("codec", sorted(SINGLE_BYTE))
def test_what_an_encoding_says_of_markup_is_what_ascii_says(codec: str) -> None:
    printable = bytes(range(32, 127))
    assert printable.decode(codec) == printable.decode("ascii")


@pytest.mark.parametrize(
    "name",
    [
        *("Shift_JIS", "GBK", "GB18030", "Big5", "EUC-KR", "ISO-2022-JP", "UTF-7", "UTF-32"),
        *("IBM037", "charmap", "hex", "idna", "rot13", "undefined", "unicode_escape", "utf-8-sig"),
    ],
)
def test_encodings_of_more_bytes_and_what_is_none_are_refused(name: str) -> None:
    data = f"<?xml version='1.0' encoding='{name}'?><r/>".encode()
    with pytest.raises(InvalidDocument, match=f"'{name}' is not read: use UTF-8"):
        _read(data)


def test_a_byte_that_an_encoding_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="not well-formed"):
        _read(b"<?xml version='1.0' encoding='windows-1252'?><r><id>\x81</id></r>")


def test_a_list_keeps_its_order_and_repeats() -> None:
    entries = ["b", "a", "", "b"]
    text = "".join(f"<entry>{entry}</entry>" for entry in entries)
    document = _read(f"<r><list>{text}</list><list><entry>c</entry></list></r>".encode())
    assert document.lists == {_ENTRY: ("b", "a", "", "b", "c")}
    assert _read(b"<r/>").lists == {_ENTRY: ()}


def test_an_excerpt_is_cut_where_a_text_is_refused() -> None:
    long = "x" * 100_000
    assert _read(f"<r><about>{long}</about></r>".encode()).texts[_ABOUT] == long[:TEXT_CHARACTERS]
    with pytest.raises(InvalidDocument, match="<r/id> has more than 1,024 characters"):
        _read(f"<r><id>{long}</id></r>".encode())
    with pytest.raises(InvalidDocument, match="<r/list/entry> has more than"):
        _read(f"<r><list><entry>{long}</entry></list></r>".encode())


_LAUGHS = """<!DOCTYPE r [
<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">
]><r><id>&c;</id></r>"""


@pytest.mark.parametrize(
    "text, reason",
    [
        (_LAUGHS, "DOCTYPE"),
        ("<!DOCTYPE r><r/>", "DOCTYPE"),
        ("<?xml version='1.0'?><!-- x --><!DOCTYPE r []><r/>", "DOCTYPE"),
        ("<!DOCTYPE r SYSTEM 'http://127.0.0.1:1/x.dtd'><r/>", "DOCTYPE"),
        ("<!DOCTYPE r PUBLIC '-//x' 'file:///etc/passwd'><r/>", "DOCTYPE"),
        ("<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><r><id>&x;</id></r>", "DOCTYPE"),
        ("<!DOCTYPE r [<!ENTITY % x SYSTEM 'file:///etc/passwd'> %x;]><r/>", "DOCTYPE"),
        ("<!DOCTYPE r [<!ATTLIST r a CDATA 'x'>]><r/>", "DOCTYPE"),
        ("<!DOCTYPE r [<!NOTATION n SYSTEM 'x'>]><r/>", "DOCTYPE"),
        ("<r><!DOCTYPE r></r>", "not well-formed"),
        ("<r><id>&x;</id></r>", "undefined entity"),
        ("<r><other a='&x;'/></r>", "undefined entity"),
        ("<r>", "no element found, in line 1"),
        ("", "no element found"),
        ("no XML", "not well-formed"),
        ("<r>\n</x>", "mismatched tag, in line 2"),
        ("<r/><r/>", "junk after"),
        ("<r a='1' a='2'/>", "duplicate attribute"),
        ("<x/>", "the root must be <r> and is 'x'"),
        ("<r xmlns='urn:wrong'/>", "the namespace 'urn:wrong' is not one of Maven's"),
        ("<p:r xmlns:p='urn:wrong'/>", "the namespace 'urn:wrong'"),
        ("<r><id>a</id><id>a</id></r>", "<r/id> is there twice"),
        ("<r><about/><about/></r>", "<r/about> is there twice"),
        ("<r><id>a<b/></id></r>", "<r/id> has an element within"),
        ("<r>" + "<a>" * 64, "more than 64 deep"),
        ("<?xml version='1.0' encoding='utf-8'?><r><id>\udcff</id></r>", "not well-formed"),
        ("<?xml version='1.0' encoding='utf-16'?><r/>", "encoding"),
        ("<r>" + "".join(f"<a{n}/>" for n in range(NAMES + 1)) + "</r>", "different names"),
        ("<!--" + "-x" * TOKEN_BYTES + "--><r/>", "a tag or comment takes more than 262,144"),
        ("<r a='" + "x" * 2 * TOKEN_BYTES + "'/>", "a tag or comment takes more than"),
    ],
)
def test_what_is_not_read_is_refused_with_its_reason(text: str, reason: str) -> None:
    data = text.encode(errors="surrogateescape")
    for pieces in ([data], [data[at : at + 1000] for at in range(0, len(data), 1000)]):
        with pytest.raises(InvalidDocument) as refusal:
            _read(*pieces)
        assert reason in str(refusal.value)


def test_comments_side_by_side_may_be_long_together() -> None:
    comment = b"<!--" + b"x" * (TOKEN_BYTES - 100_000) + b"-->"
    text = comment * 3 + b"<r>" + comment * 3 + b"<id>x</id></r>" + comment * 3
    assert _read(*[text[at : at + 7000] for at in range(0, len(text), 7000)]).texts == {_ID: "x"}


def test_an_encoding_that_the_parser_does_not_know_is_not_looked_up() -> None:
    asked: list[str] = []

    def look_up(name: str) -> None:
        asked.append(name)

    codecs.register(look_up)
    try:
        with pytest.raises(InvalidDocument, match="'x-unheard-of' is not read: use UTF-8"):
            _read(b"<?xml version='1.0' encoding='x-unheard-of'?><r/>")
    finally:
        codecs.unregister(look_up)
    assert asked == []


def test_the_bound_is_looked_at_before_a_piece_is() -> None:
    reader = DocumentReader(_WANTED, most_bytes=10)
    reader.feed(b"<r>   </r>")
    with pytest.raises(InvalidDocument, match="more than 10 bytes"):
        reader.feed(b"<")
    # It is the size that is told, not that this is no XML.
    with pytest.raises(InvalidDocument, match="more than 10 bytes"):
        DocumentReader(_WANTED, most_bytes=10).feed(memoryview(b"not XML at all"))


def test_a_long_document_is_not_held() -> None:
    reader = DocumentReader(_WANTED)
    reader.feed(b"<r>")
    piece = b"<a b='c'>" + b"text " * 3000 + b"</a><!-- and more -->"
    tracemalloc.start()
    try:
        for _ in range(200):
            reader.feed(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    reader.feed(b"</r>")
    reader.finish()
    assert peak < 1024 * 1024


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_are_read_or_refused(data: bytes, size: int) -> None:
    with contextlib.suppress(InvalidDocument):
        _read(*[data[at : at + size] for at in range(0, len(data), size)])


_markup = ("<r>", "</r>", "<id>", "</id>", "<id/>", "x", " ", "<!--", "-->", "<![CDATA[", "]]>")


@given(
    st.lists(st.sampled_from((*_markup, "&amp;", "&x;", "<!DOCTYPE r [", "]>", "ü")), max_size=12),
    st.integers(1, 9),
)
def test_it_does_not_matter_how_a_document_is_cut(parts: list[str], size: int) -> None:
    data = "".join(parts).encode()
    try:
        whole = _read(data)
    except InvalidDocument:
        with pytest.raises(InvalidDocument):
            _read(*[data[at : at + size] for at in range(0, len(data), size)])
        return
    assert _read(*[data[at : at + size] for at in range(0, len(data), size)]) == whole
