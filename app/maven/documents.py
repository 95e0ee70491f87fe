"""Reads XML as it streams, and of it only the texts that are asked for.

Nothing is declared in a document that is read here: with a DOCTYPE it is refused before any
entity could be defined, so that there is nothing to expand and nothing to fetch. What is held
is bounded whatever is sent: the texts, the names, and one piece of the document.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import TypeAlias
from xml.parsers import expat

from app.maven.paths import quoted

#: Where an element stands: the names of those around it, from the root on, and its own.
Path: TypeAlias = tuple[str, ...]
Buffer: TypeAlias = bytes | bytearray | memoryview

DOCUMENT_BYTES = 4 * 1024 * 1024
DEPTH = 64
TEXT_CHARACTERS = 1024
#: Names of elements and attributes that differ: the parser remembers each of them.
NAMES = 10_000
#: A tag or comment, which the parser holds until its end has come.
TOKEN_BYTES = 256 * 1024
#: What the parser is given at a time. It looks at a tag or comment from its beginning again
#: with each piece, so that small ones as they come from the network would make it slow.
PIECE_BYTES = 64 * 1024
#: Those that the parser knows by itself.
ENCODINGS = ("utf-8", "utf-16", "utf-16le", "utf-16be", "iso-8859-1", "us-ascii")
#: Those that it is told of, as Python names them: a character of each byte, ASCII's as in ASCII.
#: For any other name Python's codecs would be looked up, and those of more bytes are not read.
SINGLE_BYTE = frozenset(
    (
        *("ascii", "latin_1", "koi8_r", "koi8_u", "tis_620", "hp_roman8"),
        *(f"iso8859_{part}" for part in (*range(2, 12), *range(13, 17))),
        *(f"cp{page}" for page in range(1250, 1259)),
        *("cp437", "cp737", "cp775", "cp850", "cp852", "cp855", "cp857", "cp858", "cp860"),
        *("cp861", "cp862", "cp863", "cp865", "cp866", "cp869", "cp874"),
        *("mac_croatian", "mac_cyrillic", "mac_greek", "mac_iceland", "mac_latin2"),
        *("mac_roman", "mac_romanian", "mac_turkish"),
    )
)


class InvalidDocument(Exception):
    """XML that is not read; the message says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read of a document.

    Names are without their prefix. The root's namespace has to fit `namespace`, where both are
    there; those of other elements are not looked at, as Maven does not. What is in `texts` or
    `excerpts` stands in the document once at most; a longer text is refused in `texts` and
    `lists`, and cut in `excerpts`.
    """

    root: str
    namespace: re.Pattern[str] | None = None
    texts: frozenset[Path] = frozenset()
    excerpts: frozenset[Path] = frozenset()
    lists: frozenset[Path] = frozenset()


@dataclass(frozen=True, slots=True)
class Document:
    """What was wanted and there, without the blanks around it; lists in their order."""

    texts: Mapping[Path, str]
    lists: Mapping[Path, tuple[str, ...]]


@dataclass(slots=True)
class _Element:
    """The text of a wanted element whose end has not come yet."""

    path: Path
    pieces: list[str] = field(default_factory=list)
    length: int = 0


class DocumentReader:
    """Reads one document, of at most so many bytes. Of no use any more once it has raised."""

    def __init__(self, wanted: Wanted, most_bytes: int = DOCUMENT_BYTES) -> None:
        self._wanted = wanted
        self._asked = wanted.texts | wanted.excerpts | wanted.lists
        self._most_bytes = most_bytes
        self._taken = 0
        self._parsed = 0
        self._held = bytearray()
        self._path: list[str] = []
        self._element: _Element | None = None
        self._texts: dict[Path, str] = {}
        self._lists: dict[Path, list[str]] = {path: [] for path in wanted.lists}
        self._names: dict[str, str] = {}
        self._parser = self._new_parser()

    def feed(self, piece: Buffer) -> None:
        """Take some more of the document. Raises InvalidDocument, at times a piece later."""
        with memoryview(piece).cast("B") as view:
            self._taken += len(view)
            if self._taken > self._most_bytes:
                raise InvalidDocument(f"the document takes more than {self._most_bytes:,} bytes")
            for start in range(0, len(view), PIECE_BYTES):
                self._held += view[start : start + PIECE_BYTES]
                if len(self._held) >= PIECE_BYTES:
                    self._parse()

    def finish(self) -> Document:
        """What was read, after the last piece. Raises InvalidDocument."""
        self._parse(last=True)
        return Document(self._texts, {path: tuple(texts) for path, texts in self._lists.items()})

    def _new_parser(self) -> expat.XMLParserType:
        parser = expat.ParserCreate(intern=self._names)
        parser.buffer_text = True
        parser.XmlDeclHandler = self._on_declaration
        parser.StartDoctypeDeclHandler = self._on_doctype
        parser.StartElementHandler = self._on_start
        parser.EndElementHandler = self._on_end
        parser.CharacterDataHandler = self._on_text
        return parser

    def _parse(self, last: bool = False) -> None:
        try:
            self._parser.Parse(self._held, last)
        except expat.ExpatError as error:
            reason = expat.ErrorString(error.code)
            raise InvalidDocument(
                f"the XML is not well-formed: {reason}, in line {error.lineno:,}"
            ) from error
        self._parsed += len(self._held)
        self._held.clear()
        if self._parsed - self._parser.CurrentByteIndex > TOKEN_BYTES:
            raise InvalidDocument(f"a tag or comment takes more than {TOKEN_BYTES:,} bytes")

    def _on_declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is None or encoding.lower() in ENCODINGS:
            return
        name = normalize_encoding(encoding).lower()
        if aliases.get(name, name) not in SINGLE_BYTE:
            raise InvalidDocument(f"the encoding {quoted(encoding)} is not read: use UTF-8")

    def _on_doctype(self, *_: object) -> None:
        # Entities, parameter entities and external subsets are declared in a DOCTYPE alone.
        raise InvalidDocument("a DOCTYPE, and entities with it, is not read")

    def _on_start(self, name: str, attributes: dict[str, str]) -> None:
        prefix, _, local = name.rpartition(":")
        if not self._path:
            self._check_root(local, attributes.get(f"xmlns:{prefix}" if prefix else "xmlns"))
        self._path.append(local)
        if len(self._path) > DEPTH:
            raise InvalidDocument(f"elements lie in one another more than {DEPTH} deep")
        if len(self._names) > NAMES:
            raise InvalidDocument(f"more than {NAMES:,} different names of elements")
        if self._element is not None:
            raise InvalidDocument(f"{_shown(self._element.path)} has an element within its text")
        path = tuple(self._path)
        if path in self._asked:
            if path in self._texts:
                raise InvalidDocument(f"{_shown(path)} is there twice")
            self._element = _Element(path)

    def _check_root(self, name: str, namespace: str | None) -> None:
        if name != self._wanted.root:
            raise InvalidDocument(f"the root must be <{self._wanted.root}> and is {quoted(name)}")
        wanted = self._wanted.namespace
        if namespace and wanted is not None and not wanted.fullmatch(namespace):
            raise InvalidDocument(f"the namespace {quoted(namespace)} is not one of Maven's")

    def _on_text(self, text: str) -> None:
        element = self._element
        if element is None:
            return
        if not element.pieces:
            text = text.lstrip()
        element.length += len(text)
        if element.length <= TEXT_CHARACTERS:
            element.pieces.append(text)
        elif element.path not in self._wanted.excerpts:
            raise InvalidDocument(
                f"{_shown(element.path)} has more than {TEXT_CHARACTERS:,} characters"
            )
        else:
            room = TEXT_CHARACTERS - (element.length - len(text))
            element.pieces.append(text[: max(room, 0)])

    def _on_end(self, _name: str) -> None:
        self._path.pop()
        element, self._element = self._element, None
        if element is None:
            return
        text = "".join(element.pieces).strip()
        if element.path in self._lists:
            self._lists[element.path].append(text)
        else:
            self._texts[element.path] = text


def _shown(path: Path) -> str:
    return f"<{'/'.join(path)}>"
